"""Every cell (budget x width) of every model in every bin, with intervals."""

import pandas as pd

from analysis.reading import curves
from analysis.reading.bins import Bin
from analysis.reading.cells import Row, spaced
from analysis.reading.curves import Curve
from analysis.reading.reading import Reading
from analysis.stats import intervals
from analysis.stats.bootstrap import Interval


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model, bin, budget and width: accuracy with its 95% interval, cost and tokens a prompt.

    Widths are those of the model's own samples, at most as many as a figure of the grid shows. Under own
    difficulty the bins are each model's.
    """
    widths = [spaced(reading.path(at, "width").widths) for at in range(len(reading.arms))]
    rows = [
        row
        for subjects, parts in reading.groups
        for at in subjects
        for row in _of_model(reading, at, widths[at], parts)
    ]
    return pd.DataFrame(rows).assign(cost_unit=reading.cost.unit, rule=reading.rule)


def _of_model(reading: Reading, at: int, widths: tuple[int, ...], parts: list[Bin]) -> list[Row]:
    rung, rows = reading.arms[at].rung, []
    for budget, tokens in enumerate(reading.outcomes.budgets.tolist()):
        prompts = reading.curve(at, curves.Path("width", (budget,) * len(widths), widths))
        for part in parts:
            found = curves.resample(prompts, part.weights)
            accuracy = intervals.accuracy_interval(found.accuracy, reading.num_drawn(part))
            place = {"model": rung.name, "num_params": rung.num_params, "bin": part.name}
            place |= {"num_prompts": int(part.weights[0].sum()), "budget": tokens}
            rows += [place | {"width": width} | _cell(found, accuracy, cell) for cell, width in enumerate(widths)]
    return rows


def _cell(found: Curve, accuracy: Interval, cell: int) -> Row:
    ends = zip(("accuracy", "low", "high"), accuracy, strict=True)
    spent = {name: float(getattr(found, name)[0, cell]) for name in ("cost", "total_tokens", "serial_tokens")}
    return {name: float(end[cell]) for name, end in ends} | spent
