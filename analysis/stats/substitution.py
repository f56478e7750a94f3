"""Where a smaller model reaches a larger one along a path, and what that costs. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints
from analysis.stats.bootstrap import Interval, percentile_interval, share_of_replicates


class Crossing(NamedTuple):
    """Where a curve first reaches a target: the step on its path and the cost there, inf where it never does.

    at_or_below marks a target already reached at the first cell. The path ends there, so step and cost are those
    of that cell: an upper bound of what the target needs. slope is the accuracy gained per unit of step where the
    curve crosses, NaN where it does not: the flatter, the less a target's error tells about the step.
    """

    step: Floats
    cost: Floats
    at_or_below: Bools
    slope: Floats


class ExchangeRate(NamedTuple):
    """Compute the small model spends for each unit the large one spends, at equal accuracy; below 1 it is cheaper.

    Shares are of replicates: never = the target is not reached on the measured path; bounded = it is reached at
    the path's first cell, so that the rate is an upper bound. rate.high is inf where more than 2.5% are never.
    """

    rate: Interval
    step: Interval
    cost: Interval
    at_or_below: Bools
    share_never: Floats
    share_at_or_below: Floats
    slope: Interval


class Needs(NamedTuple):
    """What reaching a target takes: k* (or the thinking budget), tokens* and cost a prompt, each inf where never.

    at_or_below: the path's first cell is already there, so that all three are upper bounds. share_never is of
    replicates; slope is the accuracy gained per unit of step at the crossing.
    """

    step: Interval
    tokens: Interval
    cost: Interval
    at_or_below: Bools
    share_never: Floats
    slope: Interval


def to_match(accuracy: ArrayLike) -> Floats:
    """A target under `bootstrap.prompt_weights`, NaN where there is nothing to match:
    it is 0, or not surely above 0.

    accuracy (1 + R, ...), the estimate first -> the same shape. Whatever gives no right answer matches 0 for
    nothing, so that no rate can be read off it: neither in a replicate at 0, nor in any where the interval's low
    end is 0. Source: ours.
    """
    target = np.asarray(accuracy, dtype=float)
    is_sure = (target[0] > 0) & (percentile_interval(target).low > 0)
    return np.where(is_sure & (target > 0), target, np.nan)


def invert(accuracy: ArrayLike, cost: ArrayLike, steps: ArrayLike, target: ArrayLike) -> Crossing:
    """The least step, and its cost, at which accuracy reaches the target.

    accuracy (..., J) and cost (..., J) or (J,) along increasing steps (J,), target (...) -> fields (...). Between
    two cells accuracy is linear in the step and cost is interpolated in log scale at the same fraction: pass log k
    as the step of a path of widths. The first crossing counts; nothing is made monotone. NaN (an empty bin) stays
    NaN, and a target of 0 gives NaN, as there is nothing to reach. Source: ours, as the interpolation of an
    inverse.
    """
    accuracy, cost, steps, target = (np.asarray(array, dtype=float) for array in (accuracy, cost, steps, target))
    reached = accuracy >= target[..., None]
    after = np.where(reached.any(axis=-1), reached.argmax(axis=-1), -1)
    before = np.maximum(after - 1, 0)
    low, high = (_cell(accuracy, at) for at in (before, after))
    crosses = (high > low) & (after > 0)
    fraction = np.divide(target - low, high - low, out=np.zeros_like(low), where=crosses)
    missing = np.isnan(accuracy).any(axis=-1) | ~(target > 0)
    beyond = np.where(missing, np.nan, np.inf)

    def read(first: Floats, last: Floats) -> Floats:
        return np.where(missing | (after < 0), beyond, first + fraction * (last - first))

    before_step, after_step = (_cell(steps, at) for at in (before, after))
    # Only what is read is taken to log scale: a path has many cells.
    before_cost, after_cost = (np.log(_cell(cost, at)) for at in (before, after))
    slope = np.divide(
        high - low, after_step - before_step, out=np.full_like(low, np.nan), where=crosses & ~missing
    )
    at_or_below = ~missing & (after == 0)
    return Crossing(read(before_step, after_step), np.exp(read(before_cost, after_cost)), at_or_below, slope)


def _cell(table: Floats, at: Ints) -> Floats:
    """Of each path the value at its position; (..., J) or (J,) for all, and (...) -> (...)."""
    return table[at] if table.ndim == 1 else np.take_along_axis(table, at[..., None], axis=-1)[..., 0]


def exchange_rate(crossing: Crossing, target_cost: ArrayLike) -> ExchangeRate:
    """The rate, its interval and what is censored, from crossings under `bootstrap.prompt_weights`.

    crossing fields (1 + R, ...): the small model's, the estimate first; target_cost (1 + R, ...): what the large
    model spends for the same accuracy, at its reference cell or inverted by the same function -> fields (...).
    Source: ours; censoring as in survival analysis.
    """
    rate = crossing.cost / np.asarray(target_cost, dtype=float)
    return ExchangeRate(
        rate=percentile_interval(rate),
        step=percentile_interval(crossing.step),
        cost=percentile_interval(crossing.cost),
        at_or_below=crossing.at_or_below[0],
        share_never=share_of_replicates(np.isinf(rate), rate),
        share_at_or_below=share_of_replicates(crossing.at_or_below, rate),
        slope=percentile_interval(crossing.slope),
    )


def needs(
    accuracy: ArrayLike, steps: ArrayLike, target: ArrayLike, *, tokens: ArrayLike, cost: ArrayLike, is_log: bool
) -> Needs:
    """k*, tokens* and cost to reach the target on one path, from curves under `bootstrap.prompt_weights`.

    accuracy, tokens, cost (1 + R, J), the estimate first; steps (J,), their logarithm where is_log (widths), which
    is undone in the result; target (1 + R,) as `to_match` gives it, or () -> fields (). Tokens and cost are read
    where the accuracy crosses. Source: `invert`.
    """
    by_tokens, by_cost = (invert(accuracy, spent, steps, target) for spent in (tokens, cost))
    return Needs(
        step=percentile_interval(np.exp(by_cost.step) if is_log else by_cost.step),
        tokens=percentile_interval(by_tokens.cost),
        cost=percentile_interval(by_cost.cost),
        at_or_below=by_cost.at_or_below[0],
        share_never=share_of_replicates(np.isinf(by_cost.step), by_cost.step),
        slope=percentile_interval(by_cost.slope),
    )
