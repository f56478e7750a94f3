"""Traces and forced answers of real models, token for token,
against transformers and against vLLM without the harness.

One sequence at a time, float32, temperature 0. What is asked of the two is put together here, by hand.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.samples import Pending, finish_sample
from harness.traces import Context, SampleKey
from harness.types import Completion, Engine, Request
from results.cuts import along_budgets
from sweeps.prepare import Prepared, prepare
from tests.parity.jobs import compose_job

pytestmark = pytest.mark.long

NUM_PROMPTS, BUDGETS, ANSWER_TOKENS = 20, (0, 8, 24), 8
STOP = "</answer>"

Ids = tuple[int, ...]
# What was asked -> what was written.
Asked = dict[Ids, Ids]
# (ids, most tokens, a string to stop at) -> ids.
Write = Callable[[Ids, int, str | None], Awaitable[Ids]]


@dataclass(frozen=True)
class Style:
    """How a model is asked, written down without the harness. force: what a trace that is cut goes on with."""

    model: str
    open: str
    force: str
    chat: bool


STYLES = (
    Style("SmolLM2-135M-Instruct", "Let's think step by step.\n", "\n\n<answer>", chat=True),
    Style("gemma-3-270m", "\nLet's think step by step.", "\n<answer>", chat=False),
)


class Compared(NamedTuple):
    """The same problems three ways."""

    ours: Asked
    plain: Asked
    transformers: Asked
    bos: int | None


@dataclass
class Recorder:
    """An engine that writes one sequence at a time and notes what it was asked."""

    engine: Engine
    turn: asyncio.Lock
    asked: Asked

    async def complete(self, request: Request) -> Completion:
        async with self.turn:
            done = await self.engine.complete(request)
        assert request.prompt_ids not in self.asked
        self.asked[request.prompt_ids] = done.token_ids
        return done


@pytest.fixture(scope="module", params=STYLES, ids=lambda style: style.model)
def compared(
    request: pytest.FixtureRequest, real_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Compared:
    style: Style = request.param
    folder = real_model(style.model)
    job = compose_job(
        f"model.path={folder}",
        f"run={tmp_path_factory.mktemp('tokens')}/run",
        *("task=reasoning_gym", "task.name=gsm_symbolic", f"task.size={NUM_PROMPTS}"),
        *("sampling=plain", "sampling.temperature=0", f"sampling.max_answer_tokens={ANSWER_TOKENS}"),
        *("grid.widths=[1]", f"grid.budgets={list(BUDGETS)}", "grid.anchor=null"),
        *("engine.dtype=float32", "engine.max_num_seqs=1", "engine.gpu_memory_utilization=0.3"),
    )
    return asyncio.run(compare(prepare(job), style, str(folder)))


async def compare(prepared: Prepared, style: Style, folder: str) -> Compared:
    from transformers import AutoTokenizer

    tokenizer, ends = AutoTokenizer.from_pretrained(folder), prepared.renderer.eos_ids
    prompts = [render(tokenizer, style, prompt.text) for prompt in prepared.prompts]
    force: Ids = tuple(tokenizer.encode(style.force, add_special_tokens=False))
    async with prepared.job.engine.start(
        prepared.job.model, max_model_len=prepared.max_model_len, reads_text=True
    ) as engine:
        ours = await draw_grid(engine, prepared)
        plain = await ask_all(prompts, force, ends, plain_vllm(engine, ends))
    theirs = await ask_all(prompts, force, ends, plain_transformers(folder, tokenizer, ends))
    return Compared(ours, plain, theirs, None if style.chat else tokenizer.bos_token_id)


async def draw_grid(engine: Engine, prepared: Prepared) -> Asked:
    recorder = Recorder(engine, asyncio.Lock(), {})
    context = Context(prepared.identity, prepared.renderer, prepared.sampling, prepared.job.task.until)
    for prompt in prepared.prompts:
        key = SampleKey(prompt, prepared.renderer.prompt_ids(prompt), "evaluation", 0)
        sampled = await finish_sample(recorder, context, Pending(key, along_budgets(BUDGETS)))
        assert sampled.failure is None
    return recorder.asked


def render(tokenizer: Any, style: Style, text: str) -> Ids:
    if not style.chat:
        return (tokenizer.bos_token_id, *tokenizer.encode(text + style.open, add_special_tokens=False))
    turns = [{"role": "user", "content": text}]
    rendered = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return tuple(tokenizer.encode(rendered + style.open, add_special_tokens=False))


async def ask_all(prompts: Sequence[Ids], force: Ids, ends: Ids, write: Write) -> Asked:
    """A trace a prompt, and an answer at every budget that it had not ended within."""
    asked: Asked = {}
    for ids in prompts:
        trace = asked[ids] = await write(ids, max(BUDGETS), None)
        for budget in BUDGETS:
            if trace[-1] not in ends or len(trace) > budget:
                prefix = ids + trace[:budget] + force
                asked[prefix] = await write(prefix, ANSWER_TOKENS, STOP)
    return asked


def plain_vllm(engine: Any, ends: Ids) -> Write:
    """The AsyncLLM under an engine of ours, asked as its documentation says."""
    numbers = itertools.count()

    async def write(ids: Ids, max_tokens: int, stop: str | None) -> Ids:
        from vllm import SamplingParams

        params = SamplingParams(temperature=0, max_tokens=max_tokens, stop_token_ids=list(ends), stop=stop)
        async for output in engine._llm.generate(
            {"prompt_token_ids": list(ids)}, params, f"plain-{next(numbers)}"
        ):
            final = output
        return tuple(final.outputs[0].token_ids)

    return write


def plain_transformers(folder: str, tokenizer: Any, ends: Ids) -> Write:
    """Greedy `generate` in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    # On cores that others use, threads that wait for each other by spinning take many times as long as one alone.
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    async def write(ids: Ids, max_tokens: int, stop: str | None) -> Ids:
        given = torch.tensor([ids])
        with torch.inference_mode():
            written = model.generate(
                given,
                attention_mask=torch.ones_like(given),
                max_new_tokens=max_tokens,
                do_sample=False,
                eos_token_id=list(ends),
                pad_token_id=ends[0],
                **({"stop_strings": [stop], "tokenizer": tokenizer} if stop else {}),
            )
        return tuple(written[0, len(ids) :].tolist())

    return write


def test_every_trace_and_answer_is_token_identical_with_a_plain_vllm(compared: Compared) -> None:
    assert compared.ours == compared.plain


def test_every_trace_and_answer_is_token_identical_with_transformers(
    compared: Compared, capsys: pytest.CaptureFixture[str]
) -> None:
    differing = {ids for ids, written in compared.ours.items() if compared.transformers.get(ids) != written}
    with capsys.disabled():
        print(f"\n{len(compared.ours) - len(differing)} of {len(compared.ours)} traces and answers are the same")
    assert compared.ours.keys() == compared.transformers.keys()
    assert not differing
    assert len(compared.ours) > 2 * NUM_PROMPTS


def test_a_base_model_begins_with_its_beginning_of_text_and_nothing_else_has_two(compared: Compared) -> None:
    if compared.bos is not None:
        assert all(ids[0] == compared.bos and compared.bos not in ids[1:] for ids in compared.ours)
