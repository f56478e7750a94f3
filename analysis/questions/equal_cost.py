"""Samples that cost as much as something else does, and what it gains over them. Knows cells of one bin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats
from analysis.reading.bins import Bin
from analysis.reading.curves import Rule
from analysis.stats import intervals
from analysis.stats.bootstrap import Interval, percentile_interval, weighted_means


@dataclass(frozen=True, eq=False)
class Cell:
    """One way to spend compute on one model: accuracy and cost of each prompt (P,).

    size: samples, or what else there may be more of.
    """

    of: int
    kind: str
    method: str
    rule: Rule
    size: int
    accuracy: Floats
    cost: Floats

    @property
    def name(self) -> str:
        return f"{self.method} {self.size}"


class Mixed(NamedTuple):
    """Samples that cost just so much: a number between whole ones, and each prompt's accuracy (P,)."""

    size: float
    accuracy: Floats


def at_cost(cells: Sequence[Cell], cost: float, part: Bin) -> Mixed | None:
    """Two neighbouring widths in the proportion whose mean cost in the bin is this, None beyond all widths.

    Drawing one of the two by a coin spends this in expectation, and is as accurate as the proportion says. Source:
    ours.
    """
    ordered = sorted(cells, key=lambda cell: cell.size)
    costs = [mean(cell.cost, part) for cell in ordered]
    if not costs or not costs[0] <= cost <= costs[-1]:
        return None
    above = min(int(np.searchsorted(costs, cost, side="right")), len(costs) - 1)
    below = max(above - 1, 0)
    span = costs[above] - costs[below]
    rest = (cost - costs[below]) / span if span > 0 else 0.0
    first, second = ordered[below], ordered[above]
    return Mixed(
        float((1 - rest) * first.size + rest * second.size),
        np.asarray((1 - rest) * first.accuracy + rest * second.accuracy),
    )


def mean(values: Floats, part: Bin) -> float:
    """The mean over the prompts of a bin; (P,)."""
    return float(weighted_means(part.weights[:1], values[:, None])[0, 0])


def share(values: Floats, part: Bin, drawn: int) -> Interval:
    """The mean of values in 0..1 over the prompts of a bin, of which a resampling draws so many; (P,)."""
    return intervals.accuracy_interval(weighted_means(part.weights, values[:, None])[:, 0], drawn)


def gain(values: Floats, part: Bin) -> Interval:
    """The mean of differences over the prompts of a bin; (P,)."""
    return percentile_interval(weighted_means(part.weights, values[:, None])[:, 0])
