"""Exchange rates in words, as the table and the figures share them. Knows one row of the exchange-rate frame."""

import math
import os.path
from collections.abc import Sequence

RULES = {"maj_at_k": "majority vote", "pass_at_k": "any of k correct"}


def percent(share: float) -> str:
    """.417 -> '42%'."""
    return f"{100 * share:.0f}%"


def times(rate: float) -> str:
    """.266 -> '0.27x', inf -> 'never'."""
    if math.isinf(rate):
        return "never"
    return f"{rate:.2f}x" if rate < 10 else f"{rate:.0f}x"


def within(axis: str, max_step: float) -> str:
    """The end of the measured path: 'within 15 samples'."""
    return f"within {max_step:.0f} {'samples' if axis == 'width' else 'tokens'}"


def rate(*, exchange_rate: float, low: float, high: float, at_or_below: bool, axis: str, max_step: float) -> str:
    """'0.27x its compute [0.15, never]', or 'never within 15 samples [0.93, never]'; NaN is 'no prompts'.

    An upper bound is marked: '≤0.44x its compute [0.42, 0.74]'.
    """
    if math.isnan(exchange_rate):
        return "no prompts"
    if math.isinf(exchange_rate):
        reach = "" if math.isinf(low) else f" {ends(low, high)}"
        return f"never {within(axis, max_step)}{reach}"
    return f"{'≤' if at_or_below else ''}{times(exchange_rate)} its compute {ends(low, high)}"


def ends(low: float, high: float) -> str:
    """'[0.15, never]'."""
    return f"[{times(low).rstrip('x')}, {times(high).rstrip('x')}]"


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Each name without what all begin with, to a hyphen or slash: embedded-33k and embedded-1.1m -> 33k and 1.1m."""
    shared = os.path.commonprefix(list(names))
    start = 1 + max(shared.rfind("-"), shared.rfind("/"))
    return {name: name[start:] for name in names}


def steps(step: float, axis: str) -> str:
    """'8.6 samples' of a path of widths, '114 tokens' of a path of budgets."""
    return f"{step:.1f} samples" if axis == "width" else f"{step:.0f} tokens"
