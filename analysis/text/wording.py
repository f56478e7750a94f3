"""Exchange rates in words, as the table and the figures share them. Knows one row of the exchange-rate frame."""

import math
import os.path
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Ints
from analysis.stats.bootstrap import Interval
from results import schema

UNLIMITED = schema.UNLIMITED
NOTHING = "nothing to match"
NOTHING_TO_TRADE = "nothing to trade for size"
# What each cost model counts.
COUNTED = {
    "c1": "FLOPs without attention",
    "c2": "FLOPs with attention",
    "c3": "seconds on a GPU",
    "c4": "measured device-seconds",
    "c5": "dollars",
    "tokens": "tokens",
    "samples": "samples",
}
RULES = {"maj_at_k": "majority vote", "pass_at_k": "any of k correct"}


def percent(share: float) -> str:
    """.417 -> '42%', .00063 -> '0.063%', NaN (not known) -> '-'."""
    if math.isnan(share):
        return "-"
    return f"{100 * share:.2g}%" if 0 < share < 0.0095 else f"{100 * share:.0f}%"


def percents(*shares: float) -> list[str]:
    """As `percent`, with the digits that tell unlike ones apart: .761, .764 -> '76.1%', '76.4%'; at most three more."""
    known = {share for share in shares if not math.isnan(share)}
    told = [percent(share) for share in shares]
    for num_digits in range(1, 4):
        if len(set(told) - {"-"}) >= len(known):
            break
        told = [percent(share) if math.isnan(share) else f"{100 * share:.{num_digits}f}%" for share in shares]
    return told


def times(rate: float) -> str:
    """.266 -> '0.27x', inf -> 'never'."""
    if math.isinf(rate):
        return "never"
    return f"{rate:.2f}x" if rate < 10 else f"{rate:.0f}x"


def within(axis: str, max_step: float) -> str:
    """The end of the measured path: 'within 15 samples'; 'within any number of tokens' where thinking had no limit."""
    if axis == "budget" and max_step >= UNLIMITED:
        return "within any number of tokens"
    noun = "tokens" if axis == "budget" else "sample" if max_step == 1 else "samples"
    return f"within {max_step:,.0f} {noun}"


def spent(unit: str) -> str:
    """What a rate in this unit is a multiple of: compute, unless it is tokens, samples or a price."""
    return {"tokens": "tokens", "samples": "samples", "dollars": "price"}.get(unit, "compute")


def rate(
    *,
    exchange_rate: float,
    low: float,
    high: float,
    at_or_below: bool,
    target_accuracy: float,
    axis: str,
    max_step: float,
    unit: str,
) -> str:
    """'0.27x its compute [0.15, never]', or 'never within 15 samples [0.93, never]'.

    An upper bound is marked: '≤0.44x its compute [0.42, 0.74]'. A path of one sample has nothing to trade. NaN is
    'nothing to match', or 'no prompts' in a bin without any, where the target is not known either.
    """
    if math.isnan(exchange_rate):
        return "no prompts" if math.isnan(target_accuracy) else NOTHING
    if math.isinf(exchange_rate) and (axis, max_step) == ("width", 1):
        return f"one sample: {NOTHING_TO_TRADE}"
    if math.isinf(exchange_rate):
        reach = "" if math.isinf(low) else f" {ends(low, high)}"
        return f"never {within(axis, max_step)}{reach}"
    return f"{'≤' if at_or_below else ''}{times(exchange_rate)} its {spent(unit)} {ends(low, high)}"


def nothing(large: str, words: Iterable[str]) -> list[str]:
    """A line that says what 'nothing to match' means, where these words hold it."""
    if not any(NOTHING in word for word in words):
        return []
    return [
        f"{NOTHING.capitalize()}: one answer of {large} there is not surely right on any prompt (the interval of its "
        "accuracy begins at 0), and what is never right matches that for nothing."
    ]


def ends(low: float, high: float) -> str:
    """'[0.15, never]'."""
    return f"[{times(low).rstrip('x')}, {times(high).rstrip('x')}]"


