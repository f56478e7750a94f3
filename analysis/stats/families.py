"""Bounded families of accuracy against log compute, with their slopes. Arrays in, named parameters out."""

from collections.abc import Callable
from itertools import product
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from analysis.arrays import Floats

FamilyName = Literal["logit_linear", "logistic", "saturating"]


class Fitted(Protocol):
    """A curve with named parameters."""

    def _asdict(self) -> dict[str, float]: ...

    def accuracy(self, compute: ArrayLike) -> Floats:
        """Accuracy in 0..1 at each compute, in the unit that was fitted; (...) -> (...).

        Source: that of each family.
        """
        ...


class LogitLinear(NamedTuple):
    """logit A = intercept + slope log C."""

    intercept: float
    slope: float

    def accuracy(self, compute: ArrayLike) -> Floats:
        """A in 0..1 at each compute C > 0, in the unit that was fitted; (...) -> (...).

        Source: Berkson 1944, in log C.
        """
        return np.asarray(expit(self.intercept + self.slope * np.log(np.asarray(compute, dtype=float))))


class Logistic(NamedTuple):
    """A = floor + (ceiling - floor) expit(slope (log C - midpoint)), four parameters; slope has either sign."""

    floor: float
    ceiling: float
    slope: float
    midpoint: float

    def accuracy(self, compute: ArrayLike) -> Floats:
        """A in floor..ceiling at each compute C > 0, in the unit that was fitted; (...) -> (...).

        Source: the 4-parameter logistic (Rodbard 1978).
        """
        rise = expit(self.slope * (np.log(np.asarray(compute, dtype=float)) - self.midpoint))
        return np.asarray(self.floor + (self.ceiling - self.floor) * rise)


class Saturating(NamedTuple):
    """A = 1 - (1 - start) (1 + C / knee)^-exponent: from `start` at no compute towards 1; it cannot fall."""

    start: float
    knee: float
    exponent: float

    def accuracy(self, compute: ArrayLike) -> Floats:
        """A in start..1 at each compute C >= 0, in the unit that was fitted; (...) -> (...).

        Source: ours.
        """
        missing = (1 + np.asarray(compute, dtype=float) / self.knee) ** -self.exponent
        return np.asarray(1 - (1 - self.start) * missing)


class Family(NamedTuple):
    """How a family is searched, in unbounded coordinates theta (p,) over centred log compute x (J,).

    evaluate(theta, x) -> accuracy (J,) and its slopes (p, J); starts(x, accuracy) -> (s, p); name(theta, centre)
    -> the curve in natural units.
    """

    num_parameters: int
    evaluate: Callable[[Floats, Floats], tuple[Floats, Floats]]
    starts: Callable[[Floats, Floats], Floats]
    name: Callable[[Floats, float], Fitted]


def _logit_linear(theta: Floats, x: Floats) -> tuple[Floats, Floats]:
    accuracy = expit(theta[0] + theta[1] * x)
    steep = accuracy * (1 - accuracy)
    return accuracy, np.stack([steep, steep * x])


def _logistic(theta: Floats, x: Floats) -> tuple[Floats, Floats]:
    """theta: logit floor, logit of the share of what lies above it, slope, midpoint."""
    floor, share = expit(theta[0]), expit(theta[1])
    rise = expit(theta[2] * (x - theta[3]))
    height = (1 - floor) * share
    steep = height * rise * (1 - rise)
    slopes = [
        floor * (1 - floor) * (1 - share * rise),
        height * (1 - share) * rise,
        steep * (x - theta[3]),
        -steep * theta[2],
    ]
    return floor + height * rise, np.stack(slopes)


def _saturating(theta: Floats, x: Floats) -> tuple[Floats, Floats]:
    """theta: logit start, centred log knee, log exponent."""
    start, exponent = expit(theta[0]), np.exp(theta[2])
    log_growth = np.logaddexp(0, x - theta[1])
    missing = (1 - start) * np.exp(-exponent * log_growth)
    slopes = [start * missing, -missing * exponent * expit(x - theta[1]), missing * exponent * log_growth]
    return 1 - missing, np.stack(slopes)


def _clipped_logit(accuracy: ArrayLike) -> Floats:
    return np.asarray(logit(np.clip(accuracy, 1e-3, 1 - 1e-3)))


def _logit_linear_starts(x: Floats, accuracy: Floats) -> Floats:
    slope, intercept = np.polyfit(x, _clipped_logit(accuracy), 1)
    return np.array([[intercept, slope], [0.0, 0.0], [0.0, 1.0]])


def _logistic_starts(x: Floats, accuracy: Floats) -> Floats:
    floors = _clipped_logit([0.01, 0.9 * accuracy.min()])
    shares = _clipped_logit([0.99, min(1.05 * accuracy.max(), 1)])
    slopes, midpoints = np.array([4.0, 12.0]) / np.ptp(x), np.quantile(x, [0.3, 0.8])
    return np.asarray(list(product(floors, shares, slopes, midpoints)))


def _saturating_starts(x: Floats, accuracy: Floats) -> Floats:
    starts = _clipped_logit([0.01, 0.9 * accuracy.min()])
    return np.asarray(list(product(starts, np.quantile(x, [0.0, 0.5, 1.0]), np.log([0.2, 1.0]))))


def _named_logit_linear(theta: Floats, centre: float) -> LogitLinear:
    return LogitLinear(intercept=float(theta[0] - theta[1] * centre), slope=float(theta[1]))


def _named_logistic(theta: Floats, centre: float) -> Logistic:
    floor, share = float(expit(theta[0])), float(expit(theta[1]))
    return Logistic(floor, floor + (1 - floor) * share, slope=float(theta[2]), midpoint=float(theta[3] + centre))


def _named_saturating(theta: Floats, centre: float) -> Saturating:
    return Saturating(
        float(expit(theta[0])), knee=float(np.exp(theta[1] + centre)), exponent=float(np.exp(theta[2]))
    )


FAMILIES: dict[FamilyName, Family] = {
    "logit_linear": Family(2, _logit_linear, _logit_linear_starts, _named_logit_linear),
    "logistic": Family(4, _logistic, _logistic_starts, _named_logistic),
    "saturating": Family(3, _saturating, _saturating_starts, _named_saturating),
}
