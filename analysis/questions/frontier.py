"""Accuracy against compute: every cell of every rung, each rung's frontier, and the ladder's, by bin."""

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Floats
from analysis.reading.cells import Cells, Row
from analysis.stats import intervals
from analysis.stats.bootstrap import weighted_means
from analysis.stats.frontier import Frontier

LADDER = "any model"


def frame(cells: Cells) -> pd.DataFrame:
    """Rows by `kind`: cell (a setting and width of a rung), frontier (a rung at a level),
    best (any rung at a level).

    cost is what a cell spends, or the level that a frontier's cell may spend at most; low and high are the ends of
    95% intervals of a frontier's accuracy. `chosen` is the rung that is best at a level, None where the folds
    disagree or none is ever right. Levels below a rung's cheapest cell, or above its costliest, have no row.
    Raises UntoldError below two prompts.
    """
    rows = []
    for part, rungs, ladder in cells.frontiers:
        place = {"bin": part.name, "num_prompts": int(part.weights[0].sum())}
        num_drawn = cells.reading.num_drawn(part)
        spans = []
        for number, arm in enumerate(cells.arms):
            names = {"model": arm.rung.name, "num_params": arm.rung.num_params} | place
            points = _cell_rows(cells, number, part.weights[:1])
            rows += [names | {"kind": "cell"} | point for point in points]
            spans.append(_within(cells.levels, [point["cost"] for point in points]))
            rows += [
                names | {"kind": "frontier"} | row
                for row in _frontier_rows(cells, rungs[number], spans[-1], num_drawn)
            ]
        whole = np.any(spans, axis=0)
        best = _frontier_rows(cells, ladder, whole, num_drawn)
        chosen = _chosen(cells, ladder, whole)
        rows += [
            place | {"kind": "best", "model": LADDER} | row | {"chosen": name}
            for row, name in zip(best, chosen, strict=True)
        ]
    return cells.folded_frame(rows)


def _cell_rows(cells: Cells, number: int, weights: Floats) -> list[Row]:
    budgets = cells.outcomes.budgets.tolist()
    accuracy, cost = (
        weighted_means(weights, array.reshape(len(array), -1))[0].reshape(array.shape[1:])
        for array in cells.tables[number]
    )
    return [
        cells.outcomes.along.columns(budget)
        | {"width": width, "cost": float(cost[b, k]), "accuracy": float(accuracy[b, k])}
        for b, budget in enumerate(budgets)
        for k, width in enumerate(cells.widths)
    ]


def _within(levels: Floats, spent: list[float]) -> Bools:
    """Levels at which a rung can spend more than its cheapest cell and has not run out of cells."""
    step = levels[1] / levels[0] if len(levels) > 1 else 1.0
    return (levels >= min(spent) * (1 - 1e-9)) & (levels <= max(spent) * step)


def _frontier_rows(cells: Cells, found: Frontier, span: Bools, num_drawn: int) -> list[Row]:
    accuracy = found.accuracy[:, span]
    mean, low, high = intervals.accuracy_interval(accuracy, num_drawn)
    return [
        {
            "cost": float(level),
            "spent": float(spent),
            "accuracy": float(mean),
            "low": float(least),
            "high": float(most),
        }
        for level, spent, mean, least, most in zip(
            cells.levels[span], found.cost[0, span], mean, low, high, strict=True
        )
    ]


def _chosen(cells: Cells, ladder: Frontier, span: Bools) -> list[str | None]:
    """The rung whose cell is the ladder's best at each level,
    where both folds choose the same and it is ever right.
    """
    num_cells = len(cells.outcomes.budgets) * len(cells.widths)
    rungs = ladder.cell[0][:, span] // num_cells
    leads = np.all(rungs == rungs[0], axis=0) & (ladder.accuracy[0, span] > 0)
    return [cells.arms[int(at)].rung.name if is_led else None for at, is_led in zip(rungs[0], leads, strict=True)]
