"""How well a score told beforehand separates those that gain from those that do not. Arrays in, arrays out."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats

# Rows of weights that are sorted and summed together.
CHUNK = 256


def area(score: ArrayLike, gains: ArrayLike, others: ArrayLike, weights: ArrayLike) -> Floats:
    """Area under the ROC curve: the chance that one that gains is scored above one that does not, ties half; (R,).

    score (P,); gains, others (P,): how many of each a prompt holds (its samples); weights (R, P) of the prompts. NaN
    where either is missing. .5 is what a coin has.
    """
    levels, which = np.unique(np.asarray(score, dtype=float), return_inverse=True)
    weights = np.asarray(weights, dtype=float)
    gains, others = np.asarray(gains, dtype=float), np.asarray(others, dtype=float)
    order = np.argsort(which, kind="stable")
    starts = np.flatnonzero(np.diff(which[order], prepend=-1))
    areas = np.empty(len(weights))
    for start in range(0, len(weights), CHUNK):
        rows = weights[start : start + CHUNK, order]
        up, down = (np.add.reduceat(rows * mass[order], starts, axis=1) for mass in (gains, others))
        below = np.cumsum(down, axis=1) - down / 2
        pairs = up.sum(axis=1) * down.sum(axis=1)
        won = (up * below).sum(axis=1)
        areas[start : start + CHUNK] = np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)
    assert len(levels) == len(starts)
    return areas
