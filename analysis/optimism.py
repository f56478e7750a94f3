"""How much better numbers look on the samples or prompts that chose them. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis import difficulty
from analysis.arrays import Floats, Ints
from analysis.bootstrap import weighted_means


class BinOptimism(NamedTuple):
    """Accuracy of each bin from the samples that made it and from fresh ones, easiest first; (num_bins, R) each."""

    same_pool: Floats
    fresh: Floats


class Choice(NamedTuple):
    """The best strategy of each bin, and its accuracy where it was chosen and on prompts it was not chosen on.

    strategy (num_bins,): chosen on all of a bin's prompts. in_sample, held_out (num_bins,): their difference is the
    optimism. fixed (num_bins,): the mean of all strategies, what choosing has to beat.
    """

    strategy: Ints
    in_sample: Floats
    held_out: Floats
    fixed: Floats


def bin_optimism(
    correct: ArrayLike, fresh: ArrayLike, weights: ArrayLike, *, num_bins: int, share_ties: bool = False
) -> BinOptimism:
    """What bins gain or lose at their ends when the samples that made them are also scored in them.

    correct (P, S): the pool that makes the bins; fresh (P, S'): other samples of the same prompts; weights (R, P). Bins
    are `difficulty.quantile_bins`, or of equal mass with share_ties. Regression to the mean makes same-pool ends
    extreme: with chances from Beta(.5, .8), 16 samples and equal fifths, .003 and .896 where fresh ones say .032 and
    .857.
    """
    scores = np.asarray(correct, dtype=float).mean(axis=1)
    weights = np.asarray(weights, dtype=float)
    if share_ties:
        parts = difficulty.shared_quantile_weights(scores, weights, num_bins=num_bins)
    else:
        labels = difficulty.quantile_bins(scores, weights, num_bins=num_bins)
        parts = difficulty.bin_weights(weights, labels, num_bins=num_bins)
    means = weighted_means(parts, np.column_stack([scores, np.asarray(fresh, dtype=float).mean(axis=1)]))
    return BinOptimism(means[..., 0], means[..., 1])


def choose_by_folds(
    accuracy: ArrayLike, labels: ArrayLike, *, num_bins: int, num_folds: int = 2, rng: np.random.Generator
) -> Choice:
    """The best of several strategies in each bin, its accuracy read on folds of prompts that did not choose it.

    accuracy (A, P): of each strategy on each prompt, at equal cost; labels (P,): the prompts' bins. Each fold of a bin
    is scored by the strategy that is best on the bin's other folds (the first of equals). NaN for an empty bin, whose
    strategy is -1. In-sample choice among equals gains from noise: 5 points among 4 on 100 prompts of chance 1/2, and
    8.7 among 16. Raises ValueError where a bin has fewer prompts than folds.
    """
    accuracy, labels = np.asarray(accuracy, dtype=float), np.asarray(labels)
    strategy = np.full(num_bins, -1)
    in_sample, held_out, fixed = (np.full(num_bins, np.nan) for _ in range(3))
    for number in range(num_bins):
        part = accuracy[:, labels == number]
        if part.shape[1] == 0:
            continue
        if part.shape[1] < num_folds:
            raise ValueError(
                f"Bin {number} has {part.shape[1]} prompts, too few for {num_folds} folds; use fewer bins."
            )
        strategy[number] = part.mean(axis=1).argmax()
        in_sample[number], fixed[number] = part[strategy[number]].mean(), part.mean()
        held_out[number] = _held_out(part, rng.permutation(part.shape[1]) % num_folds, num_folds)
    return Choice(strategy, in_sample, held_out, fixed)


def _held_out(accuracy: Floats, fold: Ints, num_folds: int) -> float:
    """Mean accuracy over prompts, each under the strategy that is best on the other folds; (A, P), (P,) -> scalar."""
    scored = np.empty(accuracy.shape[1])
    for number in range(num_folds):
        out = fold == number
        scored[out] = accuracy[accuracy[:, ~out].mean(axis=1).argmax(), out]
    return float(scored.mean())
