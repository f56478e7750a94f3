"""The cheapest grids that answer what a goal asks, chosen by one who knows the truth. Knows no files."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from analysis.goals import rates
from analysis.goals.question import RARE, SURE, Drawn
from analysis.goals.rates import Pair
from analysis.validation import ladders
from analysis.validation.ladders import MOST_PROMPTS, MOST_WIDTH, WIDTHS, Rung, plant, true_rate

# So many runs of a grid have to answer every question.
REACHES = 0.9
FEWEST, STEP = 40, 1.04


def uniform(rungs: Sequence[Rung], half_width: float, seeds: Sequence[int]) -> float:
    """Tokens of the cheapest grid of the same prompts and width for all rungs; inf where none answers."""
    prompts = {
        width: fewest(rungs, dict.fromkeys([rung.name for rung in rungs], width), half_width, seeds)
        for width in _able_widths(rungs)
    }
    return min(number * width for width, number in prompts.items()) * sum(map(_tokens, rungs))


def unequal(rungs: Sequence[Rung], half_width: float, seeds: Sequence[int]) -> float:
    """Tokens of the cheapest grid in which every rung has prompts and a width of its own; inf where none answers.

    Each question is to be answered by itself in REACHES of the runs, so that a grid that answers all takes more.
    """
    *smaller, large = rungs
    return min(_with_width(smaller, large, width, half_width, seeds) for width in WIDTHS)


def _with_width(
    smaller: Sequence[Rung], large: Rung, width: int, half_width: float, seeds: Sequence[int]
) -> float:
    """The cheapest where the largest rung has this width."""
    choices = [
        [
            (own, fewest((small, large), {small.name: own, large.name: width}, half_width, seeds))
            for own in _able_widths((small, large))
        ]
        for small in smaller
    ]
    return min(
        sum(own * number * _tokens(small) for small, (own, number) in zip(smaller, chosen, strict=True))
        + width * max(number for _, number in chosen) * _tokens(large)
        for chosen in product(*choices)
    )


def fewest(rungs: Sequence[Rung], widths: Mapping[str, int], half_width: float, seeds: Sequence[int]) -> float:
    """The fewest prompts at which REACHES of the runs answer every question, to one part in twenty-five."""
    low, high = FEWEST, 2 * FEWEST
    while not _reaches(rungs, widths, half_width, high, seeds):
        if high >= MOST_PROMPTS:
            return np.inf
        low, high = high, min(2 * high, MOST_PROMPTS)
    while high > STEP * low + 1:
        middle = round((low * high) ** 0.5)
        reaches = _reaches(rungs, widths, half_width, middle, seeds)
        low, high = (low, middle) if reaches else (middle, high)
    return high


def _able_widths(rungs: Sequence[Rung]) -> list[int]:
    """Widths of the smaller rungs that can answer: *never within the grid* is said by the largest alone."""
    needed = [true_rate(small, rungs[-1]) * _spent(rungs[-1]) / _spent(small) for small in rungs[:-1]]
    return [width for width in WIDTHS if width > max(needed)] or [MOST_WIDTH]


def _tokens(rung: Rung) -> float:
    """Of a mean sample."""
    return rung.length * float(np.exp(ladders.LONGER**2 / 2))


def _spent(rung: Rung) -> float:
    return rung.length * rung.cost


def _reaches(
    rungs: Sequence[Rung], widths: Mapping[str, int], half_width: float, prompts: int, seeds: Sequence[int]
) -> bool:
    """It ends as soon as too many runs have failed."""
    allowed, failed = (1 - REACHES) * len(seeds) + 1e-9, 0
    for seed in seeds:
        planted = plant(rungs, np.random.default_rng(seed), prompts=prompts)
        drawn = {name: Drawn(prompts, width) for name, width in widths.items()}
        pairs = (planted.pair(small.name, rungs[-1].name, drawn) for small in rungs[:-1])
        failed += not all(is_answered(pair, half_width) for pair in pairs)
        if failed > allowed:
            return False
    return True


def is_answered(pair: Pair, half_width: float) -> bool:
    """By one look: an interval as narrow as wanted, or a share of replicates that is sure."""
    rate = rates.measure(pair).rate
    if rate.share_at_or_below >= SURE or (pair.is_whole and rate.share_never >= SURE):
        return True
    low, high = float(rate.rate.low), float(rate.rate.high)
    return bool(rate.share_never <= RARE and low > 0 and np.log10(high / low) / 2 <= half_width)
