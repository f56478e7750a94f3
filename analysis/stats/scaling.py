"""Loss as a sum of falling powers: L = E + A N^-alpha + B D^-beta, of parameters and pretraining tokens, and of
any number of such axes. Arrays in, named tuples out.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.stats.optimum import Objective, Optimum, minimise

HUBER_DELTA = 1e-3
NUM_SEARCHES = 10
MIN_POINTS = 7
# Of one axis, where searches for the logarithm of its amount and for its exponent begin.
Starts = tuple[Floats, Floats]
# Hoffmann et al. 2022, appendix D.3: starts of N and D, and for log E.
OF_SCALE: Starts = (np.linspace(0, 25, 6), np.linspace(0, 2, 5))
_LOG_E = np.linspace(-1, 1, 5)
# Starts times points that are held at once.
_CHUNK = 1_000_000

Reduction = Literal["sum", "mean"]


class LossLaw(NamedTuple):
    """L = E + A N^-alpha + B D^-beta, in nats a token; N parameters, D tokens."""

    A: float
    B: float
    E: float
    alpha: float
    beta: float

    def loss(self, num_params: ArrayLike, num_tokens: ArrayLike) -> Floats:
        """Predicted loss; the arguments broadcast. Source: Hoffmann et al. 2022 (arXiv 2203.15556), eq. 2."""
        N, D = np.asarray(num_params, dtype=float), np.asarray(num_tokens, dtype=float)
        return np.asarray(self.E + self.A * N**-self.alpha + self.B * D**-self.beta, dtype=float)


class LossFit(NamedTuple):
    """A fitted law, the spread of log residuals (None where not fitted) and how the search ended.

    `optimum.converged` says whether it is to be believed.
    """

    law: LossLaw
    spread: float | None
    optimum: Optimum


def fit_loss(
    num_params: ArrayLike,
    num_tokens: ArrayLike,
    loss: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    starts: ArrayLike | None = None,
    fit_spread: bool = False,
    reduction: Reduction = "sum",
    options: dict[str, Any] | None = None,
) -> LossFit:
    """The law that minimises the Huber loss (delta 1e-3) of log residuals,
    from many starts, with analytic gradient.

    num_params, num_tokens, loss (n,), all positive; weights (n,) count points, as a bootstrap does. starts (s, 5)
    are rows of log A, log B, log E, alpha, beta; by default the best NUM_SEARCHES of Hoffmann's grid of 4,500. The
    SUM is minimised: the mean makes every gradient n times smaller, so that an optimiser's default tolerances
    (pass `options={}`) stop it early. fit_spread divides residuals by a fitted spread and adds its logarithm,
    which makes the loss a negative log-likelihood. Raises ValueError below seven points. Source: Hoffmann et al.
    2022 (arXiv 2203.15556), appendix D; Besiroglu et al. 2024 (arXiv 2404.10102).
    """
    log_N, log_D, log_L = (np.log(positive(array)) for array in (num_params, num_tokens, loss))
    if log_L.size < MIN_POINTS:
        raise ValueError(f"Five parameters need at least {MIN_POINTS} points, not {log_L.size}.")
    counts = np.ones(log_L.size) if weights is None else np.asarray(weights, dtype=float)
    counts = counts / (counts.sum() if reduction == "mean" else 1.0)
    logs = np.stack([log_N, log_D])
    objective = huber_objective(logs, log_L, counts)
    begin = (
        best_of_grid(logs, log_L, counts, (OF_SCALE, OF_SCALE))
        if starts is None
        else np.atleast_2d(np.asarray(starts, dtype=float))
    )
    unit = HUBER_DELTA
    if fit_spread:
        objective, unit = _likelihood_objective(logs, log_L, counts), 1.0
        begin = np.pad(begin, ((0, 0), (0, 1)), constant_values=np.log(HUBER_DELTA) - 4)
    optimum = minimise(objective, begin, scale=unit * float(counts.sum()), options=options)
    log_A, log_B, log_E, alpha, beta, *log_spread = (float(value) for value in optimum.parameters)
    law = LossLaw(float(np.exp(log_A)), float(np.exp(log_B)), float(np.exp(log_E)), alpha, beta)
    return LossFit(law, float(np.exp(log_spread[0])) if fit_spread else None, optimum)


def positive(values: ArrayLike) -> Floats:
    """The values as an array; raises ValueError unless all are above 0. Source: by definition."""
    array = np.asarray(values, dtype=float)
    if not np.all(array > 0):
        raise ValueError("Parameters, tokens and losses must be positive numbers.")
    return array


def huber_objective(logs: Floats, log_L: Floats, weights: Floats) -> Objective:
    """The weighted sum of Huber losses of log residuals, with its gradient.

    logs (t, n) of the axes, log_L (n,), weights (n,); parameters (2t + 1,) are the log amounts (t), log E and the
    exponents (t). Source: Hoffmann et al. 2022 (arXiv 2203.15556), appendix D.
    """

    def objective(parameters: Floats) -> tuple[float, Floats]:
        residual, slopes = residuals(parameters, logs, log_L)
        pull = weights * np.clip(residual, -HUBER_DELTA, HUBER_DELTA)
        return _huber(residual, pull), slopes @ pull

    return objective


def _likelihood_objective(logs: Floats, log_L: Floats, weights: Floats) -> Objective:
    """The last parameter is the logarithm of the spread; the density's constant is left out."""

    def objective(parameters: Floats) -> tuple[float, Floats]:
        residual, slopes = residuals(parameters[:-1], logs, log_L)
        spread = np.exp(parameters[-1])
        standard = residual / spread
        pull = weights * np.clip(standard, -HUBER_DELTA, HUBER_DELTA)
        value = _huber(standard, pull) + parameters[-1] * weights.sum()
        return float(value), np.append(slopes @ pull / spread, weights.sum() - pull @ standard)

    return objective


