"""Whether small models pick the settings of large ones: halving up the ladder over settings of equal compute."""

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.policies import menu, search
from analysis.policies.studies.stage import Row, Stage, ends
from analysis.reading import curves
from analysis.reading.curves import Rule
from analysis.runs.serial import Axis
from analysis.stats import bootstrap, frontier
from analysis.stats.bootstrap import weighted_means

# Settings within this factor of the middle one's tokens are candidates, so that more compute alone does not win.
BAND = 1.5
MIN_CANDIDATES = 4
MAX_CANDIDATES = 24


def halve_up_the_ladder(stage: Stage, rule: Rule) -> list[Row]:
    """A row a rung: Kendall's tau with the last, the chance that its winner survives,
    cost and regret of the search.

    Candidates are the settings (budget, width) whose cost on the largest model lies within BAND of the middle
    one's; the search is run on one half of the prompts and its regret read on the other. Empty below two models,
    two budgets or MIN_CANDIDATES.
    """
    if len(stage.arms) < 2 or len(stage.arms[-1].budgets) < 2:
        return []
    num_samples = stage.arms[0].samples.correct.shape[2]
    widths = curves.width_path(1, num_samples, rule).widths
    menus = [
        menu.build([arm], stage.cost, rule=rule, widths=widths, rng=stage.rng(12, at))
        for at, arm in enumerate(stage.arms)
    ]
    candidates = _candidates(menus[-1].cost.mean(axis=0))
    if len(candidates) < MIN_CANDIDATES:
        return []
    accuracy, cost = (
        np.stack([getattr(found, name)[:, candidates] for found in menus]) for name in ("accuracy", "cost")
    )
    return _rows(stage, accuracy, cost, [menus[-1].cells[at] for at in candidates])


def _candidates(mean_cost: Floats) -> list[int]:
    """The settings near the cost that most settings are near."""
    logs = np.log(mean_cost)
    near = (np.abs(logs[:, None] - logs) <= np.log(BAND)).sum(axis=1)
    middle = logs[near.argmax()]
    alike = np.flatnonzero(np.abs(logs - middle) <= np.log(BAND))
    spread = np.linspace(0, len(alike) - 1, min(len(alike), MAX_CANDIDATES)).round().astype(int)
    return [int(at) for at in alike[spread]]


def _rows(stage: Stage, accuracy: Floats, cost: Floats, cells: list[menu.Cell]) -> list[Row]:
    half = frontier.draw_folds(len(stage.folds), rng=stage.rng(13)) == 0
    scores, spent, fresh = (
        np.stack([weighted_means(stage.weights * mask, table) for table in tables], axis=1)
        for tables, mask in ((accuracy, half), (cost, half), (accuracy[-1:], ~half))
    )
    found = search.halve(scores, spent)
    tau = bootstrap.percentile_interval(search.rank_agreement(scores)[:, :, -1])
    survives = search.survival(found)
    lost = bootstrap.percentile_interval(search.regret(found, fresh[:, 0])[:, None])
    share = bootstrap.percentile_interval((found.cost / found.whole_cost)[:, None])
    rows: list[Row] = []
    axis = stage.reading.words
    for at, arm in enumerate(stage.arms):
        row = {"model": arm.rung.name, "num_candidates": len(cells), "tried": int(found.alive[0, at].sum())}
        row |= ends("tau", tau, at) | {"survives": float(survives[1:, at].mean())}
        row |= ends("cost_share", share, 0) | ends("regret", lost, 0)
        rows.append(row | {"winner": _words(cells, found.winner, axis), "best": _words(cells, found.best, axis)})
    return rows


def _words(cells: list[menu.Cell], which: Ints, axis: Axis) -> str:
    cell = cells[int(which[0])]
    return f"{cell.width} {'sample' if cell.width == 1 else 'samples'} {axis.alone(cell.budget)}"
