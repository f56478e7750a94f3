"""How much better numbers look on the samples or prompts that chose them. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats, Ints
from analysis.stats import difficulty
from analysis.stats.bootstrap import weighted_means


class BinOptimism(NamedTuple):
    """Accuracy of each bin from the samples that made it and from fresh ones,
    easiest first; (num_bins, R) each.
    """

    same_pool: Floats
    fresh: Floats


class Choice(NamedTuple):
    """The best strategy of each bin, and its accuracy where it was chosen and on prompts it was not chosen on.

    strategy (num_bins,): chosen on all of a bin's prompts. in_sample, held_out (num_bins,): their difference is
    the optimism. fixed (num_bins,): the mean of all strategies, what choosing has to beat.
    """

    strategy: Ints
    in_sample: Floats
    held_out: Floats
    fixed: Floats


def bin_optimism(
    correct: ArrayLike, fresh: ArrayLike, weights: ArrayLike, *, num_bins: int, share_ties: bool = False
) -> BinOptimism:
    """What bins gain or lose at their ends when the samples that made them are also scored in them.

    correct (P, S): the pool that makes the bins; fresh (P, S'): other samples of the same prompts; weights (R, P).
    Bins are `difficulty.quantile_bins`, or of equal mass with share_ties. Regression to the mean makes same-pool
    ends extreme: with chances from Beta(.5, .8), 16 samples and equal fifths, .003 and .896 where fresh ones say
    .032 and .857. Source: ours; the effect is regression to the mean (Galton 1886).
    """
    scores = np.asarray(correct, dtype=float).mean(axis=1)
    tables = np.column_stack([scores, np.asarray(fresh, dtype=float).mean(axis=1)])
    if share_ties:
        shared = difficulty.shared_quantile_weights(scores, weights, num_bins=num_bins)
        means = weighted_means(shared, tables)
    else:
        parts = difficulty.quantile_parts(scores, weights, num_bins=num_bins)
        means = np.stack([weighted_means(part, tables) for part in parts])
    return BinOptimism(means[..., 0], means[..., 1])


def choose_by_folds(
    accuracy: ArrayLike, labels: ArrayLike, *, num_bins: int, num_folds: int = 2, rng: np.random.Generator
) -> Choice:
    """The best of several strategies in each bin, its accuracy read on folds of prompts that did not choose it.

    accuracy (A, P): of each strategy on each prompt, at equal cost; labels (P,): the prompts' bins. Each fold of a
    bin is scored by the strategy that is best on the bin's other folds (the first of equals). NaN for an empty
    bin, whose strategy is -1. In-sample choice among equals gains from noise: 5 points among 4 on 100 prompts of
    chance 1/2, and 8.7 among 16. Raises ValueError where a bin has fewer prompts than folds. Source: Snell et al.
    2024 (arXiv 2408.03314); the cross-validation is Stone's 1974.
    """
    accuracy, labels = np.asarray(accuracy, dtype=float), np.asarray(labels)
    fold = np.empty(len(labels), dtype=np.int64)
    strategy = np.full(num_bins, -1)
    in_sample, held_out, fixed = (np.full(num_bins, np.nan) for _ in range(3))
    parts = {number: np.flatnonzero(labels == number) for number in range(num_bins)}
    for number, part in parts.items():
        if 0 < len(part) < num_folds:
            raise ValueError(
                f"Bin {number} has {len(part)} prompts, too few for {num_folds} folds; use fewer bins."
            )
        fold[part] = rng.permutation(len(part)) % num_folds
    scored = held_out_by_folds(accuracy, labels, fold)
    for number, part in parts.items():
        if len(part):
            strategy[number] = accuracy[:, part].mean(axis=1).argmax()
            in_sample[number], fixed[number] = accuracy[strategy[number], part].mean(), accuracy[:, part].mean()
            held_out[number] = scored[part].mean()
    return Choice(strategy, in_sample, held_out, fixed)


def held_out_by_folds(accuracy: ArrayLike, labels: ArrayLike, folds: ArrayLike) -> Floats:
    """Accuracy on each prompt of the strategy that is best in its bin on the other folds;
    (A, P), (P,), (P,) -> (P,).

    Per prompt, so that a comparison with another arm stays paired. Raises ValueError where a fold holds a whole
    bin. Source: as `choose_by_folds`.
    """
    accuracy, labels, folds = np.asarray(accuracy, dtype=float), np.asarray(labels), np.asarray(folds)
    scored = np.empty(len(labels))
    for number in np.unique(labels):
        for fold in np.unique(folds[labels == number]):
            out, rest = (labels == number) & (folds == fold), (labels == number) & (folds != fold)
            if not rest.any():
                raise ValueError(
                    f"Bin {number} is in one fold only, so no prompts are left to choose on. Use fewer bins."
                )
            scored[out] = accuracy[accuracy[:, rest].mean(axis=1).argmax(), out]
    return scored
