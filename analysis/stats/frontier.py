"""What a model reaches at a compute level with its best cell,
chosen on one fold of prompts and read on the others.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints
from analysis.stats.bootstrap import weighted_means


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
    weights, folds = np.asarray(weights), np.asarray(folds)
    levels = np.asarray(levels, dtype=float)
    chosen = []
    for fold in np.unique(folds):
        apart = np.where(folds == fold, 0, weights)
        chosen.append(_best_cells(weighted_means(apart, accuracy), weighted_means(apart, cost), levels))
    cell = np.stack(chosen, axis=1)
    means = [read_at(table, cell, weights=weights, folds=folds) for table in (accuracy, cost)]
    return Frontier(means[0], means[1], cell)


def read_at(table: ArrayLike, cell: Ints, *, weights: ArrayLike, folds: ArrayLike) -> Floats:
    """Means of a table (P, J) at the cells (1 + R, F, Q) that each fold's others chose, over the folds; (1 + R,
    Q).

    weights and folds are those of `cross_fit`, which chose them; folds count by their weight. Source: as there.
    """
    weights, folds = np.asarray(weights), np.asarray(folds)
    parts = []
    for number, fold in enumerate(np.unique(folds)):
        here = np.where(folds == fold, weights, 0)
        means = np.take_along_axis(weighted_means(here, table), cell[:, number], axis=1)
        parts.append(means * here.sum(axis=1)[:, None])
    found: Floats = np.sum(parts, axis=0) / weights.sum(axis=1)[:, None]
    return found


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


def _best_cells(accuracy: Floats, cost: Floats, levels: Floats) -> Ints:
    """The most accurate affordable cell, the cheapest where none is; (1 + R, J), (Q,) -> (1 + R, Q)."""
    by_cost = np.argsort(cost, axis=1, kind="stable")
    cost, accuracy = (np.take_along_axis(table, by_cost, axis=1) for table in (cost, accuracy))
    best_so_far = np.maximum.accumulate(np.nan_to_num(accuracy, nan=-1.0), axis=1)
    leads = np.concatenate([np.ones((len(cost), 1), dtype=bool), np.diff(best_so_far, axis=1) > 0], axis=1)
    leader = np.maximum.accumulate(np.where(leads, np.arange(cost.shape[1]), 0), axis=1)
    affordable = (cost[:, None, :] <= levels[:, None]).sum(axis=2)
    at: Ints = np.take_along_axis(leader, np.maximum(affordable - 1, 0), axis=1)
    return np.take_along_axis(by_cost, at, axis=1)
