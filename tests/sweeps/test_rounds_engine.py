"""Rounds on the real engine, against loops that answer again and again, written without the harness."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.types import Completion, Engine, Model, Request
from results import store
from results.nodes import NodePool
from results.schema import ANSWERS
from sweeps.compose import build_job
from sweeps.configs import compose_words
from sweeps.job import Job, run_job
from tests.borrowed import Borrowed, Elsewhere
from tests.conftest import RUNG, Running

BUDGETS, ROUNDS = (0, 24, 96), 3
# What may be wrong in one of about a million comparisons.
ERRORS = 4


@dataclass(frozen=True)
class Alone(Borrowed):
    """The session's engine, asked one thing at a time."""

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int, reads_text: bool = False) -> AsyncIterator[Engine]:  # type: ignore[override]
        assert self.running is not None and model.path == RUNG.path
        yield OneByOne(Elsewhere(self.running), asyncio.Lock())


@dataclass(frozen=True)
class OneByOne:
    engine: Engine
    turn: asyncio.Lock

    async def complete(self, request: Request) -> Completion:
        async with self.turn:
            return await self.engine.complete(request)


def make(root: Path, running: Running, *words: str, kind: type[Borrowed] = Alone) -> Job:
    job = build_job(
        compose_words(
            [
                "experiment=embedded",
                "model=countdown-125k",
                "grid.anchor=null",
                "probe=false",
                f"run={root}",
                *words,
            ]
        )
    )
    settings = {field.name: getattr(job.engine, field.name) for field in dataclasses.fields(job.engine)}
    return replace(job, engine=kind(**settings, running=running))


def test_every_round_is_token_identical_to_a_run_that_ends_there(tmp_path: Path, running: Running) -> None:
    words = (
        *("sampling.temperature=0", "task.size=4", "grid.widths=[1]", f"grid.budgets={list(BUDGETS)}"),
        *("grid.reference_budget=96", "strategies=[embedded_revision]"),
    )
    job = make(tmp_path / "whole", running, *words, f"grid.rounds=[1,{ROUNDS}]")
    run_job(job)
    found = texts(tmp_path / "whole", job)

    async def play(text: str, budget: int) -> list[str]:
        """Answers one behind another, each to the prompt with all that was answered before."""
        told: list[str] = []
        for _ in range(ROUNDS):
            told.append(await answer(running, "".join([text, *(f";{each}" for each in told)]), budget))
        return told

    for prompt in job.task.load():
        for budget in BUDGETS:
            played = running.run(play(prompt.text, budget))
            assert [found[prompt.prompt_id, number, budget] for number in range(1, ROUNDS + 1)] == played
    run_job(short := make(tmp_path / "short", running, *words, "grid.rounds=[1,2]"))
    assert texts(tmp_path / "short", short) == {key: text for key, text in found.items() if key[1] <= 2}


async def answer(running: Running, text: str, budget: int) -> str:
    tokenizer, sampling = running.renderer.tokenizer, running.context(temperature=0).sampling
    close, end = (int(tokenizer.convert_tokens_to_ids(token)) for token in ("</think>", "<|endoftext|>"))
    ids = tuple(tokenizer.encode(f"{text}<think>", add_special_tokens=False))
    thought: tuple[int, ...] = ()
    if budget:
        thought = (await running.engine.complete(Request(ids, budget, 0, sampling, (close, end)))).token_ids
        thought = thought[:-1] if thought[-1] in (close, end) else thought
    done = await running.engine.complete(Request((*ids, *thought, close), 32, 0, sampling, (end,)))
    return str(tokenizer.decode(list(done.token_ids), skip_special_tokens=True))


def texts(root: Path, job: Job) -> dict[tuple[str, int, int], str]:
    """What serves each prompt, round and budget of the one strategy."""
    [graph], rows = job.graphs, store.scan(root, ANSWERS).to_pandas()
    found = {}
    for number in range(1, max(job.grid.rounds) + 1):
        for budget in BUDGETS:
            pool = (
                "evaluation" if number == 1 else str(NodePool(graph.name, graph.version, number, "revise", budget))
            )
            own = rows[rows["pool"] == pool]
            serves = own["budget"].eq(budget) | (own["budget"].isna() & (own["num_thinking_tokens"] <= budget))
            for prompt_id, part in own[serves].groupby("prompt_id", observed=True):
                natural = part[part["budget"].isna()]
                found[str(prompt_id), number, budget] = str((natural if len(natural) else part)["text"].iloc[0])
    return found


def test_rounds_that_read_nothing_are_samples(tmp_path: Path, running: Running) -> None:
    """Each is as often right as a sample, within four standard errors, and no copy of one."""
    words = (
        "task.size=40",
        "grid.widths=[8]",
        "grid.budgets=[96]",
        "grid.reference_budget=96",
        "grid.rounds=[1,3]",
    )
    run_job(job := make(tmp_path, running, *words, "strategies=[without_answer]", kind=Borrowed))
    rows, prompts = store.scan(tmp_path, ANSWERS).to_pandas(), {each.prompt_id: each for each in job.task.load()}
    # In this process: a grader in a fork for each of a thousand answers would take most of the test.
    rows["correct"] = [
        job.task.grade(prompts[prompt_id], text).correct
        for prompt_id, text in zip(rows["prompt_id"], rows["text"], strict=True)
    ]
    right = {
        str(pool): part.groupby("prompt_id", observed=True)["correct"].mean().to_numpy()
        for pool, part in rows.groupby("pool", observed=True)
    }
    assert len(right) == 3
    first, *later = (right[pool] for pool in sorted(right))
    for shares in later:
        error = np.std(shares - first, ddof=1) / np.sqrt(len(first))
        assert abs(np.mean(shares - first)) < ERRORS * error
    assert rows.groupby("pool", observed=True)["seed"].apply(frozenset).nunique() == 3
    assert len(set(rows["seed"])) == len(rows)
