"""Answers accepted where their score reaches a threshold, which some prompts choose and others are read at.

Arrays in, arrays out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints
from analysis.stats import parts
from analysis.stats.bootstrap import weighted_sums

# Thresholds that are tried: quantiles of all the scores.
NUM_THRESHOLDS = 64


class Rates(NamedTuple):
    """What a filter does under each weighting of the prompts, (1 + R,) each.

    true_rate, false_rate: share of the right answers, and of the wrong ones, that it accepts; NaN where there are
    none. ceiling: accuracy that these rates let an endless number of samples reach; measured: that of one of a
    prompt's accepted samples at random, of all where none is.
    """

    true_rate: Floats
    false_rate: Floats
    ceiling: Floats
    measured: Floats


def thresholds(scores: ArrayLike) -> Floats:
    """At most NUM_THRESHOLDS values that scores of any shape have, ascending: their quantiles. Source: ours."""
    inner = np.quantile(np.asarray(scores, dtype=float), np.linspace(0, 1, NUM_THRESHOLDS), method="nearest")
    return np.unique(inner)


def cross_fit(
    scores: ArrayLike, correct: ArrayLike, *, choosing: ArrayLike, weights: ArrayLike, folds: ArrayLike
) -> Rates:
    """The rates of a filter whose threshold the prompts of one fold choose, read on those of the other.

    scores, correct (P, S); folds (P,) from `frontier.draw_folds`; weights (1 + R, P): a bin's part of
    `bootstrap.prompt_weights`, which are choosing (1 + R, P). The threshold is the one that accepts the largest
    share of right answers less the share of wrong ones (Youden 1950), in every weighting anew, on all prompts of
    the other fold. Raises ValueError where shapes differ or a score is missing. Source: ours, over `ceiling`.
    """
    scores, right = np.asarray(scores, dtype=float), np.asarray(correct, dtype=bool)
    if scores.shape != right.shape or np.isnan(scores).any():
        raise ValueError(f"Every sample needs a score and a grade, not {scores.shape} and {right.shape}.")
    weights, folds = parts.settle(weights), np.asarray(folds)
    edges = thresholds(scores)
    tables = _accepted(scores, right, edges)
    num_right, num_wrong = right.sum(axis=1), (~right).sum(axis=1)
    sums = np.zeros((3, len(weights)))
    for fold in np.unique(folds):
        apart, here = folds != fold, folds == fold
        others = [table[apart] for table in (*tables[:2], num_right, num_wrong)]
        at = _best(parts.among(parts.settle(choosing), apart), *others)
        sums += [_at(weighted_sums(parts.among(weights, here), table[here]), at) for table in tables]
    totals = weighted_sums(weights, np.stack([num_right, num_wrong, np.ones(len(right))], axis=1)).T
    true_rate, false_rate, measured = (
        np.divide(part, whole, out=np.full(len(weights), np.nan), where=whole > 0)
        for part, whole in zip(sums, totals, strict=True)
    )
    return Rates(true_rate, false_rate, _mean_ceiling(right, weights, true_rate, false_rate), measured)


def ceiling(chance: ArrayLike, true_rate: ArrayLike, false_rate: ArrayLike) -> Floats:
    """Accuracy of one accepted sample of endlessly many: p t / (p t + (1 - p) f), p where none is ever accepted.

    chance p of a right sample, true_rate t and false_rate f of the filter, which broadcast. No number of samples
    takes it higher, as the false positives grow with the true ones. Source: Bayes.
    """
    p, t, f = (np.asarray(value, dtype=float) for value in (chance, true_rate, false_rate))
    accepted = p * t + (1 - p) * f
    p, right, accepted = np.broadcast_arrays(p, p * t, accepted)
    return np.asarray(np.divide(right, accepted, out=np.array(p), where=accepted > 0))


def _accepted(scores: Floats, right: Bools, edges: Floats) -> tuple[Floats, Floats, Floats]:
    """By prompt and threshold: right samples accepted, wrong ones, and the accuracy of an accepted one; (P, Q)."""
    shape = (len(scores), len(edges))
    true, false = np.empty(shape), np.empty(shape)
    for at, edge in enumerate(edges):
        taken = scores >= edge
        true[:, at], false[:, at] = (taken & right).sum(axis=1), (taken & ~right).sum(axis=1)
    any_sample = np.broadcast_to(right.mean(axis=1, keepdims=True), shape)
    chosen = np.divide(true, true + false, out=any_sample.copy(), where=true + false > 0)
    return true, false, chosen


def _best(weights: ArrayLike, true: Floats, false: Floats, num_right: Ints, num_wrong: Ints) -> Ints:
    """Position of the threshold with the largest difference of rates in every weighting, the highest of equals."""
    rates = []
    for table, number in ((true, num_right), (false, num_wrong)):
        whole = weighted_sums(weights, number[:, None])
        sums = weighted_sums(weights, table)
        rates.append(np.divide(sums, whole, out=np.zeros(sums.shape), where=whole > 0))
    gained = (rates[0] - rates[1])[:, ::-1]
    last: Ints = gained.shape[1] - 1 - gained.argmax(axis=1)
    return last


def _at(table: Floats, at: Ints) -> Floats:
    return np.asarray(np.take_along_axis(table, at[:, None], axis=1)[:, 0])


def _mean_ceiling(right: Bools, weights: ArrayLike, true_rate: Floats, false_rate: Floats) -> Floats:
    """The ceiling at each prompt's own share of right samples, under every weighting; (1 + R,)."""
    shares, which = np.unique(right.mean(axis=1), return_inverse=True)
    mass = weighted_sums(weights, (which[:, None] == np.arange(len(shares))).astype(float))
    # Where a bin has no right answer, or no wrong one, that rate tells nothing and no answer asks for it.
    rates = (np.nan_to_num(rate)[:, None] for rate in (true_rate, false_rate))
    total = mass.sum(axis=1)
    found = (mass * ceiling(shares, *rates)).sum(axis=1)
    return np.asarray(np.divide(found, total, out=np.full(len(total), np.nan), where=total > 0))
