"""Accuracy over two axes of the grid for each rung, and which cells are best at what they spend."""

import pandas as pd

from analysis.reading.cells import Cells, Row
from analysis.reading.untold import UntoldError
from analysis.runs.along import Along
from analysis.runs.serial import ACROSS, AMONG, AXES, BY_NAME, DOWN, HELD, AxisName
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
    places: list[Row] = [{"budget": int(budget), "width": width} for budget in budgets for width in widths]
    return cells.frame(_rows(cells, places, slice(None), slice(None)))


def across(cells: Cells, along: Along, other: AxisName) -> pd.DataFrame:
    """A row a rung and value of two serial axes, one sample of each on all prompts, as `frame`.

    cells: of all settings; along: the axis that is read, whose value of any third axis is that of every row.
    Columns DOWN and ACROSS name the two. Raises UntoldError where fewer than two values of one are left.
    """
    settings = [cells.outcomes.along.caps(number) for number in cells.outcomes.budgets.tolist()]
    third = [name for name in AXES if name not in (along.axis, other)]
    kept = [at for at, caps in enumerate(settings) if all(getattr(caps, name) == along.at[name] for name in third)]
    places: list[Row] = [{name: getattr(settings[at], name) for name in (along.axis, other)} for at in kept]
    for name in (along.axis, other):
        if len({place[name] for place in places}) < 2:
            raise UntoldError(f"Needs at least two {BY_NAME[name].values}.")
    held = ", ".join(BY_NAME[name].alone(along.at[name]) for name in third if len(along.declared[name]) > 1)
    frame = cells.frame(_rows(cells, places, kept, slice(1)))
    beside = {DOWN: along.axis, ACROSS: other} | ({HELD: held} if held else {})
    return frame.drop(columns=[AMONG, HELD], errors="ignore").assign(**beside)


def _rows(cells: Cells, places: list[Row], settings: slice | list[int], widths: slice) -> list[Row]:
    """A row a rung and place, which are these settings and widths of the cells, in order."""
    rows: list[Row] = []
    for number, arm in enumerate(cells.arms):
        found = (table[:, settings, widths] for table in cells.resampled(number, cells.reading.bins[0]))
        accuracy, cost = (table.reshape(len(table), -1) for table in found)
        efficient = frontier.efficient(accuracy, cost) & (accuracy > 0)
        share = share_of_replicates(efficient, accuracy)
        for at, place in enumerate(places):
            rows.append(
                {"model": arm.rung.name, "num_params": arm.rung.num_params}
                | place
                | {"accuracy": float(accuracy[0, at]), "cost": float(cost[0, at])}
                | {"is_best": bool(efficient[0, at]), "share_best": float(share[at])}
            )
    return rows
