"""What a model reaches at a compute level with its best cell,
chosen on one fold of prompts and read on the others.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints, Weights
from analysis.stats import parts
from analysis.stats.bootstrap import means_of_each
from analysis.stats.compiled import compiled
from analysis.stats.parts import Part


class Frontier(NamedTuple):
    """Accuracy and cost (1 + R, Q) at each compute level, under each weighting of the prompts.

    cell (1 + R, F, Q) is the cell that was chosen for reading fold f. NaN where a fold has no weight.
    """

    accuracy: Floats
    cost: Floats
    cell: Ints


def draw_folds(
    num_prompts: int, *, num_folds: int = 2, rng: np.random.Generator, clusters: ArrayLike | None = None
) -> Ints:
    """A fold of each prompt (P,), equal in size to within one; of labels clusters (P,), each cluster in one fold.

    Raises ValueError below two folds, or fewer prompts (clusters) than folds. Source: Stone 1974; whole clusters
    are ours.
    """
    labels, at = np.arange(num_prompts), np.arange(num_prompts)
    if clusters is not None:
        labels, at = np.unique(np.asarray(clusters), return_inverse=True)
    if num_folds < 2 or len(labels) < num_folds:
        raise ValueError(
            f"Choosing on some prompts and reading on others needs 2 folds of them, not {len(labels)}."
        )
    folds: Ints = rng.permutation(np.arange(len(labels)) % num_folds)[at]
    return folds


def cross_fit(
    accuracy: ArrayLike, cost: ArrayLike, levels: ArrayLike, *, weights: ArrayLike, folds: ArrayLike
) -> Frontier:
    """The compute-optimal frontier, free of the optimism of choosing and reading on the same prompts.

    accuracy, cost (P, J): each prompt at every cell of the grid, in any order; levels (Q,) in the unit of cost;
    weights (1 + R, P) from `bootstrap.prompt_weights`, or a bin's part of them; folds (P,) from `draw_folds`. For
    each fold the most accurate cell that costs at most the level on the other folds is chosen there (below the
    cheapest cell, that one), and read here; folds count by their weight. Source: ours; in-sample choice among 16
    equal cells on 100 prompts would gain 8.7 points from noise.
    """
    weights, folds = parts.settle(weights), np.asarray(folds)
    levels = np.asarray(levels, dtype=float)
    names, tables = np.unique(folds), (accuracy, cost)
    means = [_means(tables, weights, folds == fold) for fold in names]
    # Of two folds the other ones are the other one.
    apart = means[::-1] if len(names) == 2 else [_means(tables, weights, folds != fold) for fold in names]
    cell = np.stack([_best_cells(means_of[0], means_of[1], levels) for means_of in apart], axis=1)
    shares = _shares(weights, folds)
    read = [_over_folds(each, cell, shares) for each in zip(*means, strict=True)]
    return Frontier(read[0], read[1], cell)


def read_at(table: ArrayLike, cell: Ints, *, weights: ArrayLike, folds: ArrayLike) -> Floats:
    """Means of a table (P, J) at the cells (1 + R, F, Q) that each fold's others chose, over the folds; (1 + R,
    Q).

    weights and folds are those of `cross_fit`, which chose them; folds count by their weight. Source: as there.
    """
    weights, folds = parts.settle(weights), np.asarray(folds)
    means = [_means([table], weights, folds == fold)[0] for fold in np.unique(folds)]
    return _over_folds(means, cell, _shares(weights, folds))


def efficient(accuracy: ArrayLike, cost: ArrayLike) -> Bools:
    """Whether no other cell is as accurate for no more; (1 + R, J) -> (1 + R, J), of several alike the first.

    Source: Pareto 1906.
    """
    accuracy, cost = np.asarray(accuracy, dtype=float), np.asarray(cost, dtype=float)
    order = np.lexsort((-accuracy, cost))
    ordered = np.take_along_axis(accuracy, order, axis=1)
    before = np.maximum.accumulate(ordered, axis=1)[:, :-1]
    leads = np.concatenate([np.ones((len(ordered), 1), dtype=bool), ordered[:, 1:] > before], axis=1)
    found = np.zeros(accuracy.shape, dtype=bool)
    np.put_along_axis(found, order, leads, axis=1)
    return found


def _means(tables: Sequence[ArrayLike], weights: Weights | Part, here: Bools) -> list[Floats]:
    """Means of the tables (P, J) over some of the prompts (P,)."""
    return means_of_each(parts.among(weights, here), [np.asarray(table)[here] for table in tables])


def _shares(weights: Weights | Part, folds: Ints) -> list[Ints]:
    """The weight of each fold, (1 + R,) each."""
    return [parts.among(weights, folds == fold).sum(axis=1) for fold in np.unique(folds)]


def _over_folds(means: Sequence[Floats], cell: Ints, shares: Sequence[Ints]) -> Floats:
    """The means (1 + R, J) of each fold at its cells (1 + R, F, Q), folds by their weight; (1 + R, Q)."""
    read = [
        np.take_along_axis(each, cell[:, number], axis=1) * share[:, None]
        for number, (each, share) in enumerate(zip(means, shares, strict=True))
    ]
    found: Floats = np.sum(read, axis=0) / np.sum(shares, axis=0)[:, None]
    return found


def _best_cells(accuracy: Floats, cost: Floats, levels: Floats) -> Ints:
    """The most accurate affordable cell, the cheapest where none is; (1 + R, J), (Q,) -> (1 + R, Q)."""
    found = np.empty((len(cost), len(levels)), dtype=np.int64)
    _choose(accuracy, cost, np.argsort(cost, axis=1, kind="stable"), levels, found)
    return found


@compiled
def _choose(accuracy: Floats, cost: Floats, by_cost: Ints, levels: Floats, found: Ints) -> None:
    leaders = np.empty(by_cost.shape[1], dtype=np.int64)
    for row in range(len(by_cost)):
        leader = by_cost[row, 0]
        for place, cell in enumerate(by_cost[row]):
            # What is not known leads nothing.
            is_first = np.isnan(accuracy[row, leader]) and not np.isnan(accuracy[row, cell])
            if is_first or accuracy[row, cell] > accuracy[row, leader]:
                leader = cell
            leaders[place] = leader
        for at, level in enumerate(levels):
            low, high = 0, len(leaders)
            while low < high:
                middle = (low + high) // 2
                if cost[row, by_cost[row, middle]] <= level:
                    low = middle + 1
                else:
                    high = middle
            found[row, at] = leaders[max(low - 1, 0)]
