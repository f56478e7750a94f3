"""Samples side by side against thinking longer:
the best setting at every number of tokens, in all and in series.
"""

from collections.abc import Sequence

import numpy as np

from analysis.arrays import Array, Floats
from analysis.costs import cost_models
from analysis.policies import menu
from analysis.policies.menu import Menu
from analysis.policies.studies.stage import Row, Stage, ends
from analysis.reading.bins import Bin
from analysis.reading.curves import Rule
from analysis.stats import bootstrap, frontier, intervals

NUM_LEVELS = 9
ALL, SERIES = "tokens in all", "tokens in series"


def compare_parallel(stage: Stage, at: int, rule: Rule) -> tuple[list[Row], list[Row]]:
    """Rows of the frontiers and rows of the surface that they run over, of the model at this place, bin by bin.

    A frontier row: at a level of tokens, the accuracy of the best (width, budget) that costs no more, chosen on
    one half of the prompts and read on the other, and the width and budget that were chosen; their intervals are
    over prompts and both halves. A surface row: a width and budget, with accuracy and tokens.
    """
    arm = stage.arms[at]
    widths = _widths(arm.samples.correct.shape[2], rule)
    cells = menu.build([arm], cost_models.choose("tokens"), rule=rule, widths=widths, rng=stage.rng(10, at))
    place = {"model": arm.rung.name, "rule": rule}
    folds = frontier.draw_folds(len(stage.folds), rng=stage.rng(11, at))
    spent = {ALL: cells.cost, SERIES: cells.serial_tokens}
    rows, surface = [], []
    for part in stage.bins:
        where = place | {"bin": part.name, "num_prompts": int(part.weights[0].sum())}
        surface += _surface(cells, part, where)
        for axis, tokens in spent.items():
            rows += _frontier(cells, tokens, part, folds, stage.reading.num_drawn(part), where | {"axis": axis})
    return rows, surface


def _widths(num_samples: int, rule: Rule) -> Sequence[int]:
    """1, 2, 4, ... with a verifiable reward; 1, 3, 7, ... of a vote."""
    steps = [2**power for power in range(int(np.log2(num_samples + 1)) + 1)]
    odd = sorted({1, *(step - 1 for step in steps if step > 2)})
    return [step for step in (odd if rule == "maj_at_k" else steps) if step <= num_samples]


def _surface(cells: Menu, part: Bin, where: Row) -> list[Row]:
    accuracy, tokens, series = (
        bootstrap.weighted_means(part.weights[:1], table)[0]
        for table in (cells.accuracy, cells.cost, cells.serial_tokens)
    )
    return [
        where
        | {"budget": cell.budget, "width": cell.width, "accuracy": float(accuracy[at])}
        | {ALL: float(tokens[at]), SERIES: float(series[at])}
        for at, cell in enumerate(cells.cells)
    ]


def _frontier(cells: Menu, tokens: Floats, part: Bin, folds: Array, num_drawn: int, where: Row) -> list[Row]:
    """A row a level between the cheapest and the most expensive cell of the bin."""
    means = bootstrap.weighted_means(part.weights[:1], tokens)[0]
    wanted = np.geomspace(means.min(), means.max(), NUM_LEVELS)
    found = frontier.cross_fit(cells.accuracy, tokens, wanted, weights=part.weights, folds=folds)
    accuracy = intervals.accuracy_interval(found.accuracy, num_drawn)
    settings = {
        "width": np.array([cell.width for cell in cells.cells], dtype=float),
        "budget": np.array([cell.budget for cell in cells.cells], dtype=float),
    }
    chosen = {name: _over_halves(values[found.cell]) for name, values in settings.items()}
    rows = []
    for at, level in enumerate(wanted):
        row = where | {"level": float(level)} | ends("accuracy", accuracy, at)
        rows.append(row | ends("width", chosen["width"], at) | ends("budget", chosen["budget"], at))
    return rows


def _over_halves(values: Floats) -> bootstrap.Interval:
    """The mean of what both halves chose, between the ends of what either chose over the replicates."""
    pooled = np.concatenate([values[:1].mean(axis=1), *np.moveaxis(values[1:], 1, 0)])
    return bootstrap.percentile_interval(pooled)
