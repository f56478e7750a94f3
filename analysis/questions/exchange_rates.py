"""What one run says, as tidy frames: curves, exchange rates, cells. Knows outcomes and statistics, no files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.costs import cost_models
from analysis.costs.cost_models import CostModel
from analysis.questions import diversity, rows
from analysis.questions.rows import Row
from analysis.reading import bins, curves, unread
from analysis.reading import choices as choose
from analysis.reading.bins import Bin, Binning
from analysis.reading.choices import Choices, Setting
from analysis.reading.curves import Curve, Path, Rule
from analysis.runs import ends
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.stats import bootstrap, difficulty, intervals
from analysis.stats.bootstrap import weighted_means

ALL_PROMPTS = bins.ALL_PROMPTS


@dataclass(frozen=True, eq=False)
class Findings:
    """Frames of one run.

    curves: a row a rung, bin, rule, path and cell, with its own interval and its whole curve's band; draw_error is the
    standard error of votes over random subsets, 0 where all were counted. exchange_rates: a
    row a pair, bin, rule and path, the larger rung at width 1 and full budget; under own difficulty the bin is the
    smaller rung's; p-values are of a rate of 1; all NaN where the larger is not surely right there, so that there is
    nothing to match. cells: a row a rung and budget, its health at width 1. optimism: a row
    a bin, read from the samples that made it and from fresh ones; empty without a pool. diversity: a row a rung and
    width, distinct right answers per sample and per cost. unread: a row a bin and rung, what shares of its answers at
    the full budget were graded neither right nor wrong, as `unread.frame` gives it.
    """

    setting: Setting
    curves: pd.DataFrame
    exchange_rates: pd.DataFrame
    by_cost: pd.DataFrame
    cells: pd.DataFrame
    optimism: pd.DataFrame
    diversity: pd.DataFrame
    unread: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Priced:
    """A cost model, the outcomes and pools as it prices them, and the rows that are found under it."""

    choices: Choices
    cost: CostModel
    outcomes: Outcomes
    pools: tuple[Arm | None, ...]
    curves: list[Row] = field(default_factory=list)
    rates: list[Row] = field(default_factory=list)

    def spent(self, paths: Sequence[Path]) -> list[Floats]:
        """What each arm spends on each prompt along its path; (P, J) each."""
        along = zip(self.outcomes.arms, paths, strict=True)
        return [curves.prompt_cost(arm, path, self.cost) for arm, path in along]

    def against_largest(self) -> pd.DataFrame:
        """The exchange rates against the largest rung, with what they are counted in."""
        largest = self.outcomes.arms[-1].rung.name
        counted = {"counted_as": self.choices.cost, "counted_label": self.cost.label, "counted_unit": self.cost.unit}
        return pd.DataFrame([row | counted for row in self.rates if row["large"] == largest])


def find(outcomes: Outcomes, choices: Choices, *, rng: np.random.Generator) -> Findings:
    """Every curve and exchange rate of the run, from one paired bootstrap in which bins are drawn anew each time.

    Raises ValueError where a choice asks for what the run or the choices lack.
    """
    first, *others = _priced(outcomes, choices)
    alike = [each for each in others if each.choices.cost not in cost_models.COUNT_MODELS_ALIKE]
    return _found([first], alike, rng=rng)[0]


def find_each(outcomes: Outcomes, choices: Choices, *, rng: np.random.Generator) -> list[Findings]:
    """The same under every cost model that the run can tell, the chosen one first; equal to `find` under each."""
    return _found(_priced(outcomes, choices), [], rng=rng)


def _priced(outcomes: Outcomes, choices: Choices) -> list[_Priced]:
    """The outcomes under every cost model that can be told, the chosen one first."""
    found = []
    for each in choose.each_cost(outcomes.arms, choices):
        cost, arms = choose.price(outcomes.arms, each)
        found.append(_Priced(each, cost, *bins.hold_out(replace(outcomes, arms=arms), each.binning)))
    return found


def _found(wanted: list[_Priced], beside: list[_Priced], *, rng: np.random.Generator) -> list[Findings]:
    """Findings under the wanted cost models; those beside them are read of all prompts alone."""
    outcomes, choices, pools = wanted[0].outcomes, wanted[0].choices, wanted[0].pools
    clusters = bins.clusters(outcomes, choices.cluster)
    weights = bootstrap.prompt_weights(
        len(outcomes.prompt_ids),
        num_replicates=choices.num_replicates,
        rng=rng,
        clusters=clusters,
    )
    groups = list(bins.groups(outcomes, pools, choices.binning, weights))
    _fill(wanted, beside, groups, rng=rng)
    setting = choose.describe(outcomes, pools[0], choices, wanted[0].cost, weights)
    shared = {
        "by_cost": pd.concat([each.against_largest() for each in (*wanted, *beside)], ignore_index=True),
        "cells": ends.frame(outcomes),
        "optimism": _optimism_frame(outcomes, choices.binning, weights[:1]),
        "unread": unread.frame(outcomes.arms, groups, is_own=choices.binning.difficulty == "own"),
    }
    return [
        Findings(
            setting=choose.counted_in(setting, each.choices, each.cost),
            curves=pd.DataFrame(each.curves),
            exchange_rates=_adjusted(pd.DataFrame(each.rates)),
            diversity=diversity.frame(each.outcomes.arms, each.cost, weights),
            **shared,
        )
        for each in wanted
    ]


def _fill(
    wanted: list[_Priced],
    beside: list[_Priced],
    groups: Sequence[tuple[list[int], list[Bin]]],
    *,
    rng: np.random.Generator,
) -> None:
    """Rows of every group, rule, path and bin; accuracy and tokens are resampled once, what is spent for each."""
    first, *others = (*wanted, *beside)
    outcomes, choices = first.outcomes, first.choices
    clusters = bins.clusters(outcomes, choices.cluster)
    tables = list(_tables(first, rng))
    for subjects, parts in groups:
        for paths, rule, prompts in tables:
            spent = [each.spent(paths) for each in others]
            for part in parts:
                place: Row = {"rule": rule, "path": paths[0].axis, "bin": part.name}
                place["num_prompts"] = int(part.weights[0].sum())
                num_drawn = bins.num_drawn(part, clusters)
                curved = {
                    at: curves.resample(prompts[at], part.weights) for at in range(min(subjects), len(outcomes.arms))
                }
                for number, each in enumerate((*wanted, *beside)):
                    if number >= len(wanted) and part.name != ALL_PROMPTS:
                        break
                    priced = _repriced(curved, spent[number - 1], part) if number else curved
                    each.rates.extend(rows.of_rates(outcomes, paths, priced, subjects, place))
                    if number < len(wanted):
                        of = {at: priced[at] for at in subjects}
                        each.curves.extend(rows.of_curves(outcomes, paths, of, place, num_drawn))
    if choices.binning.difficulty == "own":
        for each in (*wanted, *beside):
            each.curves[:], each.rates[:] = _by_bin(each.curves), _by_bin(each.rates)


def _repriced(curved: Mapping[int, Curve], spent: Sequence[Floats], part: Bin) -> dict[int, Curve]:
    """The same curves at what another cost model spends."""
    return {at: curve._replace(cost=weighted_means(part.weights, spent[at])) for at, curve in curved.items()}


def _adjusted(rates: pd.DataFrame) -> pd.DataFrame:
    """p-values of rates that differ from 1, corrected over all pairs and bins that one figure shows."""
    if rates.empty:
        return rates
    shown = rates.groupby(["rule", "path"])["p_value"]
    return rates.assign(p_holm=shown.transform(intervals.holm), p_bh=shown.transform(intervals.benjamini_hochberg))


def _by_bin(rows: list[Row]) -> list[Row]:
    """The rows of every bin together, bins and rows in the order they came."""
    order = {name: place for place, name in enumerate(dict.fromkeys(row["bin"] for row in rows))}
    return sorted(rows, key=lambda row: order[row["bin"]])


# The paths of all arms along one axis, the rule, and what each arm costs and yields on each prompt.
_Table = tuple[list[Path], Rule, list[Curve]]


def _tables(priced: _Priced, rng: np.random.Generator) -> Iterator[_Table]:
    """Along every axis under every rule; widths go as far as each arm's own samples."""
    outcomes = priced.outcomes
    for rule in curves.rules(outcomes.arms):
        for paths in (
            [curves.own_path(arm, rule) for arm in outcomes.arms],
            [curves.budget_path(len(outcomes.budgets))] * len(outcomes.arms),
        ):
            along = zip(outcomes.arms, paths, strict=True)
            yield paths, rule, [curves.prompt_curve(arm, path, rule, priced.cost, rng=rng) for arm, path in along]


def _optimism_frame(outcomes: Outcomes, binning: Binning, weights: Floats) -> pd.DataFrame:
    """Same-pool and fresh accuracy of the anchor's bins, easiest first; no rows where no pool makes them."""
    found = bins.same_pool(outcomes, binning, weights) if binning.difficulty == "anchor" else None
    if found is None:
        return pd.DataFrame(columns=["bin", "same_pool", "fresh"])
    names = difficulty.bin_names(len(found.fresh))
    return pd.DataFrame({"bin": names, "same_pool": found.same_pool[:, 0], "fresh": found.fresh[:, 0]})
