"""THE SPINE: one model, one task, one process, one weight load.

A job is checked and compared with the store (`prepare`), then its missing samples are drawn and appended (`run_job`).
Grading is a pass of its own (grade.py).
"""

import asyncio
import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.checkpoint import Checkpoint, read_checkpoint
from harness.rendering import Renderer, load_tokenizer
from harness.samples import Pending, Sampled, finish_samples
from harness.traces import Context
from harness.types import EngineSettings, Grid, Model, Prompt, Sampling, Task, Thinking
from results import store
from results.schema import ANSWERS, CELLS, MODELS, PROMPTS, TRACES
from sweeps.plan import check_context, hash_identity, identity_parts, name_task, pending_samples, pool_specs
from sweeps.progress import Progress
from sweeps.provenance import describe_environment, write_provenance


@dataclass(frozen=True)
class Job:
    """One model on one task, as composed from conf/. A kill loses `flush_seconds` of finished samples at most."""

    run: Path
    model: Model
    thinking: Thinking
    task: Task
    sampling: Sampling
    grid: Grid
    engine: EngineSettings
    seed: int = 0
    flush_seconds: float = 5.0
    progress_row: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A checked job: what it will be stored as, and what is still missing of it."""

    job: Job
    checkpoint: Checkpoint
    identity: str
    task_id: str
    renderer: Renderer
    num_prompts: int
    max_model_len: int
    pending: list[list[Pending]]

    @property
    def num_pending(self) -> int:
        return sum(map(len, self.pending))


def prepare(job: Job) -> Prepared:
    """Check the job and find what is missing; raises ValueError with the way on. Loads no weights."""
    checkpoint = read_checkpoint(job.model)
    job.engine.check(job.model, checkpoint.num_params)
    tokenizer = load_tokenizer(job.model.path, job.model.revision)
    renderer = Renderer(tokenizer, job.thinking, checkpoint.eos_ids)
    task_id = name_task(job.task)
    prompts = load_prompts(job, task_id)
    parts = identity_parts(
        checkpoint,
        dtype=job.engine.dtype,
        quantization=job.engine.quantization,
        engine_options=job.engine.options,
        chat_template=tokenizer.chat_template,
        task=job.task.identity,
        thinking=job.thinking,
        sampling=job.sampling,
        seed=job.seed,
    )
    identity = hash_identity(parts)
    longest = max(len(renderer.prompt_ids(prompt)) for prompt in prompts)
    needed = check_context(
        checkpoint, model=job.model, longest_prompt=longest, grid=job.grid, renderer=renderer, sampling=job.sampling
    )
    specs = pool_specs(job.grid, job.model)
    pending = pending_samples(job.run, identity, prompts, specs, renderer=renderer)
    return Prepared(job, checkpoint, identity, task_id, renderer, len(prompts), needed, pending)


def load_prompts(job: Job, task_id: str) -> list[Prompt]:
    """The task's prompts, from the store where they are already there: a task's generator can be slow to import.

    Stored prompts come without `reference`, which only graders need.
    """
    # Jobs of other models may be storing the same prompts, so that what is stored is read under their lock.
    with store.lock(job.run, task_id, wait=True):
        rows = store.scan(job.run, PROMPTS).to_pylist()
        stored = [Prompt(row["prompt_id"], row["text"], {}) for row in rows if row["task"] == task_id]
        if len(stored) >= job.task.size:
            return sorted(stored, key=lambda prompt: prompt.prompt_id)[: job.task.size]
        prompts = job.task.load()
        rows = [store_prompt(task_id, prompt) for prompt in prompts]
        store.append_missing(job.run, PROMPTS, rows, writer=task_id)
    return prompts


def run_job(job: Job) -> None:
    """Draw what is missing and append it. Safe to run again at any time; done jobs return at once."""
    with store.lock(job.run, job.model.name):
        set_damaged_aside(job.run, job.model.name)
        prepared = prepare(job)
        declare(prepared)
        if not prepared.pending:
            return
        started = time.monotonic()
        record = {"identity": prepared.identity, "config": job.config, **describe_environment()}
        write_provenance(job.run, job.model.name, record)
        asyncio.run(draw(prepared))
        print(f"{job.model.name}: {prepared.num_pending:,} samples in {time.monotonic() - started:.0f} s")


def set_damaged_aside(root: Path, writer: str) -> None:
    """Put shards that are not what was written out of the way, saying so; the caller holds the writer's lock."""
    for fault in store.set_damaged_aside(root, writer):
        print(fault)


