"""Difficulty bins from held-out scores, under any prompt weights. Arrays in, arrays out."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints

FEW_PROMPTS = 200


def default_num_bins(num_prompts: int) -> int:
    """3 below 200 prompts, else 5 (method 2)."""
    return 3 if num_prompts < FEW_PROMPTS else 5


def bin_names(num_bins: int) -> list[str]:
    """Names from easiest to hardest."""
    named = {
        1: ["all prompts"],
        2: ["easier", "harder"],
        3: ["easy", "medium", "hard"],
        5: ["easiest", "easy", "medium", "hard", "hardest"],
    }
    return named.get(num_bins, [f"bin {number} of {num_bins}" for number in range(1, num_bins + 1)])


def quantile_bins(scores: ArrayLike, weights: ArrayLike, *, num_bins: int) -> Ints:
    """Bin of each prompt, 0 the easiest, in every weighting of the prompts.

    scores (P,): held-out pass@1; weights (R, P): how often each prompt counts -> (R, P). Equal scores stay in one bin:
    from the easiest on, each bin ends at the boundary between scores that is nearest to an equal share of what is left,
    of those that leave every later bin a score. Where fewer scores than bins have weight the last bins stay empty.
    """
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1, not {num_bins}.")
    # Negated, so that the easiest come first.
    values, which = np.unique(-np.asarray(scores, dtype=float), return_inverse=True)
    mass = np.asarray(weights, dtype=float) @ (which[:, None] == np.arange(len(values)))
    share = np.cumsum(mass, axis=1) / mass.sum(axis=1, keepdims=True)
    return _value_bins(share, mass > 0, num_bins)[:, which]


def bin_weights(weights: ArrayLike, labels: Ints, *, num_bins: int) -> Floats:
    """The weights split by bin; (R, P), (R, P) -> (num_bins, R, P)."""
    weights = np.asarray(weights, dtype=float)
    return np.stack([np.where(labels == number, weights, 0.0) for number in range(num_bins)])


def _value_bins(share: Floats, present: Bools, num_bins: int) -> Ints:
    """Bin of each distinct score from the cumulative share up to it; (R, V) -> (R, V)."""
    later = present.sum(axis=1, keepdims=True) - np.cumsum(present, axis=1)
    bins = np.zeros(share.shape, dtype=np.int64)
    previous = np.zeros((len(share), 1))
    for cut in range(1, num_bins):
        allowed = present & (share > previous) & (later >= num_bins - cut)
        equal_share = previous + (1 - previous) / (num_bins - cut + 1)
        distance = np.where(allowed, np.abs(share - equal_share), np.inf)
        at = distance.argmin(axis=1)[:, None]
        possible = allowed.any(axis=1, keepdims=True)
        bins += possible & (np.arange(share.shape[1]) > at)
        previous = np.where(possible, np.take_along_axis(share, at, axis=1), previous)
    return bins
