"""What matching the largest rung's one answer costs under every cost model that the run can tell."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis import choices as choose
from analysis import costs, curves, substitution
from analysis.arms import Arm
from analysis.arrays import Floats
from analysis.bootstrap import weighted_means
from analysis.choices import Choices
from analysis.costs import CostModel
from analysis.frames.cells import Cells, Row
from analysis.untold import UntoldError

GPU = "H100"


def frame(cells: Cells) -> pd.DataFrame:
    """A row a cost model, smaller rung and bin: the exchange rate against the largest's one answer, along widths.

    A rate is inf where the rung never gets there, NaN where there is nothing to match, and `at_or_below` marks an upper
    bound. Cost models that need what is
    not known are left out; c3 takes GPU where none is chosen. Raises UntoldError below two rungs.
    """
    arms = cells.arms
    if len(arms) < 2:
        raise UntoldError(f"It needs two models or more; this run has only {arms[0].rung.name}.")
    paths = [curves.own_path(arm, cells.rule) for arm in arms]
    rng, last = np.random.default_rng(0), np.array([len(arms[0].budgets) - 1])
    accuracy = [
        curves.rule_accuracy(arm, path.widths, cells.rule, rng=rng, budgets=last)[0]
        for arm, path in zip(arms, paths, strict=True)
    ]
    rows: list[Row] = []
    for part in cells.parts:
        resampled = [weighted_means(part.weights, table) for table in accuracy]
        for name, cost, priced in _told(cells):
            spent = [
                weighted_means(part.weights, _cost(cost, arm, path.widths))
                for arm, path in zip(priced, paths, strict=True)
            ]
            for number, (arm, path) in enumerate(zip(arms[:-1], paths, strict=False)):
                target, target_cost = substitution.to_match(resampled[-1][:, 0]), spent[-1][:, 0]
                crossing = substitution.invert(resampled[number], spent[number], np.log(path.widths), target)
                found = substitution.exchange_rate(crossing, target_cost)
                rows.append(
                    {"counted_as": name, "counted_label": cost.label, "counted_unit": cost.unit}
                    | {"small": arm.rung.name, "large": arms[-1].rung.name, "num_params": arm.rung.num_params}
                    | {"bin": part.name, "num_prompts": int(part.weights[0].sum()), "max_step": path.widths[-1]}
                    | {key: float(end) for key, end in zip(("rate", "low", "high"), found.rate, strict=True)}
                    | {"at_or_below": bool(found.at_or_below), "share_never": float(found.share_never)}
                )
    return cells.frame(rows)


def _told(cells: Cells) -> list[tuple[str, CostModel, tuple[Arm, ...]]]:
    """The cost models that can be told of every rung, with the rungs as they price them."""
    told = []
    for name in costs.COST_NAMES:
        chosen = _chosen(cells.choices, name)
        try:
            chosen = choose.settle(cells.arms, chosen)
            told.append((name, *choose.price(cells.arms, chosen)))
        except ValueError:
            # What a run lacks is not shown; `--cost NAME` says what it is.
            continue
    return told


def _chosen(choices: Choices, name: str) -> Choices:
    return replace(choices, cost=name, gpu=(choices.gpu or GPU) if name == "c3" else None)


def _cost(cost: CostModel, arm: Arm, widths: tuple[int, ...]) -> Floats:
    decoded = arm.decoded_tokens[-1]
    return costs.cell_cost(cost, arm.rung.shape, prompt_tokens=arm.prompt_tokens, decoded_tokens=decoded, widths=widths)
