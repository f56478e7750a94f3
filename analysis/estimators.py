"""pass@k and maj@k for every width from one pool of samples. Arrays in, arrays out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from analysis import plurality
from analysis.arrays import Array, Floats

EXACT_MAX_SAMPLES = 32


def pass_at_k(num_samples: ArrayLike, num_correct: ArrayLike, k: ArrayLike) -> Floats:
    """Chance that a random size-k subset of the samples holds a correct one: 1 - C(n-c, k) / C(n, k).

    The arguments broadcast to the result's shape. Raises ValueError where k is not in 1..n or c not in 0..n.
    Source: Chen et al. 2021 (arXiv 2107.03374), eq. 1; unbiased, where 1 - (1 - c/n)^k is not.
    """
    n, c, k = np.broadcast_arrays(*(np.asarray(count, dtype=float) for count in (num_samples, num_correct, k)))
    _refuse_widths(k, n)
    if np.any((c < 0) | (c > n)):
        raise ValueError("num_correct must lie between 0 and num_samples.")
    num_wrong = n - c
    all_wrong_possible = num_wrong >= k
    rest = np.where(all_wrong_possible, num_wrong - k, 0)
    log_all_wrong = (gammaln(num_wrong + 1) - gammaln(rest + 1)) - (gammaln(n + 1) - gammaln(n - k + 1))
    return np.where(all_wrong_possible, -np.expm1(log_all_wrong), 1.0)


def maj_at_k(
    votes: ArrayLike,
    correct: ArrayLike,
    ks: Sequence[int],
    *,
    rng: np.random.Generator | None = None,
    num_draws: int = 1000,
) -> Floats:
    """Expected correctness of the plurality answer of a random size-k subset, ties split evenly.

    votes (..., S): int codes of the answers, equal where the answers are, negative where a sample does not vote.
    correct (..., S): bool. Members of one class normally agree; where they do not, the class counts with their mean.
    Returns (..., K). A subset in which nobody votes is unanswered and counts 0. Exact (multivariate hypergeometric) to
    EXACT_MAX_SAMPLES samples; beyond, the mean over `num_draws` random orders drawn from `rng` (standard error below
    0.5 / sqrt(num_draws) a prompt). Raises ValueError where k is not in 1..S, or where rng is needed and missing.
    """
    votes, correct = np.asarray(votes), np.asarray(correct, dtype=float)
    if votes.shape != correct.shape:
        raise ValueError(f"votes {votes.shape} and correct {correct.shape} must have one shape.")
    num_samples = votes.shape[-1]
    _refuse_widths(np.asarray(ks), np.asarray(num_samples))
    codes, worth = plurality.classes(votes.reshape(-1, num_samples), correct.reshape(-1, num_samples))
    if num_samples <= EXACT_MAX_SAMPLES:
        flat = plurality.exact(codes, worth, ks)
    elif rng is None:
        raise ValueError(f"Above {EXACT_MAX_SAMPLES} samples maj@k is drawn by chance; pass rng.")
    else:
        flat = plurality.drawn(codes, worth, ks, rng=rng, num_draws=num_draws)
    return flat.reshape(*votes.shape[:-1], len(ks))


def max_at_k(values: ArrayLike, ks: Sequence[int]) -> Floats:
    """Expected largest value in a random size-k subset: the i-th smallest of n leads C(i-1, k-1) / C(n, k) of them.

    values (..., S) -> (..., K), in the unit of values. Raises ValueError where k is not in 1..S.
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=-1)
    n, k = ordered.shape[-1], np.asarray(ks, dtype=float)[:, None]
    _refuse_widths(k, np.asarray(n))
    rank = np.arange(1, n + 1, dtype=float)
    below = np.where(rank >= k, rank - k, 0)
    log_share = gammaln(rank) - gammaln(k) - gammaln(below + 1) - (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
    expected: Floats = ordered @ np.where(rank >= k, np.exp(log_share), 0.0).T
    return expected


def _refuse_widths(k: Array, n: Array) -> None:
    if np.any((k < 1) | (k > n)):
        raise ValueError(
            f"Widths must lie between 1 and the number of samples ({int(np.min(n))}), not {int(np.min(k))} to "
            f"{int(np.max(k))}; ask for smaller widths, or sample more."
        )
