"""The best of the cells that a budget pays for, chosen on one half of the prompts and read on the other."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.stats import frontier
from analysis.stats.bootstrap import weighted_means


class Best(NamedTuple):
    """Accuracy under each weighting (1 + R,), and each prompt's at the cell that the other half chose (P,)."""

    accuracy: Floats
    of_prompts: Floats


def best(accuracy: ArrayLike, cost: ArrayLike, level: float, *, weights: ArrayLike, folds: ArrayLike) -> Best:
    """The most accurate cell that costs at most `level`, the mean over all prompts that were drawn.

    accuracy, cost (P, J); weights (1 + R, P), folds (P,) as in `frontier.cross_fit`, by which the cell is chosen
    anew in every replicate. What is affordable is not: a cell that costs just the level would otherwise be left
    out wherever its half of the prompts is a little dearer than the other. Raises ValueError where no cell is.
    Source: ours.
    """
    accuracy, weights, folds = np.asarray(accuracy, dtype=float), np.asarray(weights), np.asarray(folds)
    spent = weighted_means(weights[:1], np.asarray(cost, dtype=float))[0]
    is_paid = spent <= level * (1 + 1e-9)
    if not is_paid.any():
        raise ValueError(f"No cell costs at most {level:g}; the cheapest costs {spent.min():g}.")
    paid = accuracy[:, is_paid]
    free = np.zeros(paid.shape)
    found = frontier.cross_fit(paid, free, [1.0], weights=weights, folds=folds)
    fold = np.unique(folds, return_inverse=True)[1]
    return Best(found.accuracy[:, 0], paid[np.arange(len(fold)), found.cell[0, :, 0][fold]])
