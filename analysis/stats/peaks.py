"""Whether accuracy along an axis is higher before its end than at it. Arrays in, named tuples out."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.stats import differences, parts
from analysis.stats.bootstrap import Interval, weighted_means

Verdict = Literal["peak", "no peak", "not known"]
# What a cell before the end may be better by, and there is no peak to speak of: two points.
MARGIN = 0.02


class Peak(NamedTuple):
    """at: the position before the last whose accuracy is highest; excess: that accuracy less the last one.

    The interval holds over all cells before the last at once. most: the largest excess that any of them may have.
    Peak: some cell is certainly higher than the last, and `at` is the highest of those; no peak: none is higher by
    MARGIN or more.
    """

    verdict: Verdict
    at: int
    excess: Interval
    most: float


def find_peak(accuracy: ArrayLike, weights: ArrayLike) -> Peak:
    """Where accuracy peaks before its end, if it does.

    accuracy (P, J) of each prompt along J cells, two or more; weights (1 + R, P) from `bootstrap.prompt_weights`
    or a bin's part of them, with some prompt. False alarms over all cells together stay below 5%. Source:
    `differences.together`, against the last cell.
    """
    accuracy, weights = np.asarray(accuracy, dtype=float), parts.settle(weights)
    above = accuracy[:, :-1] - accuracy[:, -1:]
    inside, num_cells = above[weights[0] > 0], above.shape[1]
    means = weighted_means(weights, above)[:, None]
    estimate, low, high = (
        end[0] for end in differences.together([inside], means, np.full((1, num_cells), np.nan)).interval
    )
    certain = low > 0
    at = int(np.argmax(np.where(certain, estimate, -np.inf) if certain.any() else estimate))
    verdict: Verdict = "peak" if certain.any() else "no peak" if high.max() <= MARGIN else "not known"
    return Peak(verdict, at, Interval(estimate[at], low[at], high[at]), float(high.max()))
