"""Two ways of doing the same work, timed beside each other on a machine whose speed drifts by a third in a minute.

Each has processes and an engine of its own, and one of the two is always stopped: the next slice of time goes to
the one that is behind. So both meet the same machine, and the ratio of their times is steadier than the times are.
The clock of a stopped way goes on, so that what it does every few seconds it does about twice as often as it would
alone.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from harness.children import bind_children
from harness.engines.vllm import Vllm
from harness.samples import Pending
from harness.types import Model
from tests.bench.workload import Workload, reset_cache, serve

SLICE_SECONDS = 1.0


class Job(NamedTuple):
    """Prepared work: `run` calls its argument as each of `num_samples` is finished; `close` is not timed."""

    num_samples: int
    run: Callable[[Callable[[], None]], Awaitable[Any]]
    close: Callable[[], None] = lambda: None


class Spent(NamedTuple):
    """Wall-clock seconds of the slices that a way took, and what it made."""

    seconds: float
    made: Any


Way = Callable[[Workload], Awaitable[Job]]


def draw(workload: Workload, pending: Sequence[Sequence[Pending]]) -> Job:
    """Samples as the harness draws and stores them."""
    return Job(sum(map(len, pending)), lambda tell: workload.finish(pending, tell=tell))


@dataclass(frozen=True)
class Setup:
    """What every worker starts an engine with."""

    model: Model
    settings: Vllm
    num_prompts: int
    dummy: bool


@contextlib.contextmanager
def start_pair(setup: Setup) -> Iterator["Pair"]:
    """Two workers; a GPU has to hold both, and beside real weights for a while a server as well."""
    share = 0.45 if setup.dummy else 0.3
    setup = replace(setup, settings=replace(setup.settings, gpu_memory_utilization=share))
    with Worker(setup) as first, Worker(setup) as second:
        yield first, second


def measure_pair(pair: "Pair", ways: tuple[Way, Way], *, rounds: int) -> Iterator[tuple[Spent, Spent]]:
    """What each way spent, round by round; the two workers swap ways after each, so that neither favours one."""
    for number in range(rounds):
        workers = pair if number % 2 == 0 else pair[::-1]
        for worker, way in zip(workers, ways, strict=True):
            worker.prepare(way, name=f"round-{number}")
        while running := [worker for worker in workers if worker.spent is None]:
            min(running, key=lambda worker: worker.share_done).run_slice()
        one, other = (worker.spent for worker in workers)
        assert one and other
        names = " and ".join(way.__name__ for way in ways)
        print(f"{names}: {one.seconds:.1f} and {other.seconds:.1f} seconds", flush=True)
        yield one, other


class Worker:
    """A process with an engine that does what it is told, stopped whenever it is not its turn."""

    def __init__(self, setup: Setup) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, self._theirs = context.Pipe()
        self._num_done = context.Value("l", 0, lock=False)
        self._process = context.Process(target=_serve_ways, args=(setup, self._theirs, self._num_done))
        self.spent: Spent | None = None
        self._num_samples, self._seconds = 1, 0.0

    def __enter__(self) -> "Worker":
        with bind_children():
            self._process.start()
            self._theirs.close()
            try:
                self._pipe.recv()
            except BaseException:
                # Who is told to end meanwhile would wait for it for ever.
                self.__exit__()
                raise
        self._signal(signal.SIGSTOP)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # type: ignore[arg-type]
        self._process.join()

    @property
    def share_done(self) -> float:
        return float(self._num_done.value / self._num_samples)

    def prepare(self, way: Way, *, name: str) -> None:
        """Everything of a way that is not timed; afterwards it stands still."""
        self._signal(signal.SIGCONT)
        self._num_done.value, self._seconds, self.spent = 0, 0.0, None
        self._pipe.send((way, name))
        self._num_samples = self._pipe.recv()
        self._signal(signal.SIGSTOP)
        self._pipe.send("go")

    def run_slice(self) -> None:
        """Let it work for a while; `spent` is there once it has finished."""
        started = time.perf_counter()
        self._signal(signal.SIGCONT)
        if self._pipe.poll(SLICE_SECONDS):
            finished, made = self._pipe.recv(), self._pipe.recv()
            self.spent = Spent(self._seconds + finished - started, made)
        self._seconds += time.perf_counter() - started
        self._signal(signal.SIGSTOP)

    def _signal(self, number: int) -> None:
        os.killpg(self._process.pid, number)  # type: ignore[arg-type]


Pair = tuple[Worker, Worker]


def _serve_ways(setup: Setup, pipe: Connection, num_done: Any) -> None:
    """The worker's process: it leads a group, so that its engine is stopped with it,
    and ends when it is killed.
    """
    os.setsid()
    asyncio.run(_serve_each(setup, pipe, num_done))


async def _serve_each(setup: Setup, pipe: Connection, num_done: Any) -> None:
    def tell() -> None:
        num_done.value += 1

    async with serve(setup.model, setup.settings, num_prompts=setup.num_prompts, dummy=setup.dummy) as workload:
        pipe.send("started")
        while True:
            way, name = pipe.recv()
            job = await way(workload.named(name))
            await reset_cache(workload)
            pipe.send(job.num_samples)
            pipe.recv()
            made = await job.run(tell)
            pipe.send(time.perf_counter())
            job.close()
            pipe.send(made)
