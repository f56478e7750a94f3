"""How well one exchange rate is known, and whether its side of 1 is sure. Arrays in, questions out."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats, Weights
from analysis.goals.question import (
    INTERIOR_ERRORS,
    SURE,
    SURE_ERRORS,
    Ahead,
    Drawn,
    Question,
    State,
    mean_error,
    noise_of,
    spread,
)
from analysis.stats import anytime, substitution
from analysis.stats.bootstrap import weighted_means
from analysis.stats.parts import Part
from analysis.stats.substitution import ExchangeRate

# What the half of an interval counts as where there is nothing to match yet, or nothing to measure it by: so many
# times the whole path.
UNKNOWN = 2.0
# An interval of n prompts counts as wider by this over n.
FEW = 25.0


class Pair(NamedTuple):
    """A smaller model's path of J cells and the larger one's answer that it is to match, on the same P prompts.

    accuracy, cost (P, J); steps (J,), of widths their logarithm; target, target_cost (P,); weights (1 + R, P) from
    `bootstrap.prompt_weights`, a bin's part of them; drawn: of both models by name. most_width: samples that the
    smaller one may have in all, its present ones where more would not lengthen the path.
    """

    small: str
    large: str
    bin: str
    accuracy: Floats
    cost: Floats
    steps: Floats
    target: Floats
    target_cost: Floats
    weights: Weights | Part
    drawn: Mapping[str, Drawn]
    most_width: int
    is_width: bool

    @property
    def name(self) -> str:
        return f"{self.small} against {self.large}, {self.bin}"

    @property
    def width(self) -> int:
        """Samples a prompt that the smaller model has."""
        return self.drawn[self.small].samples

    @property
    def is_whole(self) -> bool:
        """Whether the path is as long as it may become."""
        return self.width >= self.most_width


class Measured(NamedTuple):
    """Means of a pair under each weighting, the estimate first, and the rate read off them."""

    accuracy: Floats
    cost: Floats
    target: Floats
    rate: ExchangeRate


def measure(pair: Pair) -> Measured:
    """The rate as `questions.rows` reads it; fields (1 + R, J), (1 + R, J), (1 + R,), ()."""
    columns = np.column_stack([pair.accuracy, pair.cost, pair.target, pair.target_cost])
    accuracy, cost, last = np.split(weighted_means(pair.weights, columns), [len(pair.steps), -2], axis=1)
    target, spent = last.T
    aim = substitution.to_match(target)
    crossing = substitution.invert(accuracy, cost, pair.steps, aim)
    return Measured(accuracy, cost, aim, substitution.exchange_rate(crossing, spent))


def ask_rate(pair: Pair, *, half_width: float) -> Question:
    """Whether the rate is known to `half_width` in log10, or as *never* within the grid.

    On which side of what is to be matched the path begins and ends is a matter of signs, which have to be sure at
    every look: a bound for one look alone would be passed by chance at one of many.
    """
    found = measure(pair)
    low, high = float(found.rate.rate.low), float(found.rate.rate.high)
    never, least = float(found.rate.share_never), float(found.rate.share_at_or_below)
    starts, ends = (_errors_above(pair, at) for at in (0, -1))
    is_reached = ends >= (SURE_ERRORS if pair.is_whole else INTERIOR_ERRORS)
    state: State = "open"
    if never >= SURE and pair.is_whole and ends <= -SURE_ERRORS:
        state = "never"
    elif least >= SURE and starts >= SURE_ERRORS:
        state = "at most"
    elif is_reached and np.isfinite(high) and _half(pair, found, high) <= half_width:
        state = "known"
    is_open = state == "open"
    doubt = 0.0 if is_reached else SURE_ERRORS / max(abs(ends), 1e-9)
    ratio = _ratio(pair, found, half_width, doubt) if is_open else 1.0
    between, within = _spread(pair, _crossing(pair, found))
    return Question(
        name=pair.name,
        models=(pair.small, pair.large),
        ratio=max(ratio, 1 + 1e-6) if is_open else 1.0,
        state=state,
        found={"rate": float(found.rate.rate.estimate), "low": low, "high": high, "never": never},
        between=between,
        within=within,
        ahead=_look_ahead(pair, half_width) if is_open and not is_reached else None,
        small=pair.small,
        most_width=pair.most_width,
    )


def _errors_above(pair: Pair, at: int) -> float:
    """How many standard errors a cell of the path lies above what is to be matched."""
    mean, variance = mean_error(pair.accuracy[:, at] - pair.target, pair.weights[0])
    return mean / float(np.sqrt(variance))


def _half(pair: Pair, found: Measured, high: float) -> float:
    """Half of the interval in log10, up to `high`, where it ends; NaN where there is nothing to match yet.

    Few prompts that happen to lie close together would end a run too soon: they count as somewhat wider. Source:
    after the 1 / n that Chow and Robbins 1965 add to a variance; its size is ours.
    """
    low, prompts = float(found.rate.rate.low), float(pair.weights[0].sum())
    half = np.log10(high / low) / 2 if np.isfinite(low) and low > 0 else np.nan
    return float(half * (1 + FEW / prompts))


def _ratio(pair: Pair, found: Measured, half_width: float, doubt: float) -> float:
    """Half of the interval over what is wanted, or the doubt whether the path reaches so far, up to all of it."""
    high = float(found.rate.rate.high)
    span = _half(pair, found, high if np.isfinite(high) else _end_of_path(pair, found))
    if np.isnan(span):
        return UNKNOWN * _whole_path(pair) / half_width
    return float(max(span / half_width, min(doubt, _whole_path(pair) / half_width)))


def ask_side(pair: Pair, *, alpha: float, tuned_at: float) -> Question:
    """Whether the rate is surely below 1, above 1 or never; wrong with a chance of at most `alpha`, at any look.

    Below and above are the sign of the smaller model's accuracy at the larger one's cost less the larger one's,
    never that of its accuracy at the end of the whole path less it. Each is a mean over prompts, so that a
    confidence sequence of half of alpha bounds it at every look however the looks were chosen. tuned_at: the
    variance at which that is tightest. Source: `anytime.radius`.
    """
    counts, last = pair.weights[0], pair.accuracy.shape[1] - 1
    at_one, cell = _at_equal_cost(pair)
    sure: dict[str, tuple[float, float]] = {}
    for name, values in {"at 1": at_one, "at the end": pair.accuracy[:, -1]}.items():
        mean, variance = mean_error(values - pair.target, counts)
        sure[name] = (mean, float(anytime.radius(variance, alpha=alpha / 2, tuned_at=tuned_at)))
    said = _side(pair, cell, sure)
    mean, radius = sure["at 1" if cell <= last else "at the end"]
    between, within = _spread(pair, min(max(int(np.ceil(cell)), 0), last))
    ends = {"at_1": sure["at 1"][0], "at_1_error": sure["at 1"][1]}
    ends |= {"at_end": sure["at the end"][0], "at_end_error": sure["at the end"][1]}
    state: State = "open" if said is None else "never" if said == "never" else "known"
    is_short = said is None and cell > last and not pair.is_whole
    return Question(
        name=pair.name,
        models=(pair.small, pair.large),
        ratio=max(radius / max(abs(mean), 1e-9), 1 + 1e-6) if said is None else 1.0,
        state=state,
        found=ends | {"side": {"below": -1.0, "above": 1.0, "never": np.inf}.get(said or "", np.nan)},
        between=between,
        within=within,
        ahead=Ahead(mean, radius / SURE_ERRORS, _last_slope(pair), sharp=0.0) if is_short else None,
        small=pair.small,
        most_width=min(pair.most_width, _width_at_equal_cost(pair)) if is_short else pair.most_width,
    )


def _side(pair: Pair, cell: float, sure: Mapping[str, tuple[float, float]]) -> str | None:
    """Which side is sure, None as yet; cell: where on the path cost is equal,
    beyond its ends where it is nowhere.
    """
    (at_one, error_at_one), (at_end, error_at_end) = sure["at 1"], sure["at the end"]
    if pair.is_whole and at_end < -error_at_end:
        return "never"
    last = pair.accuracy.shape[1] - 1
    if cell > last:
        return "below" if at_end > error_at_end else None
    if at_one < -error_at_one:
        return "above"
    return "below" if cell >= 0 and at_one > error_at_one else None


def _at_equal_cost(pair: Pair) -> tuple[Floats, float]:
    """The smaller model's accuracy on each prompt at the larger one's mean cost, (P,), and the cell where that is.

    Before its first cell it is that cell's, beyond its last that one's: the cell is then -1, or J.
    """
    cost, spent = np.log(_mean(pair, pair.cost)), np.log(_mean(pair, pair.target_cost))
    number = len(cost)
    if spent < cost[0] or number == 1:
        return pair.accuracy[:, 0], -1.0 if spent < cost[0] else float(number if spent > cost[0] else 0)
    if spent > cost[-1]:
        return pair.accuracy[:, -1], float(number)
    at = float(np.interp(spent, cost, np.arange(number)))
    first = min(int(at), number - 2)
    share = at - first
    return (1 - share) * pair.accuracy[:, first] + share * pair.accuracy[:, first + 1], at


def _width_at_equal_cost(pair: Pair) -> int:
    """Samples of the smaller model that cost as much as the larger one's answer, were each to cost the same."""
    return math.ceil(pair.width * float(_mean(pair, pair.target_cost)) / float(_mean(pair, pair.cost)[-1]))


