"""THE SPINE: one model, one task, one process, one weight load.

A job is checked and compared with the store (prepare.py), then its missing samples are drawn and appended
(`run_job`). Grading is a pass of its own (grade.py).
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.calling import Calling
from harness.graphs import Graph
from harness.recognition import AutoSampling, AutoThinking
from harness.samples import Pending, Sampled, finish_samples
from harness.scorers.protocol import Judge
from harness.search.searches import finish_searches
from harness.search.strategy import Strategy
from harness.search.tree import Searcher
from harness.search.verdicts import Judging
from harness.tools.calls import CallStyle
from harness.tools.protocol import ToolSettings
from harness.tools.worker import start_workers
from harness.traces import Context
from harness.types import (
    CapReachedError,
    Engine,
    EngineFailedError,
    EngineSettings,
    Grid,
    Model,
    Sampling,
    Task,
    Thinking,
)
from results import store
from results.schema import FAILURES
from results.stopping import cancelling
from sweeps.asking import Asking
from sweeps.caps import Cap, Capped
from sweeps.counted import Counted
from sweeps.declare import declare
from sweeps.forecast import expect_tokens
from sweeps.graphs import (
    AskingNodes,
    Layer,
    free_context,
    grade_beside,
)
from sweeps.plan import (
    PoolState,
    iterate_pending,
)
from sweeps.prepare import Prepared, prepare
from sweeps.probes import check_thinking
from sweeps.progress import Progress
from sweeps.provenance import describe_device, describe_environment, write_provenance
from sweeps.recognised import Origins
from sweeps.repair import repair_writer
from sweeps.tools import FOLDER
from sweeps.writer import Writer

# Seconds, from any moment on.
Clock = Callable[[], float]


@dataclass(frozen=True)
class Job:
    """One model on one task, as composed from conf/.

    A kill loses `flush_seconds` of finished samples at most, and the samples in flight
    (`engine.samples_in_flight`). grade_unfenced: graders that evaluate answers run though the kernel cannot hold
    them. origins: where its settings were chosen. words: the command that it was made with, which `isoquant sweep
    RUN` goes on from. is_here: it runs on this machine, so that what this one lacks counts. strategy: a search in
    place of samples as they come, and judging: who judges its paths. graphs: in what rounds samples go on from
    their answers. tools: what the model may call by these names, written as `calls` says. cap: what it may spend,
    from its start on. goal: what the sweep is to find out; a job of a round has none.
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
    cap: Cap = field(default_factory=Cap)
    goal: Any = None

    def __post_init__(self) -> None:
        if not self.flush_seconds >= 0:
            raise ValueError(f"flush_seconds must not be negative; got {self.flush_seconds}.")

    @property
    def label(self) -> str:
        """What it is called among jobs: the model, and how it searches where it does."""
        strategies = [each.name for each in (self.strategy, *self.graphs) if each is not None]
        return f"{self.model.name} {strategies[0]}" if len(strategies) == 1 else self.model.name


class Drawn(NamedTuple):
    """What became of a job's pending samples. num_lost_tokens: of searches that did not come to their end; stop:
    the cap that stopped the job, as people are told, None of none.
    """

    num_drawn: int
    num_failed: int
    num_lost_tokens: int
    stop: str | None


def run_job(job: Job, *, clock: Clock = time.monotonic) -> None:
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
        drawn = asyncio.run(draw_until_stopped(prepared, clock))
        store.merge(job.run, job.model.name)
        if drawn.stop is None:
            print(f"{job.model.name}: {prepared.num_pending:,} samples in {time.monotonic() - started:.0f} s")
        else:
            print(tell_stop(prepared, drawn))
        if drawn.num_failed:
            raise EngineFailedError(
                f"{drawn.num_failed:,} samples failed; the last reason: {tell_failure(prepared)} All reasons are "
                f"in the table {FAILURES.name} of {job.run}. The other samples are stored. Run the same command "
                "again to draw the failed ones."
            )


def tell_stop(prepared: Prepared, drawn: Drawn) -> str:
    """That a cap stopped the job, and how much of what it was asked for is there."""
    num_there = prepared.num_samples - prepared.num_pending + drawn.num_drawn
    lost = (
        f" {drawn.num_lost_tokens:,} of the tokens are in no row: searches are stored whole, and those that were "
        "under way are drawn again."
    )
    return (
        f"{prepared.job.label}: stopped at its cap of {drawn.stop}; {num_there:,} of {prepared.num_samples:,} "
        f"samples are drawn.{lost * bool(drawn.num_lost_tokens)}"
    )


def tell_failure(prepared: Prepared) -> str:
    """Why a sample of this model failed last."""
    errors = store.scan(prepared.job.run, FAILURES, columns=["error"], identity=prepared.identity)[
        "error"
    ].to_pylist()
    return f"{str(errors[-1]).rstrip('.')}."


async def draw_until_stopped(prepared: Prepared, clock: Clock) -> Drawn:
    """As `draw`; a stop ends it with KeyboardInterrupt once what was drawn is stored."""
    loop, drawing = asyncio.get_running_loop(), asyncio.ensure_future(draw(prepared, clock))
    with cancelling(lambda: loop.call_soon_threadsafe(drawing.cancel)):
        try:
            return await drawing
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def draw(prepared: Prepared, clock: Clock) -> Drawn:
    """Load the weights once, walk every pending sample, append rows as they come, up to the last or to a cap."""
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
        engine = await engines.enter_async_context(start_engine(prepared, context, clock))
        judge = None
        if prepared.verifier is not None:
            judge = await engines.enter_async_context(
                prepared.verifier.scorer.start(longest=prepared.verifier.longest)
            )
        writer = Writer(
            job.run,
            job.model.name,
            prepared.identity,
            device=device,
            samples_in_flight=job.engine.samples_in_flight,
            flush_seconds=job.flush_seconds,
        )
        with contextlib.suppress(CapReachedError):
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
            await append_samples(prepared, engine, judge, context, writer)
        return Drawn(writer.num_drawn, writer.num_failed, writer.num_lost_tokens, engine.tell())


@contextlib.asynccontextmanager
async def start_engine(prepared: Prepared, context: Context, clock: Clock) -> AsyncIterator[Capped]:
    """The engine of a job with its weights loaded, counted from here on,
    which sends nothing beyond the job's cap.
    """
    job, started = prepared.job, clock()
    reads_text = context.reads_text or bool(job.strategy is not None and job.strategy.step_texts)
    async with job.engine.start(job.model, max_model_len=prepared.max_model_len, reads_text=reads_text) as engine:
        yield Capped(
            Counted(engine, num_known=len(prepared.renderer.tokenizer)),
            job.cap,
            price=job.model.price,
            num_devices=job.engine.num_devices,
            started=started,
            clock=clock,
        )


async def append_samples(
    prepared: Prepared, engine: Capped, judge: Judge | None, context: Context, writer: Writer
) -> None:
    """Draw every pending sample, rounds one after the other, and append the rows as they come.

    Raises CapReachedError where a cap ends it, all that was drawn being stored.
    """
    with Progress(
        prepared.job.model.name,
        engine.counted,
        num_samples=prepared.num_pending,
        expected=expect_tokens(prepared),
        row=prepared.job.progress_row,
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
