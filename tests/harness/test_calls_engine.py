"""Budgets, calls and extensions of a rung that searches, on the real engine,
against runs that were capped there.
"""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.calling import Calling
from harness.rendering import Renderer
from harness.rollouts import Rollout
from harness.samples import Pending, Sampled, finish_sample
from harness.tasks.world import World
from harness.tools.calls import CallStyle
from harness.tools.protocol import Tool
from harness.tools.search import Search
from harness.tools.worker import start_workers
from harness.traces import Context, SampleKey, follow
from harness.types import Answer, Engine, Model, Request, Sampling, Thinking
from results.cuts import NATURAL, Caps
from tests.conftest import SETTINGS, Running, run_engine
from tests.harness.test_vllm import OneAtATime

SEARCHER = Model("ladder/checkpoints/search-33k")
STYLE = CallStyle(open="{", close="}", before="[", after="]", tool="search")
CELLS = tuple(itertools.starmap(Caps, itertools.product((0, 20, 40, 96), (0, 1), (0, 1, 2, 4))))
TASK = World(seed=1_000_500, size=16, hops=(1, 2, 3, 4))


@pytest.fixture(scope="module")
def searching() -> Iterator[Running]:
    with run_engine(SETTINGS, SEARCHER) as running:
        yield running


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    settings = Search(k=1, max_tokens=64, k1=1.5, b=0.75, passage="{text}", untitled="{text}", nothing="")
    return settings.attach(TASK).prepare(Path(tmp_path_factory.mktemp("index")), lambda line: None)


def renderer_of(running: Running) -> Renderer:
    thinking = Thinking(open="<think>", close="</think>", force="</think>", extend=";")
    return Renderer(running.renderer.tokenizer, thinking, running.renderer.eos_ids)


def key_of(renderer: Renderer, number: int, sample: int = 0) -> SampleKey:
    prompt = TASK.load()[number]
    return SampleKey(prompt, renderer.prompt_ids(prompt), "evaluation", sample)


async def plain_run(engine: Engine, renderer: Renderer, key: SampleKey, cell: Caps, tool: Tool) -> str:
    """A run that thinks and calls within a cell's caps and answers, written without the harness."""
    opened, closed = (renderer.encode_behind(marker)[0] for marker in "{}")
    ids: tuple[int, ...] = ()
    written = extended = called = since = 0
    sampling = Sampling(temperature=0)
    while written < cell.budget:
        stop = closed if called < cell.calls else opened
        stops = (renderer.close_id, *renderer.eos_ids, stop)
        new = (
            await engine.complete(Request(key.prompt_ids + ids, cell.budget - written, 0, sampling, stops))
        ).token_ids
        ids, written = ids + new, written + len(new)
        text = renderer.decode(ids[since:])
        if new[-1] == closed and "{" in text:
            query = text[text.index("{") + 1 : -1].strip()
            ids += renderer.encode_behind(f"[{tool.call(query).text}]")
            called, since = called + 1, len(ids)
        elif new[-1] == opened and called == cell.calls:
            ids = ids[:-1]
            break
        elif new[-1] == renderer.close_id and written < cell.budget and extended < cell.extensions:
            ids, extended = ids[:-1] + renderer.extend_ids, extended + 1
            since = len(ids)
        elif new[-1] in renderer.end_ids:
            break
    if not ids or ids[-1] != renderer.close_id:
        ids = (ids[:-1] if ids and ids[-1] in renderer.eos_ids else ids) + renderer.force_ids
    answer = await engine.complete(Request(key.prompt_ids + ids, 32, 0, sampling, renderer.eos_ids))
    return renderer.decode(ids + answer.token_ids)


def serving(renderer: Renderer, sampled: Sampled, cell: Caps) -> Answer:
    """The answer that serves a cell."""
    rollout = rollout_of(renderer, sampled)
    answers = {NATURAL if answer.budget is None else answer.budget: answer for answer in sampled.answers}
    return answers[rollout.places([cell])[0]]


def rollout_of(renderer: Renderer, sampled: Sampled) -> Rollout:
    rollout = Rollout()
    for trace in sampled.traces:
        rollout = follow(rollout, trace, close_id=renderer.close_id)
    return rollout


