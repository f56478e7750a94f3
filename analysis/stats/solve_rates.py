"""How prompts' chances of being solved are spread, from success counts. Arrays in, named tuples out."""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls
from scipy.special import betaln, digamma, expit, gammaln, logit, logsumexp, xlog1py, xlogy

from analysis.arrays import Floats
from analysis.stats.optimum import Optimum, minimise

# Per prompt, on the searched coordinates: keeps finite what the counts leave open.
RIDGE = 1e-6
MAX_STEP = 0.1
# Beyond this distance of log z from the last feature of the integrand its tails are exponential to rounding.
TAIL = 18.0
NUM_SEARCHES = 3
GRID_POINTS = 240
MAX_ROUNDS = 200
FLAT = 1e-6
SUM_WEIGHT = 1e4


class ScaledBeta(NamedTuple):
    """A prompt is never solved with chance `never`; else its solve rate is scale * z, z ~ Beta(a, b)."""

    never: float
    scale: float
    a: float
    b: float

    def coverage(self, k: ArrayLike) -> Floats:
        """Expected coverage of k samples; (Q,) -> (Q,). Source: by definition, from the law of the solve rates."""
        widths = np.asarray(k, dtype=float)
        failure = np.exp(_moments(np.zeros(widths.size), widths.ravel(), self.a, self.b, self.scale).log_mean)
        return np.asarray((1 - self.never) * (1 - failure.reshape(widths.shape)))


class ScaledBetaFit(NamedTuple):
    """Fitted solve rates, their log-likelihood, and how the search ended: `optimum.converged`."""

    rates: ScaledBeta
    log_likelihood: float
    optimum: Optimum


class FreeRates(NamedTuple):
    """Solve rates of any shape: masses (G,) on a grid of rates (G,) that begins at 0.

    slope is how much faster the log-likelihood could still rise per prompt, 0 at the maximum. Counts of n samples
    hardly tell rates below 1 / n apart, so far beyond n the forecast may miss to either side.
    """

    rates: Floats
    masses: Floats
    slope: float

    @property
    def converged(self) -> bool:
        """The slope has vanished. Source: Lindsay 1983."""
        return self.slope <= FLAT

    def coverage(self, k: ArrayLike) -> Floats:
        """Expected coverage of k samples; (Q,) -> (Q,). Source: by definition, from the law of the solve rates."""
        widths = np.asarray(k, dtype=float)
        return np.asarray(-np.expm1(xlog1py(widths[..., None], -self.rates)) @ self.masses)


def fit_scaled_beta(
    num_samples: ArrayLike,
    num_correct: ArrayLike,
    *,
    scale: float | None = None,
    never: float | None = None,
    weights: ArrayLike | None = None,
) -> ScaledBetaFit:
    """The scaled beta-binomial with a point mass at 0 that makes the counts most likely; analytic gradient.

    num_samples () or (P,), num_correct (P,); weights (P,) count prompts, as a bootstrap does. scale and never are
    fitted unless given: scale=1, never=0 is the beta-binomial. Raises ValueError for impossible counts.
    Source: Schaeffer et al. 2025 (arXiv 2502.17578); the point mass is ours.
    """
    correct, failures, counts = _distinct(num_samples, num_correct, weights)
    free = np.array([True, True, scale is None, never is None])
    fixed = np.array(
        [0.0, 0.0, np.inf if scale is None else logit(scale), -np.inf if never is None else logit(never)]
    )
    ways = gammaln(correct + failures + 1) - gammaln(correct + 1) - gammaln(failures + 1)

    def objective(theta: Floats) -> tuple[float, Floats]:
        full = fixed.copy()
        full[free] = theta
        value, gradient = _log_likelihood(full, correct, failures, counts)
        ridge = RIDGE * counts.sum()
        return ridge * float(theta @ theta) - value, 2 * ridge * theta - gradient[free]

    starts = np.array([[*np.log(ab), *logit(sn)] for ab, sn in product(_SHAPES, _SCALE_AND_NEVER)])
    best = sorted(starts[:, free], key=lambda start: objective(start)[0])[:NUM_SEARCHES]
    optimum = minimise(objective, best, scale=float(counts.sum()))
    fixed[free] = optimum.parameters
    rates = ScaledBeta(
        float(expit(fixed[3])), float(expit(fixed[2])), float(np.exp(fixed[0])), float(np.exp(fixed[1]))
    )
    return ScaledBetaFit(rates, float(counts @ ways) - optimum.objective, optimum)


