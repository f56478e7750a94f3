"""Intervals and errors that need no resampling, and corrections for many looks. Arrays in, arrays out."""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainccinv, betaincinv, ndtri

from analysis.arrays import Floats
from analysis.stats.bootstrap import LEVEL, Interval, percentile_interval, simultaneous_band

Method = Literal["wilson", "clopper-pearson", "jeffreys"]
FEW_EITHER_WAY = 10
# A corrected p-value up to here tells a difference.
FALSE_SHARE = 0.05
METHODS: tuple[Method, ...] = get_args(Method)


def binomial_interval(
    num_correct: ArrayLike, num_trials: ArrayLike, *, method: Method = "jeffreys", level: float = LEVEL
) -> Interval:
    """A chance from counts, for sets too small for the bootstrap (AIME's 30 problems).

    num_correct and num_trials broadcast; neither need be whole. "wilson" inverts the score test;
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


def accuracy_interval(statistic: ArrayLike, num_drawn: ArrayLike, *, level: float = LEVEL) -> Interval:
    """The percentile interval of resampled accuracies, with room for prompts that few drawn ones have not shown.

    statistic (1 + R, ...) in 0..1 under `bootstrap.prompt_weights`, the estimate first; num_drawn (...), or what
    broadcasts to it: prompts with weight, or clusters of them where those are resampled whole -> fields (...).
    Near 0 and 1 a handful of prompts carries all spread, and resampling those drawn misses the rest. So each
    replicate is mixed with one prompt more, wrong for the low end and right for the high one, that takes the share
    of weight which it takes in a Bayesian bootstrap of num_drawn + 1: where all are right or all wrong that is
    Clopper and Pearson's interval, and milder values count as what they are. It is left out by degrees
    (`_weight_of_unseen`). Source: Gaffke 2005; Learned-Miller and Thomas 2019 (arXiv 1905.06208); its mixing with
    resampled means is ours.
    """
    statistic = np.asarray(statistic, dtype=float)
    estimate, low, high = percentile_interval(statistic, level=level)
    # In bins that are drawn anew all replicates may lie on one side of the estimate.
    low, high = np.array(np.minimum(low, estimate)), np.array(np.maximum(high, estimate))
    num_drawn = np.broadcast_to(np.asarray(num_drawn, dtype=float), estimate.shape)
    weight = _weight_of_unseen(estimate, num_drawn)
    few = weight > 0
    if few.any():
        drawn = statistic[:, few]
        # The share that the prompts which were drawn keep is beta distributed, with parameters num_drawn and 1.
        kept = np.exp(_log_uniform(len(statistic) - 1)[:, None] * (weight[few] / num_drawn[few]))
        low[few] = np.minimum(low[few], percentile_interval(drawn * kept, level=level).low)
        high[few] = np.maximum(high[few], percentile_interval(1 - (1 - drawn) * kept, level=level).high)
    return Interval(estimate, low, high)


def accuracy_band(statistic: ArrayLike, cells: Interval, *, level: float = LEVEL) -> Interval:
    """A band that holds a whole curve of accuracies at once, and in it the interval of each of its cells.

    statistic (1 + R, J) in 0..1 under `bootstrap.prompt_weights`, NaN where a bin has no prompt; cells: fields
    (J,) as `accuracy_interval` gives them -> fields (J,) in 0..1. A max-t band on the scale of arcsin sqrt, where
    the spread of accuracies hardly depends on them: near 0 and 1 they are skewed, so that an even-sided band
    misses too often on one side. Where few prompts leave it too narrow, the cell's own interval stands in for it.
    Source: `bootstrap.simultaneous_band`; the scale is Anscombe's, 1948.
    """
    statistic = np.asarray(statistic, dtype=float)
    if np.isnan(statistic[0]).any():
        return cells
    whole = statistic[~np.isnan(statistic).any(axis=1)]
    band = simultaneous_band(np.arcsin(np.sqrt(np.clip(whole, 0, 1))), level=level)
    low, high = (np.sin(np.clip(end, 0, np.pi / 2)) ** 2 for end in (band.low, band.high))
    return Interval(statistic[0], np.minimum(low, cells.low), np.maximum(high, cells.high))


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
    """p-values under Holm's step-down, which bounds the chance of any false finding;
    (...) -> (...). NaN stays NaN.

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


def _weight_of_unseen(accuracy: Floats, num_drawn: Floats) -> Floats:
    """How much of a prompt stands for those that are not drawn, 1 to 0;
    (...) each -> (...), 0 where there is none.

    All of it where FEW_EITHER_WAY prompts or fewer are right, or wrong, or where there are at most three times as
    many in all; none of it from twice those numbers on, where resampling alone covers what it says.
    """
    num_telling = np.minimum(num_drawn * np.minimum(accuracy, 1 - accuracy), num_drawn / 3)
    weight: Floats = np.clip(2 - num_telling / FEW_EITHER_WAY, 0, 1)
    return np.where(np.isnan(accuracy), 0.0, weight)


@lru_cache(maxsize=8)
def _log_uniform(num_replicates: int) -> Floats:
    """Logarithms of 1 and of even steps between 0 and 1, in an order that tells nothing of a replicate; (1 + R,).

    The order is that of the multiples of the golden ratio, which lie evenly in every stretch of replicates.
    """
    golden = (np.sqrt(5) - 1) / 2
    ranks = np.argsort(np.argsort(np.arange(num_replicates) * golden % 1))
    return np.append(0.0, np.log((ranks + 0.5) / num_replicates))


def _wilson(c: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    z = -ndtri((1 - level) / 2)
    middle = (c + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(c * (n - c) / n + z**2 / 4) / (n + z**2)
    return middle - half, middle + half


def _beta_ends(c: Floats, n: Floats, level: float, method: Method) -> tuple[Floats, Floats]:
    """Quantiles of the two beta distributions; at c = 0 or n one has no support and gives NaN."""
    below, above = (0.0, 1.0) if method == "clopper-pearson" else (0.5, 0.5)
    tail = (1 - level) / 2
    return betaincinv(c + below, n - c + above, tail), betainccinv(c + above, n - c + below, tail)


def _adjusted(p_values: ArrayLike, step: Callable[[Floats], Floats]) -> Floats:
    given = np.asarray(p_values, dtype=float)
    if np.any((given < 0) | (given > 1)):
        raise ValueError("p-values lie between 0 and 1.")
    flat = given.ravel().copy()
    order = np.argsort(flat, kind="stable")[: np.count_nonzero(~np.isnan(flat))]
    flat[order] = np.minimum(step(flat[order]), 1)
    return flat.reshape(given.shape)