def _crossing(pair: Pair, found: Measured) -> int:
    """The cell where the path reaches what is to be matched, its last where it does not."""
    reached = found.accuracy[0] >= found.target[0]
    return int(reached.argmax()) if reached.any() else len(reached) - 1


def _spread(pair: Pair, at: int) -> tuple[float, dict[str, float]]:
    """Of the difference at a cell of the path."""
    counts = pair.weights[0]
    width = float(np.exp(pair.steps[at])) if pair.is_width else 1.0
    noise = noise_of(pair.accuracy[:, [at]], [width], pair.width, counts)[0]
    of_large = pair.drawn[pair.large].samples
    against = noise_of(pair.target[:, None], np.ones(1), of_large, counts)[0]
    return spread(
        pair.accuracy[:, at] - pair.target,
        counts,
        {pair.small: (float(noise), pair.width), pair.large: (float(against), of_large)},
    )


def _look_ahead(pair: Pair, half_width: float) -> Ahead:
    """The curve beyond its last cell, straight on in log k as over its last doubling."""
    gap, variance = mean_error(pair.accuracy[:, -1] - pair.target, pair.weights[0])
    error, slope = float(np.sqrt(variance)), _last_slope(pair)
    in_log10 = np.log(10) if pair.is_width else max(pair.steps[-1], 1.0)
    sharp = float(np.clip(1.96 * error / max(slope, 1e-3) / in_log10 / half_width, 0.1, 100.0))
    return Ahead(gap=gap, error=error, slope=slope, sharp=sharp)


def _last_slope(pair: Pair) -> float:
    """Accuracy gained for each unit of the last step that doubles samples; a tenth where there is no such step."""
    accuracy, steps = _mean(pair, pair.accuracy), pair.steps
    before = int(np.searchsorted(steps, steps[-1] - np.log(2)))
    if before == len(steps) - 1:
        return 0.1
    return float(max(accuracy[-1] - accuracy[before], 0.0) / (steps[-1] - steps[before]))


def _mean(pair: Pair, values: Floats) -> Floats:
    """Over the prompts themselves; (P, ...) -> (...)."""
    return np.asarray(np.average(values, axis=0, weights=pair.weights[0]))


def _end_of_path(pair: Pair, found: Measured) -> float:
    """The rate that stands for *never*: twice that of as many samples as there may be, or of the path's end."""
    last = float(found.cost[0, -1]) / float(_mean(pair, pair.target_cost))
    return 2 * last * (pair.most_width / pair.width if pair.is_width else 1)


def _whole_path(pair: Pair) -> float:
    """Half of the path in log10 of samples, or of what its end costs over its beginning."""
    return float(np.log10(2 * max(pair.most_width, 2)) / 2)
