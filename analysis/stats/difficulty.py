"""Difficulty bins from scores of samples that are not evaluated,
under any prompt weights. Arrays in, arrays out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints, Weights
from analysis.stats.parts import Part, row_blocks, split

FEW_PROMPTS = 200
# A bin of a handful says nothing of prompts like them.
FEWEST_IN_BIN = 5


def default_num_bins(num_prompts: int) -> int:
    """3 below 200 prompts, else 5 as Snell et al. 2024 (arXiv 2408.03314), the source; no arrays.

    Of fewer than 15 prompts as many as have FEWEST_IN_BIN each, at least 1.
    """
    return max(1, min(3, num_prompts // FEWEST_IN_BIN)) if num_prompts < FEW_PROMPTS else 5


def bin_names(num_bins: int) -> list[str]:
    """`num_bins` names from easiest to hardest. Source: ours."""
    named = {
        1: ["all prompts"],
        2: ["easier", "harder"],
        3: ["easy", "medium", "hard"],
        5: ["easiest", "easy", "medium", "hard", "hardest"],
    }
    return named.get(num_bins, [f"bin {number} of {num_bins}" for number in range(1, num_bins + 1)])


def quantile_bins(scores: ArrayLike, weights: ArrayLike, *, num_bins: int) -> Ints:
    """Bin of each prompt, 0 the easiest, in every weighting of the prompts.

    scores (P,): higher is easier, such as held-out pass@1; weights (R, P): how often each prompt counts -> (R, P).
    Equal scores stay in one bin: from the easiest on, each bin ends at the boundary between scores that is nearest
    to an equal share of what is left, of those that leave every later bin a score. Where fewer scores than bins
    have weight the last bins stay empty. Raises ValueError below one bin or where a score is NaN. Source: Snell et
    al. 2024 (arXiv 2408.03314), in pools of their own; what happens to ties is ours.
    """
    labels, which = quantile_labels(scores, weights, num_bins=num_bins)
    return labels[:, which]


def quantile_labels(scores: ArrayLike, weights: ArrayLike, *, num_bins: int) -> tuple[Ints, Ints]:
    """Bin of each distinct score in every weighting, and the score of each prompt; (P,), (R, P) -> (R, V), (P,).

    Source and errors: `quantile_bins`, which has a bin for each prompt.
    """
    _refuse_bins(num_bins)
    weights = np.asarray(weights)
    which, order, starts = _levels(scores)
    labels = []
    for rows in row_blocks(*weights.shape):
        mass = _mass(weights[rows], order, starts)
        share = np.cumsum(mass, axis=1) / mass.sum(axis=1, keepdims=True)
        labels.append(_value_bins(share, mass > 0, num_bins).astype(np.min_scalar_type(-num_bins)))
    return np.concatenate(labels), which


def quantile_parts(scores: ArrayLike, weights: ArrayLike, *, num_bins: int) -> list[Part]:
    """The weights split by `quantile_bins`, which has source and errors; (P,), (R, P) -> (R, P) each."""
    labels, which = quantile_labels(scores, weights, num_bins=num_bins)
    return split(np.asarray(weights), labels, which, num_parts=num_bins)


def threshold_bins(scores: ArrayLike, thresholds: Sequence[float]) -> Ints:
    """Bin of each prompt by fixed thresholds, 0 the easiest: those at or above the largest; (...) -> (...).

    Give `shrunk_scores` where prompts have few samples or unequal numbers of them. Raises ValueError on a repeated
    threshold. Source: by definition.
    """
    edges = np.sort(np.asarray(thresholds, dtype=float))
    if len(edges) == 0 or len(np.unique(edges)) < len(edges):
        raise ValueError(f"Thresholds must be distinct, at least one, not {list(thresholds)}.")
    return len(edges) - np.searchsorted(edges, np.asarray(scores, dtype=float), side="right")


def shared_quantile_weights(scores: ArrayLike, weights: ArrayLike, *, num_bins: int) -> Floats:
    """The weights split into bins of exactly equal mass; a tie at an edge lies in both bins, in proportion.

    scores (P,), weights (R, P) -> (num_bins, R, P), bins from the easiest. For comparison with results that split
    ties at random, whose expectation this is; for curves use `quantile_bins`. Source: ours.
    """
    _refuse_bins(num_bins)
    weights = np.asarray(weights, dtype=float)
    which, order, starts = _levels(scores)
    mass = _mass(weights, order, starts)
    total = mass.sum(axis=1, keepdims=True)
    end = np.cumsum(mass, axis=1)
    parts = []
    for number in range(num_bins):
        low, high = total * number / num_bins, total * (number + 1) / num_bins
        inside = np.clip(np.minimum(end, high) - np.maximum(end - mass, low), 0, None)
        parts.append(weights * np.divide(inside, mass, out=np.zeros_like(mass), where=mass > 0)[:, which])
    return np.stack(parts)


def shrunk_scores(num_correct: ArrayLike, num_samples: ArrayLike, weights: ArrayLike) -> Floats:
    """Posterior mean chance of each prompt under a beta prior fitted to all of them, in every weighting.

    num_correct (P,), num_samples (P,), weights (R, P) -> (R, P), between c / n and the overall mean. The prior is
    fitted by moments: E (c/n - m)^2 = m (1 - m) [r + (1 - r) / n], r = 1 / (a + b + 1), so numbers of samples may
    differ. Raises ValueError where no prompt has two samples, which leaves r unknown. Source: Kleinman 1973.
    """
    c, n = np.broadcast_arrays(np.asarray(num_correct, dtype=float), np.asarray(num_samples, dtype=float))
    if np.any(n < 1) or np.any((c < 0) | (c > n)) or n.max(initial=0) < 2:
        raise ValueError("Shrinking needs counts between 0 and num_samples, and prompts with two samples or more.")
    shares = np.asarray(weights, dtype=float)
    shares = shares / shares.sum(axis=1, keepdims=True)
    mean = (shares @ c) / (shares @ n)
    spread = (shares * (c / n - mean[:, None]) ** 2).sum(axis=1)
    noise, binomial = shares @ (1 / n), mean * (1 - mean)
    excess = np.divide(spread, binomial, out=np.zeros_like(spread), where=binomial > 0) - noise
    correlation = np.clip(np.divide(excess, 1 - noise, out=np.zeros_like(spread), where=noise < 1), 1e-9, 1)
    strength = (1 / correlation - 1)[:, None]
    shrunk: Floats = (c + mean[:, None] * strength) / (n + strength)
    return shrunk


def vote_agreement(votes: ArrayLike) -> Floats:
    """Share of the samples that give the most frequent answer: difficulty predicted without knowing what is right.

    votes (..., S): codes as in `estimators.maj_at_k`, negative where a sample does not vote -> (...), 0 where none
    does. Source: Wang et al. 2023 (arXiv 2203.11171).
    """
    votes = np.asarray(votes)
    same = (votes[..., :, None] == votes[..., None, :]) & (votes >= 0)[..., None]
    agreement: Floats = same.sum(axis=-1).max(axis=-1) / votes.shape[-1]
    return agreement


def rank_agreement(predicted: ArrayLike, oracle: ArrayLike, weights: ArrayLike) -> Floats:
    """Spearman correlation of a predictor of difficulty with the oracle,
    ties at their mean rank, in every weighting.

    predicted (P,), oracle (P,), higher is easier in both, weights (R, P) -> (R,); NaN where either is constant.
    Read the oracle from samples that the predictor has not seen. Source: Spearman 1904.
    """
    weights = np.asarray(weights)
    blocks = row_blocks(*weights.shape)
    return np.concatenate([_rank_agreement(predicted, oracle, weights[rows].astype(float)) for rows in blocks])


def _rank_agreement(predicted: ArrayLike, oracle: ArrayLike, weights: Floats) -> Floats:
    shares = weights / weights.sum(axis=1, keepdims=True)
    off = []
    for scores in (predicted, oracle):
        which, order, starts = _levels(scores)
        mass = _mass(shares, order, starts)
        rank = (np.cumsum(mass, axis=1) - mass / 2)[:, which]
        off.append(rank - (shares * rank).sum(axis=1, keepdims=True))
    together, first, second = (
        (shares * a * b).sum(axis=1) for a, b in ((off[0], off[1]), (off[0],) * 2, (off[1],) * 2)
    )
    scale = np.sqrt(first * second)
    correlation: Floats = np.divide(together, scale, out=np.full(len(scale), np.nan), where=scale > 1e-12)
    return correlation


def _levels(scores: ArrayLike) -> tuple[Ints, Ints, Ints]:
    """Which distinct score each prompt has, the easiest first; the prompts by score,
    and where each score starts.
    """
    scores = np.asarray(scores, dtype=float)
    if np.isnan(scores).any():
        raise ValueError("Every prompt needs a difficulty score; leave out those without one.")
    # Negated, so that the easiest come first.
    _, which = np.unique(-scores, return_inverse=True)
    order = np.argsort(which, kind="stable")
    return which, order, np.flatnonzero(np.diff(which[order], prepend=-1))


def _mass(weights: Weights, order: Ints, starts: Ints) -> Floats:
    """The weight on each distinct score; (R, P) -> (R, V)."""
    return np.add.reduceat(weights[:, order], starts, axis=1, dtype=float)


def _value_bins(share: Floats, present: Bools, num_bins: int) -> Ints:
    """Bin of each distinct score from the cumulative share up to it; (R, V) -> (R, V)."""
    later = present.sum(axis=1, keepdims=True) - np.cumsum(present, axis=1)
    bins = np.zeros(share.shape, dtype=np.int64)
    previous = np.zeros((len(share), 1))
    for cut in range(1, num_bins):
        allowed = present & (share > previous) & (later >= num_bins - cut)
        equal_share = previous + (1 - previous) / (num_bins - cut + 1)
        distance = np.where(allowed, np.abs(share - equal_share), np.inf)
        at = distance.argmin(axis=1)[:, None]
        possible = allowed.any(axis=1, keepdims=True)
        bins += possible & (np.arange(share.shape[1]) > at)
        previous = np.where(possible, np.take_along_axis(share, at, axis=1), previous)
    return bins


def _refuse_bins(num_bins: int) -> None:
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1, not {num_bins}.")
