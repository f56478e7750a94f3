"""Verdicts on claims from resampled statistics: supported, refuted or undetermined. Arrays in,
named tuples out.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from analysis.arrays import Floats
from analysis.stats.bootstrap import LEVEL, Interval, percentile_interval
from analysis.stats.intervals import FEW_EITHER_WAY
from analysis.stats.power import prompts_from_error

Verdict = Literal["supported", "refuted", "undetermined"]
# Of a refuted claim: the reverse holds; nothing that counts; not what is claimed; the control leaves nothing of
# it.
Reason = Literal["beyond", "reverse", "equivalent", "short", "control", "few", "open"]


class Region(NamedTuple):
    """Effects from low to high are as good as none. A claim is of effects above high."""

    low: float
    high: float


class Part(NamedTuple):
    """One condition of a claim: a statistic that is to lie above its region.

    statistic (1 + R,): the estimate, then its replicates under `bootstrap.prompt_weights`; num_telling: prompts
    whose value is not that of no effect. The first part of a claim is what is claimed, the others are its
    controls.
    """

    name: str
    statistic: Floats
    region: Region
    num_telling: int


class Judged(NamedTuple):
    """What became of a claim, at the level that its step left it.

    intervals: of each part at that level, alone: each at 95% by itself; decided_by: the part that refutes it, or
    is the furthest from an answer; needed: prompts at which this would be decided with 80% power, NaN of what is
    decided, inf where the estimate lies on the region's end.
    """

    verdict: Verdict
    reason: Reason
    level: float
    intervals: tuple[Interval, ...]
    alone: tuple[Interval, ...]
    decided_by: int
    needed: float


def judge(claims: Sequence[Sequence[Part]], *, num_drawn: Sequence[int], level: float = LEVEL) -> list[Judged]:
    """The verdict on each claim, with a chance of at most 1 - level that any of them is wrong.

    A claim holds if every part's effect is above its region, and fails if that of one part is not. It is supported
    where the intervals of all parts lie above their regions (an intersection-union test, each part at the full
    level: Berger 1982), and refuted where the interval of one of its C parts lies below the region's high end
    (any of them may be the one, so each has a Cth of the error: Bonferroni). Both ways count in one two-sided
    p-value. Over claims it is Holm's step-down (Holm 1979) in terms of intervals: of m claims the one with the
    least p-value is read by intervals of level 1 - (1 - level) / m, the next by those of 1 - (1 - level) / (m - 1)
    and so on, up to the first that they leave open; that one and all behind it are undetermined, and have
    intervals of its level. So intervals of claims that are decided late are the narrower ones: each is the one
    that its own verdict was read from, and they are not simultaneous. num_drawn: prompts, or clusters of them,
    that each claim was resampled from. A part with fewer than FEW_EITHER_WAY prompts that tell anything decides
    nothing. Source: Holm 1979 and Berger 1982; that steps are read off intervals is ours.
    """
    order = np.argsort([_p_value(parts) for parts in claims], kind="stable")
    found: dict[int, Judged] = {}
    num_left, is_open = len(claims), False
    for at in order.tolist():
        own = 1 - (1 - level) / max(num_left, 1)
        found[at] = _judge(claims[at], num_drawn[at], own, is_open=is_open)
        is_open = is_open or found[at].verdict == "undetermined"
        num_left -= not is_open
    return [found[at] for at in range(len(claims))]


def _judge(parts: Sequence[Part], num_drawn: int, level: float, *, is_open: bool) -> Judged:
    """The verdict on one claim at this level; undetermined where Holm's steps have ended before it."""
    intervals = tuple(_interval(part, level) for part in parts)
    below = [at for at, part in enumerate(parts) if _is_below(part, _interval(part, _shared(level, parts)))]
    alone = tuple(_interval(part, LEVEL) for part in parts)
    if not is_open and below:
        return Judged("refuted", _why(parts, intervals, below), level, intervals, alone, below[0], np.nan)
    if not is_open and all(_is_above(part, of) for part, of in zip(parts, intervals, strict=True)):
        return Judged("supported", "beyond", level, intervals, alone, 0, np.nan)
    needed, at = _needed(parts, num_drawn, level)
    is_few = any(part.num_telling < FEW_EITHER_WAY for part in parts)
    return Judged("undetermined", "few" if is_few else "open", level, intervals, alone, at, needed)


def _why(parts: Sequence[Part], intervals: Sequence[Interval], below: Sequence[int]) -> Reason:
    if below[0] > 0:
        return "control"
    low, high = parts[0].region
    if intervals[0].high < low:
        return "reverse"
    return "equivalent" if intervals[0].low >= low and intervals[0].high <= high else "short"


def _interval(part: Part, level: float) -> Interval:
    return percentile_interval(part.statistic, level=level)


def _is_above(part: Part, interval: Interval) -> bool:
    return part.num_telling >= FEW_EITHER_WAY and bool(interval.low > part.region.high)


def _is_below(part: Part, interval: Interval) -> bool:
    return part.num_telling >= FEW_EITHER_WAY and bool(interval.high < part.region.high)


def _shared(level: float, parts: Sequence[Part]) -> float:
    """The level of each part where any one of them may refute."""
    return 1 - (1 - level) / len(parts)


def _p_value(parts: Sequence[Part]) -> float:
    """Of an effect on the border, two-sided: 1 - the level of the widest intervals that still decide the claim."""
    if any(part.num_telling < FEW_EITHER_WAY for part in parts):
        parts_told = [part for part in parts if part.num_telling >= FEW_EITHER_WAY]
        supports = 1.0
    else:
        parts_told, supports = list(parts), max(_share(part, above=False) for part in parts)
    refutes = min((_share(part, above=True) * len(parts) for part in parts_told), default=1.0)
    return float(min(2 * min(supports, refutes), 1))


def _share(part: Part, *, above: bool) -> float:
    """Of the replicates that are not NaN, at or beyond the border on the wrong side."""
    replicates = part.statistic[1:][~np.isnan(part.statistic[1:])]
    beyond = replicates >= part.region.high if above else replicates <= part.region.high
    return float(beyond.mean()) if len(replicates) else 1.0


def _needed(parts: Sequence[Part], num_drawn: int, level: float) -> tuple[float, int]:
    """Prompts that would decide the claim as its estimates lie, and the part that takes them."""
    below = [at for at, part in enumerate(parts) if part.statistic[0] < part.region.high]
    own = _shared(level, parts) if below else level
    asked = below or range(len(parts))
    counts = {at: _prompts(parts[at], num_drawn, own) for at in asked}
    choose = min if below else max
    at = choose(counts, key=lambda each: counts[each])
    return counts[at], at


def _prompts(part: Part, num_drawn: int, level: float) -> float:
    replicates = part.statistic[1:]
    if not np.isfinite(replicates).all() or not np.isfinite(part.statistic[0]):
        return np.nan
    away = abs(float(part.statistic[0]) - part.region.high)
    return float(prompts_from_error(num_drawn, replicates.std(ddof=1), away, level=level))
