"""How often a right sample is scored above a wrong one of the same prompt. Arrays in, arrays out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.stats.bootstrap import weighted_sums
from analysis.stats.ranks import average_ranks


class Pairs(NamedTuple):
    """Pairs of a right and a wrong sample of one prompt, and in how many the right one is above; (P,) each."""

    above: Floats
    total: Floats


def within_prompts(scores: ArrayLike, correct: ArrayLike) -> Pairs:
    """The pairs of each prompt, equal scores counted half; scores and correct (P, S) -> (P,) each.

    Raises ValueError where shapes differ or a score is missing. Source: Mann and Whitney 1947, by ranks.
    """
    scores, correct = np.asarray(scores, dtype=float), np.asarray(correct, dtype=bool)
    if scores.shape != correct.shape:
        raise ValueError(f"scores {scores.shape} and correct {correct.shape} must have one shape.")
    if np.isnan(scores).any():
        raise ValueError("Every sample needs a score; score the rest, or leave out the prompts that lack one.")
    num_right = correct.sum(axis=1).astype(float)
    above = (average_ranks(scores) * correct).sum(axis=1) - num_right * (num_right + 1) / 2
    return Pairs(above, num_right * (correct.shape[1] - num_right))


def area(pairs: Pairs, weights: ArrayLike) -> Floats:
    """Area under the ROC curve within prompts: the share of pairs with the right sample above; (R, P) -> (R,).

    Every pair counts alike, so that a prompt counts by how many it has, and one whose samples are all right or all
    wrong not at all; never are samples of two prompts compared. NaN where there is no pair. .5 is what a coin has,
    and what a score has that tells prompts apart alone. Source: ours, after Hanley and McNeil 1982.
    """
    above, total = weighted_sums(weights, np.stack(pairs, axis=1)).T
    return np.asarray(np.divide(above, total, out=np.full(total.shape, np.nan), where=total > 0))
