"""Searching settings on small models first: successive halving up the ladder. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints


class Search(NamedTuple):
    """What a search found, under each of R weightings of the prompts.

    alive (R, G, C): which candidates are tried on each rung; winner (R,): the one it ends with; best (R,): the one
    that trying all on the last rung would; cost, whole_cost (R,): what either spends.
    """

    alive: Bools
    winner: Ints
    best: Ints
    cost: Floats
    whole_cost: Floats


def halve(scores: ArrayLike, cost: ArrayLike, *, keep: float = 0.5) -> Search:
    """Successive halving with model size as fidelity: on each rung the best share of those alive goes up.

    scores, cost (R, G, C): mean accuracy and cost of C candidates (settings, templates) on G rungs, smallest
    first, under each weighting. At least one is kept; equal scores go by position. Source: Jamieson and Talwalkar
    2016 (arXiv 1502.07943), with rungs of a ladder as budgets (Genesys, arXiv 2506.20249).
    """
    scores, cost = np.asarray(scores, dtype=float), np.asarray(cost, dtype=float)
    if not 0 < keep < 1:
        raise ValueError(f"keep must lie between 0 and 1, not {keep}.")
    num_rungs, num_candidates = scores.shape[1:]
    alive = np.ones(scores.shape, dtype=bool)
    num_alive = num_candidates
    for rung in range(num_rungs - 1):
        num_alive = max(int(np.ceil(keep * num_alive)), 1)
        order = np.argsort(-np.where(alive[:, rung], scores[:, rung], -np.inf), axis=1, kind="stable")
        up = np.zeros(alive[:, rung].shape, dtype=bool)
        np.put_along_axis(up, order[:, :num_alive], True, axis=1)
        alive[:, rung + 1] = up & alive[:, rung]
    return Search(
        alive,
        np.where(alive[:, -1], scores[:, -1], -np.inf).argmax(axis=1),
        scores[:, -1].argmax(axis=1),
        (cost * alive).sum(axis=(1, 2)),
        cost[:, -1].sum(axis=1),
    )


def survival(search: Search) -> Bools:
    """Whether the best candidate of the last rung is still tried on each rung; (R, G)."""
    rows = np.arange(len(search.best))
    return search.alive[rows, :, search.best]


def rank_agreement(scores: ArrayLike) -> Floats:
    """Kendall's tau-b of the candidates between every two rungs; (R, G, C) -> (R, G, G), NaN where one ties all.

    Ranks of noisy scores agree less than those of true ones: with samples it is a lower bound.
    """
    scores = np.asarray(scores, dtype=float)
    left, right = np.triu_indices(scores.shape[2], k=1)
    signs = np.sign(scores[:, :, left] - scores[:, :, right])
    together = np.einsum("rgc,rhc->rgh", signs, signs)
    untied = np.abs(signs).sum(axis=2)
    scale = np.sqrt(untied[:, :, None] * untied[:, None, :])
    tau: Floats = np.divide(together, scale, out=np.full(together.shape, np.nan), where=scale > 0)
    return tau


def regret(search: Search, fresh: ArrayLike) -> Floats:
    """Accuracy given up against trying all on the last rung,
    on scores that neither was chosen by; (R, C) -> (R,).
    """
    rows, fresh = np.arange(len(search.best)), np.asarray(fresh, dtype=float)
    lost: Floats = fresh[rows, search.best] - fresh[rows, search.winner]
    return lost
