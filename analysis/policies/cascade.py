"""Rungs asked in order until one is trusted: each cascade is an arm, and its thresholds are chosen as arms are."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats
from analysis.policies.menu import Cell, Menu
from analysis.policies.orders import First

# Beyond, thresholds of one rung are thinned.
MAX_ARMS = 512


class Rung(NamedTuple):
    """One rung's cell, and what its samples say in each of N orders; `said.agreement` is what acceptance looks at.

    Models are asked independently. Rungs of one model share its orders: the second goes on with the first's
    traces, and is charged in full.
    """

    cell: Cell
    said: First


def thresholds(rung: Rung, num_thresholds: int) -> list[float]:
    """Values at which a rung's answer may be accepted: -inf (always), quantiles of what it says, inf (never).

    They depend on no outcome: agreement and scores are known without knowing what is right.
    """
    said = rung.said.agreement
    inner = np.unique(np.quantile(said, np.linspace(0, 1, num_thresholds + 2)[1:-1], method="nearest"))
    return [-np.inf, *(float(value) for value in inner if value > said.min()), np.inf]


def menu(rungs: Sequence[Rung], *, num_thresholds: int = 3) -> Menu:
    """Every cascade of these rungs, in their order, as an arm:
    all combinations of `thresholds`, the last rung trusted.

    Among them is each rung alone where it is the first, so that the hull of the arms chosen on train prompts is
    never below that of its ends. A rung that never accepts is not visited at all.
    """
    levels = [thresholds(rung, num_thresholds) for rung in rungs[:-1]]
    if np.prod([len(level) for level in levels]) > MAX_ARMS:
        raise ValueError(
            f"{len(rungs)} rungs with {num_thresholds} thresholds each make more than {MAX_ARMS} cascades. Give "
            "fewer rungs or thresholds."
        )
    cells, tables = [], []
    seen = set()
    for accept in product(*levels):
        visited = _visited(rungs, accept)
        name = _name(visited)
        if name not in seen:
            seen.add(name)
            cells.append(visited[-1][0].cell._replace(name=name))
            tables.append(run([rung for rung, _ in visited], [accept_at for _, accept_at in visited[:-1]]))
    accuracy, cost, tokens = (np.stack(column, axis=1) for column in zip(*tables, strict=True))
    return Menu(tuple(cells), accuracy, cost, tokens)


def run(rungs: Sequence[Rung], accept: Sequence[float]) -> tuple[Floats, Floats, Floats]:
    """Expected accuracy, cost and serial tokens of asking on until a rung says at least its threshold; (P,) each.

    The last rung is trusted. Costs and tokens add up over the rungs that are visited.
    """
    open_still = np.ones(rungs[0].said.worth.shape)
    accuracy, cost, tokens = (np.zeros(open_still.shape) for _ in range(3))
    for rung, threshold in zip(rungs, [*accept, -np.inf], strict=True):
        said = rung.said
        cost += open_still * said.cost
        tokens += open_still * said.longest
        is_trusted = said.agreement >= threshold
        accuracy += open_still * is_trusted * said.worth
        open_still = open_still * ~is_trusted
    return accuracy.mean(axis=1), cost.mean(axis=1), tokens.mean(axis=1)


def _visited(rungs: Sequence[Rung], accept: Sequence[float]) -> list[tuple[Rung, float]]:
    """The rungs that a cascade asks, to the first that always accepts, without those that never do."""
    visited = []
    for rung, threshold in zip(rungs, [*accept, -np.inf], strict=True):
        if threshold < np.inf:
            visited.append((rung, threshold))
        if threshold == -np.inf:
            break
    return visited


def _name(visited: Sequence[tuple[Rung, float]]) -> str:
    words = [f"{rung.cell.name} if {accept:.3g}, else " for rung, accept in visited[:-1]]
    return "".join(words) + visited[-1][0].cell.name