_SHAPES = ((0.3, 2.0), (0.3, 20.0), (1.0, 5.0), (1.0, 50.0))
_SCALE_AND_NEVER = ((0.9, 0.02), (0.4, 0.2))


def fit_free(num_samples: ArrayLike, num_correct: ArrayLike, *, weights: ArrayLike | None = None) -> FreeRates:
    """The masses on a grid of solve rates that make the counts most likely, whatever their shape.

    num_samples () or (P,), num_correct (P,); weights (P,) count prompts. The grid is 0 and GRID_POINTS rates,
    evenly spaced in arcsine of root p, whose spacing follows the binomial's error. Each round solves the quadratic
    model of the log-likelihood by non-negative least squares, until no mass could gain more than FLAT a prompt.
    Source: Laird 1978 and Lindsay 1983 (the estimator and its stopping rule), Wang 2007 (the rounds).
    """
    correct, failures, counts = _distinct(num_samples, num_correct, weights)
    rates = np.sin(np.linspace(0, np.pi / 2, GRID_POINTS + 1)) ** 2
    log_likelihood = xlogy(correct[:, None], rates) + xlog1py(failures[:, None], -rates)
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    masses, share = np.full(rates.size, 1 / rates.size), counts / counts.sum()
    for _ in range(MAX_ROUNDS):
        if _slope(likelihood, masses, share) <= FLAT:
            break
        masses = _round(likelihood, masses, share)
    return FreeRates(rates, masses, _slope(likelihood, masses, share))


def _slope(likelihood: Floats, masses: Floats, share: Floats) -> float:
    return float(np.max((share / (likelihood @ masses)) @ likelihood) - 1)


def _round(likelihood: Floats, masses: Floats, share: Floats) -> Floats:
    """One step of the constrained Newton method, halved until the log-likelihood rises."""
    relative = likelihood / (likelihood @ masses)[:, None]
    root = np.sqrt(share)[:, None]
    rows = np.concatenate([relative * root, np.full((1, masses.size), SUM_WEIGHT)])
    aim, _ = nnls(rows, np.append(2 * root[:, 0], SUM_WEIGHT))
    aim /= aim.sum()
    size, before = 1.0, share @ np.log(likelihood @ masses)
    while size > 1e-8 and not share @ np.log(likelihood @ (masses + size * (aim - masses))) > before:
        size /= 2
    moved: Floats = masses + size * (aim - masses)
    return moved