def with_ends(interval: Iterable[ArrayLike], form: str, *, unreached: str = "never") -> str:
    """'3.7 [2.0, 5.6]' of an estimate and its ends; '-' where one is not known."""
    numbers = [float(np.asarray(end)) for end in interval]
    if math.isnan(numbers[0]):
        return "-"
    estimate, low, high = (
        unreached if math.isinf(end) else "-" if math.isnan(end) else form.format(end) for end in numbers
    )
    return estimate if estimate == low == high else f"{estimate} [{low}, {high}]"


def bounded(text: str, at_or_below: bool, mark: str = "≤") -> str:
    """'≤1.0 [1.0, 2.3]' of what a path's first cell already reaches: an upper bound of what is needed; '≥', a lower.

    What is not known, and what holds always, has no bound.
    """
    has_no_bound = text == "-" or text.startswith("any")
    return mark + text if at_or_below and not has_no_bound else text


def together(cluster: str | None) -> list[str]:
    """A line that says which prompts are resampled together; none where each is by itself."""
    return [] if cluster is None else [f"Prompts of one {cluster} are resampled together."]


def parameters(count: float) -> str:
    """446560 -> '447k', 7e9 -> '7B'."""
    for scale, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        # 999.7k would read 1e+03k.
        if count >= 0.9995 * scale:
            return f"{count / scale:.3g}{suffix}"
    return f"{count:.3g}"


def points(share: float) -> str:
    """.0375 -> '+3.8', a difference of shares in points."""
    return "-" if math.isnan(share) else f"{100 * share + 0.0:+.1f}"


def thinking(budget: float) -> str:
    """'at 256 thinking tokens', or 'with no limit on thinking' where outcomes from elsewhere had none."""
    return "with no limit on thinking" if budget >= UNLIMITED else f"at {budget:.0f} thinking tokens"


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Each name without what all begin and end with, to a space, hyphen or slash: Q-8B-FP8, Q-4B-FP8 -> 8B, 4B.

    One name alone has nothing to be told apart from, and stays as it is.
    """
    if len(set(names)) == 1:
        return {name: name for name in names}
    shared = os.path.commonprefix(list(names))
    start = 1 + max(shared.rfind(mark) for mark in "-/ ")
    rest = {name: name[start:] for name in names}
    tail = os.path.commonprefix([name[::-1] for name in rest.values()])
    end = 1 + max(tail.rfind(mark) for mark in "-/ ")
    return {name: short[: len(short) - end] for name, short in rest.items()}


def listed(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def samples(count: int) -> str:
    """'1 sample', '16 samples'."""
    return f"{count:,} sample{'' if count == 1 else 's'}"


def samples_each(least: int, most: int) -> str:
    """'16 samples each', '100 to 10,000 samples each' where most is above least."""
    return f"{least:,} to {most:,} samples each" if most > least else f"{least:,} samples each"


def steps(step: float, axis: str) -> str:
    """'8.6 samples' of a path of widths, '114 tokens' of a path of budgets."""
    return f"{step:.1f} samples" if axis == "width" else f"{step:.0f} tokens"


def told_budgets(steps: Interval, budgets: Ints) -> Interval:
    """Thinking budgets at which a path of budgets crosses: NaN where that is between the last limit and no limit.

    steps: fields () under budgets (B,), of which the last may be UNLIMITED, a stand-in for none that no number of
    tokens interpolates. What they cost is known all the same.
    """
    limited = budgets[budgets < UNLIMITED]
    last = limited[-1] if len(limited) else -np.inf
    estimate, low, high = (np.where((end > last) & np.isfinite(end), np.nan, end) for end in steps)
    return Interval(estimate, low, high)


def budget(tokens: int) -> str:
    """'256', '16k' of 16,384, or 'all' where thinking had no limit."""
    if tokens >= UNLIMITED:
        return "all"
    return f"{tokens // 1024}k" if tokens >= 1024 and tokens % 1024 == 0 else f"{tokens}"


def rates(count: int) -> str:
    """'1 rate', '24 rates'."""
    return f"{count:,} rate{'' if count == 1 else 's'}"


def prompts(count: int) -> str:
    """'1 prompt', '120 prompts'."""
    return f"{count:,} prompt{'s' if count > 1 else ''}"


def p_value(value: float) -> str:
    """.0042 -> '0.0042', .00012 -> '0.0001'; NaN is '-'."""
    return "-" if math.isnan(value) else f"{value:.2g}" if value >= 0.001 else f"{value:.1g}"
