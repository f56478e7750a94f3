"""Budgets and extensions on the real engine: every cell against a run that was capped there from the start."""

import asyncio
import dataclasses
import itertools

import numpy as np
import pytest

from harness.rendering import Renderer
from harness.rollouts import Rollout
from harness.samples import Pending, Sampled, finish_sample
from harness.tasks.countdown import render_compact, vote_key
from harness.tasks.reasoning_gym import ReasoningGym
from harness.traces import Context, SampleKey, follow
from harness.types import Answer, Engine, Prompt, Request, Sampling
from ladder.countdown import PARAMS
from results.cuts import NATURAL, Caps
from tests.conftest import Running
from tests.harness.test_vllm import OneAtATime

CELLS = tuple(itertools.starmap(Caps, itertools.product((0, 16, 48, 96, 200), (0, 1, 3))))
EXTEND = ";"


def context_of(running: Running, *, temperature: float, identity: str = "test") -> Context:
    thinking = dataclasses.replace(running.renderer.thinking, extend=EXTEND)
    renderer = Renderer(running.renderer.tokenizer, thinking, running.renderer.eos_ids)
    return Context(identity, renderer, Sampling(temperature=temperature))


@pytest.fixture(scope="module")
def task() -> ReasoningGym:
    return ReasoningGym("countdown", 1_000_000, 12, PARAMS, render=render_compact, vote_key=vote_key)


@pytest.fixture(scope="module")
def prompts(task: ReasoningGym) -> list[Prompt]:
    return task.load()


def key_of(context: Context, prompt: Prompt, sample: int = 0) -> SampleKey:
    return SampleKey(prompt, context.renderer.prompt_ids(prompt), "evaluation", sample)


async def plain_run(engine: Engine, context: Context, key: SampleKey, cell: Caps) -> tuple[int, ...]:
    """A run that stops thinking at a cell's caps and answers, written without the harness:
    all behind the prompt.
    """
    renderer, sampling = context.renderer, context.sampling
    ids: tuple[int, ...] = ()
    written = extended = 0
    while written < cell.budget:
        stops = (renderer.close_id, *renderer.eos_ids)
        request = Request(key.prompt_ids + ids, cell.budget - written, 1 + written, sampling, stops)
        new = (await engine.complete(request)).token_ids
        ids, written = ids + new, written + len(new)
        if new[-1] != renderer.close_id or written == cell.budget or extended == cell.extensions:
            break
        ids, extended = ids[:-1] + renderer.extend_ids, extended + 1
    if not ids or ids[-1] != renderer.close_id:
        ids = (ids[:-1] if ids and ids[-1] in renderer.eos_ids else ids) + renderer.force_ids
    answer = Request(key.prompt_ids + ids, sampling.max_answer_tokens, 0, sampling, renderer.eos_ids)
    return ids + (await engine.complete(answer)).token_ids


def rollout_of(context: Context, sampled: Sampled) -> Rollout:
    rollout = Rollout()
    for trace in sampled.traces:
        rollout = follow(rollout, trace, close_id=context.renderer.close_id)
    return rollout


def serving(context: Context, sampled: Sampled, cell: Caps) -> tuple[Rollout, Answer]:
    rollout = rollout_of(context, sampled)
    answers = {NATURAL if answer.budget is None else answer.budget: answer for answer in sampled.answers}
    return rollout, answers[rollout.places([cell])[0]]


def text_of(context: Context, sampled: Sampled, cell: Caps) -> str:
    rollout, answer = serving(context, sampled, cell)
    thought = context.renderer.decode(rollout.context(answer.num_thinking_tokens))
    return thought + ("</think>" if answer.forced else "") + answer.text


def test_one_sequence_at_a_time_every_cell_is_token_identical_to_a_run_capped_there(
    running: Running, prompts: list[Prompt]
) -> None:
    context = context_of(running, temperature=0)

    async def compare() -> list[tuple[Sampled, dict[Caps, str]]]:
        engine, pairs = OneAtATime(running.engine, asyncio.Lock()), []
        for prompt in prompts[:4]:
            key = key_of(context, prompt)
            sampled = await finish_sample(engine, context, Pending(key, CELLS))
            plain = {cell: await plain_run(engine, context, key, cell) for cell in CELLS}
            pairs.append((sampled, {cell: context.renderer.decode(ids) for cell, ids in plain.items()}))
        return pairs

    num_extended = 0
    for sampled, plain in running.run(compare()):
        assert {cell: text_of(context, sampled, cell) for cell in CELLS} == plain
        num_extended += len(rollout_of(context, sampled).extensions)
    assert num_extended > 4


def test_at_temperature_one_what_is_drawn_is_the_sum_of_the_cuts(running: Running, prompts: list[Prompt]) -> None:
    context = context_of(running, temperature=1)

    async def draw() -> list[Sampled]:
        keys = [key_of(context, prompt, sample) for prompt in prompts for sample in range(4)]
        return await asyncio.gather(*(finish_sample(running.engine, context, Pending(key, CELLS)) for key in keys))

    written = needed = 0
    for sampled in running.run(draw()):
        rollout = rollout_of(context, sampled)
        cuts = set(rollout.places(CELLS))
        written += sampled.num_tokens
        needed += max(serving(context, sampled, cell)[1].num_thinking_tokens for cell in CELLS)
        needed += sum(answer.num_answer_tokens for answer in sampled.answers)
        assert len(sampled.answers) == len(cuts)
    assert written <= 1.02 * needed


def test_at_temperature_one_the_grid_and_runs_of_their_own_are_as_often_right_and_think_as_long(
    running: Running, task: ReasoningGym, prompts: list[Prompt]
) -> None:
    """Means over samples agree within four standard errors, cell by cell."""
    cells = (Caps(48, 0), Caps(96, 1), Caps(200, 1), Caps(200, 3))

    async def draw(identity: str, asked: tuple[Caps, ...]) -> list[Sampled]:
        own = context_of(running, temperature=1, identity=identity)
        keys = [key_of(own, prompt, sample) for prompt in prompts for sample in range(8)]
        return await asyncio.gather(*(finish_sample(running.engine, own, Pending(key, asked)) for key in keys))

    def measured(found: list[Sampled], cell: Caps) -> np.ndarray:
        context = context_of(running, temperature=1)
        answers = [(sampled.key.prompt, serving(context, sampled, cell)[1]) for sampled in found]
        return np.array([[task.grade(p, a.text).correct, a.num_thinking_tokens] for p, a in answers], dtype=float)

    grid = running.run(draw("grid", CELLS))
    for cell in cells:
        ours, alone = measured(grid, cell), measured(running.run(draw(f"alone {cell}", (cell,))), cell)
        error = np.sqrt(ours.var(axis=0) / len(ours) + alone.var(axis=0) / len(alone))
        assert (abs(ours.mean(axis=0) - alone.mean(axis=0)) <= 4 * error + 1e-9).all(), cell