def text_of(renderer: Renderer, sampled: Sampled, cell: Caps) -> str:
    answer = serving(renderer, sampled, cell)
    thought = renderer.decode(rollout_of(renderer, sampled).context(answer.num_thinking_tokens))
    return thought + ("</think>" if answer.forced else "") + answer.text


def test_one_sequence_at_a_time_every_cell_is_token_identical_to_a_run_capped_there(
    searching: Running, tool: Tool
) -> None:
    renderer = renderer_of(searching)

    async def compare() -> list[tuple[dict[Caps, str], dict[Caps, str], int]]:
        found = []
        async with start_workers({"search": tool}) as workers:
            calling = Calling(STYLE, workers, renderer)
            context = Context("test", renderer, Sampling(temperature=0), calling=calling)
            engine = OneAtATime(searching.engine, asyncio.Lock())
            for number in range(8):
                key = key_of(renderer, number)
                sampled = await finish_sample(engine, context, Pending(key, CELLS))
                plain = {cell: await plain_run(engine, renderer, key, cell, tool) for cell in CELLS}
                num_calls = sum(trace.call is not None for trace in sampled.traces)
                found.append(({cell: text_of(renderer, sampled, cell) for cell in CELLS}, plain, num_calls))
        return found

    num_calls = 0
    for ours, plain, calls in searching.run(compare()):
        assert ours == plain
        num_calls += calls
    assert num_calls >= 16


def test_more_calls_find_more_and_the_grid_costs_the_sum_of_its_cuts(searching: Running, tool: Tool) -> None:
    renderer = renderer_of(searching)
    cells = tuple(Caps(96, calls=calls) for calls in (0, 1, 2, 4))

    async def draw() -> list[Sampled]:
        async with start_workers({"search": tool}) as workers:
            context = Context("test", renderer, Sampling(), calling=Calling(STYLE, workers, renderer))
            keys = [key_of(renderer, number, sample) for number in range(16) for sample in range(4)]
            return await asyncio.gather(
                *(finish_sample(searching.engine, context, Pending(key, cells)) for key in keys)
            )

    sampled = searching.run(draw())
    right = [
        sum(
            TASK.grade(each.key.prompt, text_of(renderer, each, cell).rpartition("</think>")[2]).correct
            for each in sampled
        )
        for cell in cells
    ]
    assert right == sorted(right) and right[0] < 8 < right[-1]
    for each in sampled:
        longest = sum(len(trace.token_ids) for trace in each.traces)
        assert each.num_tokens == longest + sum(answer.num_answer_tokens for answer in each.answers)
        assert longest <= 96 and len(each.answers) <= len(cells)


def test_at_temperature_one_the_grid_and_runs_of_their_own_are_as_often_right_and_call_as_much(
    searching: Running, tool: Tool
) -> None:
    """Means over samples of right answers, thinking tokens and tokens that were read agree within four standard
    errors, cell by cell.
    """
    renderer = renderer_of(searching)

    async def draw(identity: str, cells: tuple[Caps, ...]) -> list[Sampled]:
        async with start_workers({"search": tool}) as workers:
            context = Context(identity, renderer, Sampling(), calling=Calling(STYLE, workers, renderer))
            keys = [key_of(renderer, number, sample) for number in range(16) for sample in range(8)]
            return await asyncio.gather(
                *(finish_sample(searching.engine, context, Pending(key, cells)) for key in keys)
            )

    def measured(found: list[Sampled], cell: Caps) -> np.ndarray:
        rows = []
        for each in found:
            answer = serving(renderer, each, cell)
            is_right = TASK.grade(each.key.prompt, answer.text).correct
            rows.append([is_right, answer.num_thinking_tokens, answer.num_given_tokens])
        return np.array(rows, dtype=float)

    grid = searching.run(draw("grid", CELLS))
    for cell in (Caps(96, 0, 1), Caps(96, 0, 2), Caps(40, 1, 2), Caps(96, 1, 4)):
        ours, alone = measured(grid, cell), measured(searching.run(draw(f"alone {cell}", (cell,))), cell)
        error = np.sqrt(ours.var(axis=0) / len(ours) + alone.var(axis=0) / len(alone))
        assert (abs(ours.mean(axis=0) - alone.mean(axis=0)) <= 4 * error + 1e-9).all(), cell
