"""How much of a gain in accuracy goes with what was found on the way. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats
from analysis.stats.bootstrap import Interval, percentile_interval, weighted_means


class Mediation(NamedTuple):
    """gain: accuracy at the last cell less that at the first; found: the share of samples that had found it at
    either.

    right_with, right_without: accuracy at the last cell of samples that had and had not. share: the part of the
    gain that goes with finding it, (found[1] - found[0]) (right_with - right_without) / gain; within: the same
    with that difference taken between samples of one prompt alone. NaN where there is no certain gain, or where
    all samples, or none, had found it.
    """

    gain: Interval
    found: tuple[float, float]
    right_with: float
    right_without: float
    share: Interval
    within: Interval


class Cell(NamedTuple):
    """What each sample of a prompt is worth in a cell, 0 to 1, and whether it had found what it needs; (P,
    S) each.
    """

    worth: Floats
    found: Bools


def mediate(first: Cell, last: Cell, weights: ArrayLike) -> Mediation:
    """Which part of the gain from the first cell to the last goes with finding what is needed.

    weights (1 + R, P) from `bootstrap.prompt_weights`, or a bin's part of them. The gain is split in two without a
    rest: more samples have found it, at the last cell's difference between those that have and have not, and both
    kinds are right more often. Easy prompts may be found and answered alike; `within` compares samples of one
    prompt, weighted by how much they vary, as a regression with an intercept for each prompt does. Neither tells
    what makes a sample both find and answer. Source: Kitagawa 1955, Oaxaca 1973 and Blinder 1973 for the split;
    Mundlak 1978 for the regression.
    """
    worth, found, both = (
        np.stack([np.mean(each, axis=1) for each in pair], axis=1)
        for pair in (
            (first.worth, last.worth),
            (first.found, last.found),
            (first.worth * first.found, last.worth * last.found),
        )
    )
    spread = found[:, 1:] * (1 - found[:, 1:])
    along = both[:, 1:] - found[:, 1:] * worth[:, 1:]
    means = weighted_means(weights, np.concatenate([worth, found, both[:, 1:], spread, along], axis=1)).T
    at_first, at_last, found_first, found_last, right, varies, goes_along = means
    gain, more = at_last - at_first, found_last - found_first
    with np.errstate(divide="ignore", invalid="ignore"):
        with_it, without = right / found_last, (at_last - right) / (1 - found_last)
        share, within = (more * slope / gain for slope in (with_it - without, goes_along / varies))
    told = percentile_interval(gain)
    is_told = (gain > 0) & (told.low > 0)
    shares = (percentile_interval(np.where(is_told & np.isfinite(each), each, np.nan)) for each in (share, within))
    return Mediation(
        told, (float(found_first[0]), float(found_last[0])), float(with_it[0]), float(without[0]), *shares
    )
