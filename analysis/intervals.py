"""Intervals and errors that need no resampling, and corrections for many looks. Arrays in, arrays out."""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.arrays import Floats
from analysis.bootstrap import LEVEL, Interval, percentile_interval

Method = Literal["wilson", "clopper-pearson", "jeffreys"]
FEW_EITHER_WAY = 10
# What rounding leaves of the variance of equal numbers.
NO_VARIANCE = 1e-12
METHODS: tuple[Method, ...] = get_args(Method)


def binomial_interval(
    num_correct: ArrayLike, num_trials: ArrayLike, *, method: Method = "jeffreys", level: float = LEVEL
) -> Interval:
    """A chance from counts, for sets too small for the bootstrap (AIME's 30 problems).

    num_correct and num_trials broadcast; neither need be whole (see `mean_interval`). "wilson" inverts the score test;
    "clopper-pearson" is exact and never covers less than `level`; "jeffreys" is the Bayesian interval under
    Beta(1/2, 1/2), its low end 0 at none correct and its high end 1 at all. Raises ValueError where a count is
    impossible. Sources: Wilson 1927; Clopper and Pearson 1934; Brown, Cai and DasGupta 2001.
    """
    c, n = np.broadcast_arrays(np.asarray(num_correct, dtype=float), np.asarray(num_trials, dtype=float))
    if not np.all((n > 0) & (c >= 0) & (c <= n)):
        raise ValueError(
            "num_correct must lie between 0 and num_trials, and num_trials be above 0; leave out what is missing."
        )
    if method not in METHODS:
        raise ValueError(f"Unknown method {method!r}; choose from {sorted(METHODS)}.")
    low, high = _wilson(c, n, level) if method == "wilson" else _beta_ends(c, n, level, method)
    return Interval(c / n, np.where(c == 0, 0.0, low), np.where(c == n, 1.0, high))


def mean_interval(values: ArrayLike, *, method: Method = "clopper-pearson", level: float = LEVEL) -> Interval:
    """The mean over few prompts of a value in 0..1 each, such as a share of correct samples or pass@k.

    values (..., P) -> fields (...). The binomial interval of n* = m (1 - m) / Var(mean) trials: prompts of 0 and 1 give
    n* = P - 1, milder ones more; where all values are equal, P trials. Raises ValueError below two prompts or outside
    0..1. Source: Korn and Graubard 1998.
    """
    values = np.asarray(values, dtype=float)
    if values.shape[-1] < 2 or not np.all((values >= 0) & (values <= 1)):
        raise ValueError(
            "mean_interval needs two prompts or more, each with a value between 0 and 1; leave out those without one."
        )
    mean, num_prompts = values.mean(axis=-1), values.shape[-1]
    variance = values.var(axis=-1, ddof=1) / num_prompts
    trials = np.divide(mean * (1 - mean), variance, out=np.full_like(mean, num_prompts), where=variance > NO_VARIANCE)
    return binomial_interval(np.clip(mean * trials, 0, trials), trials, method=method, level=level)


def accuracy_interval(statistic: ArrayLike, num_drawn: ArrayLike, *, level: float = LEVEL) -> Interval:
    """The percentile interval of resampled accuracies, and the exact one where few prompts tell right from wrong.

    statistic (1 + R, ...) in 0..1 under `bootstrap.prompt_weights`, the estimate first; num_drawn (...) or (): prompts
    with weight, or clusters of them where those are resampled whole -> fields (...). Near 0 and 1 a handful of prompts
    carries all spread and resampling them misses the rest: where the effective number of trials (as in `mean_interval`)
    holds fewer than FEW_EITHER_WAY right or wrong, the ends are the outer ones of both intervals. 63 prompts all solved
    read [.94, 1], not [1, 1]. Source: Efron 1979 and Korn and Graubard 1998; where one gives way to the other is ours.
    """
    statistic = np.asarray(statistic, dtype=float)
    resampled = percentile_interval(statistic, level=level)
    mean, variance = np.clip(statistic[0], 0, 1), _variance(statistic[1:])
    whole = np.broadcast_to(np.asarray(num_drawn, dtype=float), mean.shape)
    trials = np.divide(mean * (1 - mean), variance, out=np.array(whole), where=variance > NO_VARIANCE)
    few = (trials * np.minimum(mean, 1 - mean) < FEW_EITHER_WAY) & (trials > 0) & ~np.isnan(mean)
    exact = binomial_interval((mean * trials)[few], trials[few], method="clopper-pearson", level=level)
    low, high = resampled.low.copy(), resampled.high.copy()
    low[few], high[few] = np.minimum(low[few], exact.low), np.maximum(high[few], exact.high)
    return Interval(resampled.estimate, low, high)


