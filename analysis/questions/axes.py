"""Whether accuracy follows one curve along two axes, where it peaks, and what found gold explains.
Knows no files.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis import numerals
from analysis.arrays import Floats
from analysis.questions.matches import on_shared_prompts
from analysis.reading.bins import Bin
from analysis.reading.reading import Reading
from analysis.runs.calls import Gold
from analysis.runs.serial import AxisName
from analysis.stats.bootstrap import weighted_means
from analysis.stats.exponents import MIN_CELLS, ExponentTest, compare_exponents
from analysis.stats.flatness import why_untold
from analysis.stats.mediation import Cell, Mediation, mediate
from analysis.stats.peaks import Peak, find_peak

# Fewer resampled prompts are too alike to tell what chance does.
MIN_PROMPTS = 30


class Exponents(NamedTuple):
    """One model in one bin: the test of one exponent, None where `untold` says why it cannot be made."""

    model: str
    bin: str
    num_prompts: int
    untold: str
    test: ExponentTest | None


class Peaks(NamedTuple):
    """One model in one bin along one axis: the value of it where accuracy peaks, or is highest before the last."""

    model: str
    bin: str
    num_prompts: int
    axis: AxisName
    value: int
    peak: Peak


class Found(NamedTuple):
    """One model in one bin: what found gold explains of the gain from the fewest calls to the most."""

    model: str
    bin: str
    num_prompts: int
    mediation: Mediation


class Axes(NamedTuple):
    """axes: the one that is read, and thinking tokens. found is empty where no calls are
    read or no gold is named.
    """

    axes: tuple[AxisName, AxisName]
    exponents: list[Exponents]
    peaks: list[Peaks]
    found: list[Found]


def compare(along: Reading, thinking: Reading, gold: Mapping[str, Gold]) -> Axes:
    """Accuracy of one answer along an axis beside that along thinking tokens, for each model and bin.

    gold: by model, of all prompts and samples that `along` was asked for. Both are read on the prompts that they
    share. Raises ValueError where the axis is that of thinking tokens.
    """
    if along.words.name == thinking.words.name:
        raise ValueError("An axis is compared with thinking tokens, so --along has to name another one.")
    asked = along.asked.prompt_ids
    along, thinking = on_shared_prompts(along, thinking)
    kept = np.isin(asked, along.asked.prompt_ids)
    found = Axes((along.words.name, thinking.words.name), [], [], [])
    for part, at in _places(along):
        place = along.arms[at].rung.name, part.name, int(part.weights[0].sum())
        found.exponents.append(Exponents(*place, *_exponents(along, thinking, at, part)))
        found.peaks.extend(Peaks(*place, each.words.name, *_peak(each, at, part)) for each in (along, thinking))
        if (own := gold.get(place[0])) is not None and along.words.name == "calls":
            found.found.extend(_found(along, at, part, Gold(own.named[kept], own.found_at[kept])))
    return found


def _places(reading: Reading) -> Iterator[tuple[Bin, int]]:
    """Each bin with some prompt and each of its models, bins in the order they come."""
    every = [(part, at) for subjects, parts in reading.groups for part in parts for at in subjects]
    order = list(dict.fromkeys(part.name for part, _ in every))
    yield from sorted(
        (each for each in every if each[0].weights[0].any()), key=lambda each: order.index(each[0].name)
    )


def _exponents(along: Reading, thinking: Reading, at: int, part: Bin) -> tuple[str, ExponentTest | None]:
    num_prompts = int(part.weights[0].sum())
    if num_prompts < MIN_PROMPTS:
        return f"only {numerals.prompts(num_prompts)}", None
    curves = tuple(_accuracy(each, at, part.weights) for each in (along, thinking))
    for reading, curve in zip((along, thinking), curves, strict=True):
        short = curve.shape[1] < MIN_CELLS
        why = f"only {curve.shape[1]} {reading.words.values}" if short else why_untold(curve)
        if why:
            return f"along {reading.words.steps}: {why}", None
    steps = along.outcomes.budgets, thinking.outcomes.budgets
    return "", compare_exponents((curves[0], curves[1]), steps, num_prompts=num_prompts)


def _peak(reading: Reading, at: int, part: Bin) -> tuple[int, Peak]:
    found = find_peak(reading.arms[at].accuracy.T, part.weights)
    return int(reading.outcomes.budgets[found.at]), found


def _accuracy(reading: Reading, at: int, weights: ArrayLike) -> Floats:
    """Mean accuracy of one answer of an arm along the axis; (1 + R, J)."""
    return weighted_means(weights, reading.arms[at].accuracy.T)


def _found(reading: Reading, at: int, part: Bin, gold: Gold) -> list[Found]:
    """What found gold explains on the prompts that name some; nothing where none of them is in the bin."""
    weights = np.asarray(part.weights) * gold.named
    if not weights[0].any():
        return []
    arm = reading.arms[at]
    worth, written = np.asarray(arm.samples.worth, dtype=float), arm.samples.thinking_tokens
    # Samples that are held out for bins are the first ones.
    found_at = gold.found_at[:, gold.found_at.shape[1] - worth.shape[2] :]
    cells = [Cell(worth[place], found_at <= written[place]) for place in (0, -1)]
    name = arm.rung.name
    return [Found(name, part.name, int(weights[0].sum()), mediate(cells[0], cells[1], weights))]
