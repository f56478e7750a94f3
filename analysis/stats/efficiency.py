"""How well tokens are allocated: between one budget for all and the best that hindsight does. Arrays in,
tuples out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.stats.bootstrap import Interval, percentile_interval


class Sufficient(NamedTuple):
    """What hindsight needs, by the least budget that suffices; (P, B) each, means over a prompt's samples.

    share: of the samples for which this is the least budget; tokens: what they are charged, over all samples.
    """

    share: Floats
    tokens: Floats


def one_for_all(accuracy: ArrayLike, budgets: ArrayLike, tokens: ArrayLike) -> Floats:
    """Accuracy where every sample is allowed just so many tokens, under each weighting; (1 + R,).

    accuracy (1 + R, B) at the budgets (B,), in rising order; tokens (1 + R,), what each sample is given and
    charged, used or not. Between two budgets a share of the samples gets the larger one; NaN outside of the
    budgets. Source: by definition.
    """
    accuracy, budgets = np.asarray(accuracy, dtype=float), np.asarray(budgets, dtype=float)
    tokens = np.asarray(tokens, dtype=float)
    below = np.clip(np.searchsorted(budgets, tokens, side="right") - 1, 0, len(budgets) - 2)
    low, high = (np.take_along_axis(accuracy, at[:, None], axis=1)[:, 0] for at in (below, below + 1))
    part = (tokens - budgets[below]) / (budgets[below + 1] - budgets[below])
    return np.where((part >= 0) & (part <= 1), low + part * (high - low), np.nan)


def sufficient(correct: ArrayLike, budgets: ArrayLike, own_tokens: ArrayLike) -> Sufficient:
    """The least that each sample needs to be right, by budget; (B, P, S), (B,), (P, S) -> (P, B) each.

    A sample is charged the least budget at which it is right, or what it spends until it stops by itself, where
    that is less and its answer is right there. own_tokens: thinking tokens that it spends under the largest
    budget. Source: by definition.
    """
    correct, budgets = np.asarray(correct, dtype=bool), np.asarray(budgets, dtype=float)
    own = np.where(correct[-1], np.asarray(own_tokens, dtype=float), np.inf)
    first = np.where(correct.any(axis=0), correct.argmax(axis=0), len(budgets))
    shares, tokens = [], []
    for at, budget in enumerate(budgets):
        is_first = first == at
        shares.append(is_first.mean(axis=1))
        tokens.append(np.where(is_first, np.minimum(own, budget), 0.0).mean(axis=1))
    return Sufficient(np.stack(shares, axis=1), np.stack(tokens, axis=1))


def in_hindsight(needs: Sufficient, budgets: ArrayLike, tokens: ArrayLike) -> Floats:
    """The most accuracy that so many tokens a sample buy where it is known what suffices for each; (1 + R,).

    needs: means over prompts of what `sufficient` gives, (1 + R, B) each; tokens (1 + R,). Every sample has the
    least budget, and more is given where more suffices: samples of a smaller budget first, of the last one only a
    share where tokens run out. NaN where tokens are fewer than the least budget. Source: the fractional knapsack,
    Dantzig 1957, by groups of samples.
    """
    budgets, tokens = np.asarray(budgets, dtype=float), np.asarray(tokens, dtype=float)
    more = np.maximum(needs.tokens - needs.share * budgets[0], 0)
    gained, spent = np.cumsum(needs.share, axis=1), np.cumsum(more, axis=1)
    left = tokens - budgets[0]
    at = np.minimum((spent <= left[:, None]).sum(axis=1), len(budgets) - 1)
    start = np.maximum(at - 1, 0)
    before_cost, before_gain, cost, gain = (
        np.take_along_axis(table, place[:, None], axis=1)[:, 0]
        for place in (start, at)
        for table in (spent, gained)
    )
    run = cost - before_cost
    part = np.clip(np.divide(left - before_cost, run, out=np.ones(len(run)), where=run > 0), 0, 1)
    return np.where(left >= 0, before_gain + part * (gain - before_gain), np.nan)


def efficiency(policy: ArrayLike, uniform: ArrayLike, best: ArrayLike) -> Interval:
    """(policy - uniform) / (best - uniform), with its interval; (1 + R, ...) each, the estimate first -> fields
    (...).

    Accuracies at equal tokens in every weighting, best that of hindsight. 1: as good as hindsight; 0: as one
    budget for all; below 0: worse. NaN where the interval of best - uniform is not above 0, so that there is
    nothing to share; replicates without it do not count. Source: by definition; where it is not told is ours.
    """
    policy, uniform, best = (np.asarray(part, dtype=float) for part in (policy, uniform, best))
    possible = best - uniform
    share = np.divide(policy - uniform, possible, out=np.full(possible.shape, np.nan), where=possible > 0)
    is_known = percentile_interval(possible).low > 0
    return Interval(*(np.where(is_known, end, np.nan) for end in percentile_interval(share)))
