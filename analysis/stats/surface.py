"""Accuracy over size, samples and tokens at once,
and the rates at which one replaces another. Arrays in and out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, xlog1py, xlogy

from analysis.arrays import Bools, Floats, Ints
from analysis.stats.optimum import Objective, Optimum, minimise
from analysis.stats.refits import refit

CERTAIN = 1e-12
# Per trial, on centred coordinates: a ceiling that the cells do not show stays finite.
RIDGE = 1e-7
MIN_SIZES = 3


class Coefficients(NamedTuple):
    """A = ceiling expit(level + alpha n + beta k + gamma t + alpha_beta n k + alpha_gamma n t + beta_gamma k t).

    n, k and t are the logarithms of size, width and tokens less `centre`; ceiling is 1 where it was not fitted.
    """

    level: float
    alpha: float
    beta: float
    gamma: float
    alpha_beta: float
    alpha_gamma: float
    beta_gamma: float
    ceiling: float


class Extent(NamedTuple):
    """What was measured: least and largest size, width and tokens (3,), and the sizes (M,) themselves."""

    low: Floats
    high: Floats
    sizes: Floats


class Prediction(NamedTuple):
    """Accuracy, and whether size, width or tokens lie beyond what was measured; (Q,) each."""

    accuracy: Floats
    extrapolated: Bools


class Exchange(NamedTuple):
    """Marginal rates of substitution (Q,): by how many powers of width,
    or of tokens, one power of size is replaced.

    (dA / d log N) / (dA / d log k) and the same for tokens: at a rate of 2, a model half as large needs 2^2 = 4
    times the samples for the same accuracy. Not finite where more samples, or tokens, change nothing.
    """

    width: Floats
    tokens: Floats


class Surface(NamedTuple):
    """A fitted surface. size_errors (M,): prediction less observation at each size, fitted without it.

    The end sizes are extrapolated by a rung there, the others interpolated. Sizes, not cells, are the sample of
    anything about N: with four to six of them, these errors are what the surface is worth.
    """

    coefficients: Coefficients
    centre: Floats
    extent: Extent
    size_errors: Floats
    optimum: Optimum

    def predict(self, size: ArrayLike, width: ArrayLike, tokens: ArrayLike) -> Prediction:
        """Accuracy at sizes, widths and tokens, which broadcast to (Q,); marked where they were not measured.

        Raises ValueError further than one rung, the ratio of the two end sizes, beyond the smallest or largest
        model. Source: `fit_surface`.
        """
        logs = np.stack(np.broadcast_arrays(*(np.log(np.asarray(x, dtype=float)) for x in (size, width, tokens))))
        self._refuse_far_sizes(logs[0])
        low, high = (np.log(end).reshape(3, *[1] * (logs.ndim - 1)) for end in (self.extent.low, self.extent.high))
        outside = np.any((logs < low - 1e-9) | (logs > high + 1e-9), axis=0)
        return Prediction(_accuracy(self.coefficients, self._centred(logs)), outside)

    def exchange(self, size: ArrayLike, width: ArrayLike, tokens: ArrayLike) -> Exchange:
        """Marginal rates of substitution at sizes, widths and tokens,
        which broadcast to (Q,); refuses as `predict`.

        Source: by definition, a ratio of partial derivatives.
        """
        logs = np.stack(np.broadcast_arrays(*(np.log(np.asarray(x, dtype=float)) for x in (size, width, tokens))))
        self._refuse_far_sizes(logs[0])
        n, k, t = self._centred(logs)
        c = self.coefficients
        # The ceiling and the logistic's slope are common to all three, and cancel.
        by_size = c.alpha + c.alpha_beta * k + c.alpha_gamma * t
        by_width = c.beta + c.alpha_beta * n + c.beta_gamma * t
        by_tokens = c.gamma + c.alpha_gamma * n + c.beta_gamma * k
        with np.errstate(divide="ignore", invalid="ignore"):
            return Exchange(by_size / by_width, by_size / by_tokens)

    def _centred(self, logs: Floats) -> Floats:
        return np.asarray(logs - self.centre.reshape(3, *[1] * (logs.ndim - 1)))

    def _refuse_far_sizes(self, log_size: Floats) -> None:
        sizes = np.log(self.extent.sizes)
        low, high = 2 * sizes[0] - sizes[1], 2 * sizes[-1] - sizes[-2]
        if np.any((log_size < low - 1e-9) | (log_size > high + 1e-9)):
            raise ValueError(
                f"Sizes from {np.exp(low):.3g} to {np.exp(high):.3g} are within a rung of what was measured; "
                f"{np.exp(log_size.min()):.3g} to {np.exp(log_size.max()):.3g} are not."
            )


def fit_surface(
    size: ArrayLike,
    width: ArrayLike,
    tokens: ArrayLike,
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    interactions: bool = False,
    saturates: bool = False,
) -> Surface:
    """The surface of one difficulty bin that makes its successes most likely,
    with its error at each size left out.

    All (J,), a value a cell: parameters, samples, tokens a sample, expected successes and trials; successes may be
    fractions. An axis that does not vary gets coefficient 0. saturates fits a ceiling below 1. Nothing is forced
    to rise. Raises ValueError below MIN_SIZES sizes, and for impossible counts. Source: ours.
    """
    logs = np.log(np.stack([_positive(x) for x in (size, width, tokens)]))
    s, n = (np.asarray(x, dtype=float) for x in (successes, trials))
    if s.shape != logs.shape[1:] or n.shape != s.shape or not np.all((s >= 0) & (s <= n) & (n > 0)):
        raise ValueError("Each cell needs a size, a width, tokens and successes between 0 and its trials.")
    sizes = np.unique(logs[0])
    if sizes.size < MIN_SIZES:
        raise ValueError(f"A surface over size needs at least {MIN_SIZES} models, not {sizes.size}.")
    fitted, centre, optimum = _fit(logs, s, n, interactions, saturates)
    errors = [_error_without(logs, s, n, logs[0] == left_out, interactions, saturates) for left_out in sizes]
    extent = Extent(np.exp(logs.min(axis=1)), np.exp(logs.max(axis=1)), np.exp(sizes))
    return Surface(fitted, centre, extent, np.asarray(errors), optimum)


def _fit(
    logs: Floats, successes: Floats, trials: Floats, interactions: bool, saturates: bool
) -> tuple[Coefficients, Floats, Optimum]:
    centre = logs.mean(axis=1)
    terms = _terms(logs - centre[:, None])
    used = _used(logs, interactions)
    level = logit(np.clip(successes.sum() / trials.sum(), 1e-3, 1 - 1e-3))
    start = np.zeros(int(used.sum()) + saturates)
    starts = [start + np.eye(start.size)[0] * shift for shift in (level, level + 1, 0.0)]
    starts = [np.append(each[:-1], ceiling) for each in starts for ceiling in (4.0, 1.0)] if saturates else starts
    optimum = minimise(_objective(terms[used], successes, trials, saturates), starts, scale=float(trials.sum()))
    full = np.zeros(used.size)
    full[used] = optimum.parameters[: int(used.sum())]
    ceiling = float(expit(optimum.parameters[-1])) if saturates else 1.0
    return Coefficients._make([*full.tolist(), ceiling]), centre, optimum


def resample_rates(
    fit: Surface,
    size: ArrayLike,
    width: ArrayLike,
    tokens: ArrayLike,
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    interactions: bool = False,
    saturates: bool = False,
) -> Exchange:
    """The rates at the middle of the fitted grid on resampled prompts,
    the surface made again each time; (R,) each.

    size, width (J,) as fitted; tokens (R, J), those of the drawn prompts, or (J,); successes (R, J), trials (R,)
    of every cell; interactions and saturates as fitted. NaN where a replicate has no prompts or its search did not
    converge. Source: `refits.refit`.
    """
    s = np.asarray(successes, dtype=float)
    n, k, t = (
        np.log(np.asarray(x, dtype=float)) - c for x, c in zip((size, width, tokens), fit.centre, strict=True)
    )
    t = np.broadcast_to(t, s.shape)
    used = _used(np.log(np.stack([fit.extent.low, fit.extent.high], axis=1)), interactions)

    def evaluate(theta: Floats, at: Ints) -> tuple[Floats, Floats]:
        return _evaluate(theta, _terms(np.stack(np.broadcast_arrays(n, k, t[at])))[used], saturates)

    again = refit(
        evaluate,
        fit.optimum.parameters,
        s,
        np.asarray(trials, dtype=float)[:, None],
        ridge=RIDGE,
    )
    full = np.zeros((len(again.parameters), used.size))
    full[:, used] = np.where(again.converged[:, None], again.parameters[:, : int(used.sum())], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Exchange(full[:, 1] / full[:, 2], full[:, 1] / full[:, 3])


def _evaluate(theta: Floats, terms: Floats, saturates: bool) -> tuple[Floats, Floats]:
    """Accuracy (R, J) and slopes (p, R, J) at coordinates theta (p, R, 1) of terms (p, R, J)."""
    rise = expit(np.einsum("pr,prj->rj", theta[: len(terms), :, 0], terms))
    ceiling = expit(theta[-1]) if saturates else np.ones_like(theta[0])
    slopes = terms * (ceiling * rise * (1 - rise))
    if saturates:
        slopes = np.concatenate([slopes, ((1 - ceiling) * ceiling * rise)[None]])
    return np.asarray(ceiling * rise), slopes


def _used(logs: Floats, interactions: bool) -> Bools:
    """Which terms the cells can tell: of axes that vary."""
    n, k, t = np.ptp(logs, axis=1) > 0
    return np.array([True, n, k, t, *(both and interactions for both in (n and k, n and t, k and t))])


def _objective(terms: Floats, successes: Floats, trials: Floats, saturates: bool) -> Objective:
    def objective(theta: Floats) -> tuple[float, Floats]:
        ceiling = expit(theta[-1]) if saturates else 1.0
        rise = expit(theta[: len(terms)] @ terms)
        p = np.clip(ceiling * rise, CERTAIN, 1 - CERTAIN)
        value = xlogy(successes, p).sum() + xlog1py(trials - successes, -p).sum()
        pull = (successes - trials * p) / (1 - p)
        # d log p / d eta is 1 - rise, and d log p / d logit(ceiling) is 1 - ceiling.
        gradient = terms @ (pull * (1 - rise))
        if saturates:
            gradient = np.append(gradient, (1 - ceiling) * pull.sum())
        ridge = RIDGE * trials.sum()
        return ridge * float(theta @ theta) - float(value), 2 * ridge * theta - gradient

    return objective


def _error_without(
    logs: Floats, successes: Floats, trials: Floats, left_out: Bools, interactions: bool, saturates: bool
) -> float:
    kept = ~left_out
    fitted, centre, _ = _fit(logs[:, kept], successes[kept], trials[kept], interactions, saturates)
    predicted = _accuracy(fitted, logs[:, left_out] - centre[:, None])
    return float(np.average(predicted - successes[left_out] / trials[left_out], weights=trials[left_out]))


def _terms(centred: Floats) -> Floats:
    """1, n, k, t, n k, n t, k t; (3, ...) -> (7, ...)."""
    n, k, t = centred
    return np.stack([np.ones_like(n), n, k, t, n * k, n * t, k * t])


def _accuracy(coefficients: Coefficients, centred: Floats) -> Floats:
    *linear, ceiling = coefficients
    return np.asarray(ceiling * expit(np.tensordot(np.asarray(linear), _terms(centred), axes=1)))


def _positive(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not np.all(array > 0):
        raise ValueError("Sizes, widths and tokens must be one positive number a cell.")
    return array
