"""Every cell (budget x width) of every rung on each prompt, with the bins: read once, shared by all frames of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Floats, Ints
from analysis.costs import cost_models
from analysis.costs.cost_models import CostModel
from analysis.reading import bins, curves
from analysis.reading import choices as choose
from analysis.reading.bins import Bin
from analysis.reading.choices import BINS_ASIDE, Choices, Setting
from analysis.reading.curves import Rule
from analysis.reading.untold import UntoldError
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.stats import bootstrap, frontier
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
    """The cells of a run under a reader's choices.

    widths (K,) are read at every budget; bins hold prompt weights (1 + R, P), all prompts first, and no other bins
    under own difficulty, where two rungs share none. tables has a rung each, smallest first.
    """

    outcomes: Outcomes
    choices: Choices
    setting: Setting
    rule: Rule
    cost: CostModel
    widths: tuple[int, ...]
    bins: tuple[Bin, ...]
    folds: Ints | None
    tables: tuple[Table, ...]

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.outcomes.arms

    @property
    def parts(self) -> tuple[Bin, ...]:
        """The bins, without all prompts where there are others; those without a prompt are left out."""
        some = self.bins[1:] if len(self.bins) > 1 else self.bins
        return tuple(part for part in some if part.weights[0].any())

    def num_drawn(self, part: Bin) -> int:
        """How many of a bin a resampling draws one by one: its prompts, or clusters of them."""
        return bins.num_drawn(part, bins.clusters(self.outcomes, self.choices.cluster))

    @cached_property
    def levels(self) -> Floats:
        """Compute levels (Q,) from the cheapest cell to the dearest, in even steps of its logarithm."""
        means = np.concatenate([table.cost.mean(axis=0).ravel() for table in self.tables])
        num_levels = int(LEVELS_A_DECADE * np.log10(means.max() / means.min()))
        return np.geomspace(means.min(), means.max(), int(np.clip(num_levels, MIN_LEVELS, MAX_LEVELS)))

    @cached_property
    def frontiers(self) -> list[BinFrontiers]:
        """What each rung, and the ladder, reaches with its best cell at every level, in each bin.

        Cells are chosen on one fold of prompts and read on the other; bins that lie in one fold are left out. Raises
        UntoldError where no bin is left.
        """
        found = [part for part in self.parts if self._is_folded(part)]
        if not found:
            raise UntoldError(
                "A best cell is chosen on one half of the prompts and read on the other: too few prompts."
            )
        flat = [Table(*(array.reshape(len(array), -1) for array in table)) for table in self.tables]
        every = Table(*(np.concatenate(arrays, axis=1) for arrays in zip(*flat, strict=True)))
        return [
            BinFrontiers(part, [self._frontier(table, part) for table in flat], self._frontier(every, part))
            for part in found
        ]

    def _is_folded(self, part: Bin) -> bool:
        """Whether a bin has prompts in both folds."""
        return self.folds is not None and len(np.unique(self.folds[part.weights[0] > 0])) > 1

    def _frontier(self, table: Table, part: Bin) -> Frontier:
        assert self.folds is not None
        return frontier.cross_fit(table.accuracy, table.cost, self.levels, weights=part.weights, folds=self.folds)

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


def measure(outcomes: Outcomes, choices: Choices, *, rule: Rule, seed: int) -> Cells:
    """The cells of a run: one seed draws the same prompts here as in `findings.find`.

    Raises ValueError where a choice asks for what the run or the choices lack.
    """
    rng = np.random.default_rng(seed)
    choices = choose.settle(outcomes.arms, choices)
    cost, arms = choose.price(outcomes.arms, choices)
    outcomes, pools = bins.hold_out(replace(outcomes, arms=arms), choices.binning)
    num_prompts = len(outcomes.prompt_ids)
    clusters = bins.clusters(outcomes, choices.cluster)
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=choices.num_replicates, rng=rng, clusters=clusters)
    is_own = choices.binning.difficulty == "own"
    drawn = [Bin(bins.ALL_PROMPTS, weights)] if is_own else bins.draw(outcomes, pools[0], choices.binning, weights)
    setting = choose.describe(outcomes, pools[0], choices, cost, weights)
    widths = spaced(curves.width_path(len(outcomes.budgets), outcomes.num_samples, rule).widths)
    return Cells(
        outcomes=outcomes,
        choices=choices,
        setting=setting if len(drawn) > 1 else replace(setting, bins_are=None),
        rule=rule,
        cost=cost,
        widths=widths,
        bins=tuple(drawn),
        folds=frontier.draw_folds(num_prompts, rng=rng, clusters=clusters) if num_prompts > 1 else None,
        tables=tuple(_table(arm, widths, rule, cost, rng) for arm in outcomes.arms),
    )


def spaced(widths: tuple[int, ...]) -> tuple[int, ...]:
    """At most MAX_WIDTHS of them, the ends and those nearest to even steps of log k."""
    if len(widths) <= MAX_WIDTHS:
        return widths
    log_widths = np.log(widths)
    steps = np.linspace(log_widths[0], log_widths[-1], MAX_WIDTHS)
    return tuple(sorted({widths[int(np.abs(log_widths - step).argmin())] for step in steps}))


def _table(arm: Arm, widths: tuple[int, ...], rule: Rule, cost: CostModel, rng: np.random.Generator) -> Table:
    accuracy = curves.rule_accuracy(arm, widths, rule, rng=rng)
    spent = cost_models.cell_cost(
        cost, arm.rung.shape, prompt_tokens=arm.prompt_tokens, decoded_tokens=arm.decoded_tokens, widths=widths
    )
    return Table(np.moveaxis(accuracy, 1, 0), np.moveaxis(np.broadcast_to(spent, accuracy.shape), 1, 0))
