"""Distinct right answers a model gives for its samples and its compute.
Knows outcomes and statistics, no files.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Floats
from analysis.costs.cost_models import CostModel
from analysis.reading.cells import Cells
from analysis.reading.untold import UntoldError
from analysis.runs.arms import Arm
from analysis.stats import estimators
from analysis.stats.bootstrap import means_of_each, percentile_interval, weighted_means

# Distinct answers that are right, and without that filter.
KINDS = ("right", "any")


def frame(arms: tuple[Arm, ...], cost: CostModel, weights: Floats) -> pd.DataFrame:
    """A row an arm and width (powers of two, to all samples) at the full budget.

    distinct: expected number of distinct correct answers by vote key, rarefied; per_sample and per_cost: over the
    samples and over the cost of the cell, each a ratio of means over prompts with its interval under
    `prompt_weights` (1 + R, P). No row of an arm of which there are only counts. Source:
    `estimators.distinct_at_k`.
    """
    return pd.DataFrame([row for arm in arms if arm.rung.has_votes for row in _rows(arm, cost, weights)])


def figure_frame(cells: Cells) -> pd.DataFrame:
    """A row a model, kind and width at the full budget, with what a caption needs.

    kind: right (distinct right answers) or any (distinct answers that can be read, right or not), by vote key,
    rarefied, with the interval as distinct, distinct_low, distinct_high; cost: of that many samples. Raises
    UntoldError where no model's answers are known. Source: `estimators.distinct_at_k`.
    """
    weights = cells.reading.bins[0].weights
    rows: list[dict[str, Any]] = []
    for arm in (arm for arm in cells.arms if arm.rung.has_votes):
        votes, correct = arm.samples.votes[-1], arm.samples.correct[-1]
        widths = _widths(correct.shape[1])
        tables = [estimators.distinct_at_k(votes, valid, widths) for valid in (correct, votes >= 0)]
        *counts, paid = means_of_each(weights, [*tables, arm.cell_cost(cells.reading.cost, widths, -1)])
        for kind, means in zip(KINDS, counts, strict=True):
            found = percentile_interval(means)
            rows += [
                {"model": arm.rung.name, "num_params": arm.rung.num_params, "kind": kind, "width": width}
                | {"cost": float(paid[0, at]), "distinct": float(found.estimate[at])}
                | {f"distinct_{end}": float(getattr(found, end)[at]) for end in ("low", "high")}
                for at, width in enumerate(widths)
            ]
    if not rows:
        raise UntoldError("Distinct answers are counted by what samples answer, and this run holds no answers.")
    aside = [arm.rung.name for arm in cells.arms if not arm.rung.has_votes]
    return cells.frame(rows).assign(**({"models_aside": numerals.listed(aside)} if aside else {}))


def _widths(num_samples: int) -> list[int]:
    """Powers of two, to all samples."""
    return [2**power for power in range(int(np.log2(num_samples)) + 1)]


def _rows(arm: Arm, cost: CostModel, weights: Floats) -> list[dict[str, Any]]:
    correct = arm.samples.correct[-1]
    widths = _widths(correct.shape[1])
    distinct = estimators.distinct_at_k(arm.samples.votes[-1], correct, widths)
    spent = arm.cell_cost(cost, widths, -1)
    found, paid = weighted_means(weights, distinct), weighted_means(weights, spent)
    rates = {"per_sample": percentile_interval(found / widths), "per_cost": percentile_interval(found / paid)}
    return [
        {"model": arm.rung.name, "width": width, "distinct": float(found[0, at])}
        | {name: float(rate.estimate[at]) for name, rate in rates.items()}
        | {
            f"{name}_{end}": float(getattr(rate, end)[at])
            for name, rate in rates.items()
            for end in ("low", "high")
        }
        for at, width in enumerate(widths)
    ]
