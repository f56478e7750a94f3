"""From what arms are expected to yield and cost to the arm that is chosen, at every trade of accuracy for cost."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Array, Floats
from analysis.policies.menu import Menu

# Accuracy that the whole range of costs is worth, (1 - alpha) / alpha: evenly spaced alphas would leave out all
# cheap settings of a ladder whose arms differ a hundredfold in cost.
TRADES = (0.0, *np.geomspace(1e-3, 1e3, 19))
ALPHAS = tuple(float(1 / (1 + trade)) for trade in TRADES)
# Of the cost's range: between equals the cheaper arm is chosen.
TIE = 1e-9


def cost_range(menu: Menu) -> tuple[float, float]:
    """Mean costs of the cheapest and the most expensive arm."""
    cost = menu.cost.mean(axis=0)
    return float(cost.min()), float(cost.max())


def scores(accuracy: ArrayLike, cost: ArrayLike, *, alphas: ArrayLike, between: tuple[float, float]) -> Floats:
    """alpha x accuracy + (1 - alpha)(1 - normalised cost); (..., A), (..., A), (L,) -> (L, ..., A).

    The form of Avengers-Pro (arXiv 2508.12631). Cost is normalised by the range of the arms' mean costs over all
    prompts (`between`), accuracy is as it is: normalised within a cluster, noise would weigh most where arms are
    alike.
    """
    low, high = between
    accuracy, cost = np.asarray(accuracy, dtype=float), np.asarray(cost, dtype=float)
    normalised = (cost - low) / (high - low) if high > low else np.zeros_like(cost)
    alpha = np.asarray(alphas, dtype=float).reshape(-1, *(1,) * accuracy.ndim)
    return np.asarray(alpha * accuracy + (1 - alpha) * (1 - normalised) - TIE * normalised)


def choose_best(scored: ArrayLike) -> Floats:
    """All of each prompt to the arm of the best score, the first of equals; (L, P, A) -> (L, P, A) of 0 and 1."""
    scored = np.asarray(scored, dtype=float)
    chosen: Array = np.zeros(scored.shape)
    np.put_along_axis(chosen, scored.argmax(axis=-1)[..., None], 1.0, axis=-1)
    return chosen
