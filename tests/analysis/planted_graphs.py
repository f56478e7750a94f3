"""Strategies of planted outcomes, written beside a run's samples as a sweep would write them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from analysis.runs.strategies import Call, Strategy
from harness.graphs import Graph
from results import schema, store
from sweeps.declare import describe_graph

BUDGET = 256


class Wrote(NamedTuple):
    """What one call wrote: what it votes for, None where it cannot be read, and tokens read, thought and answered.

    thinking: None where it went on to the budget, and was closed by one token.
    """

    vote: str | None
    read: int = 30
    thinking: int | None = 20
    answer: int = 5

    @property
    def written(self) -> int:
        return self.answer + (BUDGET + 1 if self.thinking is None else self.thinking)


# By prompt, group and call; the answer is right where it votes for "right".
Writes = Callable[[int, int, Call], Wrote]


def chain(prompt: str, /, name: str = "chain") -> Graph:
    """A chain of one node with this template."""
    return Graph(name, {"again": {"prompt": prompt}})


def by_chance(chances: Mapping[int, float | Sequence[float]], seed: int = 0, **tokens: Any) -> Writes:
    """Answers that are right with these chances by round, of all prompts or of each;
    wrong ones are of ten kinds.
    """

    def write(prompt: int, group: int, call: Call) -> Wrote:
        rng = np.random.default_rng((seed, prompt, group, call.round, call.member, len(call.node)))
        told = chances[call.round]
        chance = told if isinstance(told, float) else told[prompt]
        return Wrote("right" if rng.random() < chance else f"wrong-{rng.integers(10)}", **tokens)

    return write


def play(
    root: Path,
    graph: Graph,
    write: Writes,
    *,
    rounds: int = 2,
    num_groups: int = 4,
    model: str = "125k",
    budget: int = BUDGET,
    leave_out: Callable[[int, Call], bool] = lambda prompt, call: False,
) -> Strategy:
    """Write the rounds of a strategy by one of a run's models on all of its prompts."""
    identity = f"{model}-identity"
    answered = store.scan(root, schema.ANSWERS, columns=["prompt_id"], identity=identity).to_pandas()
    prompt_ids = sorted(answered["prompt_id"].astype(str).unique())
    strategy = Strategy(
        graph.name, graph.version, graph.agents, {name: dict(node) for name, node in graph.round.items()}
    )
    store.append(root, schema.STRATEGIES, [describe_graph(graph)], writer=graph.name)
    tables: dict[str, list[dict[str, Any]]] = {"answers": [], "grades": [], "cells": []}
    for number, name in ((number, name) for number in range(2, rounds + 1) for name in strategy.nodes):
        pool, size = strategy.pool(number, name, budget), strategy.size(name)
        cell = {"identity": identity, "pool": pool, "budget": budget, "num_samples": num_groups * size}
        tables["cells"].append(cell | {"num_prompts": len(prompt_ids)})
        for at, group, member in np.ndindex(len(prompt_ids), num_groups, size):
            call = Call(number, name, member)
            if leave_out(at, call):
                continue
            key = {
                "identity": identity,
                "prompt_id": prompt_ids[at],
                "pool": pool,
                "sample": group * size + member,
            }
            told = write(at, group, call)
            tables["answers"].append(key | _answer(told))
            if not strategy.is_text(name):
                tables["grades"].append(key | _grade(told))
    for table in (schema.CELLS, schema.ANSWERS, schema.GRADES):
        store.append(root, table, tables[table.name], writer=f"{model} {graph.name}")
    return strategy


def _answer(told: Wrote) -> dict[str, Any]:
    forced, thought = told.thinking is None, BUDGET if told.thinking is None else told.thinking
    spent = {
        "budget": BUDGET if forced else None,
        "num_thinking_tokens": thought,
        "num_answer_tokens": told.answer,
    }
    asked = {"num_prompt_tokens": told.read + thought + forced, "forced": forced, "finish_reason": "stop"}
    return spent | asked


def _grade(told: Wrote) -> dict[str, Any]:
    is_right = told.vote == "right"
    outcome = "unparsed" if told.vote is None else "correct" if is_right else "wrong"
    graded = {"grader": "planted", "grader_version": "1", "vote_key": told.vote, "correct": is_right}
    return (
        {"budget": BUDGET if told.thinking is None else None}
        | graded
        | {"score": float(is_right), "outcome": outcome}
    )


def subsets(num: int, k: int) -> Iterator[list[int]]:
    """Every choice of k of so many."""
    for chosen in range(2**num):
        if chosen.bit_count() == k:
            yield [at for at in range(num) if chosen >> at & 1]


def vote(votes: Sequence[Any], right: Sequence[bool]) -> float:
    """What the answer that most vote for is worth, ties split; negative votes are none."""
    told = [each for each in votes if each >= 0]
    if not told:
        return 0.0
    most = max(told.count(each) for each in told)
    leaders = sorted({each for each in told if told.count(each) == most})
    worth = [
        np.mean([is_right for each, is_right in zip(votes, right, strict=True) if each == lead])
        for lead in leaders
    ]
    return float(np.mean(worth))
