"""Loss against parameters and pretraining tokens: L = E + A N^-alpha + B D^-beta. Arrays in, named tuples out."""

from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.stats.optimum import Objective, Optimum, minimise

HUBER_DELTA = 1e-3
NUM_SEARCHES = 10
MIN_POINTS = 7
# Hoffmann et al. 2022, appendix D.3: starts for log A, log B, log E, alpha and beta.
_GRID = (
    np.arange(0, 26, 5),
    np.arange(0, 26, 5),
    np.linspace(-1, 1, 5),
    np.linspace(0, 2, 5),
    np.linspace(0, 2, 5),
)

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
    log_N, log_D, log_L = (np.log(_positive(array)) for array in (num_params, num_tokens, loss))
    if log_L.size < MIN_POINTS:
        raise ValueError(f"Five parameters need at least {MIN_POINTS} points, not {log_L.size}.")
    counts = np.ones(log_L.size) if weights is None else np.asarray(weights, dtype=float)
    counts = counts / (counts.sum() if reduction == "mean" else 1.0)
    objective = _huber_objective(log_N, log_D, log_L, counts)
    begin = _best_of_grid(objective) if starts is None else np.atleast_2d(np.asarray(starts, dtype=float))
    unit = HUBER_DELTA
    if fit_spread:
        objective, unit = _likelihood_objective(log_N, log_D, log_L, counts), 1.0
        begin = np.pad(begin, ((0, 0), (0, 1)), constant_values=np.log(HUBER_DELTA) - 4)
    optimum = minimise(objective, begin, scale=unit * float(counts.sum()), options=options)
    log_A, log_B, log_E, alpha, beta, *log_spread = (float(value) for value in optimum.parameters)
    law = LossLaw(float(np.exp(log_A)), float(np.exp(log_B)), float(np.exp(log_E)), alpha, beta)
    return LossFit(law, float(np.exp(log_spread[0])) if fit_spread else None, optimum)


def _positive(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=float)
    if not np.all(array > 0):
        raise ValueError("Parameters, tokens and losses must be positive numbers.")
    return array


def _huber_objective(log_N: Floats, log_D: Floats, log_L: Floats, weights: Floats) -> Objective:
    def objective(parameters: Floats) -> tuple[float, Floats]:
        residual, slopes = _residuals(parameters, log_N, log_D, log_L)
        pull = weights * np.clip(residual, -HUBER_DELTA, HUBER_DELTA)
        return _huber(residual, pull), slopes @ pull

    return objective


def _likelihood_objective(log_N: Floats, log_D: Floats, log_L: Floats, weights: Floats) -> Objective:
    """The last parameter is the logarithm of the spread; the density's constant is left out."""

    def objective(parameters: Floats) -> tuple[float, Floats]:
        residual, slopes = _residuals(parameters[:5], log_N, log_D, log_L)
        spread = np.exp(parameters[5])
        standard = residual / spread
        pull = weights * np.clip(standard, -HUBER_DELTA, HUBER_DELTA)
        value = _huber(standard, pull) + parameters[5] * weights.sum()
        return float(value), np.append(slopes @ pull / spread, weights.sum() - pull @ standard)

    return objective


def _huber(residual: Floats, pull: Floats) -> float:
    """Sum of weighted Huber losses from the residuals and their clipped, weighted selves."""
    return float(pull @ (residual - np.clip(residual, -HUBER_DELTA, HUBER_DELTA) / 2))


def _residuals(parameters: Floats, log_N: Floats, log_D: Floats, log_L: Floats) -> tuple[Floats, Floats]:
    """Log residuals (n,) and their slopes in the five parameters (5, n)."""
    log_A, log_B, log_E, alpha, beta = parameters
    terms = np.stack([log_A - alpha * log_N, log_B - beta * log_D, np.full_like(log_N, log_E)])
    peak = terms.max(axis=0)
    powers = np.exp(terms - peak)
    total = powers.sum(axis=0)
    share_N, share_D, share_E = powers / total
    slopes = np.stack([share_N, share_D, share_E, -share_N * log_N, -share_D * log_D])
    return peak + np.log(total) - log_L, slopes


def _best_of_grid(objective: Objective) -> Floats:
    """The NUM_SEARCHES points of Hoffmann's grid with the least objective."""
    grid = np.asarray(list(product(*_GRID)), dtype=float)
    return grid[np.argsort([objective(point)[0] for point in grid], kind="stable")[:NUM_SEARCHES]]
