"""THE SPINE: one model, one task, one process, one weight load.

A job is checked and compared with the store (`prepare`), then its missing samples are drawn and appended
(`run_job`). Grading is a pass of its own (grade.py).
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.calling import Calling
from harness.checkpoint import Checkpoint, read_checkpoint
from harness.foreign import check_tokenizer_files
from harness.grading import check_fence
from harness.graphs import Graph
from harness.knobs import check_knobs
from harness.recognition import AutoSampling, AutoThinking
from harness.rendering import Renderer, load_tokenizer
from harness.samples import Pending, Sampled, finish_samples
from harness.scorers.protocol import Judge
from harness.search.searches import finish_searches
from harness.search.strategy import Strategy
from harness.search.tree import Searcher
from harness.search.verdicts import Judging, Verifier
from harness.tools.calls import CallStyle
from harness.tools.protocol import ToolSettings
from harness.tools.worker import start_workers
from harness.traces import Context
from harness.trial import check_tokenizer
from harness.types import (
    Engine,
    EngineFailedError,
    EngineSettings,
    Grid,
    Model,
    Prompt,
    Sampling,
    Task,
    Thinking,
)
from results import store
from results.closed import check_open
from results.prompts import in_order
from results.schema import FAILURES, MODELS, PROMPTS
from results.searching import STRATEGY
from results.stopping import cancelling
from sweeps.asking import Asking
from sweeps.counted import Counted
from sweeps.declare import declare
from sweeps.forecast import expect_tokens
from sweeps.graphs import (
    AskingNodes,
    Layer,
    check_graphs,
    free_context,
    grade_beside,
    longest_request,
    longest_text,
    read_layers,
)
from sweeps.identity import check_prompts, hash_identity, identity_parts, name_task
from sweeps.plan import (
    PoolState,
    check_context,
    check_extending,
    check_vocabulary,
    iterate_pending,
    measure,
    pool_specs,
    read_states,
)
from sweeps.probes import check_thinking
from sweeps.progress import Progress
from sweeps.provenance import describe_device, describe_environment, write_provenance
from sweeps.recognised import Origins, Setting, check_servable, describe_settings, resolve
from sweeps.repair import repair_writer
from sweeps.searched import prepare_verifier, read_searched
from sweeps.tools import FOLDER, Toolbox, equip
from sweeps.writer import Writer


@dataclass(frozen=True)
class Job:
    """One model on one task, as composed from conf/.

    A kill loses `flush_seconds` of finished samples at most, and the samples in flight
    (`engine.samples_in_flight`). grade_unfenced: graders that evaluate answers run though the kernel cannot hold
    them. origins: where its settings were chosen. words: the command that it was made with, which `isoquant sweep
    RUN` goes on from. is_here: it runs on this machine, so that what this one lacks counts. strategy: a search in
    place of samples as they come, and judging: who judges its paths. graphs: in what rounds samples go on from their
    answers. tools: what the model may call by these names, written as `calls` says.
    """

    run: Path
    model: Model
    thinking: Thinking | AutoThinking
    task: Task
    sampling: Sampling | AutoSampling
    grid: Grid
    engine: EngineSettings
    seed: int = 0
    probe: bool = True
    grade_unfenced: bool = False
    flush_seconds: float = 30.0
    progress_row: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)
    origins: Origins = field(default_factory=Origins)
    words: Sequence[str] = ()
    is_here: bool = True
    strategy: Strategy | None = None
    judging: Judging | None = None
    graphs: Sequence[Graph] = ()
    tools: Mapping[str, ToolSettings] = field(default_factory=dict)
    calls: CallStyle | None = None

    def __post_init__(self) -> None:
        if not self.flush_seconds >= 0:
            raise ValueError(f"flush_seconds must not be negative; got {self.flush_seconds}.")

    @property
    def label(self) -> str:
        """What it is called among jobs: the model, and how it searches where it does."""
        strategies = [each.name for each in (self.strategy, *self.graphs) if each is not None]
        return f"{self.model.name} {strategies[0]}" if len(strategies) == 1 else self.model.name


@dataclass(frozen=True)
class Prepared:
    """A checked job: what it will be stored as, and what is still missing of it.

    states: of samples as they come, or of a search; layers: of the rounds behind them, in order.
    """

    job: Job
    checkpoint: Checkpoint
    identity: str
    task_id: str
    identity_parts: Mapping[str, Any]
    renderer: Renderer
    sampling: Sampling
    settings: Sequence[Setting]
    prompts: Sequence[Prompt]
    max_model_len: int
    states: Sequence[PoolState]
    layers: Sequence[Layer] = ()
    verifier: Verifier | None = None
    toolbox: Toolbox | None = None

    @property
    def every_state(self) -> list[PoolState]:
        """What is stored of all that is drawn."""
        return [*self.states, *(state for layer in self.layers for state in layer.states)]

    @property
    def num_pending(self) -> int:
        return sum(int(state.pending_PS.sum()) for state in self.every_state)


def prepare(job: Job) -> Prepared:
    """Check the job and find what is missing; raises ValueError with the way on. Loads no weights."""
    check_open(job.run)
    check_fence(job.task, unfenced=job.grade_unfenced)
    checkpoint = read_checkpoint(job.model)
    check_servable(checkpoint, job.engine, is_here=job.is_here)
    check_tokenizer_files(job.model.path)
    tokenizer = load_tokenizer(job.model.path, job.model.revision)
    task_id = name_task(job.task)
    prompts = load_prompts(job, task_id)
    check_tokenizer(tokenizer, prompts)
    asked = resolve(job, checkpoint, tokenizer, prompts[0])
    check_knobs(job.model)
    toolbox = equip(job)
    renderer = Renderer(
        tokenizer,
        asked.thinking,
        asked.stop_ids,
        job.task.answer_form,
        tools=() if toolbox is None else toolbox.described,
    )
    if toolbox is not None:
        toolbox.check_written(renderer)
        toolbox.check_told(renderer, prompts[0])
    longest, largest_id = measure(prompts, renderer)
    check_vocabulary(checkpoint, largest_id=largest_id, renderer=renderer)
    check_graphs(job)
    needed = check_context(
        checkpoint,
        model=job.model,
        longest_prompt=max(longest, longest_request(job.graphs, job.grid, prompts, renderer)),
        grid=job.grid,
        renderer=renderer,
        sampling=replace(asked.sampling, max_answer_tokens=longest_text(job.graphs, asked.sampling)),
        observed=0 if toolbox is None else toolbox.most_observed(renderer),
    )
    # A dtype that the machine chooses is part of what the rows are, so it is settled first.
    engine = job.engine.settle(job.model, checkpoint.architecture, max_model_len=needed)
    settings = describe_settings(job, asked, checkpoint, renderer, dtype=engine.dtype)
    job = replace(job, engine=engine)
    parts = identity_parts(
        checkpoint,
        dtype=job.engine.dtype,
        quantization=job.engine.quantization,
        engine_options=job.engine.options,
        chat_template=tokenizer.chat_template,
        task=job.task.identity,
        thinking=asked.thinking,
        bos_ids=renderer.bos_ids,
        form=renderer.form,
        until=job.task.until,
        sampling=asked.sampling,
        seed=job.seed,
    )
    if asked.further_ends:
        # What the checkpoint's own settings tell is part of it already.
        parts["further_ends"] = list(asked.further_ends)
    if toolbox is not None:
        parts["tools"] = toolbox.identity
    if job.model.knobs:
        parts["knobs"] = dict(job.model.knobs)
    verifier = prepare_verifier(job, renderer, max_model_len=needed)
    if verifier is not None:
        assert job.strategy is not None
        parts[STRATEGY] = job.strategy.identity_parts(verifier.version)
    identity = hash_identity(parts)
    check_name(job, identity)
    if any(job.grid.extensions):
        check_extending(job.run, identity, renderer)
    if job.strategy is None:
        states = read_states(job.run, identity, prompts, pool_specs(job.grid, job.model))
    else:
        width, together = job.strategy.width, job.strategy.together
        budget = max(job.grid.budgets)
        states = [read_searched(job.run, identity, prompts, width=width, together=together, budget=budget)]
    layers = read_layers(job.run, identity, prompts, job.graphs, job.grid)
    return Prepared(
        job,
        checkpoint,
        identity,
        task_id,
        parts,
        renderer,
        sampling=asked.sampling,
        settings=settings,
        prompts=prompts,
        max_model_len=needed,
        states=states,
        layers=layers,
        verifier=verifier,
        toolbox=toolbox,
    )


def check_name(job: Job, identity: str) -> None:
    """Raise ValueError where the same rows are stored under another name of the model:
    two jobs would pay for them.
    """
    stored = store.scan(job.run, MODELS, columns=["model"], identity=identity)["model"].to_pylist()
    for name in set(stored) - {job.model.name}:
        raise ValueError(
            f"{job.run} already has these samples under the name {name}: the same weights with the same settings "
            f"as {job.model.name}. Set model.name={name}."
        )


def load_prompts(job: Job, task_id: str) -> list[Prompt]:
    """The task's prompts, from the store where they are already there: a task's generator can be slow to import.

    Stored prompts come without `reference`, which only graders need. Raises ValueError where more are asked for
    and the task reads otherwise than those that are stored.
    """
    rows = [row for row in store.scan(job.run, PROMPTS).to_pylist() if row["task"] == task_id]
    if len(rows) >= job.task.size:
        stored = [Prompt(row["prompt_id"], row["text"], {}) for row in rows]
        return sorted(stored, key=lambda prompt: in_order(prompt.prompt_id))[: job.task.size]
    prompts = job.task.load()
    check_prompts(job.task, prompts, {row["prompt_id"]: row["prompt_hash"] for row in rows}, job.run)
    return prompts


def run_job(job: Job) -> None:
    """Draw what is missing and append it. Safe to run again at any time; done jobs return at once."""
    with store.lock(job.run, job.model.name):
        repair_writer(job.run, job.model.name)
        prepared = prepare(job)
        declare(prepared)
        if not prepared.num_pending:
            return
        started = time.monotonic()
        record = {
            "identity": prepared.identity,
            "words": list(job.words),
            "config": job.config,
            "engine": vars(prepared.job.engine),
            "settings": {name: {"value": value, "source": source} for name, value, source in prepared.settings},
            **describe_environment(),
        }
        write_provenance(job.run, job.model.name, record)
        num_failed = asyncio.run(draw_until_stopped(prepared))
        store.merge(job.run, job.model.name)
        print(f"{job.model.name}: {prepared.num_pending:,} samples in {time.monotonic() - started:.0f} s")
        if num_failed:
            raise EngineFailedError(
                f"{num_failed:,} samples failed; the last reason: {tell_failure(prepared)} All reasons are in the "
                f"table {FAILURES.name} of {job.run}. The other samples are stored. Run the same command again to "
                "draw the failed ones."
            )


def tell_failure(prepared: Prepared) -> str:
    """Why a sample of this model failed last."""
    errors = store.scan(prepared.job.run, FAILURES, columns=["error"], identity=prepared.identity)[
        "error"
    ].to_pylist()
    return f"{str(errors[-1]).rstrip('.')}."


async def draw_until_stopped(prepared: Prepared) -> int:
    """As `draw`; a stop ends it with KeyboardInterrupt once what was drawn is stored."""
    loop, drawing = asyncio.get_running_loop(), asyncio.ensure_future(draw(prepared))
    with cancelling(lambda: loop.call_soon_threadsafe(drawing.cancel)):
        try:
            return await drawing
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def draw(prepared: Prepared) -> int:
    """Load the weights once, walk every pending sample, append rows as they come;
    return how many samples failed.
    """
    job = prepared.job
    device = describe_device(num_devices=job.engine.num_devices)
    # Nothing can be told while it loads: it may hold this process, and what it prints is kept apart.
    loading = "the engine starts; this takes 20 seconds to a few minutes, without messages ..."
    print(f"{job.model.name:>16}  {loading}", file=sys.stderr, flush=True)
    async with contextlib.AsyncExitStack() as engines:
        # Its processes are forked from this one, which an engine fills with threads.
        calling = None if prepared.toolbox is None else await engines.enter_async_context(start_tools(prepared))
        context = Context(
            prepared.identity, prepared.renderer, prepared.sampling, until=job.task.until, calling=calling
        )
        reads_text = context.reads_text or bool(job.strategy is not None and job.strategy.step_texts)
        started = await engines.enter_async_context(
            job.engine.start(job.model, max_model_len=prepared.max_model_len, reads_text=reads_text)
        )
        judge = None
        if prepared.verifier is not None:
            judge = await engines.enter_async_context(
                prepared.verifier.scorer.start(longest=prepared.verifier.longest)
            )
        engine = Counted(started, num_known=len(prepared.renderer.tokenizer))
        if job.probe:
            await check_thinking(
                engine,
                context,
                prepared.prompts,
                task=job.task,
                root=job.run,
                name=job.model.name,
                deepest=max(job.grid.budgets),
                most_calls=max(job.grid.calls),
                unfenced=job.grade_unfenced,
            )
        writer = Writer(
            job.run,
            job.model.name,
            prepared.identity,
            device=device,
            samples_in_flight=job.engine.samples_in_flight,
            flush_seconds=job.flush_seconds,
        )
        with Progress(
            job.model.name,
            engine,
            num_samples=prepared.num_pending,
            expected=expect_tokens(prepared),
            row=job.progress_row,
        ) as progress:

            def on_sample(sampled: Sampled) -> None:
                writer.add(sampled)
                progress.advance(sampled)

            flushing = asyncio.create_task(writer.keep_flushing())
            try:
                await finish(prepared, engine, judge, context, on_sample)
                for layer in prepared.layers:
                    # What a round reads has to be stored.
                    writer.flush()
                    await finish_layer(prepared, engine, context, layer, on_sample)
            finally:
                flushing.cancel()
                writer.flush()
    return writer.num_failed


@contextlib.asynccontextmanager
async def start_tools(prepared: Prepared) -> AsyncIterator[Calling]:
    """Who carries out the calls of a job's model, in processes of their own."""
    assert prepared.toolbox is not None
    folder = prepared.job.run / FOLDER
    tools = {name: tool.prepare(folder, print) for name, tool in prepared.toolbox.tools.items()}
    async with start_workers(tools) as workers:
        yield Calling(prepared.toolbox.style, workers, prepared.renderer)