async def draw(prepared: Prepared) -> None:
    """Load the weights once, walk every pending sample, append rows as they come."""
    job = prepared.job
    context = Context(prepared.identity, prepared.renderer, job.sampling)
    writer = Writer(job.run, job.model.name, prepared.identity, flush_seconds=job.flush_seconds)
    with Progress(job.model.name, num_samples=prepared.num_pending, row=job.progress_row) as progress:

        def on_sample(sampled: Sampled) -> None:
            writer.add(sampled)
            progress.advance(sampled)

        async with job.engine.start(job.model, max_model_len=prepared.max_model_len) as engine:
            try:
                await finish_samples(
                    engine,
                    context,
                    prepared.pending,
                    samples_in_flight=job.engine.max_num_seqs,
                    on_sample=on_sample,
                )
            finally:
                writer.flush()


class Writer:
    """Gathers finished samples and appends them every `flush_seconds`, a trace always before its answers."""

    def __init__(self, root: Path, name: str, identity: str, *, flush_seconds: float) -> None:
        self._root, self._name, self._identity, self._flush_seconds = root, name, identity, flush_seconds
        self._traces: list[dict[str, Any]] = []
        self._answers: list[dict[str, Any]] = []
        self._flushed = time.monotonic()

    def add(self, sampled: Sampled) -> None:
        self._traces += [self._row(t) | {"num_thinking_tokens": t.num_thinking_tokens} for t in sampled.traces]
        self._answers += [self._row(answer) for answer in sampled.answers]
        if time.monotonic() - self._flushed > self._flush_seconds:
            self.flush()

    def flush(self) -> None:
        # Each is forgotten as soon as it is stored: were the second append to fail, the first must not be repeated.
        store.append(self._root, TRACES, self._traces, writer=self._name)
        self._traces = []
        store.append(self._root, ANSWERS, self._answers, writer=self._name)
        self._answers, self._flushed = [], time.monotonic()

    def _row(self, value: Any) -> dict[str, Any]:
        row = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return row | {"identity": self._identity}


def declare(prepared: Prepared) -> None:
    """Store the model's shapes and the cells of the grid it is asked for, where they are not stored yet."""
    job, checkpoint = prepared.job, prepared.checkpoint
    model = {
        "identity": prepared.identity,
        "model": job.model.name,
        "task": prepared.task_id,
        "path": job.model.path,
        "revision": job.model.revision,
        "dtype": job.engine.dtype,
        "quantization": job.engine.quantization,
        "pretraining_tokens": job.model.pretraining_tokens,
        **{name: getattr(checkpoint, name) for name in MODELS.schema.names if hasattr(checkpoint, name)},
    }
    cells = [
        {
            "identity": prepared.identity,
            "pool": spec.pool,
            "budget": budget,
            "num_samples": spec.num_samples,
            "num_prompts": prepared.num_prompts,
        }
        for spec in pool_specs(job.grid, job.model)
        for budget in spec.budgets
    ]
    for table, rows in ((MODELS, [model]), (CELLS, cells)):
        store.append_missing(job.run, table, rows, writer=job.model.name)


def store_prompt(task_id: str, prompt: Prompt) -> dict[str, Any]:
    """A prompt as a row of the prompts table."""
    return {
        "task": task_id,
        "prompt_id": prompt.prompt_id,
        "prompt_hash": prompt.prompt_hash,
        "text": prompt.text,
        "dials": store.encode_json(prompt.dials),
    }
