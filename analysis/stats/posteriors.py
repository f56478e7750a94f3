"""Accuracy on these very prompts from a Dirichlet posterior of each. Arrays in, named tuples out."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from analysis.arrays import Floats
from analysis.stats.bootstrap import LEVEL, Interval


def bayes_at_n(counts: ArrayLike, worth: ArrayLike, *, level: float = LEVEL) -> Interval:
    """Posterior mean and interval of the mean worth of an answer over these prompts, which are held fixed.

    counts (..., P, C): samples of each prompt by outcome; worth (C,) of an outcome, such as 0 and 1 -> fields
    (...), in the unit of worth. Each prompt has a Dirichlet posterior under the uniform prior, so that of its n
    samples the share of an outcome is drawn towards 1 / C as C more samples, one of each, would draw it; prompts
    are independent, and their mean is taken as normal, within what outcomes are worth. It holds nothing of other
    prompts: for these see `bootstrap`. Raises ValueError where shapes differ or a count is below 0. Source: Hariri
    et al. 2026 (arXiv 2510.04265), Bayes@N.
    """
    counts, worth = np.asarray(counts, dtype=float), np.asarray(worth, dtype=float)
    if counts.ndim < 2 or counts.shape[-1] != worth.shape[-1] or np.any(counts < 0):
        raise ValueError(f"counts {counts.shape} must hold a number, 0 or more, for each worth {worth.shape}.")
    posterior = counts + 1
    total = posterior.sum(axis=-1)
    mean = (posterior * worth).sum(axis=-1) / total
    variance = ((posterior * worth**2).sum(axis=-1) / total - mean**2) / (total + 1)
    error = np.sqrt(variance.sum(axis=-1)) / counts.shape[-2]
    middle, half = mean.mean(axis=-1), -ndtri((1 - level) / 2) * error
    ends: tuple[Floats, Floats] = tuple(
        np.clip(middle + side * half, worth.min(), worth.max()) for side in (-1, 1)
    )
    return Interval(middle, *ends)
