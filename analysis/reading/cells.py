"""Every cell (budget x width) of every rung on each prompt, with the bins:
read once, shared by all frames of a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Floats
from analysis.reading import curves
from analysis.reading.bins import Bin
from analysis.reading.choices import BINS_ASIDE, Setting
from analysis.reading.curves import Rule
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.stats import frontier
from analysis.stats.bootstrap import weighted_means
from analysis.stats.frontier import Frontier

Row = dict[str, Any]
# Widths of the grid that are read, in even steps of log k.
MAX_WIDTHS = 10
LEVELS_A_DECADE = 12
MIN_LEVELS, MAX_LEVELS = 16, 80


class Table(NamedTuple):
    """What one rung's cells yield and cost on each prompt; (P, B, K) each."""

    accuracy: Floats
    cost: Floats


class BinFrontiers(NamedTuple):
    """The compute-optimal frontiers in one bin: of each rung, and of all rungs together."""

    bin: Bin
    rungs: list[Frontier]
    ladder: Frontier


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a reading: widths (K,) are read at every budget, tables has a rung each, smallest first."""

    reading: Reading
    widths: tuple[int, ...]
    tables: tuple[Table, ...]

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.reading.arms

    @property
    def outcomes(self) -> Outcomes:
        return self.reading.outcomes

    @property
    def rule(self) -> Rule:
        return self.reading.rule

    @property
    def parts(self) -> tuple[Bin, ...]:
        """The bins, without all prompts where there are others; those without a prompt are left out."""
        every = self.reading.bins
        return tuple(part for part in (every[1:] if len(every) > 1 else every) if part.weights[0].any())

    @property
    def setting(self) -> Setting:
        """What a caption has to say."""
        setting = self.reading.setting
        return setting if len(self.reading.bins) > 1 else replace(setting, bins_are=None)

    @cached_property
    def levels(self) -> Floats:
        """Compute levels (Q,) from the cheapest cell to the most expensive, in even steps of its logarithm."""
        means = np.concatenate([table.cost.mean(axis=0).ravel() for table in self.tables])
        num_levels = int(LEVELS_A_DECADE * np.log10(means.max() / means.min()))
        return np.geomspace(means.min(), means.max(), int(np.clip(num_levels, MIN_LEVELS, MAX_LEVELS)))

    @cached_property
    def frontiers(self) -> list[BinFrontiers]:
        """What each rung, and the ladder, reaches with its best cell at every level, in each bin.

        Cells are chosen on one fold of prompts and read on the other; bins that lie in one fold are left out.
        Raises UntoldError where no bin is left.
        """
        found = [part for part in self.parts if self._is_folded(part)]
        if not found:
            raise UntoldError(
                "Too few prompts: a best cell is chosen on one half of them and scored on the other half."
            )
        flat = [Table(*(array.reshape(len(array), -1) for array in table)) for table in self.tables]
        every = Table(*(np.concatenate(arrays, axis=1) for arrays in zip(*flat, strict=True)))
        return [
            BinFrontiers(part, [self._frontier(table, part) for table in flat], self._frontier(every, part))
            for part in found
        ]

    @property
    def has_folds(self) -> bool:
        """Whether the prompts have two halves."""
        return len(self.outcomes.prompt_ids) > 1

    def _is_folded(self, part: Bin) -> bool:
        """Whether a bin has prompts in both folds."""
        return self.has_folds and len(np.unique(self.reading.folds[part.weights[0] > 0])) > 1

    def _frontier(self, table: Table, part: Bin) -> Frontier:
        return frontier.cross_fit(
            table.accuracy, table.cost, self.levels, weights=part.weights, folds=self.reading.folds
        )

    def resampled(self, number: int, part: Bin) -> Table:
        """The cells' means of one rung under each weighting of a bin; (1 + R, B, K) each."""
        means = [
            weighted_means(part.weights, array.reshape(len(array), -1)).reshape(-1, *array.shape[1:])
            for array in self.tables[number]
        ]
        return Table(*means)

    def frame(self, rows: list[Row]) -> pd.DataFrame:
        """Rows with the setting and the rule beside each."""
        beside: Mapping[str, Any] = self.setting.columns() | {"rule": self.rule}
        return pd.DataFrame(rows).assign(**beside)

    def folded_frame(self, rows: list[Row]) -> pd.DataFrame:
        """The same for what is read off `frontiers`, with the bins that have none, where there are such."""
        aside = [part.name for part in self.parts if not self._is_folded(part)]
        return self.frame(rows).assign(**({BINS_ASIDE: numerals.listed(aside)} if aside else {}))


def measure(reading: Reading) -> Cells:
    """Every budget of a reading at a few widths, the same for every rung."""
    outcomes = reading.outcomes
    widths = spaced(curves.width_path(len(outcomes.budgets), outcomes.num_samples, reading.rule).widths)
    return Cells(reading, widths, tuple(table(reading, at, widths) for at in range(len(outcomes.arms))))


def spaced(widths: tuple[int, ...]) -> tuple[int, ...]:
    """At most MAX_WIDTHS of them, the ends and those nearest to even steps of log k."""
    if len(widths) <= MAX_WIDTHS:
        return widths
    log_widths = np.log(widths)
    steps = np.linspace(log_widths[0], log_widths[-1], MAX_WIDTHS)
    return tuple(sorted({widths[int(np.abs(log_widths - step).argmin())] for step in steps}))


def table(reading: Reading, at: int, widths: Sequence[int]) -> Table:
    """What one rung yields and costs at every budget and these widths."""
    accuracy = reading.accuracy(at, widths).mean
    spent = curves.cell_cost(reading.arms[at], reading.cost, widths, rule=reading.rule)
    return Table(*(np.moveaxis(each, 1, 0) for each in (accuracy, np.broadcast_to(spent, accuracy.shape))))
