"""What one run says, as tidy frames: curves, exchange rates, cells. Knows outcomes and statistics, no files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from analysis.arrays import Floats
from analysis.costs import cost_models
from analysis.questions import diversity, rows
from analysis.questions.rows import Row
from analysis.reading import bins, curves, unread
from analysis.reading.bins import Bin, Binning
from analysis.reading.choices import Setting
from analysis.reading.curves import Curve, Path, Rule
from analysis.reading.reading import Reading
from analysis.runs import ends
from analysis.runs.outcomes import Outcomes
from analysis.stats import difficulty, intervals
from analysis.stats.bootstrap import weighted_means

ALL_PROMPTS = bins.ALL_PROMPTS


@dataclass(frozen=True, eq=False)
class Findings:
    """Frames of one run.

    curves: a row a rung, bin, rule, path and cell, with its own interval and its whole curve's band; draw_error is
    the standard error of votes over random subsets, 0 where all were counted. exchange_rates: a row a pair, bin,
    rule and path, the larger rung at width 1 and full budget, or where it is matched; under own difficulty the bin
    is the smaller rung's; p-values are of a rate of 1; all NaN where the larger is not surely right there, so that
    there is nothing to match. cells: a row a rung and budget, its health at width 1. optimism: a row a bin, read
    from the samples that made it and from fresh ones; empty without a pool. diversity: a row a rung and width,
    distinct right answers per sample and per cost. unread: a row a bin and rung, what shares of its answers at the
    full budget were graded neither right nor wrong, as `unread.frame` gives it.
    """

    setting: Setting
    curves: pd.DataFrame
    exchange_rates: pd.DataFrame
    by_cost: pd.DataFrame
    cells: pd.DataFrame
    optimism: pd.DataFrame
    diversity: pd.DataFrame
    unread: pd.DataFrame


class _Rows(NamedTuple):
    """The rows of curves and of rates that are found under one cost model."""

    curves: list[Row]
    rates: list[Row]


def measure(reading: Reading) -> Findings:
    """Every curve and exchange rate of a run, bins drawn anew in every replicate.

    Under the other cost models that the run can tell, all prompts alone are read.
    """
    first, *others = reading.every_cost()
    alike = [each for each in others if each.choices.cost not in cost_models.COUNT_MODELS_ALIKE]
    return _found([first], alike)[0]


def measure_each(reading: Reading) -> list[Findings]:
    """The same under every cost model that the run can tell, the reading's first;
    equal to `measure` under each.
    """
    return _found(reading.every_cost(), [])


def _found(wanted: list[Reading], beside: list[Reading]) -> list[Findings]:
    """Findings under the wanted cost models; those beside them are read of all prompts alone."""
    every, first = [*wanted, *beside], wanted[0]
    found = _fill(every, len(wanted))
    outcomes, choices = first.outcomes, first.choices
    against = [_against_largest(each, rows.rates) for each, rows in zip(every, found, strict=True)]
    shared = {
        "by_cost": pd.concat(against, ignore_index=True),
        "cells": ends.frame(outcomes),
        "optimism": _optimism_frame(outcomes, choices.binning, first.weights[:1]),
        "unread": unread.frame(outcomes.arms, first.groups, is_own=first.has_own_bins),
    }
    return [
        Findings(
            setting=each.setting,
            curves=pd.DataFrame(rows.curves),
            exchange_rates=_adjusted(pd.DataFrame(rows.rates)),
            diversity=diversity.frame(each.arms, each.cost, each.weights),
            **shared,
        )
        for each, rows in zip(wanted, found, strict=False)
    ]


def _against_largest(reading: Reading, rates: list[Row]) -> pd.DataFrame:
    """The exchange rates against the largest rung, with what they are counted in."""
    largest, cost = reading.arms[-1].rung.name, reading.cost
    counted = {"counted_as": reading.choices.cost, "counted_label": cost.label, "counted_unit": cost.unit}
    return pd.DataFrame([row | counted for row in rates if row["large"] == largest])


def _fill(readings: Sequence[Reading], num_wanted: int) -> list[_Rows]:
    """Rows of every rule, axis, group and bin under each cost model;
    those beyond the wanted have all prompts alone.

    Accuracy and tokens are resampled once, what is spent for each.
    """
    first, found = readings[0], [_Rows([], []) for _ in readings]
    tables = list(_tables(readings))
    for subjects, parts in first.groups:
        for table in tables:
            for part in parts:
                num_read = len(readings) if part.name == ALL_PROMPTS else num_wanted
                _fill_bin(first, table, part, subjects, found[:num_read], num_wanted)
    if first.has_own_bins:
        found = [_Rows(_by_bin(rows.curves), _by_bin(rows.rates)) for rows in found]
    return found


class _Table(NamedTuple):
    """Along one axis under one rule: each arm's path and curve, with the cell that is matched behind it where it
    is none of its own, where that cell is, and what the arm spends under each further cost model.
    """

    rule: Rule
    paths: list[Path]
    prompts: list[Curve]
    references: list[int]
    spent: list[list[Floats]]


def _fill_bin(
    reading: Reading, table: _Table, part: Bin, subjects: list[int], found: list[_Rows], num_wanted: int
) -> None:
    """Rows of one bin, a cost model after the other."""
    outcomes, paths = reading.outcomes, table.paths
    place: Row = {"rule": table.rule, "path": paths[0].axis, "bin": part.name}
    place["num_prompts"] = int(part.weights[0].sum())
    at_least = range(min(subjects), len(outcomes.arms))
    curved = {at: curves.resample(table.prompts[at], part.weights) for at in at_least}
    for number, into in enumerate(found):
        priced = _repriced(curved, table.spent[number - 1], part) if number else curved
        into.rates.extend(rows.of_rates(outcomes, paths, priced, subjects, place, table.references))
        if number < num_wanted:
            of = {at: rows.alone(priced[at], paths[at]) for at in subjects}
            into.curves.extend(rows.of_curves(outcomes, paths, of, place, reading.num_drawn(part)))


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


def _tables(readings: Sequence[Reading]) -> Iterator[_Table]:
    """Along every axis under every rule; widths go as far as each arm's own samples."""
    for rule in readings[0].rules:
        first, *others = (reading.read_by(rule) for reading in readings)
        every = range(len(first.arms))
        for axis in first.paths:
            paths = [first.path(at, axis) for at in every]
            longer, references = zip(*map(first.with_reference, paths), strict=True)
            prompts = [first.curve(at, longer[at]) for at in every]
            spent = [
                [curves.prompt_cost(each.arms[at], longer[at], each.cost, rule=rule) for at in every]
                for each in others
            ]
            yield _Table(rule, paths, prompts, list(references), spent)


def _optimism_frame(outcomes: Outcomes, binning: Binning, weights: Floats) -> pd.DataFrame:
    """Same-pool and fresh accuracy of the anchor's bins, easiest first; no rows where no pool makes them."""
    found = bins.same_pool(outcomes, binning, weights) if binning.difficulty == "anchor" else None
    if found is None:
        return pd.DataFrame(columns=["bin", "same_pool", "fresh"])
    names = difficulty.bin_names(len(found.fresh))
    return pd.DataFrame({"bin": names, "same_pool": found.same_pool[:, 0], "fresh": found.fresh[:, 0]})
