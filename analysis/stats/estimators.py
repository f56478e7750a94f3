"""What a selection rule yields at every width, from one pool of samples. Arrays in, arrays out."""

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from analysis.arrays import Array, Bools, Floats, Ints
from analysis.stats import plurality, weighted

EXACT_MAX_SAMPLES = 1000
EXACT_MAX_TERMS = 2e7
NUM_DRAWS = 1000
# Of a weighted vote, subsets of one size in all pools together.
EXACT_MAX_VISITS = 2e6
# From this many samples on log-gammas round too much, and beside this many wrong ones Stirling's series is exact.
LARGE_POOL, LARGE_REST = 1000, 100


class Drawn(NamedTuple):
    """An expectation over random subsets and its standard error, which is 0 where every subset was counted."""

    mean: Floats
    standard_error: Floats


def pass_at_k(num_samples: ArrayLike, num_correct: ArrayLike, k: ArrayLike) -> Floats:
    """Chance that a random size-k subset of the samples holds a correct one: 1 - C(n-c, k) / C(n, k).

    The arguments broadcast to the result's shape. Raises ValueError where k is not a whole number in 1..n or c not
    in 0..n, of which NaN is neither. Any number of samples: of 4 million the relative error is below 1e-8, the
    largest where one is right and k is 1. Source: Chen et al. 2021 (arXiv 2107.03374), eq. 1; unbiased, where 1 -
    (1 - c/n)^k is not.
    """
    n, c, k = (np.asarray(count, dtype=float) for count in (num_samples, num_correct, k))
    _refuse_widths(k, n)
    if not np.all((c >= 0) & (c <= n)):
        raise ValueError(
            "num_correct must lie between 0 and num_samples; leave out prompts whose outcomes are missing."
        )
    n, c, k = np.broadcast_arrays(n, c, k)
    return np.where(n - c >= k, -np.expm1(_log_share_without(n, c, k)), 1.0)


def chance_corrected(coverage: ArrayLike, k: ArrayLike, *, num_choices: int) -> Floats:
    """Coverage above what guessing gives: (pass@k - g) / (1 - g) with g = 1 - (1 - 1/num_choices)^k.

    coverage broadcasts against k. A guesser gets 0, a perfect model 1, who is worse than guessing less. Unbiased,
    as it is linear in pass@k. For multiple choice, where guessing alone covers .94 at k = 10 of 4 answers. Raises
    ValueError below two choices. Source: Cohen 1960 (kappa), chance being the guesser's coverage.
    """
    if num_choices < 2:
        raise ValueError(f"num_choices must be at least 2, not {num_choices}; score other tasks with pass_at_k.")
    missed = (1 - 1 / num_choices) ** np.asarray(k, dtype=float)
    corrected: Floats = 1 - (1 - np.asarray(coverage, dtype=float)) / missed
    return corrected


def maj_at_k(
    votes: ArrayLike,
    correct: ArrayLike,
    ks: Sequence[int],
    *,
    rng: np.random.Generator | None = None,
    num_draws: int = NUM_DRAWS,
) -> Floats:
    """Expected correctness of the plurality answer of a random size-k subset, ties split evenly.

    votes (..., S): int codes of the answers, equal where the answers are, negative where a sample does not vote.
    correct (..., S): bool. Members of one class normally agree; where they do not, the class counts with their
    mean. Returns (..., K). A subset in which nobody votes is unanswered and counts 0. Exact (multivariate
    hypergeometric) for pools of at most EXACT_MAX_SAMPLES samples and EXACT_MAX_TERMS products, as any of 128
    samples; beyond, as `drawn_maj_at_k`, whose error `estimated_maj_at_k` tells. Raises ValueError where k is not
    in 1..S, an outcome is missing, or rng is needed and missing. Source: Wang et al. 2023 (arXiv 2203.11171), in
    expectation over subsets.
    """
    return estimated_maj_at_k(votes, correct, ks, rng=rng, num_draws=num_draws).mean


def estimated_maj_at_k(
    votes: ArrayLike,
    correct: ArrayLike,
    ks: Sequence[int],
    *,
    rng: np.random.Generator | None = None,
    num_draws: int = NUM_DRAWS,
) -> Drawn:
    """`maj_at_k` with its Monte Carlo standard error, 0 where every subset was counted; (..., K) each.

    Raises ValueError as there. Source: as there.
    """
    codes, worth, weights, shape = ballots(votes, correct, None, ks)
    affordable = (plurality.exact_terms(codes, ks) <= EXACT_MAX_TERMS) & (codes.shape[1] <= EXACT_MAX_SAMPLES)
    found = Drawn(*(np.zeros((len(codes), len(ks))) for _ in range(2)))
    found.mean[affordable] = plurality.exact(codes[affordable], worth[affordable], ks)
    if not affordable.all():
        if rng is None:
            raise ValueError(
                f"{np.count_nonzero(~affordable)} pools of {codes.shape[1]} samples have too many answers to "
                "count every subset; pass rng to draw some."
            )
        far = ~affordable
        found.mean[far], found.standard_error[far] = weighted.drawn(
            codes[far], worth[far], weights[far], ks, rng=rng, num_draws=num_draws
        )
    return Drawn(*(part.reshape(*shape, len(ks)) for part in found))


