"""Loss in size, data and samples at once: L = E + A N^-alpha + B D^-beta + G k^-gamma. Arrays in,
named tuples out.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.stats.bootstrap import Interval, percentile_interval
from analysis.stats.optimum import Optimum, minimise
from analysis.stats.parts import row_blocks
from analysis.stats.scaling import (
    HUBER_DELTA,
    OF_SCALE,
    Starts,
    best_of_grid,
    huber_objective,
    positive,
    residuals,
)

AxisName = Literal["size", "training tokens", "samples"]
AXES: tuple[AxisName, ...] = ("size", "training tokens", "samples")
# Samples begin at 1, so that an amount is what they take off the loss there.
OF_SAMPLES: Starts = (np.array([-3.0, -1.0, 1.0]), np.array([0.25, 0.5, 1.0]))
_STARTS: dict[AxisName, Starts] = {"size": OF_SCALE, "training tokens": OF_SCALE, "samples": OF_SAMPLES}
# Of the points, which of an axis' values must differ from its line in the others to be told apart from them.
LEAST_APART = 0.05
MAX_ROUNDS = 300
# A search has ended where a step promises less than this share of what one point is worth.
FLAT = 1e-3
MAX_DAMPING = 1e12


class JointLoss(NamedTuple):
    """L = E + A N^-alpha + B D^-beta + G k^-gamma, in the unit of the loss; N parameters, D tokens, k samples.

    A term that was dropped has an amount of 0 and an exponent of NaN.
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float
    G: float
    gamma: float

    def loss(self, num_params: ArrayLike, num_tokens: ArrayLike, num_samples: ArrayLike) -> Floats:
        """Predicted loss; the arguments broadcast. Source: Roberts et al. 2026 (arXiv 2604.01411)."""
        terms = (
            (num_params, self.A, self.alpha),
            (num_tokens, self.B, self.beta),
            (num_samples, self.G, self.gamma),
        )
        total = np.asarray(self.E, dtype=float)
        for values, amount, exponent in terms:
            x = np.asarray(values, dtype=float)
            total = total + (amount * x**-exponent if amount else np.zeros(x.shape))
        return np.asarray(total)


class JointLossFit(NamedTuple):
    """A fitted law, why terms were dropped by axis, and how the search ended (`optimum.converged`)."""

    law: JointLoss
    dropped: dict[AxisName, str]
    optimum: Optimum


class JointLossIntervals(NamedTuple):
    """By name, each parameter with its interval, and by axis what it takes off the loss from its least value to
    its most, which the points tell also where amount and exponent make up for each other. share_converged: of
    replicates.
    """

    parameters: dict[str, Interval]
    gains: dict[AxisName, Interval]
    share_converged: float


def fit(
    num_params: ArrayLike,
    num_tokens: ArrayLike,
    num_samples: ArrayLike,
    loss: ArrayLike,
    *,
    starts: ArrayLike | None = None,
) -> JointLossFit:
    """The law that minimises the Huber loss (delta 1e-3) of log residuals, as `scaling.fit_loss` does for N and D.

    All (n,), positive. An axis that does not vary, or that follows from the others, has no term of its own: with
    one k this is Chinchilla's law. starts (s, 2t + 1) are rows of log amounts, log E and exponents of the t axes
    that are left. Raises ValueError below two points more than parameters, and where no axis varies. Source:
    Roberts et al. 2026 (arXiv 2604.01411); Hoffmann et al. 2022 (arXiv 2203.15556), appendix D, for the search.
    """
    logs, log_L = _logs(num_params, num_tokens, num_samples), np.log(positive(loss))
    dropped = untold_axes(logs)
    used = [axis for axis in AXES if axis not in dropped]
    if not used:
        raise ValueError(f"A law needs an axis that varies; {'; '.join(dropped.values())}.")
    if log_L.size < 2 * len(used) + 3:
        raise ValueError(
            f"{2 * len(used) + 1} parameters need at least {2 * len(used) + 3} points, not {log_L.size}."
        )
    kept, even = logs[[AXES.index(axis) for axis in used]], np.ones(log_L.size)
    begin = (
        best_of_grid(kept, log_L, even, [_STARTS[axis] for axis in used])
        if starts is None
        else np.atleast_2d(np.asarray(starts, dtype=float))
    )
    optimum = minimise(huber_objective(kept, log_L, even), begin, scale=HUBER_DELTA * log_L.size)
    return JointLossFit(JointLoss(*_named(optimum.parameters[None], used)[0].tolist()), dropped, optimum)


def untold_axes(logs: Floats) -> dict[AxisName, str]:
    """Of the axes (3, n) those that the points cannot tell, each with the reason. Source: ours.

    One that varies is dropped where LEAST_APART or less of its variance is left once those before it are known.
    """
    dropped: dict[AxisName, str] = {}
    known = [np.ones(logs.shape[1])]
    for axis, log_x in zip(AXES, logs, strict=True):
        if np.ptp(log_x) == 0:
            dropped[axis] = f"{axis}: all points have the same"
            continue
        before = np.stack(known, axis=1)
        rest = log_x - before @ np.linalg.lstsq(before, log_x, rcond=None)[0]
        if rest @ rest <= LEAST_APART * log_x.size * log_x.var():
            dropped[axis] = f"{axis}: follows from the axes before it, so that the two cannot be told apart"
        else:
            known.append(log_x)
    return dropped


