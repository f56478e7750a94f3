"""What a router is worth beside single models, in the measures of the field. Arrays in, arrays out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.policies import hull


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


def cost_save(points: Points, best: Point, *, share: float = 1.0) -> Floats:
    """What the cheapest setting saves that has a share of the best single model's accuracy, of that model's cost; (R,).

    -inf where no setting is as accurate, NaN where that model is never right. Settings are taken as they are, not mixed
    (Avengers-Pro, 2508.12631).
    """
    is_enough = points.accuracy >= share * best.accuracy[:, None]
    saved = 1 - np.where(is_enough, points.cost, np.inf).min(axis=1) / best.cost
    return np.where(best.accuracy > 0, saved, np.nan)


def apgr(points: Points, weak: Point, strong: Point) -> Floats:
    """Mean share of the gap between a weak and a strong arm that is won, over costs from one to the other; (R,).

    The area under the settings in order of cost, with both arms as its ends (RouteLLM, arXiv 2406.18665, where cost is
    the share of calls to the strong model); a coin between both has 1/2. NaN where the arms do not differ in both.
    """
    cost = np.column_stack([weak.cost, points.cost, strong.cost])
    accuracy = np.column_stack([weak.accuracy, points.accuracy, strong.accuracy])
    with np.errstate(divide="ignore", invalid="ignore"):
        spent = (cost - weak.cost[:, None]) / (strong.cost - weak.cost)[:, None]
        won = (accuracy - weak.accuracy[:, None]) / (strong.accuracy - weak.accuracy)[:, None]
    areas = [_area(row, height) if np.isfinite(row).all() else np.nan for row, height in zip(spent, won, strict=True)]
    return np.where(np.isfinite(won).all(axis=1), areas, np.nan)


def aiq(points: Points, cheapest: Point, *, most: ArrayLike) -> Floats:
    """Mean accuracy of the settings' non-decreasing convex hull, from the cheapest arm's cost to `most` (R,); (R,).

    AIQ of RouterBench (arXiv 2403.12031, section 3.3). The cheapest arm counts as a setting, so that every router is
    read over the same costs; beyond the dearest setting its accuracy goes on. NaN where there is no such range.
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


def hypervolume(points: Points, *, most: ArrayLike) -> Floats:
    """Area of costs and accuracies that some setting is at least as good as, over `most`; (R,) in 0..1.

    The reference point is accuracy 0 at cost `most` (R,), that of the dearest arm. Settings are not mixed.
    """
    most = np.broadcast_to(np.asarray(most, dtype=float), len(points.cost))[:, None]
    order = np.argsort(points.cost, axis=1, kind="stable")
    cost = np.minimum(np.take_along_axis(points.cost, order, axis=1), most)
    best_so_far = np.maximum.accumulate(np.take_along_axis(points.accuracy, order, axis=1), axis=1)
    widths = np.diff(np.column_stack([cost, most]), axis=1)
    return np.asarray((widths * best_so_far).sum(axis=1) / most[:, 0])


def oracle_share(accuracy: ArrayLike, mixture: ArrayLike, oracle: ArrayLike) -> Floats:
    """(accuracy - mixture) / (oracle - mixture) at one cost, of what hindsight could add how much is won; any shape.

    NaN where hindsight adds nothing.
    """
    accuracy, mixture, oracle = (np.asarray(values, dtype=float) for values in (accuracy, mixture, oracle))
    gap = oracle - mixture
    return np.asarray(np.divide(accuracy - mixture, gap, out=np.full_like(gap, np.nan), where=gap > 1e-12))


def _area(spent: Floats, won: Floats) -> float:
    """Area under points in order of cost, over 0..1 alone."""
    order = np.argsort(spent, kind="stable")
    spent, won = spent[order], won[order]
    edges = np.concatenate([[0.0], spent[(spent > 0) & (spent < 1)], [1.0]])
    return float(np.trapezoid(np.interp(edges, spent, won), edges))
