"""Mean paired differences in many cells: intervals that hold together, p-values, power. Arrays in, tuples out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtrit

from analysis.arrays import Bools, Floats
from analysis.stats import power
from analysis.stats.bootstrap import LEVEL, Interval
from analysis.stats.intervals import FEW_EITHER_WAY, binomial_interval

NUM_FLIPS = 9999
FLIPS_AT_ONCE = 1000


class Differences(NamedTuple):
    """Cells (B, C) of a family: B bins, C columns.

    interval: holds in all cells together with the stated level; alone: the cell's own, for one that was chosen
    before the outcomes were seen. p_value is unadjusted. detectable: the least true difference whose interval
    excludes 0 with power.POWER, detectable_alone the same for `alone`; NaN where too few prompts differ to tell
    (is_few).
    """

    interval: Interval
    alone: Interval
    p_value: Floats
    detectable: Floats
    detectable_alone: Floats
    is_few: Bools


def together(
    values: Sequence[Floats], statistic: ArrayLike, p_value: Floats, *, level: float = LEVEL
) -> Differences:
    """Every cell's difference, from its prompts and its bootstrap replicates.

    values: for each bin the differences (P_b, C) of its prompts, in -1..1; statistic (1 + R, B, C): their means
    under `bootstrap.prompt_weights`, the estimate first; p_value (B, C) as `sign_flips` gives them. The interval
    is max-t (Montiel Olea and Plagborg-Moller 2019), each cell's critical value carried from the normal to
    Student's t of its own number of prompts. Where fewer than FEW_EITHER_WAY prompts carry the difference,
    resampling them misses the rest: such a cell takes its share of 1 - level, as Bonferroni's, for the exact
    intervals of gains and losses (or its resampled one, where that is wider), and the others divide what is left.
    Replicates in which a bin is empty do not count. Source: Montiel Olea and Plagborg-Moller 2019.
    """
    statistic = np.asarray(statistic, dtype=float)
    estimate, num_cells = statistic[0], statistic[0].size
    replicates = statistic[1:][~np.isnan(statistic[1:]).any(axis=(1, 2))]
    num_prompts = np.array([len(part) for part in values], dtype=float)[:, None]
    error = _standard_error(replicates, num_prompts, estimate.shape)
    is_few = np.stack([_num_carrying(part) < FEW_EITHER_WAY for part in values])
    single = -ndtri((1 - level) / 2)
    left = 1 - (1 - level) * float(np.mean(~is_few))
    shared = max(_critical(np.where(is_few, estimate, replicates), estimate, error, left), single)
    scale, own = (_student(critical, num_prompts) for critical in (shared, single))
    return Differences(
        interval=_ends(values, estimate, scale * error, is_few, (1 - level) / num_cells),
        alone=_ends(values, estimate, own * error, is_few, 1 - level),
        p_value=p_value,
        detectable=np.where(is_few, np.nan, power.detectable_from_error(error, critical=scale)),
        detectable_alone=np.where(is_few, np.nan, power.detectable_from_error(error, critical=own)),
        is_few=is_few,
    )


def sign_flips(
    values: ArrayLike, membership: ArrayLike, *, rng: np.random.Generator, clusters: ArrayLike | None = None
) -> Floats:
    """Two-sided p-values that the two arms are alike:
    how often swapping them at random on prompts looks as extreme.

    values (P, C), membership (B, P): which prompts each bin holds -> (B, C), at least 1 / (1 + NUM_FLIPS). Swaps
    are of whole clusters (P,) where given. Exact for exchangeable arms however few prompts there are; for equal
    means in large samples. Source: Fisher 1935, the randomisation test of matched pairs.
    """
    values, membership = np.asarray(values, dtype=float), np.asarray(membership, dtype=float)
    codes = np.arange(len(values)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    # A column a bin and cell, so that one product serves all bins.
    spread = (membership.T[:, :, None] * values[:, None, :]).reshape(len(values), -1)
    sums = np.zeros((codes.max() + 1, spread.shape[1]))
    np.add.at(sums, codes, spread)
    reached = np.abs(sums.sum(axis=0)) - 1e-9
    hits = np.zeros(spread.shape[1])
    for start in range(0, NUM_FLIPS, FLIPS_AT_ONCE):
        coins = rng.integers(2, size=(min(FLIPS_AT_ONCE, NUM_FLIPS - start), len(sums)), dtype=np.int8)
        signs = 2.0 * coins - 1.0
        hits += (np.abs(signs @ sums) >= reached).sum(axis=0)
    p_value: Floats = ((hits + 1) / (NUM_FLIPS + 1)).reshape(len(membership), -1)
    return p_value


def _standard_error(replicates: Floats, num_prompts: Floats, shape: tuple[int, ...]) -> Floats:
    """Of each cell; a resampled mean of n prompts spreads (n - 1) / n too little."""
    if len(replicates) < 2:
        return np.zeros(shape)
    error: Floats = replicates.std(axis=0, ddof=1) * np.sqrt(num_prompts / np.maximum(num_prompts - 1, 1))
    return error


def _critical(replicates: Floats, estimate: Floats, error: Floats, level: float) -> float:
    """Quantile of the largest |t| over the cells that move, 0 where none does."""
    if not len(replicates):
        return 0.0
    away = np.abs(replicates - estimate)
    largest = np.divide(away, error, out=np.zeros_like(away), where=error > 0).max(axis=(1, 2))
    return float(np.quantile(largest, level, method="inverted_cdf"))


def _student(critical: float, num_prompts: Floats) -> Floats:
    """The normal critical value, above 0, as that of Student's t with n - 1 degrees of freedom; (B, 1)."""
    scale: Floats = np.abs(stdtrit(np.maximum(num_prompts - 1, 1), ndtr(-critical)))
    return scale


def _num_carrying(values: Floats) -> Floats:
    """Effective number of prompts that differ, (sum |d|)^2 / sum d^2; (P, C) -> (C,)."""
    squares = (values**2).sum(axis=0)
    carrying: Floats = np.divide(
        np.abs(values).sum(axis=0) ** 2, squares, out=np.zeros(len(squares)), where=squares > 0
    )
    return carrying


def _ends(values: Sequence[Floats], estimate: Floats, half: Floats, is_few: Bools, share: float) -> Interval:
    """estimate +- half, widened by the exact interval where few prompts differ, and never beyond -1..1."""
    low, high = estimate - half, estimate + half
    for number, part in enumerate(values):
        few = is_few[number]
        if few.any():
            exact = _exact(part[:, few], share)
            low[number, few] = np.minimum(low[number, few], exact.low)
            high[number, few] = np.maximum(high[number, few], exact.high)
    return Interval(estimate, np.maximum(low, -1), np.minimum(high, 1))


def _exact(values: Floats, share: float) -> Interval:
    """Mean gain less mean loss, each in its exact interval at half the share; (P, C) -> (C,).

    A value in 0..1 spreads at most as the coin of its mean does, so that one trial a prompt is on the safe side.
    """
    gain, loss = (
        binomial_interval(
            np.maximum(side, 0).sum(axis=0), len(side), method="clopper-pearson", level=1 - share / 2
        )
        for side in (values, -values)
    )
    return Interval(values.mean(axis=0), gain.low - loss.high, gain.high - loss.low)
