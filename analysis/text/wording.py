"""Exchange rates in words, as the table and the figures share them. Knows one row of the exchange-rate frame."""

import math
import os.path
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis import numerals
from analysis.runs import serial

NEVER = "never"
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
RULES = {
    "maj_at_k": "majority vote",
    "pass_at_k": "any of k correct",
    "best_of_n": "best of k by score",
    "weighted_vote": "vote weighted by score",
    "filtered_vote": "vote of the best-scored",
}


# Fewer prompts tell little by themselves.
FEW_PROMPTS = 30


def prompts(count: int) -> str:
    """'65 prompts', 'only 26 prompts' where they are too few to tell much by themselves."""
    return f"{'only ' if 0 < count < FEW_PROMPTS else ''}{numerals.prompts(count)}"


def within(axis: str, max_step: float) -> str:
    """The end of the measured path: 'within 15 samples';
    'within any number of tokens' where thinking had no limit.
    """
    if axis != "width":
        return serial.BY_NAME[axis].within(max_step)
    return f"within {max_step:,.0f} {'sample' if max_step == 1 else 'samples'}"


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
    return f"{'≤' if at_or_below else ''}{numerals.times(exchange_rate)} its {spent(unit)} {ends(low, high)}"


def matched_at(first: Mapping[str, Any]) -> str:
    """Where a larger model's answer is matched: 'at 512 thinking tokens'. first: the columns of a setting."""
    return str(first.get("matched", serial.of(first).at(first["max_budget"])))


def one_answer(large: str, matched: str) -> str:
    """'one answer of 1.1m', 'one answer of 1.1m at 128 thinking tokens,
    with 2 tool calls' where not with the most.
    """
    return f"one answer of {large} {matched}".rstrip()


def nothing(large: str, words: Iterable[str]) -> list[str]:
    """A line that says what 'nothing to match' means, where these words hold it."""
    if not any(NOTHING in word for word in words):
        return []
    return [
        f"{NOTHING.capitalize()}: one answer of {large} is not certainly right on any prompt there (its accuracy "
        "may be 0), so even a model that is never right would match it."
    ]


def ends(low: float, high: float) -> str:
    """'[0.15, never]'."""
    return f"[{numerals.times(low).rstrip('x')}, {numerals.times(high).rstrip('x')}]"


def with_ends(interval: Iterable[ArrayLike], form: str, *, unreached: str = "never") -> str:
    """'3.7 [2.0, 5.6]' of an estimate and its ends; '-' where one is not known."""
    numbers = [float(np.asarray(end)) for end in interval]
    if math.isnan(numbers[0]):
        return "-"
    estimate, low, high = (
        unreached if math.isinf(end) else "-" if math.isnan(end) else form.format(end) for end in numbers
    )
    return estimate if estimate == low == high else f"{estimate} [{low}, {high}]"


def of_row(row: Any, name: str, form: str, unit: float = 1) -> str:
    """'+3.8 [+1.2, +6.4]' of a row's column NAME, its ends beside it as NAME_low and NAME_high."""
    return with_ends([unit * row[f"{name}{end}"] for end in ("", "_low", "_high")], form)


def bounded(text: str, at_or_below: bool, mark: str = "≤") -> str:
    """'≤1.0 [1.0, 2.3]' of what a path's first cell already reaches:
    an upper bound of what is needed; '≥', a lower.

    What is not known, and what holds always, has no bound.
    """
    has_no_bound = text == "-" or text.startswith("any")
    return mark + text if at_or_below and not has_no_bound else text


def together(cluster: str | None) -> list[str]:
    """A line that says which prompts are resampled together; none where each is by itself."""
    return [] if cluster is None else [f"Prompts of one {cluster} are resampled together."]


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


def steps(step: float, axis: str) -> str:
    """'8.6 samples' of a path of widths, '114 tokens' of a path of budgets."""
    return f"{step:.1f} samples" if axis == "width" else serial.BY_NAME[axis].steps_of(step)
