"""Coverage (any of k samples correct) beyond the samples at hand,
and how such forecasts score. Arrays in and out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln

from analysis.arrays import Floats
from analysis.stats import solve_rates
from analysis.stats.estimators import pass_at_k

NUM_WIDTHS_FITTED = 30


class PowerLaw(NamedTuple):
    """log coverage = -scale k^-exponent, as fitted on k from k_low to k_high;
    the exponent changes with that range.
    """

    scale: float
    exponent: float
    k_low: float
    k_high: float

    def coverage(self, k: ArrayLike) -> Floats:
        """Predicted coverage at k; (Q,) -> (Q,). Source: Brown et al. 2024 (arXiv 2407.21787)."""
        return np.asarray(np.exp(-self.scale * np.asarray(k, dtype=float) ** -self.exponent))


class Forecasts(NamedTuple):
    """Coverage at widths k (Q,): observed on all samples,
    and forecast by each method from the few that were drawn.
    """

    k: Floats
    observed: Floats
    power_law: Floats
    scaled_beta: Floats
    nonparametric: Floats

    def log_errors(self) -> dict[str, Floats]:
        """log(forecast / observed) of each method; (Q,), 0 is right. Source: by definition."""
        methods = ("power_law", "scaled_beta", "nonparametric")
        return {name: np.log(getattr(self, name) / self.observed) for name in methods}


def fit_power_law(k: ArrayLike, coverage: ArrayLike) -> PowerLaw:
    """The power law by least squares of log(-log coverage) on log k.

    k, coverage (Q,). Raises ValueError unless there are two widths or more, all with coverage strictly within 0
    and 1: others have no place on that scale. Source: Brown et al. 2024 (arXiv 2407.21787).
    """
    k, coverage = np.asarray(k, dtype=float), np.asarray(coverage, dtype=float)
    if np.unique(k).size < 2 or not np.all((coverage > 0) & (coverage < 1)):
        raise ValueError("A power law needs at least two widths whose coverage is above 0 and below 1.")
    slope, intercept = np.polyfit(np.log(k), np.log(-np.log(coverage)), 1)
    return PowerLaw(float(np.exp(intercept)), float(-slope), float(k.min()), float(k.max()))


def power_law_exponents(k: ArrayLike, coverage: ArrayLike) -> Floats:
    """The exponents of `fit_power_law` for many curves at once; k (Q,), coverage (R, Q) -> (R,).

    inf where coverage is 0 at the first widths or 1 at the last, which is steeper than any law; NaN where it is
    one of them throughout or is itself NaN. Source: as `fit_power_law`.
    """
    log_k, coverage = np.log(np.asarray(k, dtype=float)), np.asarray(coverage, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(-np.log(coverage))
    centred = log_k - log_k.mean()
    with np.errstate(invalid="ignore"):
        exponents = -(logs @ centred) / (centred @ centred)
    is_steep = (coverage.max(axis=1) > coverage.min(axis=1)) & ~np.isfinite(logs).all(axis=1)
    return np.where(is_steep, np.inf, np.where(np.isfinite(exponents), exponents, np.nan))


def beta_failure(a: float, b: float, k: ArrayLike) -> Floats:
    """Chance that k samples all fail where p ~ Beta(a, b): B(a, b + k) / B(a, b); (Q,) -> (Q,).

    Falls as k^-a only once k is far above b. Source: Schaeffer et al. 2025 (arXiv 2502.17578).
    """
    return np.asarray(np.exp(betaln(a, b + np.asarray(k, dtype=float)) - betaln(a, b)))


def score_forecasts(
    num_samples: int, num_correct: ArrayLike, k: ArrayLike, *, num_drawn: int, rng: np.random.Generator
) -> Forecasts:
    """Forecasts of pass@k from `num_drawn` samples a prompt, drawn without replacement,
    beside pass@k of all samples.

    num_correct (P,) of num_samples each; k (Q,), up to num_samples. Raises ValueError where num_drawn is not below
    num_samples, or the few samples solve nothing or everything. Source: ours.
    """
    if not 1 < num_drawn < num_samples:
        raise ValueError(f"Draw more than 1 and fewer than {num_samples} samples, not {num_drawn}.")
    correct, widths = np.asarray(num_correct, dtype=np.int64), np.asarray(k, dtype=float)
    drawn = rng.hypergeometric(correct, num_samples - correct, num_drawn)
    fitted = np.unique(np.geomspace(1, num_drawn, NUM_WIDTHS_FITTED).round())
    return Forecasts(
        k=widths,
        observed=pass_at_k(num_samples, correct[:, None], widths).mean(axis=0),
        power_law=fit_power_law(fitted, pass_at_k(num_drawn, drawn[:, None], fitted).mean(axis=0)).coverage(
            widths
        ),
        scaled_beta=solve_rates.fit_scaled_beta(num_drawn, drawn).rates.coverage(widths),
        nonparametric=solve_rates.fit_free(num_drawn, drawn).coverage(widths),
    )
