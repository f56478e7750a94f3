"""(a) The nested grid against its largest cell, and against generating every cell anew."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.samples import Sampled
from tests.bench.slices import Job, Pair, Spent, draw, measure_pair
from tests.bench.workload import BUDGETS, WIDTHS, Workload


class Ratios(NamedTuple):
    """Nested grid over largest cell, and every cell anew over nested grid; by tokens, by time and as predicted."""

    largest_tokens: float
    largest_seconds: float
    largest_predicted: float
    anew_tokens: float
    anew_seconds: float
    anew_predicted: float
    mean_thinking_tokens: float
    mean_answer_tokens: float


def measure(pair: Pair, *, rounds: int) -> list[Ratios]:
    """Round by round, each with noise of its own; within one,
    the nested grid and its largest cell draw the same.
    """
    against_largest = list(measure_pair(pair, (nested, largest), rounds=rounds))
    against_anew = list(measure_pair(pair, (nested, anew), rounds=rounds))
    return [_ratios(*spent, *other) for spent, other in zip(against_largest, against_anew, strict=True)]


def _ratios(grid: Spent, cell: Spent, grid_again: Spent, every_cell: Spent) -> Ratios:
    predicted = _predict(grid.made)
    return Ratios(
        largest_tokens=count_tokens(grid.made) / count_tokens(cell.made),
        largest_seconds=grid.seconds / cell.seconds,
        largest_predicted=predicted.nested / predicted.largest,
        anew_tokens=count_tokens(every_cell.made) / count_tokens(grid_again.made),
        anew_seconds=every_cell.seconds / grid_again.seconds,
        anew_predicted=predicted.anew / predicted.nested,
        mean_thinking_tokens=predicted.thinking,
        mean_answer_tokens=predicted.answer,
    )


def count_tokens(made: Sequence[Sampled]) -> int:
    return sum(rows.num_tokens for rows in made)


async def nested(workload: Workload) -> Job:
    return draw(workload, workload.pending(max(WIDTHS), BUDGETS))


async def largest(workload: Workload) -> Job:
    return draw(workload, workload.pending(max(WIDTHS), BUDGETS[-1:]))


async def anew(workload: Workload) -> Job:
    """Every cell with samples of its own, all in one queue:
    kinder than one cell after the other, whose ends idle.
    """
    cells, first = [], max(WIDTHS)
    for width in WIDTHS:
        for budget in BUDGETS:
            cells += workload.pending(width, (budget,), first=first)
            first += width
    return draw(workload, cells)


class _Predicted(NamedTuple):
    nested: float
    largest: float
    anew: float
    thinking: float
    answer: float


def _predict(sampled: Sequence[Sampled]) -> _Predicted:
    """Tokens a sample by arithmetic, from how long the nested grid's traces and answers were."""
    lengths = np.array([sum(trace.num_thinking_tokens for trace in rows.traces) for rows in sampled])
    ended = np.array([rows.traces[-1].ended for rows in sampled])
    answer = float(np.mean([answer.num_answer_tokens for rows in sampled for answer in rows.answers]))
    cut = {budget: float((~(ended & (lengths <= budget))).mean()) for budget in BUDGETS}
    thinking = float(lengths.mean())
    largest = thinking + answer
    # A budget of its own costs a forced answer where the trace is still going; the largest is answered anyway.
    nested = largest + answer * sum(cut[budget] for budget in BUDGETS[:-1])
    cells = sum(float(np.minimum(lengths, budget).mean()) + answer for budget in BUDGETS)
    return _Predicted(nested, largest, sum(WIDTHS) / max(WIDTHS) * cells, thinking, answer)