def drawn_maj_at_k(
    votes: ArrayLike,
    correct: ArrayLike,
    ks: Sequence[int],
    *,
    rng: np.random.Generator,
    num_draws: int = NUM_DRAWS,
) -> Drawn:
    """As `maj_at_k`, by `num_draws` random orders a pool, with the standard error of that draw; (..., K) each.

    Source: as there.
    """
    codes, worth, weights, shape = ballots(votes, correct, None, ks)
    found = weighted.drawn(codes, worth, weights, ks, rng=rng, num_draws=num_draws)
    return Drawn(*(part.reshape(*shape, len(ks)) for part in found))


def weighted_vote_at_k(
    votes: ArrayLike,
    correct: ArrayLike,
    scores: ArrayLike,
    ks: Sequence[int],
    *,
    rng: np.random.Generator,
    num_draws: int = NUM_DRAWS,
    max_visits: float = EXACT_MAX_VISITS,
) -> Drawn:
    """Expected correctness of argmax_a of the summed scores
    of answer a in a random size-k subset; equal sums split.

    votes, correct as in `maj_at_k`; scores (..., S), finite, in any unit: with equal scores it is maj@k. Returns
    (..., K) each. Every subset is visited where there are at most `num_draws`, or `max_visits` in all pools
    together (standard error 0), else that many are drawn. Raises ValueError where k is not in 1..S, shapes differ
    or a voter has no score. Source: Li et al. 2023 (arXiv 2206.02336).
    """
    codes, worth, weights, shape = ballots(votes, correct, scores, ks)
    found = Drawn(*(np.zeros((len(codes), len(ks))) for _ in range(2)))
    drawn = [
        at
        for at, k in enumerate(ks)
        if (num := comb(codes.shape[1], k)) > num_draws and num * len(codes) > max_visits
    ]
    for at in set(range(len(ks))) - set(drawn):
        found.mean[:, at] = weighted.enumerated(codes, worth, weights, ks[at])
    if drawn:
        parts = weighted.drawn(codes, worth, weights, [ks[at] for at in drawn], rng=rng, num_draws=num_draws)
        found.mean[:, drawn], found.standard_error[:, drawn] = parts
    return Drawn(*(part.reshape(*shape, len(ks)) for part in found))


def best_of_n(scores: ArrayLike, correct: ArrayLike, ks: Sequence[int]) -> Floats:
    """Expected correctness of the sample with the highest score in a random size-k subset, ties averaged.

    scores (..., S), finite; correct (..., S), bool -> (..., K). By ascending rank the i-th leads C(i-1, k-1) /
    C(n, k) of the subsets; samples of equal score share their ranks. Raises ValueError where k is not in 1..S,
    shapes differ or a score or an outcome is missing. `max_at_k` is the same sum over the scores themselves.
    Source: Cobbe et al. 2021 (arXiv 2110.14168), in expectation over subsets.
    """
    scores, correct = np.asarray(scores, dtype=float), np.asarray(correct, dtype=float)
    if scores.shape != correct.shape:
        raise ValueError(f"scores {scores.shape} and correct {correct.shape} must have one shape.")
    if not np.isfinite(scores).all():
        raise ValueError(
            "Every sample needs a finite score; score the rest, or leave out the prompts that lack one."
        )
    _refuse_missing(correct, "correct")
    order = np.argsort(scores, axis=-1, kind="stable")
    ordered, worth = (np.take_along_axis(array, order, axis=-1) for array in (scores, correct))
    expected: Floats = _tied_means(ordered, worth) @ _leading_shares(scores.shape[-1], ks).T
    return expected


