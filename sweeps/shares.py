"""What share of a job's missing samples its caps allow, by its forecast. Roughly:
of the probe nothing is counted.
"""

from typing import TYPE_CHECKING

import numpy as np

from sweeps.caps import SECONDS_AN_HOUR, price_tokens
from sweeps.forecast import Forecast

if TYPE_CHECKING:
    from sweeps.prepare import Prepared

# Thinking is read again for each answer that is taken from it, half of it in the mean.
MEAN_CUT = 0.5
Range = tuple[float, float]


def tell_caps(prepared: "Prepared", plan: Forecast) -> list[str]:
    """A line for each cap of a job that lacks something: which stands, and what share of its samples it allows."""
    if not plan.num_samples:
        return []
    caps = prepared.job.cap.given.items()
    return [f"cap.{name}={_write(most)} {tell_share(prepared, plan, name, most)}" for name, most in caps]


def tell_share(prepared: "Prepared", plan: Forecast, name: str, most: float) -> str:
    """What share of the missing samples one cap allows, in words."""
    needed = {"tokens": expect_tokens, "device_hours": expect_hours, "usd": expect_usd}[name](prepared, plan)
    samples = f"the {plan.num_samples:,} samples to draw"
    if needed is None:
        return f"stands; nothing tells yet what share of {samples} it allows."
    low, high = (most / max(each, most) for each in reversed(needed))
    if low == 1:
        return f"allows all of {samples}, as far as can be told."
    if plan.is_measured or low != high:
        return f"allows about {_percent(low, high)} of {samples}."
    # Nothing is known of how long they are but the most that they can be.
    return f"allows at least {_percent(low, high)} of {samples}."


def expect_tokens(prepared: "Prepared", plan: Forecast) -> Range:
    """Tokens from low to high that are still to be written; the most that can be where nothing is measured."""
    tokens = plan.expected_tokens if plan.is_measured else plan.max_tokens
    return tokens, tokens


def expect_hours(prepared: "Prepared", plan: Forecast) -> Range | None:
    """Device hours of what is missing, start-up with them; None where nothing lets them be told."""
    startup = plan.startup.seconds / SECONDS_AN_HOUR if plan.startup else 0.0
    if plan.hours is not None:
        bounds = plan.hours, plan.hours
    elif plan.rough is not None:
        bounds = plan.rough.low, plan.rough.high
    else:
        return None
    low, high = ((startup + hours) * max(plan.num_devices, 1) for hours in bounds)
    return low, high


def expect_usd(prepared: "Prepared", plan: Forecast) -> Range:
    """Dollars for what is missing: every row of it is a request, which reads its prompt and what stands behind."""
    num_written, _ = expect_tokens(prepared, plan)
    prompt = float(np.mean([len(prepared.renderer.prompt_ids(each)) for each in prepared.prompts]))
    num_answers = max(plan.num_rows - plan.num_samples, 0)
    num_read = plan.num_rows * prompt + num_answers * MEAN_CUT * num_written / plan.num_samples
    usd = price_tokens(prepared.job.model.price, num_read=num_read, num_written=num_written)
    return usd, usd


def _percent(low: float, high: float) -> str:
    shares = [f"{share:.0%}" for share in (low, high)]
    return shares[0] if shares[0] == shares[1] else f"{shares[0][:-1]}-{shares[1]}"


def _write(most: float) -> str:
    return f"{most:,}" if isinstance(most, int) else f"{most:g}"
