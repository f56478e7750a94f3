"""What a budget loses by being above or below what suits each prompt. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats

NUM_SPLITS = 8


class Losses(NamedTuple):
    """Accuracy that each budget loses on each prompt against the budget that suits it, (P, B) each.

    over: where that one is smaller (overthinking tax); under: where it is larger (starvation loss).
    """

    over: Floats
    under: Floats


def draw_halves(num_samples: int, *, num_splits: int = NUM_SPLITS, rng: np.random.Generator) -> Bools:
    """Random halves of the samples, (K, S): of an odd number the first half has one less; each with its reverse
    behind it, so that K is twice `num_splits`.

    Raises ValueError below two samples. Source: ours; sample splitting as of Cox 1975.
    """
    if num_samples < 2:
        raise ValueError(
            f"Two samples of each prompt are needed to choose on one half of them; got {num_samples}."
        )
    first = np.tile(np.arange(num_samples) < num_samples // 2, (num_splits, 1))
    halves = rng.permuted(first, axis=1)
    return np.concatenate([halves, ~halves])


def losses(correct: ArrayLike, halves: ArrayLike) -> Losses:
    """Overthinking tax and starvation loss of every budget, with no optimism of choosing and scoring on one
    sample.

    correct (B, P, S), budgets in rising order; halves (K, S) from `draw_halves`. Beside a budget b, the one with
    the most right answers on a half of a prompt's samples is chosen, of several alike the nearest to b (so b
    itself, where none is better), and read on the other half: what it is right more than b is what b loses, as
    over where b is larger, as under where b is smaller; the mean over all halves. Where budgets are alike both are
    0 in expectation, while choosing and reading on the same samples would find a loss. They fall short of the loss
    against the prompt's true best, which half of the samples do not always find, and are below 0 where such a
    choice does harm. Source: ours; cross-fitting after Stone 1974.
    """
    correct, halves = np.asarray(correct, dtype=np.float32), np.asarray(halves, dtype=bool)
    chosen_on = correct @ halves.T.astype(np.float32)
    read_on = (correct.sum(axis=2)[..., None] - chosen_on) / (~halves).sum(axis=1)
    over, under = (np.zeros((correct.shape[1], len(correct))) for _ in range(2))
    for budget in range(len(correct)):
        nearest = np.argsort(np.abs(np.arange(len(correct)) - budget), kind="stable")
        best = nearest[chosen_on[nearest].argmax(axis=0)]
        lost = np.take_along_axis(read_on, best[None], axis=0)[0] - read_on[budget]
        over[:, budget] = np.where(best < budget, lost, 0).mean(axis=1, dtype=float)
        under[:, budget] = np.where(best > budget, lost, 0).mean(axis=1, dtype=float)
    return Losses(over, under)


def solved_by(correct: ArrayLike) -> Floats:
    """Share of each prompt's samples that are right at this budget or at a smaller one; (B, P, S) -> (P, B).

    What it rises by at a budget is the share for which that budget is the least that suffices; what is left at the
    largest never suffices. Source: by definition.
    """
    shares: Floats = np.logical_or.accumulate(np.asarray(correct, dtype=bool), axis=0).mean(axis=2).T
    return shares


def least_budget(correct: ArrayLike, budgets: ArrayLike) -> Floats:
    """The least budget at which at least half of a prompt's samples are right, inf where none is; (B, P, S) ->
    (P,).

    budgets (B,) in rising order. Source: by definition.
    """
    suffices = np.asarray(correct, dtype=bool).mean(axis=2) >= 0.5
    return np.where(suffices.any(axis=0), np.asarray(budgets, dtype=float)[suffices.argmax(axis=0)], np.inf)
