"""Sampling one after another until the leading answer is certified to be the most likely one. Arrays in,
arrays out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.policies.orders import Pool
from analysis.policies.stopping import Stopped, confidence, refuse, tied_worth
from analysis.stats.compiled import compiled


class Certified(NamedTuple):
    """What stopping at a certificate yields and spends, with the shares of orders
    that end in one, and in one of a right answer; (P, T) each.
    """

    stopped: Stopped
    certified: Floats
    right: Floats


def by_certificate(samples: Pool, orders: Ints, *, most: int, sure: Sequence[float]) -> Certified:
    """Draw until the leading answer is certified to be a mode, with chance `sure` of no error, at most `most`.

    Certified means: of samples that are drawn independently, with whatever chances of however many answers, the
    chance is at most 1 - sure that an answer is ever certified that another one is likelier than. Two modes of one
    chance are both modes. orders (P, N, S) from `orders.draw`; sure ascending, (T,), each below 1. A certified
    answer counts alone; where none is, the leading ones do, ties split. Raises ValueError where `most` exceeds the
    samples or `sure` falls or reaches 1.

    For each answer m a bettor doubts that m is a mode. Before each vote he names the answer j that leads, and with
    it q, at least 1/2: a vote for j multiplies his wealth by 2q, one for m by 2(1 - q), any other by 1. That is 1
    + (2q - 1)(p_j - p_m) in expectation, at most 1 where m is a mode, whichever j leads: a test supermartingale,
    which ever reaches 1 / (1 - sure) with chance 1 - sure at most (Ville 1939). An answer is certified once the
    bettors against all others have come so far, with them the one against an answer that is not seen yet. If it is
    no mode, the bettor against a mode has won; one mode is enough, so that the number of answers costs nothing. q
    is the mean of q given the votes for j and m, evenly likely between 1/2 and 1 before. Source: ours, with the
    intersection-union of CITE (Ota et al. 2026, arXiv 2605.05873), whose answer is named beforehand.
    """
    refuse(most, orders, sure)
    if max(sure) >= 1:
        raise ValueError(f"No answer is ever certified with chance {max(sure):g}; ask for less than 1.")
    wealth = -np.log1p(-np.asarray(sure, dtype=float))
    gained, lost = _bets(most)
    sums = np.zeros((6, orders.shape[0], len(sure)))
    _draw_until_certified(
        samples.codes,
        samples.worth,
        samples.cost,
        samples.tokens,
        orders,
        most,
        wealth,
        gained,
        lost,
        sums,
    )
    accuracy, num_drawn, cost, tokens, certified, right = sums / orders.shape[1]
    return Certified(Stopped(accuracy, num_drawn, cost + samples.prefill[:, None], tokens), certified, right)


def _bets(most: int) -> tuple[Floats, Floats]:
    """Logarithms of what a vote for the leader, and one against it, multiplies wealth by;
    by votes before it, (most, most) each: for the leader, for the other, never more.
    """
    for_leader, for_other = np.arange(most, dtype=float)[:, None], np.arange(most, dtype=float)
    leads = np.tri(most, dtype=bool)
    sure_after, sure_before = (confidence(for_leader + more, for_other) for more in (1, 0))
    rise = np.divide(sure_after, sure_before, out=np.ones((most, most)), where=leads)
    mean = np.where(leads, rise * (for_leader + 1) / (for_leader + for_other + 2), 0.5)
    return np.log(2 * mean), np.log(2 * (1 - mean))


@compiled
def _draw_until_certified(
    codes: Ints,
    worth: Floats,
    cost: Floats,
    tokens: Floats,
    orders: Ints,
    most: int,
    wealth: Floats,
    gained: Floats,
    lost: Floats,
    sums: Floats,
) -> None:
    unseen = codes.shape[1]
    counts, against = np.zeros(unseen + 1, dtype=np.int64), np.zeros(unseen + 1)
    # Answers that have votes, after one that stands for all others.
    seen = np.full(unseen + 1, unseen)
    for row in range(orders.shape[0]):
        for number in range(orders.shape[1]):
            counts[:], against[:] = 0, 0
            leader, num_seen, at = -1, 1, 0
            spent, written = 0.0, 0.0
            for step in range(most):
                sample = orders[row, number, step]
                spent += cost[row, sample]
                written += tokens[row, sample]
                label = codes[row, sample]
                if label >= 0:
                    if counts[label] == 0:
                        seen[num_seen], against[label] = label, against[unseen]
                        num_seen += 1
                    if leader >= 0:
                        _settle(against, counts, seen[:num_seen], leader, label, gained, lost)
                    counts[label] += 1
                    if leader < 0 or counts[label] > counts[leader]:
                        leader = label
                least = _least(against, seen[:num_seen], leader)
                is_last = step == most - 1
                while at < len(wealth) and (is_last or (leader >= 0 and least >= wealth[at])):
                    is_certified = leader >= 0 and least >= wealth[at]
                    right = (
                        worth[row, leader]
                        if is_certified
                        else tied_worth(worth[row], counts, counts[leader] if leader >= 0 else 0)
                    )
                    sums[0, row, at] += right
                    sums[1, row, at] += step + 1
                    sums[2, row, at] += spent
                    sums[3, row, at] += written
                    if is_certified:
                        sums[4, row, at] += 1
                        sums[5, row, at] += right
                    at += 1
                if at == len(wealth):
                    break


@compiled
def _settle(
    against: Floats, counts: Ints, seen: Ints, leader: int, label: int, gained: Floats, lost: Floats
) -> None:
    """Every bettor's wealth after a vote, of which the counts know nothing yet."""
    if label != leader:
        against[label] += lost[counts[leader], counts[label]]
        return
    for other in seen:
        if other != leader:
            against[other] += gained[counts[leader], counts[other]]


@compiled
def _least(against: Floats, seen: Ints, leader: int) -> float:
    """Wealth of the poorest bettor, that against the leader left out."""
    least = np.inf
    for other in seen:
        if other != leader:
            least = min(least, against[other])
    return least