def intervals(
    found: JointLossFit,
    num_params: ArrayLike,
    num_tokens: ArrayLike,
    num_samples: ArrayLike,
    loss: ArrayLike,
    *,
    num_replicates: int,
    rng: np.random.Generator,
) -> JointLossIntervals:
    """95% intervals of the parameters from points drawn again with replacement, each search from where the fit
    ended.

    Arguments as in `fit`. Replicates whose search did not end do not count. Source: Efron 1979.
    """
    axes = num_params, num_tokens, num_samples
    laws = _resample(found, _logs(*axes), np.log(positive(loss)), num_replicates=num_replicates, rng=rng)
    ends = zip(*percentile_interval(laws), strict=True)
    parameters = {name: Interval(*end) for name, end in zip(JointLoss._fields, ends, strict=True)}
    gains: dict[AxisName, Interval] = {}
    for axis, values in zip(AXES, axes, strict=True):
        if axis not in found.dropped:
            x, place = np.asarray(values, dtype=float), 1 + 2 * AXES.index(axis)
            amount, exponent = laws[:, place], laws[:, place + 1]
            gains[axis] = percentile_interval(amount * (x.min() ** -exponent - x.max() ** -exponent))
    return JointLossIntervals(parameters, gains, float(np.isfinite(laws[1:, 0]).mean()))


def _resample(
    found: JointLossFit, logs: Floats, log_L: Floats, *, num_replicates: int, rng: np.random.Generator
) -> Floats:
    """The law of the fit and of every replicate, a row each with the fields of JointLoss, NaN where a search did
    not end; logs (3, n), log_L (n,) -> (1 + R, 7).
    """
    used = [axis for axis in AXES if axis not in found.dropped]
    kept = logs[[AXES.index(axis) for axis in used]]
    weights = rng.multinomial(log_L.size, np.full(log_L.size, 1 / log_L.size), size=num_replicates).astype(float)
    rows = [refit(found.optimum.parameters, kept, log_L, weights[part]) for part in row_blocks(*weights.shape)]
    return np.concatenate([[found.law], _named(np.concatenate(rows), used)])


def refit(start: Floats, logs: Floats, log_L: Floats, weights: Floats) -> Floats:
    """Parameters (R, 2t + 1) of least Huber loss under each weighting of the points (R, n), NaN where none was
    found.

    start (2t + 1,): where the fit ended. Newton's step with each point weighed by delta over its residual, damped.
    Source: Huber 1964; Beaton and Tukey 1974 for the weights; Levenberg 1944.
    """
    theta, found = np.tile(start, (len(weights), 1)), np.full((len(weights), start.size), np.nan)
    damping, left = np.full(len(weights), 1e-3), np.arange(len(weights))
    for _ in range(MAX_ROUNDS):
        value, gradient, curvature = _state(theta[left], logs, log_L, weights[left])
        diagonal = np.einsum("rpp->rp", curvature)
        damped = curvature + (damping[left, None] * diagonal + 1e-12)[..., None] * np.eye(start.size)
        step = np.linalg.solve(damped, gradient[..., None])[..., 0]
        ended = (step * gradient).sum(axis=1) <= FLAT * HUBER_DELTA**2
        found[left[ended]] = theta[left[ended]]
        then = _value(theta[left] - step, logs, log_L, weights[left])
        better = then < value
        theta[left] = np.where(better[:, None], theta[left] - step, theta[left])
        damping[left] = np.where(better, damping[left] / 4, damping[left] * 4)
        left = left[~ended & (damping[left] <= MAX_DAMPING)]
        if not left.size:
            break
    return found


def _state(theta: Floats, logs: Floats, log_L: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """The Huber loss (R,), its gradient (R, p) and the curvature of the parabola that lies above it (R, p, p)."""
    residual, slopes = residuals(theta, logs, log_L)
    pull = weights * np.clip(residual, -HUBER_DELTA, HUBER_DELTA)
    share = weights * np.minimum(1, HUBER_DELTA / np.maximum(np.abs(residual), 1e-300))
    curvature = np.matmul(slopes * share[:, None], slopes.transpose(0, 2, 1))
    return _huber(residual, weights), np.matmul(slopes, pull[..., None])[..., 0], curvature


def _value(theta: Floats, logs: Floats, log_L: Floats, weights: Floats) -> Floats:
    return _huber(residuals(theta, logs, log_L)[0], weights)


def _huber(residual: Floats, weights: Floats) -> Floats:
    clipped = np.clip(residual, -HUBER_DELTA, HUBER_DELTA)
    return np.asarray((weights * clipped * (residual - clipped / 2)).sum(axis=1))


def _named(parameters: Floats, used: list[AxisName]) -> Floats:
    """Rows of log amounts, log E and exponents of the axes in use as rows of JointLoss's fields; (R, 7)."""
    laws = np.tile([0.0, 0.0, np.nan, 0.0, np.nan, 0.0, np.nan], (len(parameters), 1))
    laws[:, 0] = np.exp(parameters[:, len(used)])
    for at, axis in enumerate(used):
        place = 1 + 2 * AXES.index(axis)
        laws[:, place], laws[:, place + 1] = np.exp(parameters[:, at]), parameters[:, len(used) + 1 + at]
    return laws


def _logs(num_params: ArrayLike, num_tokens: ArrayLike, num_samples: ArrayLike) -> Floats:
    arrays = [positive(values) for values in (num_params, num_tokens, num_samples)]
    return np.asarray(np.log(np.stack(np.broadcast_arrays(*arrays))))
