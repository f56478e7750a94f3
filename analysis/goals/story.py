"""What the stored decisions of a goal tell: each question after each round, and what a uniform grid would have
known.

Values in, frames out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.goals.question import Drawn
from analysis.runs.spending import Written

Known = Mapping[str, Any]


class Look(NamedTuple):
    """What was known after a round, and of how many prompts and samples of each model.

    number: 0 after the pilot; tokens: of all rounds so far.
    """

    number: int
    tokens: int
    drawn: Mapping[str, Drawn]
    known: Sequence[Known]


class Value(NamedTuple):
    """A question's number with its interval, and what it is: rate, accuracy, gain, or the smaller model's gain
    over the larger at its cost or at the end of its path.
    """

    quantity: str
    estimate: float
    low: float
    high: float


class Uniform(NamedTuple):
    """A grid of the same prompts and samples of every model; price: tokens of one prompt of it."""

    samples: int
    price: float

    def variance(self, known: Known) -> float:
        """Of one prompt's value."""
        return float(known["between"] + sum(known["within"].values()) / self.samples)


def looks(rows: Sequence[Mapping[str, Any]]) -> list[Look]:
    """Every look that found something, in order; of two at the same tokens the later.

    rows: the decisions of one goal as `results.decisions.read` gives them.
    """
    found: list[Look] = []
    drawn = rows[0]["targets"]
    for row, number in zip(rows[1:], numbers(rows), strict=True):
        # A row that ends says what it was read on, which a cap may have kept below what was asked.
        read_on = drawn if row["end"] is None else row["targets"]
        look = Look(number, row["num_tokens"] - rows[0]["num_tokens"], _plan(read_on), row["known"])
        if found and found[-1].tokens == look.tokens:
            found.pop()
        if look.known:
            found.append(look)
        drawn = row["targets"] if row["end"] is None else drawn
    return found


def numbers(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Of every decision after the first the round that it is read after, 0 for the pilot.

    Where a cap ended a round and a higher one went on, that round is read again.
    """
    return [sum(before["end"] is None for before in rows[:at]) - 1 for at in range(1, len(rows))]


def uniform_grid(drawn: Mapping[str, Drawn], written: Mapping[str, Written]) -> Uniform:
    """The grid that gives every model the most samples that one of them was given,
    at what each was found to cost.
    """
    samples = max(each.samples for each in drawn.values())
    costs = [samples * each.by_sample + each.others_by_prompt for name, each in written.items() if name in drawn]
    return Uniform(samples, float(sum(costs)))


def value(found: Mapping[str, float], *, is_at_end: bool = False) -> Value:
    """The number of a record's `found`; is_at_end: of a side of 1, at the end of the path."""
    if "rate" in found:
        return Value("rate", found["rate"], found["low"], found["high"])
    if "accuracy" in found:
        return Value("accuracy", found["accuracy"], found["low"], found["high"])
    if "gain" in found:
        return Value("gain", found["gain"], found["low"], found["high"])
    name = "at_end" if is_at_end else "at_1"
    mean, error = found[name], found[f"{name}_error"]
    return Value(name, mean, mean - error, mean + error)


def frame(rows: Sequence[Mapping[str, Any]], written: Mapping[str, Written]) -> pd.DataFrame:
    """A row for each question and look: what was known, what was wanted, and what a uniform grid would have known.

    written: of each model, as `runs.spending` counts it. uniform_tokens: what the uniform grid is expected to take
    for the last interval of the question; NaN where that has no ends.
    """
    told = looks(rows)
    lasts = {known["name"]: (look, known) for look in told for known in look.known}
    grid = uniform_grid(told[-1].drawn, written) if told else Uniform(0, 0.0)
    found = [
        _row(look, known, *lasts[name], grid, rows[0]["asked"])
        for name in lasts
        for look in told
        for known in look.known
        if known["name"] == name
    ]
    return pd.DataFrame(found).assign(end=rows[-1]["end"]) if found else pd.DataFrame()


def _row(
    look: Look, known: Known, last: Look, known_last: Known, grid: Uniform, asked: Mapping[str, Any]
) -> dict[str, Any]:
    found, found_last = floats(known), floats(known_last)
    is_at_end = bool(np.isposinf(found_last.get("side", np.nan)))
    own, final = value(found, is_at_end=is_at_end), value(found_last, is_at_end=is_at_end)
    wanted_low, wanted_high = _wanted(final, found_last, asked)
    prompts = _prompts(last.drawn, known)
    variances = grid.variance(known_last) / _variance(last.drawn, known_last)
    # Where its interval is as narrow as the last one became.
    tokens = grid.price * prompts * variances
    factor = np.sqrt(tokens / look.tokens) if look.tokens else np.nan
    low, high = (_spread_from(final, end, factor) for end in (final.low, final.high))
    has_ends = bool(np.isfinite(low) and np.isfinite(high))
    small, large = _named(known)
    return {
        "question": known["name"],
        "model": small,
        "against": large,
        "bin": str(known["name"]).rpartition(", ")[2],
        "round": look.number,
        "tokens": look.tokens,
        "question_prompts": _prompts(look.drawn, known),
        "state": known["state"],
        "ratio": known["ratio"],
        "quantity": own.quantity,
        "estimate": own.estimate,
        "low": own.low,
        "high": own.high,
        "wanted_low": wanted_low,
        "wanted_high": wanted_high,
        "uniform_low": low if has_ends else np.nan,
        "uniform_high": high if has_ends else np.nan,
        "uniform_tokens": tokens if has_ends else np.nan,
        "uniform_samples": grid.samples,
    }


def floats(known: Known) -> dict[str, float]:
    """What was found by name; infinite numbers are stored as text."""
    return {name: float(number) for name, number in known["found"].items()}


def _plan(targets: Mapping[str, Sequence[int]]) -> dict[str, Drawn]:
    return {name: Drawn(*target) for name, target in targets.items()}


def _prompts(drawn: Mapping[str, Drawn], known: Known) -> int:
    return min(drawn[name].prompts for name in known["models"])


def _variance(drawn: Mapping[str, Drawn], known: Known) -> float:
    """Of one prompt's value, at the samples that were drawn."""
    noise = sum(variance / drawn[name].samples for name, variance in known["within"].items())
    return float(known["between"] + noise)


def _named(known: Known) -> tuple[str, str]:
    """The model that is asked about and what it is held against, in the order of the question's name."""
    models = list(known["models"])
    if "gain" in known["found"]:
        models.reverse()
    return models[0], models[1] if len(models) > 1 else ""


def _wanted(final: Value, found: Mapping[str, float], asked: Mapping[str, Any]) -> tuple[float, float]:
    """An interval of the width that was wanted about the last estimate; of a decision what it is held against."""
    if final.quantity == "rate":
        if not np.isfinite(final.estimate):
            return np.nan, np.nan
        factor = 10.0 ** asked["half_width"]
        return final.estimate / factor, final.estimate * factor
    if final.quantity == "accuracy":
        points = asked["points"] / 100
        return final.estimate - points, final.estimate + points
    effect = found.get("effect", 0.0)
    return effect, effect


def _spread_from(final: Value, end: float, factor: float) -> float:
    """An end of an interval so many times as far from the estimate, for a rate in log."""
    if final.quantity != "rate":
        return float(final.estimate + factor * (end - final.estimate))
    if not (np.isfinite(final.estimate) and final.estimate > 0 and np.isfinite(end) and end > 0):
        return np.nan
    with np.errstate(over="ignore"):
        return float(final.estimate * (end / final.estimate) ** np.float64(factor))
