"""What a policy is worth beside a reference at equal mean cost,
in every weighting. Arrays in, named tuples out.
"""

from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.policies import hull
from analysis.policies.replay import Means
from analysis.policies.spending import hulls
from analysis.stats import bootstrap, intervals
from analysis.stats.bootstrap import Interval
from analysis.stats.substitution import to_match

# An oracle that gains less than this has nothing to share.
LEAST_GAIN = 1e-6


class Gains(NamedTuple):
    """J points of a policy beside a reference line; fields of each interval (J,).

    gain: accuracy above the line at the point's own mean cost, with its p-value against 0; share: of what the
    oracle gains there, NaN where that is nothing; times: the least cost at which the line is as accurate over the
    point's, inf where it never is within its arms, NaN where the point is not surely right, so that there is
    nothing to match.
    """

    accuracy: Interval
    cost: Interval
    gain: Interval
    p_value: Floats
    share: Interval
    times: Interval


def gains(means: Means, points: Ints, *, line: Ints, oracle: Ints | None = None, num_drawn: int) -> Gains:
    """What the points at these positions are worth beside the line and between line and oracle, by position.

    Points of the line can be mixed at random, so that the line is their concave hull, found anew in every
    weighting; a point that lies below its cheapest arm in any weighting is not compared (NaN), and beyond its
    costliest it may leave money unspent. Each comparison is made at equal cost within every weighting, so all are
    paired. num_drawn: prompts, or clusters of them where those are resampled whole.
    """
    cost, accuracy = means.cost[:, points], means.accuracy[:, points]
    line_cost, line_accuracy = mixed = mixtures(means.cost[:, line], means.accuracy[:, line])
    gained = over_line(means, points, mixed)
    # What is compared in some weightings alone would be compared in those that suit it.
    gained[:, np.isnan(gained).any(axis=0)] = np.nan
    share = np.full(gained.shape, np.nan)
    if oracle is not None:
        best = line_at(means.cost[:, oracle], means.accuracy[:, oracle], cost)
        possible = best - accuracy + gained
        np.divide(gained, possible, out=share, where=possible > LEAST_GAIN)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A policy that is not surely right leaves mixtures nothing to match.
        times = cost_at(line_cost, line_accuracy, to_match(accuracy)) / cost
    tables = (cost, gained, share, times)
    read = [bootstrap.percentile_interval(table) for table in tables]
    right = intervals.accuracy_interval(accuracy, num_drawn)
    return Gains(right, read[0], read[1], bootstrap.p_value(gained), read[2], read[3])


def over_line(means: Means, points: Ints, mixed: tuple[Floats, Floats]) -> Floats:
    """Accuracy of points above a line of `mixtures` at their own mean cost; (1 + R, J).

    NaN of a point that lies below the cheapest.
    """
    return np.asarray(means.accuracy[:, points] - line_at(*mixed, means.cost[:, points]))


def oracle_over_line(means: Means, points: Ints, mixed: tuple[Floats, Floats], *, oracle: Ints) -> Floats:
    """Accuracy of the oracle above the same line at the mean cost of these points; (1 + R, J)."""
    cost = means.cost[:, points]
    return np.asarray(line_at(means.cost[:, oracle], means.accuracy[:, oracle], cost) - line_at(*mixed, cost))


def mixtures(cost: Floats, accuracy: Floats) -> tuple[Floats, Floats]:
    """The best random mixtures of arms: vertices of each row's hull,
    by cost, the last repeated; (R, V) -> (R, H).
    """
    steps = hulls(accuracy, cost)
    return steps.cost, np.take_along_axis(accuracy, steps.arm, axis=1)


def line_at(line_cost: Floats, line_accuracy: Floats, cost: Floats) -> Floats:
    """Accuracy of a line of arms at a mean cost, NaN below the cheapest; (R, V), (R, V), (R, J) -> (R, J)."""
    accuracy = hull.mix(line_cost, line_accuracy, cost)
    is_reached = cost >= line_cost.min(axis=1, keepdims=True) * (1 - 1e-9)
    return np.where(is_reached, accuracy, np.nan)


def cost_at(line_cost: Floats, line_accuracy: Floats, accuracy: Floats) -> Floats:
    """Least mean cost at which a line of arms is this accurate, inf where it never is, NaN of NaN.

    Shapes as in `line_at`.
    """
    order = np.argsort(line_cost, axis=1, kind="stable")
    xs, ys = (np.take_along_axis(table, order, axis=1) for table in (line_cost, line_accuracy))
    reached = ys[:, None, :] >= accuracy[:, :, None] - 1e-12
    first = reached.argmax(axis=2)
    before = np.maximum(first - 1, 0)
    (x_left, x_right), (y_left, y_right) = (
        (np.take_along_axis(table, before, axis=1), np.take_along_axis(table, first, axis=1)) for table in (xs, ys)
    )
    rise = y_right - y_left
    share = np.divide(accuracy - y_left, rise, out=np.zeros_like(rise), where=rise > 0)
    cost: Floats = x_left + np.clip(share, 0, 1) * (x_right - x_left)
    return np.where(np.isnan(accuracy), np.nan, np.where(reached.any(axis=2), cost, np.inf))
