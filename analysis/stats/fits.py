"""Bounded curves fitted to successes by likelihood, and how far each is to be trusted.
Arrays in, named tuples out.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import digamma, gammaln, xlog1py, xlogy

from analysis.arrays import Bools, Floats
from analysis.stats.families import FAMILIES, Family, FamilyName, Fitted
from analysis.stats.optimum import Objective, Optimum, minimise
from analysis.stats.refits import refit

Likelihood = Literal["binomial", "beta_binomial"]
CERTAIN = 1e-12
# A trial's worth of pull towards zero on the searched coordinates: what the data leave open (a floor at nothing, a
# ceiling beyond the cells) stays finite, and what they fix moves by less than a thousandth.
RIDGE = 1e-7
# Cells are left out one by one, so these fits take a share of the starts.
HELD_OUT_EVERY = 5


class HeldOut(NamedTuple):
    """Errors on cells that were kept from the fit, and those of isotonic interpolation in log compute beside them.

    last_* is prediction minus observation at the largest compute, after fitting the smaller ones: an
    extrapolation. inner_* is the root mean squared error of the other cells but the first, each left out in turn.
    NaN where too few cells remain to fit.
    """

    last_error: float
    last_error_isotonic: float
    inner_error: float
    inner_error_isotonic: float


class CurveFit(NamedTuple):
    """A fitted curve with named parameters; precision is the beta-binomial's a + b (None: binomial).

    log_likelihood leaves out what does not depend on the parameters. `optimum.converged` says whether the search
    ended at a minimum, held_out what the curve is worth where it was not fitted. The search's coordinates are of
    log compute less `centre`.
    """

    family: FamilyName
    curve: Fitted
    precision: float | None
    log_likelihood: float
    optimum: Optimum
    held_out: HeldOut
    centre: float


class _Cells(NamedTuple):
    """Log compute (J,), successes and trials (P, J)."""

    log_compute: Floats
    successes: Floats
    trials: Floats

    def without(self, cell: int) -> "_Cells":
        return _Cells(*(np.delete(array, cell, axis=-1) for array in self))

    def accuracy(self) -> Floats:
        observed: Floats = self.successes.sum(axis=0) / self.trials.sum(axis=0)
        return observed


def fit_curve(
    compute: ArrayLike,
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    family: FamilyName,
    likelihood: Likelihood = "binomial",
) -> CurveFit:
    """The curve of a bounded family that makes the successes most likely, and how it does on cells left out.

    compute (J,), positive, in any unit; successes and trials (J,) or, one row a prompt, (P, J). Successes may be
    fractions, as expected accuracies are. The beta-binomial lets a cell's prompts differ, with one precision for
    all cells; it needs a row a prompt. Neither knows that cells share prompts: intervals come from resampling
    prompts, not from the likelihood's curvature. Raises ValueError where there are fewer cells than parameters, or
    the family is unknown. Source: maximum likelihood (Fisher 1922).
    """
    if family not in FAMILIES:
        raise ValueError(f"Unknown family {family!r}; choose from {sorted(FAMILIES)}.")
    cells = _cells(compute, successes, trials, likelihood)
    kind = FAMILIES[family]
    if cells.log_compute.size < kind.num_parameters:
        raise ValueError(f"{family} needs at least {kind.num_parameters} cells, not {cells.log_compute.size}.")
    optimum = _search(cells, kind, likelihood)
    return CurveFit(
        family=family,
        curve=_curve(optimum, cells, kind),
        precision=float(np.exp(optimum.parameters[-1])) if likelihood == "beta_binomial" else None,
        log_likelihood=-optimum.objective,
        optimum=optimum,
        held_out=_held_out(cells, kind, likelihood),
        centre=float(cells.log_compute.mean()),
    )


class CurveRefits(NamedTuple):
    """The curve of each replicate, and whether its search ended at a minimum (R,)."""

    curves: list[Fitted]
    converged: Bools


def refit_curve(fit: CurveFit, compute: ArrayLike, successes: ArrayLike, trials: ArrayLike) -> CurveRefits:
    """A binomial fit made again on resampled prompts; compute (R, J), successes (R, J), trials (J,) or (R, J).

    Every search goes on from where the fit ended, on the compute that the replicate itself spends. Source:
    `refits.refit`.
    """
    kind = FAMILIES[fit.family]
    log_compute = np.log(np.asarray(compute, dtype=float))
    x = log_compute - fit.centre
    again = refit(
        lambda theta, at: kind.evaluate(theta, x[at]), fit.optimum.parameters, successes, trials, ridge=RIDGE
    )
    return CurveRefits([kind.name(theta, fit.centre) for theta in again.parameters], again.converged)


def isotonic(compute: ArrayLike, accuracy: ArrayLike, weights: ArrayLike, at: ArrayLike) -> Floats:
    """The non-decreasing curve nearest to the accuracies,
    linear in log compute between cells and flat beyond them.

    compute, accuracy, weights (J,), at (Q,) -> (Q,). A baseline only: real ladders do fall, and this hides it.
    Source: Ayer et al. 1955 (pool adjacent violators).
    """
    order = np.argsort(compute)
    smooth = isotonic_regression(np.asarray(accuracy, dtype=float)[order], weights=np.asarray(weights)[order]).x
    return np.asarray(np.interp(np.log(at), np.log(compute)[order], smooth))


def _cells(compute: ArrayLike, successes: ArrayLike, trials: ArrayLike, likelihood: Likelihood) -> _Cells:
    C, s, n = (np.asarray(array, dtype=float) for array in (compute, successes, trials))
    s, n = np.broadcast_arrays(np.atleast_2d(s), np.atleast_2d(n))
    if likelihood not in get_args(Likelihood):
        raise ValueError(f"Unknown likelihood {likelihood!r}; choose from {list(get_args(Likelihood))}.")
    if s.shape[-1] != C.size or C.ndim != 1:
        raise ValueError(f"compute {C.shape} must have one value for each column of successes {s.shape}.")
    if not (np.all(C > 0) and np.all(s >= 0) and np.all(s <= n) and np.all(n.sum(axis=0) > 0)):
        raise ValueError(
            "compute must be positive, and successes must lie between 0 and trials, which every cell has."
        )
    if likelihood == "beta_binomial" and len(s) == 1:
        raise ValueError(
            "beta_binomial needs a row a prompt; cells summed over prompts hold no spread between them."
        )
    order = np.argsort(C, kind="stable")
    return _Cells(np.log(C[order]), s[:, order], n[:, order])


def _search(cells: _Cells, kind: Family, likelihood: Likelihood, *, every: int = 1) -> Optimum:
    x = cells.log_compute - cells.log_compute.mean()
    starts = kind.starts(x, cells.accuracy())[::every]
    if likelihood == "binomial":
        objective = _binomial(kind, x, cells.successes.sum(axis=0), cells.trials.sum(axis=0))
    else:
        objective = _beta_binomial(kind, x, cells.successes, cells.trials)
        starts = np.pad(starts, ((0, 0), (0, 1)), constant_values=1.0)
    num_trials = float(cells.trials.sum())

    def held(theta: Floats) -> tuple[float, Floats]:
        value, gradient = objective(theta)
        return value + RIDGE * num_trials * float(theta @ theta), gradient + 2 * RIDGE * num_trials * theta

    return minimise(held, starts, scale=num_trials)


def _curve(optimum: Optimum, cells: _Cells, kind: Family) -> Fitted:
    return kind.name(optimum.parameters[: kind.num_parameters], float(cells.log_compute.mean()))


def _binomial(kind: Family, x: Floats, successes: Floats, trials: Floats) -> Objective:
    def objective(theta: Floats) -> tuple[float, Floats]:
        accuracy, slopes = kind.evaluate(theta, x)
        p = np.clip(accuracy, CERTAIN, 1 - CERTAIN)
        failures = trials - successes
        log_likelihood = xlogy(successes, p).sum() + xlog1py(failures, -p).sum()
        return -float(log_likelihood), -(slopes @ (successes / p - failures / (1 - p)))

    return objective


def _beta_binomial(kind: Family, x: Floats, successes: Floats, trials: Floats) -> Objective:
    """theta ends in the log precision."""
    failures = trials - successes

    def objective(theta: Floats) -> tuple[float, Floats]:
        accuracy, slopes = kind.evaluate(theta[:-1], x)
        p = np.clip(accuracy, CERTAIN, 1 - CERTAIN)
        precision = np.exp(theta[-1])
        a, b = p * precision, (1 - p) * precision
        log_likelihood = (
            (gammaln(successes + a) - gammaln(a)) + (gammaln(failures + b) - gammaln(b))
            - (gammaln(trials + precision) - gammaln(precision))
        )  # fmt: skip
        to_a, to_b = digamma(successes + a) - digamma(a), digamma(failures + b) - digamma(b)
        to_both = digamma(trials + precision) - digamma(precision)
        to_precision = precision * (p * to_a + (1 - p) * to_b - to_both).sum()
        gradient = slopes @ (precision * (to_a - to_b)).sum(axis=0)
        return -float(log_likelihood.sum()), -np.append(gradient, to_precision)

    return objective


def _held_out(cells: _Cells, kind: Family, likelihood: Likelihood) -> HeldOut:
    num_cells = cells.log_compute.size
    if num_cells - 1 < max(kind.num_parameters, 2):
        return HeldOut(np.nan, np.nan, np.nan, np.nan)
    errors, baseline = np.array([_errors_without(cells, cell, kind, likelihood) for cell in range(1, num_cells)]).T
    inner = [
        float(np.sqrt(np.mean(values[:-1] ** 2))) if num_cells > 2 else np.nan for values in (errors, baseline)
    ]
    return HeldOut(float(errors[-1]), float(baseline[-1]), *inner)


def _errors_without(cells: _Cells, cell: int, kind: Family, likelihood: Likelihood) -> tuple[float, float]:
    """Prediction minus observation at a cell by the fit to the others, and by isotonic interpolation of them."""
    rest, compute, observed = cells.without(cell), np.exp(cells.log_compute[cell]), cells.accuracy()[cell]
    fitted = _curve(_search(rest, kind, likelihood, every=HELD_OUT_EVERY), rest, kind).accuracy(compute)
    smooth = isotonic(np.exp(rest.log_compute), rest.accuracy(), rest.trials.sum(axis=0), [compute])
    return float(fitted - observed), float(smooth[0] - observed)
