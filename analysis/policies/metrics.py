"""What a router is worth beside single models, in the measures of the field. Arrays in, arrays out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.policies import hull

# Accuracies that differ by less differ by what sums are rounded to.
ROUNDING = 1e-12


class Points(NamedTuple):
    """Mean cost and accuracy of J settings of a router under each of R weightings of the prompts; (R, J) each."""

    cost: Floats
    accuracy: Floats


class Point(NamedTuple):
    """Mean cost and accuracy of one arm under each weighting; (R,) each."""

    cost: Floats
    accuracy: Floats


def perf_gain(points: Points, best: Point) -> Floats:
    """Accuracy of the most accurate setting over the best single model's, less 1; (R,) (Avengers-Pro, 2508.12631).

    NaN where no single model is ever right.
    """
    return np.asarray(points.accuracy.max(axis=1) / np.where(best.accuracy > 0, best.accuracy, np.nan) - 1)


def cost_save(points: Points, best: Point, *, share: float = 1.0, is_mixed: bool = False) -> Floats:
    """What the cheapest setting saves that has a share of the best single model's accuracy,
    of that model's cost; (R,).

    -inf where no setting is as accurate, NaN where that model is never right. Settings are taken as they are
    (Avengers-Pro, 2508.12631); is_mixed: random mixtures of one and the next are settings too.
    """
    target = share * best.accuracy[:, None]
    # An arm that is read on its own is as accurate as itself, however sums are rounded.
    enough = points.accuracy >= target - ROUNDING * is_mixed
    cost = np.where(enough, points.cost, np.inf)
    if is_mixed:
        cost = np.column_stack([cost, _cost_between(points, target)])
    saved = 1 - cost.min(axis=1) / best.cost
    return np.where(best.accuracy > 0, saved, np.nan)


def apgr(points: Points, weak: Point, strong: Point) -> Floats:
    """Mean share of the gap between a weak and a strong arm that is won, over costs from one to the other; (R,).

    The area under the settings in order of cost, with both arms as its ends (RouteLLM, arXiv 2406.18665, where
    cost is the share of calls to the strong model); a coin between both has 1/2. NaN where the arms do not differ
    in both.
    """
    cost = np.column_stack([weak.cost, points.cost, strong.cost])
    accuracy = np.column_stack([weak.accuracy, points.accuracy, strong.accuracy])
    with np.errstate(divide="ignore", invalid="ignore"):
        spent = (cost - weak.cost[:, None]) / (strong.cost - weak.cost)[:, None]
        won = (accuracy - weak.accuracy[:, None]) / (strong.accuracy - weak.accuracy)[:, None]
    areas = [
        _area(row, height) if np.isfinite(row).all() else np.nan for row, height in zip(spent, won, strict=True)
    ]
    return np.where(np.isfinite(won).all(axis=1), areas, np.nan)


def aiq(points: Points, cheapest: Point, *, most: ArrayLike) -> Floats:
    """Mean accuracy of the settings' non-decreasing convex hull,
    from the cheapest arm's cost to `most` (R,); (R,).

    AIQ of RouterBench (arXiv 2403.12031, section 3.3). The cheapest arm counts as a setting, so that every router
    is read over the same costs; beyond the costliest setting its accuracy goes on. NaN where there is no such
    range.
    """
    cost = np.column_stack([cheapest.cost, points.cost])
    accuracy = np.column_stack([cheapest.accuracy, points.accuracy])
    found = np.full(len(cost), np.nan)
    for row, end in enumerate(np.broadcast_to(np.asarray(most, dtype=float), len(cost))):
        start = cheapest.cost[row]
        if end > start:
            at = hull.vertices(cost[row], accuracy[row])
            inside = cost[row, at][(cost[row, at] > start) & (cost[row, at] < end)]
            edges = np.concatenate([[start], inside, [end]])
            heights = hull.mix(cost[row, at], accuracy[row, at], edges)
            found[row] = np.trapezoid(heights, edges) / (end - start)
    return found


def hypervolume(points: Points, *, most: ArrayLike, is_mixed: bool = False) -> Floats:
    """Area of costs and accuracies that some setting is at least as good as, over `most`; (R,) in 0..1.

    The reference point is accuracy 0 at cost `most` (R,), that of the costliest arm. is_mixed: random mixtures of
    a setting and the next by cost are settings too.
    """
    most = np.broadcast_to(np.asarray(most, dtype=float), len(points.cost))[:, None]
    order = np.argsort(points.cost, axis=1, kind="stable")
    cost = np.minimum(np.take_along_axis(points.cost, order, axis=1), most)
    accuracy = np.take_along_axis(points.accuracy, order, axis=1)
    best_so_far = np.maximum.accumulate(accuracy, axis=1)
    widths = np.diff(np.column_stack([cost, most]), axis=1)
    area = (widths * best_so_far).sum(axis=1)
    if is_mixed:
        # A triangle more where the way to the next rises above what was best before.
        rise, over = np.diff(accuracy, axis=1), np.diff(best_so_far, axis=1)
        share = np.divide(over, rise, out=np.zeros_like(over), where=over > 0)
        area += (widths[:, :-1] * share * over / 2).sum(axis=1)
    return np.asarray(area / most[:, 0])


def oracle_share(accuracy: ArrayLike, mixture: ArrayLike, oracle: ArrayLike) -> Floats:
    """(accuracy - mixture) / (oracle - mixture) at one cost,
    of what hindsight could add how much is won; any shape.

    NaN where hindsight adds nothing.
    """
    accuracy, mixture, oracle = (np.asarray(values, dtype=float) for values in (accuracy, mixture, oracle))
    gap = oracle - mixture
    return np.asarray(np.divide(accuracy - mixture, gap, out=np.full_like(gap, np.nan), where=gap > 1e-12))


def _cost_between(points: Points, target: Floats) -> Floats:
    """Cost at which the way from each setting to the next is as accurate as this,
    inf where it never is; (R, J - 1).
    """
    (left, right), (cheap, dear) = ((table[:, :-1], table[:, 1:]) for table in (points.accuracy, points.cost))
    rise = right - left
    share = np.divide(target - left, rise, out=np.full(rise.shape, np.nan), where=rise != 0)
    return np.where((share >= 0) & (share <= 1), cheap + share * (dear - cheap), np.inf)


def _area(spent: Floats, won: Floats) -> float:
    """Area under points in order of cost, over 0..1 alone."""
    order = np.argsort(spent, kind="stable")
    spent, won = spent[order], won[order]
    edges = np.concatenate([[0.0], spent[(spent > 0) & (spent < 1)], [1.0]])
    return float(np.trapezoid(np.interp(edges, spent, won), edges))
