"""Serial against parallel at equal compute: long thinking for one sample, or short thinking for many."""

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Floats
from analysis.reading.bins import Bin
from analysis.reading.cells import Cells, Row, Table
from analysis.reading.curves import serial_tokens
from analysis.reading.untold import UntoldError
from analysis.runs.arms import Arm
from analysis.stats import intervals
from analysis.stats.bootstrap import weighted_means

# Compute levels, in full answers: one sample at the full budget.
MULTIPLES = (0.5, 1, 2, 4, 8, 16, 32)


def frame(cells: Cells) -> pd.DataFrame:
    """A row a rung, compute level and budget: accuracy with as many samples as the level pays for, on all prompts.

    `multiple` is the level in full answers (one sample at the full budget); width and serial tokens, decoded one
    after another, are interpolated in log k between the grid's widths, and so is accuracy, with its 95% interval.
    `is_best` marks the budget of a level's highest accuracy, where that is above 0. Budgets that cannot spend a
    level within the grid have no row, nor have levels that fewer than two can spend; `models_aside` names rungs
    without a row, where there are such. Raises UntoldError for one budget or one width, and where no row is left.
    """
    if len(cells.outcomes.budgets) < 2 or len(cells.widths) < 2:
        raise UntoldError("Needs at least two budgets and two widths.")
    rows: list[Row] = []
    for number, arm in enumerate(cells.arms):
        resampled = cells.resampled(number, cells.reading.bins[0])
        serial = _serial(arm, cells.widths, cells.reading.bins[0])
        full_answer = float(resampled.cost[0, -1, 0])
        for multiple in MULTIPLES:
            points = _points(cells, resampled, serial, multiple * full_answer)
            best = max((point["accuracy"] for point in points), default=np.nan)
            names = {"model": arm.rung.name, "num_params": arm.rung.num_params, "multiple": multiple}
            rows += [
                names | point | {"is_best": point["accuracy"] == best > 0} for point in points if len(points) > 1
            ]
    if not rows:
        raise UntoldError("No two budgets spend the same compute anywhere in the grid.")
    told = {row["model"] for row in rows}
    aside = [arm.rung.name for arm in cells.arms if arm.rung.name not in told]
    return cells.frame(rows).assign(**({"models_aside": numerals.listed(aside)} if aside else {}))


def _serial(arm: Arm, widths: tuple[int, ...], part: Bin) -> Floats:
    """Mean tokens in series at every budget and width; (B, K)."""
    per_prompt = np.moveaxis(serial_tokens(arm, widths), 1, 0)
    means = weighted_means(part.weights[:1], per_prompt.reshape(len(per_prompt), -1))
    unknown = 0.0 if arm.rung.has_tokens else np.nan
    return np.asarray(means[0].reshape(per_prompt.shape[1:]) + unknown)


def _points(cells: Cells, resampled: Table, serial: Floats, level: float) -> list[Row]:
    """A row a budget that can spend the level."""
    log_widths, rows = np.log(cells.widths), []
    for b, budget in enumerate(cells.outcomes.budgets):
        spent = resampled.cost[0, b]
        if not spent[0] <= level * (1 + 1e-9) <= spent[-1] * (1 + 2e-9):
            continue
        # A cell's compute is linear in its width, from two samples on where a verifier reads them.
        width = np.interp(level, spent, cells.widths)
        at = float(np.interp(np.log(width), log_widths, np.arange(len(log_widths))))
        first = min(int(at), len(log_widths) - 2)
        accuracy = resampled.accuracy[:, b, first] * (first + 1 - at) + resampled.accuracy[:, b, first + 1] * (
            at - first
        )
        mean, low, high = intervals.accuracy_interval(
            accuracy[:, None], cells.reading.num_drawn(cells.reading.bins[0])
        )
        rows.append(
            {"budget": int(budget), "cost": level, "width": float(width)}
            | {"serial_tokens": float(np.interp(at, np.arange(len(log_widths)), serial[b]))}
            | {"accuracy": float(mean[0]), "low": float(low[0]), "high": float(high[0])}
        )
    return rows
