"""Where a smaller model reaches a larger one along a path, and what that costs. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats
from analysis.bootstrap import Interval, percentile_interval, share_of_replicates


class Crossing(NamedTuple):
    """Where a curve first reaches a target: the step on its path and the cost there, inf where it never does.

    at_or_below marks a target already reached at the first cell. The path ends there, so step and cost are those of
    that cell: an upper bound of what the target needs.
    """

    step: Floats
    cost: Floats
    at_or_below: Bools


class ExchangeRate(NamedTuple):
    """Compute the small model spends for each unit the large one spends, at equal accuracy; below 1 it is cheaper.

    Shares are of replicates: never = the target is not reached on the measured path; bounded = it is reached at the
    path's first cell, so that the rate is an upper bound. rate.high is inf where more than 2.5% are never.
    """

    rate: Interval
    step: Interval
    cost: Interval
    at_or_below: Bools
    share_never: Floats
    share_at_or_below: Floats


def invert(accuracy: ArrayLike, cost: ArrayLike, steps: ArrayLike, target: ArrayLike) -> Crossing:
    """The least step, and its cost, at which accuracy reaches the target.

    accuracy (..., J) and cost (..., J) along increasing steps (J,), target (...) -> fields (...). Between two cells
    accuracy is linear in the step and cost is interpolated in log scale at the same fraction: pass log k as the step of
    a path of widths. The first crossing counts; nothing is made monotone. NaN (an empty bin) stays NaN.
    """
    accuracy, cost, target = (np.asarray(array, dtype=float) for array in (accuracy, cost, target))
    steps = np.broadcast_to(np.asarray(steps, dtype=float), accuracy.shape)
    reached = accuracy >= target[..., None]
    after = np.where(reached.any(axis=-1), reached.argmax(axis=-1), -1)[..., None]
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(accuracy, at, axis=-1)[..., 0] for at in (before, after))
    fraction = np.divide(target - low, high - low, out=np.zeros_like(low), where=(high > low) & (after[..., 0] > 0))
    missing = np.isnan(accuracy).any(axis=-1) | np.isnan(target)
    beyond = np.where(missing, np.nan, np.inf)

    def read(values: Floats) -> Floats:
        first, last = (np.take_along_axis(values, at, axis=-1)[..., 0] for at in (before, after))
        return np.where(missing | (after[..., 0] < 0), beyond, first + fraction * (last - first))

    return Crossing(read(steps), np.exp(read(np.log(cost))), ~missing & (after[..., 0] == 0))


def exchange_rate(crossing: Crossing, target_cost: ArrayLike) -> ExchangeRate:
    """The rate, its interval and what is censored, from crossings under `bootstrap.prompt_weights`.

    crossing fields (1 + R, ...): the small model's, the estimate first; target_cost (1 + R, ...): what the large model
    spends for the same accuracy, at its reference cell or inverted by the same function -> fields (...).
    """
    rate = crossing.cost / np.asarray(target_cost, dtype=float)
    return ExchangeRate(
        rate=percentile_interval(rate),
        step=percentile_interval(crossing.step),
        cost=percentile_interval(crossing.cost),
        at_or_below=crossing.at_or_below[0],
        share_never=share_of_replicates(np.isinf(rate), rate),
        share_at_or_below=share_of_replicates(crossing.at_or_below, rate),
    )
