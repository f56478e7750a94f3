"""What is measured on: a model on a running engine, prompts, and every width and budget of the grid."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.checkpoint import read_checkpoint
from harness.engines.vllm import Vllm
from harness.rendering import Renderer, load_tokenizer
from harness.samples import Pending, Sampled, finish_samples
from harness.tasks.countdown import render_compact, vote_key
from harness.tasks.reasoning_gym import ReasoningGym
from harness.traces import Context, SampleKey
from harness.types import Engine, Model, Prompt, Request, Sampling, Thinking
from results.cuts import along_budgets
from sweeps.provenance import Device
from sweeps.writer import Writer

WIDTHS = (1, 2, 4, 8, 16, 32, 64)
BUDGETS = (0, 16, 32, 64, 128, 256)
THINKING = Thinking(open="<think>", close="</think>", force="</think>")
# One-digit numbers, so that an answer is short beside the thinking, as it is wherever thinking is worth a budget.
COUNTDOWN = {
    "min_numbers": 3,
    "max_numbers": 4,
    "min_value": 1,
    "max_value": 9,
    "min_target": 10,
    "max_target": 99,
}


@dataclass(frozen=True)
class Workload:
    """A running engine and what is asked of it. `context` names the noise:
    two of another identity share no tokens.
    """

    path: str
    engine: Engine
    context: Context
    prompts: Sequence[Prompt]
    settings: Vllm

    @property
    def samples_in_flight(self) -> int:
        return self.settings.samples_in_flight

    def pending(self, num_samples: int, budgets: tuple[int, ...], *, first: int = 0) -> list[list[Pending]]:
        """Samples `first` to `first + num_samples` of every prompt, none of them drawn."""
        return [
            [
                Pending(
                    SampleKey(prompt, self.context.renderer.prompt_ids(prompt), "evaluation", sample),
                    along_budgets(budgets),
                )
                for sample in range(first, first + num_samples)
            ]
            for prompt in self.prompts
        ]

    def named(self, identity: str) -> "Workload":
        return replace(self, context=replace(self.context, identity=identity))

    async def finish(self, pending: Sequence[Sequence[Pending]], *, tell: Callable[[], None]) -> list[Sampled]:
        """What the harness does of a sweep: draw, and append to a store.
        `tell` is called as each sample is done.
        """
        sampled: list[Sampled] = []
        with tempfile.TemporaryDirectory() as root:
            writer = Writer(
                Path(root),
                "bench",
                self.context.identity,
                device=Device("", 1),
                samples_in_flight=16,
                flush_seconds=5,
            )

            def on_sample(rows: Sampled) -> None:
                writer.add(rows)
                sampled.append(rows)
                tell()

            await finish_samples(
                self.engine, self.context, pending, samples_in_flight=self.samples_in_flight, on_sample=on_sample
            )
            writer.flush()
        return sampled


@contextlib.asynccontextmanager
async def serve(model: Model, settings: Vllm, *, num_prompts: int, dummy: bool) -> AsyncIterator[Workload]:
    """The model on an engine of its own. dummy: only its config is read, its weights are random."""
    if dummy:
        tokenizer, eos_ids = load_tokenizer("ladder/checkpoints/countdown-33k"), tuple[int, ...]()
        settings = replace(settings, options={**settings.options, "load_format": "dummy"})
    else:
        tokenizer, eos_ids = load_tokenizer(model.path), read_checkpoint(model).eos_ids
    renderer = Renderer(tokenizer, THINKING, eos_ids)
    context = Context("bench", renderer, Sampling(max_answer_tokens=32 if not dummy else 16))
    prompts = make_prompts(num_prompts)
    longest = max(len(renderer.prompt_ids(prompt)) for prompt in prompts)
    needed = longest + max(BUDGETS) + len(renderer.force_ids) + context.sampling.max_answer_tokens
    async with settings.start(model, max_model_len=needed) as engine:
        workload = Workload(model.path, engine, context, prompts, settings)
        await warm_up(workload)
        yield workload


def make_prompts(num_prompts: int) -> list[Prompt]:
    """Countdown problems; a model with dummy weights is given their characters as well."""
    task = ReasoningGym(
        name="countdown",
        seed=3_000_000,
        size=num_prompts,
        params=COUNTDOWN,
        render=render_compact,
        vote_key=vote_key,
    )
    return task.load()


async def warm_up(workload: Workload) -> None:
    """The first requests of an engine compile and allocate."""
    ids = workload.context.renderer.prompt_ids(workload.prompts[0])
    requests = [Request(ids, 16, seed, workload.context.sampling) for seed in range(workload.samples_in_flight)]
    await asyncio.gather(*map(workload.engine.complete, requests))


async def reset_cache(workload: Workload) -> None:
    """Nothing is to be found in the prefix cache that another way of asking has left there."""
    await workload.engine._llm.reset_prefix_cache()  # type: ignore[attr-defined]
