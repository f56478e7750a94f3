"""How well a score told beforehand separates those that gain from those that do not. Arrays in, arrays out."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats

# Rows of weights that are sorted and summed together.
CHUNK = 256


def area(
    score: ArrayLike, gains: ArrayLike, others: ArrayLike, *, weights: ArrayLike, strata: ArrayLike | None = None
) -> Floats:
    """Area under the ROC curve: the chance that one that gains is scored above one that does not, ties half; (R,).

    score (P,); gains, others (P,): how many of each a prompt holds (its samples); weights (R, P) of the prompts.
    NaN where either is missing. .5 is what a coin has. strata (P,): only pairs of one stratum count. Give the
    folds for scores that were fitted on the other folds: a fold that gains more has been scored by those that gain
    less, which would put scores of pure noise below .5.
    """
    weights = np.asarray(weights, dtype=float)
    gains, others = np.asarray(gains, dtype=float), np.asarray(others, dtype=float)
    strata = np.zeros(len(gains)) if strata is None else np.asarray(strata)
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for stratum in np.unique(strata):
        at = strata == stratum
        counted = _count_pairs(np.asarray(score, dtype=float)[at], gains[at], others[at], weights[:, at])
        won += counted[0]
        pairs += counted[1]
    return np.asarray(np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0))


def _count_pairs(score: Floats, gains: Floats, others: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Pairs in the right order and in all, under each weighting; (R,) each."""
    _, which = np.unique(score, return_inverse=True)
    order = np.argsort(which, kind="stable")
    starts = np.flatnonzero(np.diff(which[order], prepend=-1))
    won, pairs = np.empty(len(weights)), np.empty(len(weights))
    for start in range(0, len(weights), CHUNK):
        rows = weights[start : start + CHUNK, order]
        up, down = (np.add.reduceat(rows * mass[order], starts, axis=1) for mass in (gains, others))
        below = np.cumsum(down, axis=1) - down / 2
        pairs[start : start + CHUNK] = up.sum(axis=1) * down.sum(axis=1)
        won[start : start + CHUNK] = (up * below).sum(axis=1)
    return won, pairs
