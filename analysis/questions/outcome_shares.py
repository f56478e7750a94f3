"""What each rung's answers at each budget are made of: right, wrong or none, and how many were cut and forced."""

import numpy as np
import pandas as pd

from analysis.reading.cells import Cells, Row
from analysis.reading.untold import UntoldError
from analysis.runs.arms import is_outside
from analysis.runs.samples import OUTCOMES


def frame(cells: Cells) -> pd.DataFrame:
    """A row a rung, budget and outcome: the share of samples that ended so,
    and the shares that were cut and forced.

    cut_share: thinking was still going at the budget; forced_share: the answer was forced out of it; NaN of
    outcomes from elsewhere, which do not say. The shares of a rung and budget add up to 1. Raises UntoldError for
    success counts, whose samples say only whether they are right.
    """
    silent = [arm.rung.name for arm in cells.arms if not arm.rung.has_votes]
    if silent:
        raise UntoldError(
            f"How answers ended is not known: this run has only counts of correct samples of {', '.join(silent)}."
        )
    rows: list[Row] = []
    for arm in cells.arms:
        for at, budget in enumerate(arm.budgets):
            part = arm.samples
            names = {"model": arm.rung.name, "num_params": arm.rung.num_params, "budget": int(budget)}
            ends = {f"{name}_share": float(getattr(part, name)[at].mean()) for name in ("cut", "forced")}
            ends = dict.fromkeys(ends, np.nan) if is_outside(cells.outcomes.grader) else ends
            rows += [
                names | {"outcome": name, "share": float((part.outcome[at] == code).mean())} | ends
                for code, name in enumerate(OUTCOMES)
            ]
    return cells.frame(rows)