def _distinct(
    num_samples: ArrayLike, num_correct: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Distinct pairs of successes and failures, and how many prompts have each."""
    c, n = np.broadcast_arrays(np.asarray(num_correct, dtype=float), np.asarray(num_samples, dtype=float))
    if c.ndim != 1 or not np.all((c >= 0) & (c <= n) & (n >= 1)):
        raise ValueError("num_correct must be one count a prompt, between 0 and num_samples.")
    each = np.ones(c.size) if weights is None else np.asarray(weights, dtype=float)
    pairs, which = np.unique(np.stack([c, n - c]), axis=1, return_inverse=True)
    return pairs[0], pairs[1], np.bincount(which.ravel(), weights=each).astype(float)


def _log_likelihood(theta: Floats, correct: Floats, failures: Floats, counts: Floats) -> tuple[float, Floats]:
    """Without binomial coefficients, and its gradient; theta is log a, log b, logit scale, logit never."""
    a, b, scale, never = np.exp(theta[0]), np.exp(theta[1]), expit(theta[2]), expit(theta[3])
    moments = _moments(correct, failures, a, b, scale)
    log_solvable = np.log1p(-never) + moments.log_mean
    log_total = np.logaddexp(log_solvable, np.where(correct == 0, -np.logaddexp(0, -theta[3]), -np.inf))
    solvable = np.exp(log_solvable - log_total)
    to_never = (1 - never) * (1 - solvable) - never * solvable
    return float(counts @ log_total), np.append(moments.slopes @ (counts * solvable), counts @ to_never)


class _Moments(NamedTuple):
    """log E[p^c (1 - p)^m] (N,), and its slopes (3, N) in log a, log b and logit scale."""

    log_mean: Floats
    slopes: Floats


def _moments(correct: Floats, failures: Floats, a: float, b: float, scale: float) -> _Moments:
    """By the trapezoid rule on the whole line of u = logit z, where it converges exponentially.

    The step resolves the narrowest peak. The tails, z^a to the left where c = 0 and (1 - z)^b to the right where
    scale < 1, are geometric series and are summed in closed form.
    """
    total = correct + failures
    width = np.sqrt(np.max(correct * failures / np.maximum(total, 1), initial=0))
    step, reach = min(MAX_STEP, 1 / max(width, 1)), TAIL + np.log(max(total.max(), a, b, 1))
    further = -np.log1p(-scale) if scale < 1 else 0.0
    u = np.arange(-reach, reach + further + step, step)
    log_z, log_rest = -np.logaddexp(0, -u), -np.logaddexp(0, u)
    # 1 - scale z = (1 - z) + (1 - scale) z, without the loss of digits near 1.
    log_p, log_q = (
        np.log(scale) + log_z,
        log_rest if scale == 1 else np.logaddexp(log_rest, np.log1p(-scale) + log_z),
    )
    log_terms = a * log_z + b * log_rest + correct[:, None] * log_p + failures[:, None] * log_q + np.log(step)
    to_scale = correct[:, None] - failures[:, None] * np.exp(log_p - log_q)
    falls = np.stack([a + correct, b + failures * (scale == 1)])
    log_sum, mean_log_z, mean_log_rest, mean_to_scale = _sum_with_tails(log_terms, falls * step, step, u, to_scale)
    slopes = [
        a * (mean_log_z - digamma(a) + digamma(a + b)),
        b * (mean_log_rest - digamma(b) + digamma(a + b)),
        (1 - scale) * mean_to_scale,
    ]
    return _Moments(log_sum - betaln(a, b), np.stack(slopes))


def _sum_with_tails(
    log_terms: Floats, falls: Floats, step: float, u: Floats, to_scale: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Log sum of the terms (N, U) and the series beyond both ends,
    and the means of log z, log (1 - z) and to_scale.

    falls (2, N): by how much the log terms fall with each step to the left of the first and right of the last.
    """
    # Of a series with first term 1 / e^fall: 1 / (e^fall - 1).
    left, right = np.stack([log_terms[:, 0], log_terms[:, -1]]) - falls - np.log(-np.expm1(-falls))
    log_sum = logsumexp(np.column_stack([left, log_terms, right]), axis=1)
    weight = np.exp(log_terms - log_sum[:, None])
    in_left, in_right = np.exp(left - log_sum), np.exp(right - log_sum)
    # Steps from the end to the mean of a geometric series beyond it; there log z, or log (1 - z), falls by a step
    # each.
    beyond_left, beyond_right = step / -np.expm1(-falls)
    mean_log_z = -(weight @ np.logaddexp(0, -u)) + in_left * (u[0] - beyond_left)
    mean_log_rest = -(weight @ np.logaddexp(0, u)) - in_right * (u[-1] + beyond_right)
    mean_to_scale = (weight * to_scale).sum(axis=1) + in_left * to_scale[:, 0] + in_right * to_scale[:, -1]
    return log_sum, mean_log_z, mean_log_rest, mean_to_scale
