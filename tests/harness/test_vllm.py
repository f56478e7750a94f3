"""The nested grid against plain runs on the real engine:
what is cut at b is what a run capped at b would have done.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from harness.engines.vllm import CPU_OPTIONS
from harness.samples import Pending, Sampled, finish_sample
from harness.tasks.countdown import render_compact, vote_key
from harness.tasks.reasoning_gym import ReasoningGym
from harness.traces import Context, SampleKey
from harness.types import Completion, Engine, Prompt, Request
from ladder.countdown import PARAMS
from results.cuts import along_budgets
from sweeps.provenance import list_gpus
from tests.conftest import RUNG, Running

BUDGETS = (0, 16, 32, 64, 128, 256)
LARGEST_TIE = 0.05


@pytest.fixture(scope="module")
def task() -> ReasoningGym:
    return ReasoningGym("countdown", 1_000_000, 24, PARAMS, render=render_compact, vote_key=vote_key)


@pytest.fixture(scope="module")
def prompts(task: ReasoningGym) -> list[Prompt]:
    return task.load()


@dataclass
class OneAtATime:
    """An engine that never batches."""

    engine: Engine
    turn: asyncio.Lock

    async def complete(self, request: Request) -> Completion:
        async with self.turn:
            return await self.engine.complete(request)


async def plain_run(engine: Engine, context: Context, key: SampleKey, budget: int, seed: int) -> tuple[int, ...]:
    """A run that stops thinking at `budget` and answers, written without the harness:
    its thinking and answer ids.
    """
    renderer, sampling = context.renderer, context.sampling
    thought: tuple[int, ...] = ()
    if budget:
        stops = (renderer.close_id, *renderer.eos_ids)
        thought = (await engine.complete(Request(key.prompt_ids, budget, seed, sampling, stops))).token_ids
    closed = bool(thought) and thought[-1] == renderer.close_id
    prefix = key.prompt_ids + thought + (() if closed else (renderer.close_id,))
    done = await engine.complete(Request(prefix, sampling.max_answer_tokens, seed + 1, sampling, renderer.eos_ids))
    return prefix[len(key.prompt_ids) :] + done.token_ids


def is_natural(sampled: Sampled, budget: int) -> bool:
    """Whether a sample of the nested grid ended by itself within a budget."""
    trace = sampled.traces[0]
    return trace.ended and trace.num_thinking_tokens <= budget


def nested_answer(sampled: Sampled, budget: int) -> str:
    """What a sample of the nested grid answers at a budget."""
    answers = {answer.budget: answer.text for answer in sampled.answers}
    return answers[None if is_natural(sampled, budget) else budget]


def nested_texts(running: Running, sampled: Sampled) -> dict[int, str]:
    """Budget -> thinking and answer as text, of one sample of the nested grid."""
    texts = {}
    for budget in BUDGETS:
        thought = running.renderer.decode(sampled.traces[0].token_ids[:budget])
        close = "" if is_natural(sampled, budget) else "</think>"
        texts[budget] = thought + close + nested_answer(sampled, budget)
    return texts


def sample_key(running: Running, prompt: Prompt, sample: int = 0) -> SampleKey:
    return SampleKey(prompt, running.renderer.prompt_ids(prompt), "evaluation", sample)


def test_one_sequence_at_a_time_at_temperature_zero_every_budget_is_token_identical_to_a_plain_run(
    running: Running, prompts: list[Prompt]
) -> None:
    context = running.context(temperature=0)

    async def compare() -> list[tuple[dict[int, str], dict[int, str]]]:
        engine, pairs = OneAtATime(running.engine, asyncio.Lock()), []
        for index, prompt in enumerate(prompts[:4]):
            key = sample_key(running, prompt)
            # Whichever comes second finds the other's prefixes cached, so both orders are tried.
            if index % 2:
                plain = {b: await plain_run(engine, context, key, b, seed=1) for b in BUDGETS}
                sampled = await finish_sample(engine, context, Pending(key, along_budgets(BUDGETS)))
            else:
                sampled = await finish_sample(engine, context, Pending(key, along_budgets(BUDGETS)))
                plain = {b: await plain_run(engine, context, key, b, seed=1) for b in BUDGETS}
            texts = {budget: running.renderer.decode(ids) for budget, ids in plain.items()}
            pairs.append((nested_texts(running, sampled), texts))
        return pairs

    for nested, plain in running.run(compare()):
        assert nested == plain


def test_in_a_batch_a_first_difference_is_a_near_tie(
    running: Running, prompts: list[Prompt], capsys: pytest.CaptureFixture[str]
) -> None:
    context = running.context(temperature=0)
    keys = [sample_key(running, prompt) for prompt in prompts]

    async def compare() -> tuple[list[Sampled], list[list[tuple[int, ...]]]]:
        nested = await asyncio.gather(
            *(finish_sample(running.engine, context, Pending(k, along_budgets(BUDGETS))) for k in keys)
        )
        plain = [
            asyncio.gather(*(plain_run(running.engine, context, key, b, seed=1) for b in BUDGETS)) for key in keys
        ]
        return list(nested), [list(runs) for runs in await asyncio.gather(*plain)]

    nested, plain = running.run(compare())
    encode = running.renderer.tokenizer.encode
    gaps = []
    for key, sampled, runs in zip(keys, nested, plain, strict=True):
        for ours, ids in zip(nested_texts(running, sampled).values(), runs, strict=True):
            ours_ids, theirs = encode(ours, add_special_tokens=False), encode(running.renderer.decode(ids))
            if ours_ids != theirs:
                first = next(i for i, pair in enumerate(zip(ours_ids, theirs, strict=False)) if pair[0] != pair[1])
                gaps.append(top_two_gap((*key.prompt_ids, *ours_ids[:first])))
    with capsys.disabled():
        largest = max(gaps, default=0)
        print(f"\n{len(gaps)} of {len(keys) * len(BUDGETS)} outcomes differ in a batch; largest gap {largest:.4f}")
    assert all(gap < LARGEST_TIE for gap in gaps)


def top_two_gap(ids: tuple[int, ...]) -> float:
    """Log-probability of the likeliest next token less that of the second, by transformers in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(RUNG.path, dtype=torch.float32)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
    best, second = logits.topk(2).values.tolist()
    return best - second


