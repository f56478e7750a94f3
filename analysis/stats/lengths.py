"""Lengths of thinking: of right beside wrong samples of one prompt, and of one model beside another."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.stats import pairs, substitution
from analysis.stats.pairs import Pairs
from analysis.stats.substitution import Crossing


def shorter(tokens: ArrayLike, is_cut: ArrayLike, correct: ArrayLike) -> Pairs:
    """Pairs of a right and a wrong sample of one prompt, and in how many the right one thought less; (P, S) ->
    (P,).

    tokens: thinking tokens under one cap; is_cut: whether the sample still thought there, so that its length is
    known only to be more. It is longer than any that ended; two that were cut are a tie, and ties count half.
    Share of the pairs: `pairs.area`. Raises ValueError where shapes differ. Source: Gehan 1965, with one cap for
    all.
    """
    tokens, is_cut = np.asarray(tokens, dtype=float), np.asarray(is_cut, dtype=bool)
    if tokens.shape != is_cut.shape:
        raise ValueError(f"tokens {tokens.shape} and is_cut {is_cut.shape} must have one shape.")
    return pairs.within_prompts(-np.where(is_cut, np.inf, tokens), correct)


def to_reach(accuracy: ArrayLike, tokens: ArrayLike, budgets: ArrayLike, target: ArrayLike) -> Crossing:
    """Budget and tokens at which a model is first as accurate as another is at each of its budgets.

    accuracy, tokens (1 + R, B) along rising budgets (B,), the estimate first; target (1 + R, J): the other's
    accuracies
    -> fields (1 + R, J). inf where it never is, NaN where there is nothing to match. Source:
    `substitution.invert`.
    """
    aim = substitution.to_match(target)
    found = [substitution.invert(accuracy, tokens, budgets, aim[:, at]) for at in range(aim.shape[1])]
    return Crossing(*(np.stack(each, axis=1) for each in zip(*found, strict=True)))
