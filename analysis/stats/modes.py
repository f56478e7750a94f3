"""The answer that most samples of a prompt give, which endless votes would give. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincc

from analysis.arrays import Bools, Floats
from analysis.stats import plurality

# What is led with a smaller chance may be led by another answer in truth.
SETTLED = 0.95


class Modes(NamedTuple):
    """Of each prompt what its modal answer is worth, ties split; whether a right and a wrong answer tie for it;
    and whether it is settled which of them leads; (P,) each.
    """

    worth: Floats
    is_tied: Bools
    is_settled: Bools


def modal_answers(votes: ArrayLike, correct: ArrayLike) -> Modes:
    """The modal answers of all samples, and how sure they are.

    votes (P, S): codes of the answers, negative where a sample does not vote; correct (P, S), from 0 to 1; a class
    counts with the mean of its members, and a prompt in which nobody votes is worth 0, and settled. Settled: with
    v1 votes for the leading one of the best right and the best wrong answer and v2 for the other, the chance that
    the first leads in truth, 1 - I_1/2(v1 + 1, v2 + 1), is SETTLED or more. The share of right modes is the limit
    of the majority vote as samples grow, but for modes that these samples miss. Sources: maj@k of all samples; the
    chance is that of Aggarwal et al. 2023 (arXiv 2305.11860).
    """
    codes, worth = plurality.classes(np.asarray(votes), np.asarray(correct, dtype=float))
    size = plurality.class_sizes(codes)
    most = size.max(axis=1, initial=0)
    leads = (size == most[:, None]) & (size > 0)
    told = (worth * leads).sum(axis=1) / np.maximum(leads.sum(axis=1), 1)
    right, wrong = (np.where(part, size, 0).max(axis=1, initial=0) for part in (worth >= 0.5, worth < 0.5))
    high, low = np.maximum(right, wrong), np.minimum(right, wrong)
    chance = betaincc(high + 1, low + 1, 0.5)
    return Modes(told, (high == low) & (high > 0), (chance >= SETTLED) | (high == 0))
