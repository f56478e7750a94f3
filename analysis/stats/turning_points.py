"""Where a fitted curve turns, with an interval, and when that is refused: of a + b log v + c / v, and of a share
by a parabola in its log odds. Arrays in, named tuples out.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from analysis.arrays import Floats
from analysis.stats import linear
from analysis.stats.bootstrap import Interval
from analysis.stats.linear import Linear

Best = Literal["highest", "lowest"]
# A parabola has three parameters, and two shares more show whether it is one.
LEAST_SHARES = 5


class TurningPoint(NamedTuple):
    """Where the outcome is best, NaN where that is refused, and why it is."""

    at: Interval
    refusal: str | None


class ShareFit(NamedTuple):
    """The outcome as level + slope z + bend z^2 in z = log(share / (1 - share)): coefficients in this order,
    fields (3,), the best share, and the outcome there by the fit, NaN where none is given.
    """

    coefficients: Interval
    best: TurningPoint
    outcome_at_best: float


def of_logarithm(found: Linear, *, log: int, inverse: int, measured: ArrayLike, best: Best) -> TurningPoint:
    """Where b log v + c / v turns, v = c / b: a highest point where b < 0, a lowest where b > 0.

    log, inverse: places of the two coefficients; measured (n,): values of v. Refused where the curve turns the
    other way, outside of the measured values, or where its interval has no end. Source: Bian et al. 2025 (arXiv
    2510.18245) for the curve; Fieller 1954 for the interval.
    """
    ends = linear.ratio(found, inverse, log)
    turns: Best = "highest" if found.coefficients[log] < 0 else "lowest"
    return _told(ends, turns, np.asarray(measured, dtype=float), best)


def fit_share(shares: ArrayLike, outcome: ArrayLike, *, best: Best) -> ShareFit:
    """The share at which the outcome is best; both (n,), shares between 0 and 1.

    Raises ValueError below LEAST_SHARES distinct shares, and for shares of 0 or 1, whose log odds have no end.
    Source: Cheng et al. 2026 (arXiv 2601.07372) for the question; Fieller 1954 for the interval.
    """
    rho, y = np.asarray(shares, dtype=float), np.asarray(outcome, dtype=float)
    if not ((rho > 0) & (rho < 1)).all():
        raise ValueError("A share must lie between 0 and 1, without either. Leave the others out.")
    if (num := len(np.unique(rho))) < LEAST_SHARES:
        raise ValueError(f"The best share needs at least {LEAST_SHARES} shares that differ, not {num}.")
    z = np.asarray(logit(rho), dtype=float)
    found = linear.fit(np.stack([np.ones(len(z)), z, z**2], axis=1), y)
    over = linear.ratio(found, 1, 2)
    # The vertex lies at -slope / (2 bend), so that the ends change places.
    ends = Interval(*(np.asarray(expit(-end / 2)) for end in (over.estimate, over.high, over.low)))
    if not np.isfinite([over.low, over.high]).all():
        ends = ends._replace(low=np.asarray(-np.inf), high=np.asarray(np.inf))
    told = _told(ends, "highest" if found.coefficients[2] < 0 else "lowest", rho, best)
    at = float(logit(told.at.estimate)) if told.refusal is None else np.nan
    reached = float(found.coefficients @ [1.0, at, at**2])
    return ShareFit(linear.intervals(found), told, reached)


def _told(ends: Interval, turns: Best, measured: Floats, best: Best) -> TurningPoint:
    estimate, low, high = (float(end) for end in ends)
    refusal = None
    if not np.isfinite([low, high]).all():
        refusal = "whether the curve bends at all is not certain, so that its interval has no end"
    elif turns != best:
        refusal = f"the curve has a {turns} point, no {best}: the best lies at an end of what was measured"
    elif not measured.min() <= estimate <= measured.max():
        refusal = (
            f"it would lie at {estimate:.3g}, outside of the measured {measured.min():.3g} to {measured.max():.3g}"
        )
    if refusal is not None:
        return TurningPoint(Interval(*(np.asarray(np.nan) for _ in range(3))), refusal)
    return TurningPoint(ends, None)