def _huber(residual: Floats, pull: Floats) -> float:
    """Sum of weighted Huber losses from the residuals and their clipped, weighted selves."""
    return float(pull @ (residual - np.clip(residual, -HUBER_DELTA, HUBER_DELTA) / 2))


def residuals(parameters: Floats, logs: Floats, log_L: Floats) -> tuple[Floats, Floats]:
    """Log residuals (..., n) and their slopes in the parameters (..., 2t + 1, n); parameters (..., 2t + 1), as of
    `huber_objective`. Source: Hoffmann et al. 2022 (arXiv 2203.15556), equation 3.
    """
    num_axes = len(logs)
    log_amounts, log_E, exponents = np.split(parameters[..., None], [num_axes, num_axes + 1], axis=-2)
    falling = log_amounts - exponents * logs
    terms = np.concatenate([falling, np.broadcast_to(log_E, (*falling.shape[:-2], 1, logs.shape[1]))], axis=-2)
    peak = terms.max(axis=-2, keepdims=True)
    powers = np.exp(terms - peak)
    total = powers.sum(axis=-2, keepdims=True)
    shares = powers / total
    residual = (peak + np.log(total))[..., 0, :] - log_L
    return residual, np.concatenate([shares, -shares[..., :num_axes, :] * logs], axis=-2)


def best_of_grid(logs: Floats, log_L: Floats, weights: Floats, axes: Sequence[Starts]) -> Floats:
    """The NUM_SEARCHES points with the least objective, of all combinations of the axes' starts; (s, 2t + 1).

    Source: Hoffmann et al. 2022 (arXiv 2203.15556), appendix D.
    """
    amounts, exponents = [amount for amount, _ in axes], [exponent for _, exponent in axes]
    grid = np.asarray(list(product(*amounts, _LOG_E, *exponents)), dtype=float)
    size = max(1, _CHUNK // max(log_L.size, 1))
    values = [_values(grid[at : at + size], logs, log_L, weights) for at in range(0, len(grid), size)]
    return grid[np.argsort(np.concatenate(values), kind="stable")[:NUM_SEARCHES]]


def _values(grid: Floats, logs: Floats, log_L: Floats, weights: Floats) -> Floats:
    """The Huber objective at each of these parameters (s, 2t + 1); (s,)."""
    num_axes = len(logs)
    total = np.exp(grid[:, num_axes, None])
    for at, log_x in enumerate(logs):
        pairs, which = np.unique(grid[:, [at, num_axes + 1 + at]], axis=0, return_inverse=True)
        total = total + np.exp(pairs[:, :1] - pairs[:, 1:] * log_x)[which.ravel()]
    residual = np.log(total) - log_L
    clipped = np.clip(residual, -HUBER_DELTA, HUBER_DELTA)
    return np.asarray((clipped * (residual - clipped / 2)) @ weights)
