"""One thing that a goal asks: how well it is known, and what more rows would make of that. Arrays in,
tuples out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats

State = Literal["open", "known", "never", "at most"]
# Of the variance between prompts this share is taken to be there whatever the samples say: few show less.
LEAST_BETWEEN = 0.05
# A share of replicates from which on an event is sure at 95%, and its complement.
SURE, RARE = 0.975, 0.025
# So many standard errors tell a sign with a chance of error of RARE over all looks, where these are a dozen whose
# prompts grow by half, from 50 to 5,000: the constant bound of Pocock 1977, whose quantile is 2.71 by simulation.
SURE_ERRORS = 2.75
# A path that may go on has to end so many standard errors above its aim: one that ends just above it is left only
# by runs whose rate happens to look low.
INTERIOR_ERRORS = 4.0


class Drawn(NamedTuple):
    """How many prompts a model has, and how many samples each of them."""

    prompts: int
    samples: int


class Ahead(NamedTuple):
    """What is known of a path of samples beyond those drawn, for a rate whose interval is open above.

    gap: accuracy at the last width less the target, with its error; slope: accuracy gained for each unit of log
    width there; sharp: the interval's half over what is wanted, were the curve to cross there.
    """

    gap: float
    error: float
    slope: float
    sharp: float


@dataclass(frozen=True)
class Question:
    """What is asked of one or two models over some prompts, and how well that is known.

    ratio: uncertainty over what is wanted, so that at 1 it is known well enough; state: "open" above 1. found:
    what a line says, by name. between: variance of one prompt's value were its samples endless; within: by model
    the variance of one sample's value about its prompt's. ahead: of a rate that is open above, `small` being the
    model whose samples may reach it, and most_width how many they may become.
    """

    name: str
    models: tuple[str, ...]
    ratio: float
    state: State
    found: Mapping[str, float]
    between: float
    within: Mapping[str, float]
    ahead: Ahead | None = None
    small: str = ""
    most_width: int = 0

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def record(self) -> dict[str, Any]:
        """What is stored of it: plain values, infinite ones as text."""
        found = {name: value if np.isfinite(value) else str(value) for name, value in self.found.items()}
        return {
            "name": self.name,
            "models": list(self.models),
            "state": self.state,
            "ratio": self.ratio,
            "found": found,
            "between": self.between,
            "within": dict(self.within),
        }

    def expect(self, now: Mapping[str, Drawn], then: Mapping[str, Drawn]) -> float:
        """What the ratio is expected to become if these models had been drawn so far."""
        if not self.is_open:
            return self.ratio
        prompts = min(then[name].prompts for name in self.models)
        falls = math.sqrt(self._by_prompt(then) / prompts / self._variance(now))
        return min(self.ratio, self._wider(now, then) * falls)

    def prompts_for(self, now: Mapping[str, Drawn], then: Mapping[str, Drawn], *, aim: float) -> float:
        """The fewest prompts at which the ratio is expected to be `aim`, with each model's samples of `then`."""
        return (self._wider(now, then) / aim) ** 2 * self._by_prompt(then) / self._variance(now)

    def as_expected(self, now: Mapping[str, Drawn], then: Mapping[str, Drawn]) -> "Question":
        """What it would be if all came as expected; whether a wider path crosses counts as told."""
        ratio = self.expect(now, then)
        is_told = self.ahead is None or then[self.small].samples > now[self.small].samples
        return replace(
            self, ratio=ratio, state="open" if ratio > 1 else "known", ahead=None if is_told else self.ahead
        )

    def _variance(self, drawn: Mapping[str, Drawn]) -> float:
        return self._by_prompt(drawn) / min(drawn[name].prompts for name in self.models)

    def _by_prompt(self, drawn: Mapping[str, Drawn]) -> float:
        """Variance of one prompt's value with so many samples."""
        return self.between + sum(self.within[name] / drawn[name].samples for name in self.models)

    def _wider(self, now: Mapping[str, Drawn], then: Mapping[str, Drawn]) -> float:
        """The ratio with the samples of `then` on a path that goes straight on, were the variance as it is.

        Where the path ends short of its aim it is infinite, unless it is the whole one, which may be surely short.
        """
        if self.ahead is None:
            return self.ratio
        wider = then[self.small].samples
        gap = self.ahead.gap + self.ahead.slope * math.log(wider / now[self.small].samples)
        if gap <= 0 and wider < self.most_width:
            return math.inf
        errors = SURE_ERRORS if wider >= self.most_width else INTERIOR_ERRORS
        doubt = errors * self.ahead.error / max(abs(gap), 1e-9)
        return max(doubt, self.ahead.sharp) if gap > 0 else doubt


def spread(
    values: ArrayLike, weights: ArrayLike, noise: Mapping[str, tuple[float, int]]
) -> tuple[float, dict[str, float]]:
    """Variance of one prompt's value between prompts, and by model what one sample adds to it.

    values (P,) of the prompts, weights (P,) how often each counts; noise: by model the variance of one sample's
    value about its prompt's, and how many samples each prompt has. Source: the law of total variance.
    """
    values, weights = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    total = _variance(values, weights)
    within = {name: variance for name, (variance, _) in noise.items()}
    taken = sum(variance / number for variance, number in noise.values())
    return max(total - taken, LEAST_BETWEEN * total, 1e-9), within


def mean_error(values: ArrayLike, weights: ArrayLike) -> tuple[float, float]:
    """A mean over prompts and its variance, of which few equal values do not say that there is none.

    values (P,), weights (P,). Two prompts more that differ by one stand for what was not seen. Source: ours, as
    Agresti and Coull's two successes and failures.
    """
    values, weights = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    number = weights.sum()
    mean = float((weights * values).sum() / number)
    squares = (weights * (values - mean) ** 2).sum() + 0.5
    return mean, float(squares / (number * max(number - 1, 1)))


def noise_of(accuracy: ArrayLike, widths: ArrayLike, num_samples: int, weights: ArrayLike) -> Floats:
    """Variance of one sample's part in a prompt's accuracy at each width; (P, J) and (J,) -> (J,).

    A prompt's accuracy at width k from n samples varies by about k / n of what one draw of k does, a(1 - a), which
    the estimates tell too low by the same share. Where they take more than half of the samples they tell nothing
    of it, and half of the spread over all prompts stands for it. Source: the first term of Hoeffding's 1948
    decomposition; the stand-in is ours.
    """
    accuracy, widths = np.asarray(accuracy, dtype=float), np.asarray(widths, dtype=float)
    weights = np.asarray(weights, dtype=float)[:, None]
    share, mean = widths / num_samples, (weights * accuracy).sum(axis=0) / weights.sum()
    own = (weights * accuracy * (1 - accuracy)).sum(axis=0) / weights.sum() / np.maximum(1 - share, 0.5)
    one_draw = np.where(share <= 0.5, own, mean * (1 - mean) / 2)
    return np.asarray(widths * np.clip(one_draw, 0.01, 0.25))


def _variance(values: Floats, weights: Floats) -> float:
    number = weights.sum()
    mean = (weights * values).sum() / number
    return float((weights * (values - mean) ** 2).sum() / max(number - 1, 1))