def clustered_standard_error(values: ArrayLike, clusters: ArrayLike) -> Floats:
    """Standard error of a mean over prompts that come in clusters: sqrt(sum_c (sum_{i in c} (x_i - mean))^2) / P.

    values (..., P), clusters (P,) labels -> (...), in the unit of values; with one prompt a cluster, the plain one
    (P, not P - 1, below). Raises ValueError below two clusters. Source: Miller 2024 (arXiv 2411.00640).
    """
    values = np.asarray(values, dtype=float)
    labels, codes = np.unique(np.asarray(clusters), return_inverse=True)
    if len(labels) < 2:
        raise ValueError("A clustered standard error needs at least two clusters.")
    off = values - values.mean(axis=-1, keepdims=True)
    sums = off @ (codes[:, None] == np.arange(len(labels))).astype(float)
    error: Floats = np.sqrt((sums**2).sum(axis=-1)) / values.shape[-1]
    return error


def holm(p_values: ArrayLike) -> Floats:
    """p-values under Holm's step-down, which bounds the chance of any false finding; (...) -> (...). NaN stays NaN.

    Source: Holm 1979.
    """
    return _adjusted(p_values, lambda ordered: np.maximum.accumulate(np.arange(len(ordered), 0, -1) * ordered))


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """p-values under Benjamini and Hochberg's step-up, which bounds the share of false findings; NaN stays NaN.

    (...) -> (...). Reject those at or below the level. Source: Benjamini and Hochberg 1995.
    """

    def step_up(ordered: Floats) -> Floats:
        scaled = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
        return np.minimum.accumulate(scaled[::-1])[::-1]

    return _adjusted(p_values, step_up)


def _variance(replicates: Floats) -> Floats:
    """Variance over the replicates that are not NaN, 0 where none is left; (R, ...) -> (...)."""
    valid = ~np.isnan(replicates)
    if valid.all():
        return np.asarray(replicates.var(axis=0))
    num_valid = np.maximum(valid.sum(axis=0), 1)
    mean = np.where(valid, replicates, 0).sum(axis=0) / num_valid
    return np.asarray((np.where(valid, replicates - mean, 0) ** 2).sum(axis=0) / num_valid)


def _wilson(c: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    z = stats.norm.isf((1 - level) / 2)
    middle = (c + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(c * (n - c) / n + z**2 / 4) / (n + z**2)
    return middle - half, middle + half


def _beta_ends(c: Floats, n: Floats, level: float, method: Method) -> tuple[Floats, Floats]:
    """Quantiles of the two beta distributions; at c = 0 or n one has no support and gives NaN."""
    below, above = (0.0, 1.0) if method == "clopper-pearson" else (0.5, 0.5)
    tail = (1 - level) / 2
    return stats.beta.ppf(tail, c + below, n - c + above), stats.beta.isf(tail, c + above, n - c + below)


def _adjusted(p_values: ArrayLike, step: Callable[[Floats], Floats]) -> Floats:
    given = np.asarray(p_values, dtype=float)
    if np.any((given < 0) | (given > 1)):
        raise ValueError("p-values lie between 0 and 1.")
    flat = given.ravel().copy()
    order = np.argsort(flat, kind="stable")[: np.count_nonzero(~np.isnan(flat))]
    flat[order] = np.minimum(step(flat[order]), 1)
    return flat.reshape(given.shape)
