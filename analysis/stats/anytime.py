"""Intervals that hold at every look at once, however the looks are chosen. Arrays in, arrays out."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw

from analysis.arrays import Floats


def radius(variance: ArrayLike, *, alpha: float, tuned_at: ArrayLike) -> Floats:
    """Half-width such that |estimate - truth| stays within it at all looks together with chance 1 - alpha.

    variance of the estimate at a look, in its unit squared, and tuned_at, broadcast together -> their shape, in
    the estimate's unit. A path of looks needs one `tuned_at`, named before the first: it is the variance at which
    the interval is tightest (1.55 times as wide as that of one look at 95%). inf where the variance is inf or
    NaN, and also where it is 0: a variance read from data is 0 where nothing differed yet, which tells nothing of
    how far the truth may lie. Exact where (estimate - truth) / variance is a Brownian motion in 1 / variance, as
    for normal values of known spread; asymptotic for means. Raises ValueError for a variance below 0, an alpha
    outside (0, 1) and a `tuned_at` that is not above 0 and finite. Source: the two-sided normal mixture of Robbins
    1970 (Howard et al. 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences"); for estimated
    variances Waudby-Smith et al. 2024, "Time-uniform central limit theory".
    """
    variance, tuned_at = np.broadcast_arrays(np.asarray(variance, dtype=float), np.asarray(tuned_at, dtype=float))
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is a chance of error between 0 and 1, both left out, not {alpha}.")
    if not np.all((tuned_at > 0) & np.isfinite(tuned_at)):
        raise ValueError("Name a variance above 0, and finite, at which the interval is to be tightest.")
    if np.any(variance < 0):
        raise ValueError("A variance is never below 0.")
    tells = (variance > 0) & np.isfinite(variance)
    told = np.where(tells, variance, 1.0)
    # With t = 1 / variance: sqrt((t + s) log((t + s) / (s alpha^2))) / t, where s is `prior`.
    prior = 1 / (tuned_at * _tightest(alpha))
    grown = 1 + prior * told
    half: Floats = np.sqrt(told * grown * (np.log(grown / (prior * told)) - 2 * np.log(alpha)))
    return np.where(tells, half, np.inf)


def _tightest(alpha: float) -> float:
    """t / s at which the half-width at t is least: the r above 0 with (1 + r) exp(-r) = alpha^2."""
    return float(-lambertw(-(alpha**2) / np.e, -1).real - 1)
