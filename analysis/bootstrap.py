"""Paired resampling of prompts and the intervals read from it. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Array, Floats

MIN_REPLICATES = 2000
LEVEL = 0.95


class Interval(NamedTuple):
    """An estimate between its low and high ends; inf is a value (never), NaN is missing."""

    estimate: Floats
    low: Floats
    high: Floats


def prompt_weights(num_prompts: int, *, num_replicates: int, rng: np.random.Generator) -> Floats:
    """Prompt multiplicities (1 + num_replicates, P): ones, for the estimate itself, then one resampling a row.

    Used for every arm, they keep all comparisons paired; a prompt carries all its samples of both pools (method 6).
    Raises ValueError below MIN_REPLICATES.
    """
    if num_replicates < MIN_REPLICATES:
        raise ValueError(f"An interval needs at least {MIN_REPLICATES} replicates, not {num_replicates}.")
    draws = rng.multinomial(num_prompts, np.full(num_prompts, 1 / num_prompts), size=num_replicates)
    return np.vstack([np.ones(num_prompts), draws])


def weighted_means(weights: ArrayLike, values: ArrayLike) -> Floats:
    """Means over prompts under each weighting; (..., P) and (P, J) -> (..., J), NaN where no prompt has weight."""
    weights = np.asarray(weights, dtype=float)
    mass = weights.sum(axis=-1)[..., None]
    means: Floats = np.divide(
        weights @ np.asarray(values, dtype=float),
        mass,
        out=np.full((*mass.shape[:-1], np.shape(values)[-1]), np.nan),
        where=mass > 0,
    )
    return means


def percentile_interval(statistic: ArrayLike, *, level: float = LEVEL) -> Interval:
    """The estimate and its percentile interval from a statistic computed under `prompt_weights`.

    statistic (1 + R, ...), the estimate first -> fields (...). Each end is a replicate, so inf is safe: the high end is
    inf where more than (1 - level) / 2 of the replicates are. Replicates that are NaN (an empty bin) do not count.
    """
    statistic = np.asarray(statistic, dtype=float)
    ordered = np.sort(statistic[1:], axis=0)
    num_valid = np.count_nonzero(~np.isnan(ordered), axis=0)
    return Interval(
        statistic[0], _quantile(ordered, num_valid, (1 - level) / 2), _quantile(ordered, num_valid, (1 + level) / 2)
    )


def share_of_replicates(event: ArrayLike, statistic: ArrayLike) -> Floats:
    """Share of the replicates that are not NaN in which the event holds; (1 + R, ...) -> (...)."""
    valid = ~np.isnan(np.asarray(statistic, dtype=float)[1:])
    held = np.count_nonzero(np.asarray(event)[1:] & valid, axis=0)
    num_valid = np.count_nonzero(valid, axis=0)
    return np.where(num_valid > 0, held / np.maximum(num_valid, 1), np.nan)


def _quantile(ordered: Floats, num_valid: Array, level: float) -> Floats:
    """The least of the sorted values at or below which a share `level` of the valid ones lies."""
    # Rounded, as .975 * 2000 must be 1950 whatever the last bit of the product.
    rank = np.ceil(np.round(level * num_valid, 9)).astype(int)
    at = np.clip(rank - 1, 0, len(ordered) - 1)
    quantile: Floats = np.take_along_axis(ordered, np.expand_dims(at, 0), axis=0)[0]
    return quantile