def find_pending(
    prepared: Prepared, states: Sequence[PoolState], asking: Asking | None = None
) -> Iterator[list[Pending]]:
    """What is missing of these pools, prompt by prompt."""
    return iterate_pending(
        prepared.job.run,
        prepared.identity,
        prepared.prompts,
        states,
        renderer=prepared.renderer,
        asking=asking,
    )


async def finish_layer(
    prepared: Prepared,
    engine: Engine,
    context: Context,
    layer: Layer,
    on_sample: Callable[[Sampled], None],
) -> None:
    """Draw what is pending of one node in one round, all that it reads being stored."""
    if not any(state.pending_PS.any() for state in layer.states):
        return
    if "wrong" in layer.node.fields:
        await asyncio.to_thread(grade_beside, prepared)
    asking = AskingNodes(prepared, layer)
    if layer.node.text_tokens is not None:
        context = free_context(context, layer.node.text_tokens)
    await finish_samples(
        engine,
        context,
        find_pending(prepared, layer.states, asking),
        samples_in_flight=prepared.job.engine.samples_in_flight,
        on_sample=on_sample,
    )


async def finish(
    prepared: Prepared,
    engine: Engine,
    judge: Judge | None,
    context: Context,
    on_sample: Callable[[Sampled], None],
) -> None:
    """Draw what is pending, as samples or as the searches of the job's strategy."""
    job, in_flight = prepared.job, prepared.job.engine.samples_in_flight
    pending = find_pending(prepared, prepared.states)
    if job.strategy is None:
        await finish_samples(engine, context, pending, samples_in_flight=in_flight, on_sample=on_sample)
        return
    assert judge is not None and prepared.verifier is not None
    searcher = Searcher(
        engine,
        judge,
        prepared.verifier,
        context,
        job.strategy,
        budget=max(job.grid.budgets),
        step_ids=job.strategy.step_ids(prepared.renderer),
    )
    await finish_searches(searcher, pending, samples_in_flight=in_flight, on_sample=on_sample)
