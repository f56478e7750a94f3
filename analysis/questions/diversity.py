"""Distinct right answers a model gives for its samples and its compute.
Knows outcomes and statistics, no files.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.costs.cost_models import CostModel
from analysis.runs.arms import Arm
from analysis.stats import estimators
from analysis.stats.bootstrap import percentile_interval, weighted_means


def frame(arms: tuple[Arm, ...], cost: CostModel, weights: Floats) -> pd.DataFrame:
    """A row an arm and width (powers of two, to all samples) at the full budget.

    distinct: expected number of distinct correct answers by vote key, rarefied; per_sample and per_cost: over the
    samples and over the cost of the cell, each a ratio of means over prompts with its interval under
    `prompt_weights` (1 + R, P). No row of an arm of which there are only counts. Source:
    `estimators.distinct_at_k`.
    """
    return pd.DataFrame([row for arm in arms if arm.rung.has_votes for row in _rows(arm, cost, weights)])


def _rows(arm: Arm, cost: CostModel, weights: Floats) -> list[dict[str, Any]]:
    correct = arm.samples.correct[-1]
    widths = [2**power for power in range(int(np.log2(correct.shape[1])) + 1)]
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
