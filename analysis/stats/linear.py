"""Least squares with intervals by Student's t, a ratio of two coefficients, and errors on what was left out.
Arrays in, named tuples out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from analysis.arrays import Bools, Floats
from analysis.stats.bootstrap import LEVEL, Interval


class Linear(NamedTuple):
    """Coefficients (p,), their covariance (p, p), and the degrees of freedom of the residuals."""

    coefficients: Floats
    covariance: Floats
    num_free: int

    @property
    def student(self) -> float:
        """How many standard errors either way an interval has. Source: Student 1908."""
        return float(stdtrit(self.num_free, (1 + LEVEL) / 2))


def fit(design: ArrayLike, outcome: ArrayLike) -> Linear:
    """Coefficients of least squares; design (n, p), outcome (n,). Raises ValueError without degrees of freedom, or
    where columns of the design follow from others.

    Source: Gauss 1823, by the QR decomposition.
    """
    X, y = np.asarray(design, dtype=float), np.asarray(outcome, dtype=float)
    num_free = len(y) - X.shape[1]
    if num_free < 1:
        raise ValueError(f"{X.shape[1]} parameters need at least {X.shape[1] + 1} points, not {len(y)}.")
    if np.linalg.matrix_rank(_scaled(X)) < X.shape[1]:
        raise ValueError("One column of the design follows from the others. Leave it out.")
    Q, R = np.linalg.qr(X)
    inverse = np.linalg.inv(R)
    coefficients = inverse @ (Q.T @ y)
    residual = y - X @ coefficients
    return Linear(coefficients, inverse @ inverse.T * float(residual @ residual) / num_free, num_free)


def intervals(found: Linear) -> Interval:
    """95% intervals of the coefficients, fields (p,): exact for independent normal errors of one spread.

    Source: Student 1908; Fisher 1922.
    """
    reach = found.student * np.sqrt(np.diag(found.covariance))
    return Interval(found.coefficients, found.coefficients - reach, found.coefficients + reach)


def combination(found: Linear, weights: ArrayLike) -> Interval:
    """95% interval of a weighted sum of coefficients (a number), exact as those of `intervals`; weights (p,).

    Source: Student 1908; Fisher 1922.
    """
    w = np.asarray(weights, dtype=float)
    estimate, reach = w @ found.coefficients, found.student * np.sqrt(w @ found.covariance @ w)
    return Interval(np.asarray(estimate), np.asarray(estimate - reach), np.asarray(estimate + reach))


def ratio(found: Linear, above: int, below: int) -> Interval:
    """95% interval of one coefficient (a number) over another, exact as those of `intervals`; without end both
    ways where the one below may be 0.

    Source: Fieller 1954.
    """
    a, b = found.coefficients[above], found.coefficients[below]
    scale = found.student**2
    of_a, of_b, both = (scale * found.covariance[at] for at in ((above, above), (below, below), (above, below)))
    if b * b <= of_b:
        return Interval(np.asarray(a / b if b else np.nan), np.asarray(-np.inf), np.asarray(np.inf))
    # Not as a difference of squares, which rounding may turn below 0.
    within = max(of_a * b * b - 2 * a * b * both + of_b * a * a - (of_a * of_b - both * both), 0.0)
    middle, reach = a * b - both, np.sqrt(within)
    low, high = ((middle + way * reach) / (b * b - of_b) for way in (-1, 1))
    return Interval(np.asarray(a / b), np.asarray(low), np.asarray(high))


def leave_one_out(design: ArrayLike, outcome: ArrayLike) -> Floats:
    """Each outcome less what the others forecast of it, (n,); NaN where these do not tell it; design (n, p).

    Source: Allen 1974, by the leverages.
    """
    X, y = np.asarray(design, dtype=float), np.asarray(outcome, dtype=float)
    Q, _ = np.linalg.qr(X)
    left = 1 - (Q**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 1e-9, (y - Q @ (Q.T @ y)) / left, np.nan)


def leave_group_out(design: ArrayLike, outcome: ArrayLike, groups: ArrayLike) -> Floats:
    """Each outcome less what the other groups forecast of it, (n,), both as differences from their own group's
    mean; design (n, p) without a column of ones, groups (n,) labels.

    So a group's own level is no part of the error. NaN where the others do not tell every coefficient, and for a
    group of one. Source: ours; Allen 1974 for points.
    """
    X, y = np.asarray(design, dtype=float), np.asarray(outcome, dtype=float)
    labels = np.asarray(groups)
    X, y = (centred(values, labels) for values in (X, y))
    errors = np.full(len(y), np.nan)
    for label in np.unique(labels):
        out: Bools = labels == label
        rest = X[~out]
        num_free = len(rest) - len(np.unique(labels[~out])) - X.shape[1]
        if out.sum() > 1 and num_free >= 0 and np.linalg.matrix_rank(_scaled(rest)) == X.shape[1]:
            slopes = np.linalg.lstsq(rest, y[~out], rcond=None)[0]
            errors[out] = y[out] - X[out] @ slopes
    return errors


def centred(values: ArrayLike, groups: ArrayLike) -> Floats:
    """Values (n, ...) less the mean of their group; groups (n,) labels. Source: by definition."""
    found, labels = np.array(values, dtype=float), np.asarray(groups)
    for label in np.unique(labels):
        found[labels == label] -= found[labels == label].mean(axis=0)
    return found


def _scaled(X: Floats) -> Floats:
    """Columns of length 1, so that their rank does not depend on units."""
    return np.asarray(X / np.maximum(np.linalg.norm(X, axis=0), 1e-300))