def max_at_k(values: ArrayLike, ks: Sequence[int]) -> Floats:
    """Expected largest value in a random size-k subset:
    the i-th smallest of n leads C(i-1, k-1) / C(n, k) of them.

    values (..., S) -> (..., K), in the unit of values. Raises ValueError where k is not in 1..S or a value is
    missing. Source: order statistics without replacement (Wilks 1962).
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=-1)
    # NaN sorts last.
    _refuse_missing(ordered[..., -1:], "values")
    expected: Floats = ordered @ _leading_shares(ordered.shape[-1], ks).T
    return expected


def distinct_at_k(votes: ArrayLike, valid: ArrayLike, ks: Sequence[int]) -> Floats:
    """Expected number of distinct valid answers in a random size-k subset:
    U(k) = sum_c [1 - C(M - m_c, k) / C(M, k)].

    votes (..., S) as in `maj_at_k`; valid (..., S): which samples count; an invalid one is drawn and adds nothing,
    so M = S -> (..., K). Over k it is per sample, over `costs.cell_cost` per FLOP. Raises ValueError where k is
    not in 1..S. Source: rarefaction (Hurlbert 1971).
    """
    votes, valid = np.asarray(votes), np.asarray(valid, dtype=bool)
    codes, _, _, shape = ballots(np.where(valid, votes, -1), valid, None, ks)
    num_samples = codes.shape[1]
    size = plurality.class_sizes(codes)
    shares = pass_at_k(num_samples, np.arange(num_samples + 1)[:, None], np.asarray(ks))
    num_classes = np.stack([(size == count).sum(axis=1) for count in range(1, num_samples + 1)], axis=1)
    distinct: Floats = num_classes @ shares[1:]
    return distinct.reshape(*shape, len(ks))


def ballots(
    votes: ArrayLike, correct: ArrayLike, scores: ArrayLike | None, ks: Sequence[int]
) -> tuple[Ints, Floats, Floats, tuple[int, ...]]:
    """Class codes, worth and scores as (N, S) and the shape they came in, less the samples.

    Arguments as those of `weighted_vote_at_k`. Raises ValueError as there. Source: ours.
    """
    votes, correct = np.asarray(votes), np.asarray(correct, dtype=float)
    scores = np.ones(votes.shape) if scores is None else np.asarray(scores, dtype=float)
    if not votes.shape == correct.shape == scores.shape:
        raise ValueError(
            f"votes {votes.shape}, correct {correct.shape} and scores {scores.shape} must have one shape."
        )
    if not np.isfinite(scores[votes >= 0]).all():
        raise ValueError(
            "Every vote needs a finite score; score the rest, or leave out the prompts that lack one."
        )
    _refuse_missing(correct, "correct")
    num_samples = votes.shape[-1]
    _refuse_widths(np.asarray(ks), np.asarray(num_samples))
    codes, worth = plurality.classes(votes.reshape(-1, num_samples), correct.reshape(-1, num_samples))
    weights = np.where(codes >= 0, scores.reshape(-1, num_samples), 0.0)
    return codes, worth, weights, votes.shape[:-1]


def _tied_means(ordered: Floats, worth: Floats) -> Floats:
    """worth, each replaced by the mean over the samples of equal score; (..., S), (..., S) -> (..., S)."""
    flat, rows = worth.reshape(-1, worth.shape[-1]), ordered.reshape(-1, ordered.shape[-1])
    starts: Bools = np.ones(rows.shape, dtype=bool)
    starts[:, 1:] = rows[:, 1:] != rows[:, :-1]
    group = np.cumsum(starts.ravel()) - 1
    means = np.bincount(group, weights=flat.ravel()) / np.bincount(group)
    tied: Floats = means[group].reshape(worth.shape)
    return tied


def _leading_shares(num_samples: int, ks: Sequence[int]) -> Floats:
    """Share of the size-k subsets in which the i-th smallest sample is the largest; (K, S)."""
    n, k = num_samples, np.asarray(ks, dtype=float)[:, None]
    _refuse_widths(k, np.asarray(n))
    rank = np.arange(1, n + 1, dtype=float)
    below = np.where(rank >= k, rank - k, 0)
    log_share = (
        gammaln(rank) - gammaln(k) - gammaln(below + 1) - (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
    )
    return np.where(rank >= k, np.exp(log_share), 0.0)


def _log_share_without(n: Array, c: Array, k: Array) -> Array:
    """log of C(n-c, k) / C(n, k), wherever it is above 0."""
    rest = np.maximum(n - c - k, 0)
    log_share: Array = (gammaln(n - c + 1) - gammaln(rest + 1)) - (gammaln(n + 1) - gammaln(n - k + 1))
    large = (n > LARGE_POOL) & (rest > LARGE_REST)
    if large.any():
        log_share = np.asarray(log_share).copy()
        log_share[large] = _log_share_of_large(*(count[large] for count in (n, c, k)))
    return log_share


def _log_share_of_large(n: Array, c: Array, k: Array) -> Array:
    """The same by Stirling's series, in which what is large has cancelled; its error is below 1e-15 min(c, k).

    Log-gammas of millions are tens of millions, and their rounding alone is 1e-8: where few are right that is a
    part of what comes out.
    """
    few, many = np.minimum(c, k), np.maximum(c, k)
    ends = (n - many, 1), (n - few - many, -1), (n, -1), (n - few, 1)
    beyond = sum(sign * (1 / (12 * x) - 1 / (360 * x**3) + 1 / (1260 * x**5)) for x, sign in ends)
    log_share: Array = (
        few * np.log1p(-many / n)
        + (n - few + 0.5) * np.log1p(-few / n)
        - (n - few - many + 0.5) * np.log1p(-few / (n - many))
        + beyond
    )
    return log_share


def _refuse_missing(values: Floats, name: str) -> None:
    if np.isnan(values).any():
        raise ValueError(f"{name} must hold no NaN; leave out the prompts that lack a sample, or sample the rest.")


def _refuse_widths(k: Array, n: Array) -> None:
    if not np.all((k >= 1) & (k <= n)):
        raise ValueError(
            f"Widths must lie between 1 and the number of samples ({np.min(n):g}), not {np.min(k):g} to "
            f"{np.max(k):g}; "
            "ask for smaller widths, or sample more."
        )
    if not np.all(k == np.floor(k)):
        raise ValueError(
            f"Widths are whole numbers of samples; {k[k != np.floor(k)].flat[0]:g} is not. Round them."
        )