@pytest.mark.long
def test_at_temperature_one_accuracies_agree_within_sampling_error(
    running: Running, task: ReasoningGym, prompts: list[Prompt]
) -> None:
    context = running.context(temperature=1, identity="agreement")
    budgets, num_samples = (0, 32, 256), 16
    keys = [sample_key(running, prompt, sample) for prompt in prompts for sample in range(num_samples)]

    async def draw() -> list[list[Any]]:
        nested = [finish_sample(running.engine, context, Pending(key, along_budgets(budgets))) for key in keys]
        plain = [
            [
                plain_run(running.engine, context, key, budget, seed=10_000 * (budget + 1) + 2 * i)
                for i, key in enumerate(keys)
            ]
            for budget in budgets
        ]
        return [await asyncio.gather(*runs) for runs in (nested, *plain)]

    nested, *plain = running.run(draw())
    for budget, runs in zip(budgets, plain, strict=True):
        ours = [nested_answer(sampled, budget) for sampled in nested]
        theirs = [running.renderer.decode(ids).rsplit("</think>", 1)[1] for ids in runs]
        right = [
            [task.grade(key.prompt, text).correct for key, text in zip(keys, texts, strict=True)]
            for texts in (ours, theirs)
        ]
        means = np.reshape(right, (2, len(prompts), num_samples)).mean(axis=2)
        difference = means[0] - means[1]
        standard_error = difference.std(ddof=1) / np.sqrt(len(difference))
        assert abs(difference.mean()) < 4 * standard_error, budget
        assert 0 < means[0].mean() < 1
        assert ours != theirs


def test_a_seed_repeats_its_completion_and_another_seed_does_not(running: Running, prompts: list[Prompt]) -> None:
    context = running.context(temperature=1)
    ids = running.renderer.prompt_ids(prompts[0])

    async def draw(seed: int) -> tuple[int, ...]:
        return (await running.engine.complete(Request(ids, 64, seed, context.sampling))).token_ids

    assert running.run(draw(1)) == running.run(draw(1)) != running.run(draw(2))


def test_forced_answers_find_their_prefix_cached(running: Running, prompts: list[Prompt]) -> None:
    context = running.context(temperature=1, identity="caching")
    keys = [sample_key(running, prompt) for prompt in prompts[:8]]

    async def draw() -> list[Sampled]:
        return await asyncio.gather(
            *(finish_sample(running.engine, context, Pending(key, along_budgets(BUDGETS))) for key in keys)
        )

    for sampled in running.run(draw()):
        for answer in sampled.answers:
            block = 16 if list_gpus() else CPU_OPTIONS["block_size"]
            assert answer.num_cached_tokens == (answer.num_prompt_tokens - 1) // block * block
