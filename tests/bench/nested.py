"""(a) The nested grid against its largest cell, and against generating every cell anew."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from harness.samples import Pending, Sampled
from tests.bench.workload import BUDGETS, WIDTHS, Spent, Workload, reset_cache


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


async def measure(workload: Workload, *, name: str) -> Ratios:
    """One round, with noise of its own; the nested grid and its largest cell draw the same traces.

    Both run before and after the long way, so that a machine that grows faster or slower meanwhile favours none.
    """
    named = workload.named(name)
    ways = {"nested": _nested(workload), "largest": _largest(workload), "anew": _anew(workload)}
    spent: dict[str, list[Spent]] = {way: [] for way in ways}
    for way in ("nested", "largest", "anew", "largest", "nested"):
        spent[way].append(await _finish(named, ways[way]))
    seconds = {way: fmean(each.seconds for each in runs) for way, runs in spent.items()}
    tokens = {way: fmean(each.num_tokens for each in runs) for way, runs in spent.items()}
    predicted = _predict(spent["nested"][0].sampled)
    return Ratios(
        largest_tokens=tokens["nested"] / tokens["largest"],
        largest_seconds=seconds["nested"] / seconds["largest"],
        largest_predicted=predicted.nested / predicted.largest,
        anew_tokens=tokens["anew"] / tokens["nested"],
        anew_seconds=seconds["anew"] / seconds["nested"],
        anew_predicted=predicted.anew / predicted.nested,
        mean_thinking_tokens=predicted.thinking,
        mean_answer_tokens=predicted.answer,
    )


async def _finish(workload: Workload, pending: Sequence[Sequence[Pending]]) -> Spent:
    await reset_cache(workload)
    with tempfile.TemporaryDirectory() as root:
        return await workload.finish(pending, root=Path(root))


def _nested(workload: Workload) -> list[list[Pending]]:
    return [[Pending(key, BUDGETS) for key in keys] for keys in workload.keys(max(WIDTHS))]


def _largest(workload: Workload) -> list[list[Pending]]:
    return [[Pending(key, BUDGETS[-1:]) for key in keys] for keys in workload.keys(max(WIDTHS))]


def _anew(workload: Workload) -> list[list[Pending]]:
    """Every cell with samples of its own, all in one queue: kinder than one cell after the other, whose ends idle."""
    cells, first = [], max(WIDTHS)
    for width in WIDTHS:
        for budget in BUDGETS:
            cells += [[Pending(key, (budget,)) for key in keys] for keys in workload.keys(width, first=first)]
            first += width
    return cells


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
