"""Accuracy over budget and width for each rung, and which cells are best at what they spend."""

import numpy as np
import pandas as pd

from analysis.reading.cells import Cells, Row
from analysis.reading.untold import UntoldError
from analysis.stats import frontier
from analysis.stats.bootstrap import share_of_replicates


def frame(cells: Cells) -> pd.DataFrame:
    """A row a rung, budget and width on all prompts: accuracy, cost, and whether no cheaper cell is as accurate.

    A cell that is never right is no best one. `share_best` is the share of replicates in which none is. Raises
    UntoldError for one budget or one width.
    """
    budgets, widths = cells.outcomes.budgets, cells.widths
    if len(budgets) < 2 or len(widths) < 2:
        raise UntoldError("Needs at least two budgets and two widths.")
    rows: list[Row] = []
    for number, arm in enumerate(cells.arms):
        accuracy, cost = cells.resampled(number, cells.reading.bins[0])
        flat = [array.reshape(len(array), -1) for array in (accuracy, cost)]
        efficient = frontier.efficient(*flat) & (flat[0] > 0)
        share = share_of_replicates(efficient, flat[0])
        for at, (b, k) in enumerate(np.ndindex(len(budgets), len(widths))):
            rows.append(
                {"model": arm.rung.name, "num_params": arm.rung.num_params, "budget": int(budgets[b])}
                | {"width": widths[k], "accuracy": float(accuracy[0, b, k]), "cost": float(cost[0, b, k])}
                | {"is_best": bool(efficient[0, at]), "share_best": float(share[at])}
            )
    return cells.frame(rows)
