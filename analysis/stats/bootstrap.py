"""Paired resampling of prompts or clusters, and the intervals read from it. Arrays in, named tuples out."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from analysis.arrays import Array, Floats, Ints, Weights
from analysis.stats import parts
from analysis.stats.parts import Part, row_blocks

MIN_REPLICATES = 2000
MIN_CLUSTERS = 10
LEVEL = 0.95


class Interval(NamedTuple):
    """An estimate between its low and high ends; inf is a value (never), NaN is missing."""

    estimate: Floats
    low: Floats
    high: Floats


def prompt_weights(
    num_prompts: int, *, num_replicates: int, rng: np.random.Generator, clusters: ArrayLike | None = None
) -> Weights:
    """Prompt multiplicities (1 + num_replicates, P): ones, for the estimate itself, then one resampling a row.

    They are whole and small, a byte each: sums of them are to be taken by `weighted_means` or a numpy sum, which
    widen. clusters (P,): labels of prompts that come together (paraphrases, problems of one paper), which are then
    resampled whole. Used for every arm, the weights keep all comparisons paired; a prompt carries all its samples
    of both pools: a second level that resamples samples too would count their noise twice. Raises ValueError below
    MIN_REPLICATES, and below MIN_CLUSTERS clusters, whose spread tells too little. Source: Efron 1979; Cameron et
    al. 2008 for clusters.
    """
    if num_replicates < MIN_REPLICATES:
        raise ValueError(f"An interval needs at least {MIN_REPLICATES} replicates, not {num_replicates}.")
    cluster = None if clusters is None else _cluster_codes(clusters, num_prompts)
    num_drawn = num_prompts if cluster is None else int(cluster.max()) + 1
    weights = np.ones((1 + num_replicates, num_prompts), dtype=np.uint8)
    for rows in row_blocks(num_replicates, num_drawn):
        draws = rng.integers(num_drawn, size=(rows.stop - rows.start, num_drawn), dtype=np.int32)
        draws += num_drawn * np.arange(len(draws), dtype=np.int32)[:, None]
        counts = np.bincount(draws.ravel(), minlength=draws.size).reshape(draws.shape)
        weights[1:][rows] = counts if cluster is None else counts[:, cluster]
    return weights


def weighted_means(weights: ArrayLike, values: ArrayLike) -> Floats:
    """Means over prompts under each weighting; (..., P) and (P, J) -> (..., J), NaN where no prompt has weight.

    Source: by definition.
    """
    weights = parts.settle(weights)
    means = weighted_sums(weights, values)
    with np.errstate(invalid="ignore"):
        means /= weights.sum(axis=-1)[..., None]
    return means


def means_of_each(weights: ArrayLike, tables: Sequence[ArrayLike]) -> list[Floats]:
    """Means of several tables at once, (P, J) each -> (..., J) each: of many prompts the weights themselves take
    longer to read than a table does. Source: `weighted_means`.
    """
    arrays = [np.asarray(table, dtype=float) for table in tables]
    ends = np.cumsum([array.shape[1] for array in arrays])
    return np.split(weighted_means(weights, np.concatenate(arrays, axis=1)), ends[:-1], axis=-1)


def weighted_sums(weights: ArrayLike, values: ArrayLike) -> Floats:
    """Sums over prompts under each weighting; (..., P) and (P, J) -> (..., J). Source: by definition."""
    weights, values = parts.settle(weights), np.asarray(values, dtype=float)
    if weights.ndim != 2 or weights.size <= parts.BLOCK:
        sums: Floats = np.asarray(weights, dtype=float) @ values
        return sums
    if isinstance(weights, Part):
        weights, values = weights.used, values[weights.counts]
    # Of many prompts a block is work enough for a core; the product itself may be held to one thread.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(
            list(pool.map(lambda rows: weights[rows].astype(float) @ values, row_blocks(*weights.shape)))
        )


def percentile_interval(statistic: ArrayLike, *, level: float = LEVEL) -> Interval:
    """The estimate and its percentile interval from a statistic computed under `prompt_weights`.

    statistic (1 + R, ...), the estimate first -> fields (...). Each end is a replicate, so inf is safe: the high
    end is inf where more than (1 - level) / 2 of the replicates are. Replicates that are NaN (an empty bin) do not
    count. Source: Efron 1979; Efron and Tibshirani 1993, chapter 13.
    """
    statistic = np.asarray(statistic, dtype=float)
    # A copy, whatever lies where: it is put in order, and whoever asks reads on in the order of the replicates.
    replicates = np.moveaxis(statistic[1:], 0, -1).copy()
    is_valid = ~np.isnan(replicates)
    if len(statistic) > 1 and is_valid.all():
        first, last = _ends(len(statistic) - 1, level)
        replicates.partition((first, last), axis=-1)
        return Interval(statistic[0], replicates[..., first], replicates[..., last])
    num_valid = np.count_nonzero(is_valid, axis=-1)
    ranks = [_rank(num_valid, share) for share in ((1 - level) / 2, (1 + level) / 2)]
    # Only the ranks that are asked for are put in their places; NaN goes last.
    replicates.partition(np.unique(ranks), axis=-1)
    low, high = (np.take_along_axis(replicates, rank[..., None], axis=-1)[..., 0] for rank in ranks)
    return Interval(statistic[0], low, high)


def bias_corrected_interval(statistic: ArrayLike, *, level: float = LEVEL) -> Interval:
    """The same for a statistic of skewed errors, such as a ratio of variances: its ends are moved to where they
    would be if half of the replicates lay below the estimate.

    statistic (1 + R, ...), the estimate first -> fields (...). Replicates that equal the estimate count half,
    those that are NaN do not; where the estimate is NaN so are the ends. Source: Efron 1981; Efron and Tibshirani
    1993, chapter 14, without acceleration.
    """
    statistic = np.asarray(statistic, dtype=float)
    estimate, replicates = statistic[0], np.sort(statistic[1:], axis=0)
    num_valid = np.count_nonzero(~np.isnan(replicates), axis=0)
    below = np.count_nonzero(replicates < estimate, axis=0) + np.count_nonzero(replicates == estimate, axis=0) / 2
    # No further than one replicate from either end, whose normal quantile is infinite.
    share = np.clip(
        below / np.maximum(num_valid, 1), 0.5 / np.maximum(num_valid, 1), 1 - 0.5 / np.maximum(num_valid, 1)
    )
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        rank = np.minimum(_rank(num_valid, ndtr(2 * ndtri(share) + ndtri(tail))), np.maximum(num_valid - 1, 0))
        ends.append(np.where(np.isnan(estimate), np.nan, np.take_along_axis(replicates, rank[None], axis=0)[0]))
    return Interval(estimate, *ends)


def p_value(statistic: ArrayLike, *, null: float = 0.0) -> Floats:
    """Two-sided p-value that a statistic equals `null`,
    by inverting its percentile interval; (1 + R, ...) -> (...).

    Twice the smaller share of replicates on either side, the estimate counted as one, so never below 2 / (R + 1).
    Replicates that are NaN do not count; where none is left it is NaN. Source: Davison and Hinkley 1997.
    """
    replicates = np.asarray(statistic, dtype=float)[1:]
    num_valid = np.count_nonzero(~np.isnan(replicates), axis=0)
    fewest = np.minimum(np.count_nonzero(replicates <= null, axis=0), np.count_nonzero(replicates >= null, axis=0))
    return np.where(num_valid > 0, np.minimum(2 * (fewest + 1) / (num_valid + 1), 1), np.nan)


def simultaneous_band(statistic: ArrayLike, *, level: float = LEVEL) -> Interval:
    """A band that holds the whole curve at once (max-t): estimate +- c s, c the quantile of the largest |t|.

    statistic (1 + R, J), the estimate first, finite -> fields (J,); s is each cell's bootstrap standard error, and
    cells that never move have no width. Raises ValueError on inf or NaN, which have no standard error: band the
    accuracies, and read exchange rates one by one. Source: Montiel Olea and Plagborg-Moller 2019.
    """
    statistic = np.asarray(statistic, dtype=float)
    if not np.isfinite(statistic).all():
        raise ValueError(
            "A max-t band needs finite replicates; use percentile_interval where some are never or missing."
        )
    error = statistic[1:].std(axis=0, ddof=1)
    away = np.abs(statistic[1:] - statistic[0])
    largest = np.divide(away, error, out=np.zeros_like(away), where=error > 0).max(axis=-1)
    critical = np.sort(largest)[_rank(np.asarray(len(largest)), level)]
    return Interval(statistic[0], statistic[0] - critical * error, statistic[0] + critical * error)


def share_of_replicates(event: ArrayLike, statistic: ArrayLike) -> Floats:
    """Share of the replicates that are not NaN in which the event holds; (1 + R, ...) -> (...).

    Source: by definition.
    """
    valid = ~np.isnan(np.asarray(statistic, dtype=float)[1:])
    held = np.count_nonzero(np.asarray(event)[1:] & valid, axis=0)
    num_valid = np.count_nonzero(valid, axis=0)
    return np.where(num_valid > 0, held / np.maximum(num_valid, 1), np.nan)


@cache
def _ends(num_valid: int, level: float) -> tuple[int, int]:
    """Positions of both ends among so many sorted values."""
    first, last = (int(_rank(np.asarray(num_valid), share)) for share in ((1 - level) / 2, (1 + level) / 2))
    return first, last


def _rank(num_valid: Array, share: float | Floats) -> Ints:
    """Position of the least sorted value at or below which a share of the valid ones lies."""
    # Rounded, as .975 * 2000 must be 1950 whatever the last bit of the product.
    return np.maximum(np.ceil(np.round(share * num_valid, 9)).astype(np.int64) - 1, 0)


def _cluster_codes(clusters: ArrayLike, num_prompts: int) -> Ints:
    labels, codes = np.unique(np.asarray(clusters), return_inverse=True)
    if codes.shape != (num_prompts,):
        raise ValueError(f"clusters must label each of {num_prompts} prompts, not have shape {codes.shape}.")
    if len(labels) < MIN_CLUSTERS:
        raise ValueError(f"Resampling clusters needs at least {MIN_CLUSTERS} of them, not {len(labels)}.")
    return codes
