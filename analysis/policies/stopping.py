"""Sampling one after another until enough is known: what that yields and spends. Arrays in, menus out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc

from analysis.arrays import Floats, Ints
from analysis.policies.menu import Cell, Menu
from analysis.policies.orders import Pool
from analysis.stats.compiled import compiled
from analysis.stats.estimators import pass_at_k

# Adaptive-Consistency's threshold (arXiv 2305.11860).
CONFIDENCE = 0.95


class Stopped(NamedTuple):
    """Expected accuracy, samples drawn, cost and tokens of stopping at each of T thresholds; (P, T) each.

    Samples are drawn one after another, so that all tokens are serial.
    """

    accuracy: Floats
    num_drawn: Floats
    cost: Floats
    tokens: Floats


def confidence(first: ArrayLike, second: ArrayLike) -> Floats:
    """Chance that the leading answer is the more likely of the two most frequent: 1 - I_1/2(v1 + 1, v2 + 1).

    v1, v2: their votes, of any shape. Under an even prior; with v2 = 0 it is 1 - 2^-(v1 + 1). Source: Aggarwal et
    al. 2023 (arXiv 2305.11860), the beta criterion.
    """
    v1, v2 = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return np.asarray(1 - betainc(v1 + 1, v2 + 1, 0.5))


def by_agreement(
    samples: Pool, orders: Ints, *, most: int, thresholds: Sequence[float] = (CONFIDENCE,)
) -> Stopped:
    """Adaptive-Consistency: draw until the confidence in the leading answer reaches a threshold, at most `most`.

    orders (P, N, S) from `orders.draw`, over which all is a mean; thresholds ascending. The leading answer counts,
    ties split. Raises ValueError where `most` exceeds the samples or thresholds fall.
    """
    refuse(most, orders, thresholds)
    votes = np.arange(most + 1)
    sure = confidence(votes[:, None], votes)
    sums = np.zeros((4, orders.shape[0], len(thresholds)))
    _draw_until(
        samples.codes,
        samples.worth,
        samples.cost,
        samples.tokens,
        orders,
        most,
        np.asarray(thresholds),
        sure,
        sums,
    )
    accuracy, num_drawn, cost, tokens = sums / orders.shape[1]
    return Stopped(accuracy, num_drawn, cost + samples.prefill[:, None], tokens)


def by_score(
    samples: Pool,
    scores: ArrayLike,
    orders: Ints,
    *,
    most: int,
    thresholds: Sequence[float],
    reading: ArrayLike,
    watched: ArrayLike | None = None,
) -> Stopped:
    """Draw until the best score so far reaches a threshold, at most `most`; the best-scored is the answer.

    scores (P, S), finite, equal ones sharing the answer; reading (P, S): what the verifier's reading of each
    costs, which every drawn sample is charged; thresholds ascending. watched (P, S): what is held against the
    thresholds in place of the scores, for a placebo. orders as in `by_agreement`. Raises ValueError as there.
    """
    refuse(most, orders, thresholds)
    scores = np.asarray(scores, dtype=float)
    watched = scores if watched is None else np.asarray(watched, dtype=float)
    cost = samples.cost + np.asarray(reading, dtype=float)
    sums = np.zeros((4, orders.shape[0], len(thresholds)))
    edges = np.asarray(thresholds, dtype=float)
    _draw_until_scored(samples.correct, scores, watched, cost, samples.tokens, orders, most, edges, sums)
    accuracy, num_drawn, spent, tokens = sums / orders.shape[1]
    return Stopped(accuracy, num_drawn, spent + samples.prefill[:, None], tokens)


def at_success(samples: Pool, *, widths: Sequence[int]) -> Stopped:
    """With a verifiable reward: draw until a sample is right, at most k; exact over all orders, (P, K).

    Accuracy is pass@k. A draw is made with the chance 1 - pass@j that the j before it all failed; each wrong
    sample is as likely to be drawn as any other, and so is each right one.
    """
    num_samples = samples.correct.shape[1]
    num_correct = samples.correct.sum(axis=1)
    reached = pass_at_k(num_samples, num_correct[:, None], np.arange(1, max(widths) + 1))
    failed = np.concatenate([np.ones((len(reached), 1)), 1 - reached[:, :-1]], axis=1)
    at = np.asarray(widths) - 1
    accuracy, num_drawn = reached[:, at], np.cumsum(failed, axis=1)[:, at]
    wrong = num_drawn - accuracy

    def spent(each: Floats) -> Floats:
        means = [
            (each * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
            for mask in (samples.correct, 1 - samples.correct)
        ]
        total: Floats = accuracy * means[0][:, None] + wrong * means[1][:, None]
        return total

    return Stopped(accuracy, num_drawn, spent(samples.cost) + samples.prefill[:, None], spent(samples.tokens))


def menu(stopped: Stopped, cells: Sequence[Cell]) -> Menu:
    """Stopping at each threshold as arms."""
    return Menu(tuple(cells), stopped.accuracy, stopped.cost, stopped.tokens)


def refuse(most: int, orders: Ints, thresholds: Sequence[float]) -> None:
    if not 1 <= most <= orders.shape[2]:
        raise ValueError(f"At most {orders.shape[2]} samples can be drawn here, not {most}.")
    if list(thresholds) != sorted(thresholds):
        raise ValueError(f"Thresholds must increase; got {list(thresholds)}.")


@compiled
def tied_worth(worth: Floats, counts: Ints, most: int) -> float:
    """Mean worth (S,) of the answers that have the most votes; 0 where nobody voted. counts: (S,) or longer."""
    total, num_leaders = 0.0, 0
    for other in range(len(worth)):
        if most > 0 and counts[other] == most:
            total += worth[other]
            num_leaders += 1
    return total / max(num_leaders, 1)


@compiled
def _draw_until(
    codes: Ints,
    worth: Floats,
    cost: Floats,
    tokens: Floats,
    orders: Ints,
    most: int,
    thresholds: Floats,
    sure: Floats,
    sums: Floats,
) -> None:
    counts = np.zeros(codes.shape[1], dtype=np.int64)
    for row in range(orders.shape[0]):
        for number in range(orders.shape[1]):
            counts[:] = 0
            leader, first, second, at = -1, 0, 0, 0
            spent, written = 0.0, 0.0
            for step in range(most):
                sample = orders[row, number, step]
                spent += cost[row, sample]
                written += tokens[row, sample]
                label = codes[row, sample]
                if label >= 0:
                    counts[label] += 1
                    if label == leader:
                        first += 1
                    elif counts[label] > first:
                        leader, second, first = label, first, counts[label]
                    elif counts[label] > second:
                        second = counts[label]
                is_last = step == most - 1
                while at < len(thresholds) and (is_last or (first > 0 and sure[first, second] >= thresholds[at])):
                    sums[0, row, at] += tied_worth(worth[row], counts, first)
                    sums[1, row, at] += step + 1
                    sums[2, row, at] += spent
                    sums[3, row, at] += written
                    at += 1
                if at == len(thresholds):
                    break


@compiled
def _draw_until_scored(
    correct: Floats,
    scores: Floats,
    watched: Floats,
    cost: Floats,
    tokens: Floats,
    orders: Ints,
    most: int,
    thresholds: Floats,
    sums: Floats,
) -> None:
    for row in range(orders.shape[0]):
        for number in range(orders.shape[1]):
            best, seen = -np.inf, -np.inf
            right, num_best, at = 0.0, 0, 0
            spent, written = 0.0, 0.0
            for step in range(most):
                sample = orders[row, number, step]
                spent += cost[row, sample]
                written += tokens[row, sample]
                seen = max(seen, watched[row, sample])
                if scores[row, sample] > best:
                    best, right, num_best = scores[row, sample], 0.0, 0
                if scores[row, sample] == best:
                    right += correct[row, sample]
                    num_best += 1
                is_last = step == most - 1
                while at < len(thresholds) and (is_last or seen >= thresholds[at]):
                    sums[0, row, at] += right / num_best
                    sums[1, row, at] += step + 1
                    sums[2, row, at] += spent
                    sums[3, row, at] += written
                    at += 1
                if at == len(thresholds):
                    break
