"""A rung that was never run, from a trend in log size through those that were. Arrays in, arrays out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats

# A line has two parameters, and a third rung shows how far rungs lie from it.
MIN_RUNGS = 3
# A size at the end of the reach is within it, however sums are rounded.
ROUNDING = 1 + 1e-9
# Logarithms beyond are those of nothing and of more than any number.
MOST_LOG = 700.0
# Variances that are looked at, from next to none to the most that any replicate can have.
GRID = (1e-9, 1.0, 400)


class Reach(NamedTuple):
    """The least and largest size that can be forecast, and the largest ratio of two neighbours: one step."""

    low: float
    high: float
    step: float

    def holds(self, size: float) -> bool:
        """Whether a size is within one step of the ladder. Source: ours."""
        return self.low <= size * ROUNDING and size <= self.high * ROUNDING


def reach(sizes: ArrayLike) -> Reach:
    """How far a ladder of these sizes (M,) reaches: one step, its largest ratio between neighbours, beyond each
    end.

    Raises ValueError below MIN_RUNGS different sizes. Source: ours.
    """
    apart = np.unique(np.asarray(sizes, dtype=float))
    if len(apart) < MIN_RUNGS or not np.all(apart > 0):
        told = "size" if len(apart) == 1 else "different sizes"
        raise ValueError(
            f"A forecast needs at least {MIN_RUNGS} models of different sizes, not {len(apart)} {told}."
        )
    step = float((apart[1:] / apart[:-1]).max())
    return Reach(float(apart[0] / step), float(apart[-1] * step), step)


def forecast(sizes: ArrayLike, values: ArrayLike, size: float, *, rng: np.random.Generator) -> Floats:
    """Values of a rung of this size, on a straight line in log size, with all that is not known of them.

    sizes (M,); values (1 + R, M, J) of each rung under `bootstrap.prompt_weights`, the estimate first, on a scale
    on which they may be any number (logits of accuracies, logarithms of costs) -> (1 + R, J), NaN where a value
    is. A replicate is the line through the rungs' resampled values, by least squares, and a deviation of the
    rung's own. Deviations are normal with one variance, which M rungs tell with M - 2 degrees of freedom beside
    what resampling moves them by: each replicate draws a variance from the confidence distribution that the
    residuals leave, so that few rungs give the long tails of Student's t. Cells deviate together as the residuals
    do. Raises ValueError as `reach`, and for a size beyond it. Source: prediction in random-effects
    meta-regression, as Nagashima, Noma and Furukawa 2019 (arXiv 1804.01054) do it; the variance as Viechtbauer
    2007.
    """
    sizes, values = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    if not (within := reach(sizes)).holds(size):
        raise ValueError(
            f"Sizes from {within.low:.3g} to {within.high:.3g} can be forecast, and {size:.3g} cannot."
        )
    line, off_line = _projections(np.log(sizes), np.log(size))
    residuals = np.tensordot(off_line, values, axes=(0, 1))
    chances = rng.chisquare(len(sizes) - 2, len(values) - 1)
    deviation = np.sqrt((1 + line @ line) * _variances(residuals, chances))
    direction = rng.standard_normal((len(values) - 1, len(sizes) - 2)) @ residuals[:, 0]
    length = np.sqrt((residuals[:, 0] ** 2).sum(axis=0))
    found: Floats = np.einsum("m,rmj->rj", line, values)
    found[1:] += deviation * np.divide(direction, length, out=np.zeros_like(direction), where=length > 0)
    return np.clip(found, -MOST_LOG, MOST_LOG)


def _variances(residuals: Floats, chances: Floats) -> Floats:
    """Variances (R, J) of the rungs' deviations at which the residuals are worth these draws of chi-squared (R,).

    residuals (M - 2, 1 + R, J) along as many directions off the line. With a variance v added to what resampling
    moves them by, S, they are worth r' (v + S)^-1 r, which falls as v rises: 0 where it is too little without any.
    """
    moved = residuals[:, 1:] - residuals[:, :1]
    is_known = np.isfinite(moved).all(axis=0)
    moved = np.where(is_known, moved, 0)
    covariance = np.einsum("irj,krj->jik", moved, moved) / np.maximum(is_known.sum(axis=0), 1)[:, None, None]
    noise, turned = np.linalg.eigh(covariance)
    squares = np.einsum("jik,ij->jk", turned, residuals[:, 0]) ** 2
    found = np.zeros((len(chances), len(noise)))
    for cell in np.flatnonzero(squares.sum(axis=1) > 0):
        most = squares[cell].sum() / chances.min()
        grid = most * np.geomspace(*GRID)
        worth = (squares[cell] / (grid[:, None] + np.maximum(noise[cell], 0))).sum(axis=1)
        # Worth falls along the grid, and what is interpolated has to rise.
        read = np.interp(np.log(chances), np.log(worth[::-1]), np.log(grid[::-1]))
        found[:, cell] = np.where(chances < worth[0], np.exp(read), 0)
    return found


def _projections(logs: Floats, at: float) -> tuple[Floats, Floats]:
    """Weights (M,) of the rungs in the line's value at a log size, and M - 2 directions (M,
    M - 2) off every line.
    """
    centred = logs - logs.mean()
    line = 1 / len(logs) + (at - logs.mean()) * centred / (centred @ centred)
    through = np.linalg.qr(np.column_stack([np.ones(len(logs)), centred]), mode="complete").Q
    return np.asarray(line), np.asarray(through[:, 2:])
