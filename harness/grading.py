"""Graders in workers that can be killed: whatever an answer does to its grader, it ends as a grade of that answer.

A worker says in shared memory which answer it reads and since when, and hands grades back as it goes, so that killing
it costs one answer; pools whose workers share a queue can lose a task, or the queue's lock, with a worker.
"""

import contextlib
import ctypes
import faulthandler
import gc
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, ForkProcess
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any, NamedTuple

from harness.children import die_with_parent
from harness.sandbox import close_sandbox, take_refused
from harness.types import Grade, Prompt, Task

TIMEOUT = Grade(None, None, False, 0.0, "timeout")
UNPARSED = Grade(None, None, False, 0.0, "unparsed")
REFUSED = Grade(None, None, False, 0.0, "refused")
# Of the worker's own CPU time, so that a busy machine changes no outcome; PATIENCE times as long by the wall.
SECONDS_A_GRADE, PATIENCE = 5.0, 20.0
# What a grader may take beside what its worker was born with.
MEMORY_BYTES = 1 << 30
CHUNK_SIZE = 256
# Grades go back at least so often, and clocks are read.
SECONDS_A_FLUSH, SECONDS_A_LOOK = 0.1, 0.05
# A worker may die for reasons of its own, so that only the second death is the answer's.
MAX_DEATHS = 2
EXIT_MEMORY = 12
WARM_UP = r"<answer>0</answer> The answer is \boxed{0}"


class Graded(NamedTuple):
    """Grades in order, and by position what went wrong with the grader where something did."""

    grades: list[Grade]
    troubles: dict[int, str]


def grade_texts(
    task: Task,
    texts: Sequence[tuple[str, str]],
    *,
    num_workers: int | None = None,
    seconds: float = SECONDS_A_GRADE,
    memory_bytes: int = MEMORY_BYTES,
) -> Graded:
    """Grades of (prompt id, answer text) pairs, in order.

    An answer whose grader takes more than `seconds` of CPU time or PATIENCE times as long in all, more than
    `memory_bytes`, or its worker down, is a timeout; one that makes it raise is unparsed, and one that makes it do what
    no grader needs to is refused. Raises ValueError for a prompt the task has not.
    """
    if not texts:
        return Graded([], {})
    prompts = {prompt.prompt_id: prompt for prompt in task.load()}
    if unknown := sorted({prompt_id for prompt_id, _ in texts} - prompts.keys()):
        raise ValueError(
            f"Task {task.name} has no prompt {unknown[0]} ({len(unknown)} of the answers' prompts are not among its "
            f"{len(prompts)}); grade with the task that the answers were drawn from, at its size."
        )
    # What graders import at their first answer must not be imported in every worker, on that answer's time.
    with contextlib.suppress(Exception):
        task.grade(prompts[texts[0][0]], WARM_UP)
    grades: dict[int, Grade] = {}
    troubles: dict[int, str] = {}
    for position, grade, trouble in _Pool(task, prompts, texts, seconds, memory_bytes).run(num_workers):
        grades[position] = grade
        if trouble:
            troubles[position] = trouble
    return Graded([grades[position] for position in range(len(texts))], dict(sorted(troubles.items())))


_Result = tuple[int, Grade, str | None]


@dataclass(eq=False)
class _Worker:
    """A process that grades. `clock`: the position of the answer it reads and since when, 0 where it reads none."""

    process: ForkProcess
    results: Connection
    clock: Any
    pending: dict[int, None] = field(default_factory=dict)

    def overdue(self, seconds: float) -> bool:
        position, since = self.clock
        # Read twice, since it may go on to the next answer between the two.
        return bool(since and time.monotonic() - since > seconds and (position, since) == tuple(self.clock))

    def stop(self) -> int | None:
        """Kill it and return the position it was at, if any."""
        self.process.kill()
        self.process.join()
        self.results.close()
        position, since = self.clock
        return int(position) if since else None


class _Pool:
    """Workers, and the positions that none of them has graded."""

    def __init__(
        self, task: Task, prompts: dict[str, Prompt], texts: Sequence[tuple[str, str]], seconds: float, memory: int
    ) -> None:
        self.start_arguments = (task, prompts, seconds, memory)
        self.texts, self.seconds = texts, seconds
        self.left = deque(range(len(texts)))
        self.deaths: Counter[int] = Counter()
        self.context: ForkContext = multiprocessing.get_context("fork")
        self.workers: list[_Worker] = []

    def run(self, num_workers: int | None) -> Iterator[_Result]:
        """Every position once, as they come."""
        num_workers = min(num_workers or os.cpu_count() or 1, len(self.texts))
        try:
            while self.left or any(worker.pending for worker in self.workers):
                while len(self.workers) < num_workers:
                    self.workers.append(self.start())
                for worker in list(self.workers):
                    if not worker.pending and self.left:
                        self.give(worker, max(1, min(CHUNK_SIZE, len(self.left) // (2 * num_workers))))
                ready = wait([worker.results for worker in self.workers], SECONDS_A_LOOK)
                for worker in list(self.workers):
                    yield from self.collect(worker) if worker.results in ready else self.look_at(worker)
        finally:
            for worker in self.workers:
                worker.stop()

    def start(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        clock = RawArray(ctypes.c_double, 2)
        # Forked after the task has loaded, so that it inherits its imports and its data.
        process = self.context.Process(target=_work, args=(theirs, clock, *self.start_arguments), daemon=True)
        process.start()
        # The last copy is the worker's, so that its end is the pipe's.
        theirs.close()
        return _Worker(process, ours, clock)

    def give(self, worker: _Worker, size: int) -> None:
        chunk = [self.left.popleft() for _ in range(min(size, len(self.left)))]
        worker.pending = dict.fromkeys(chunk)
        # A worker that is dead is found by its pipe.
        with contextlib.suppress(OSError):
            worker.results.send([(position, *self.texts[position]) for position in chunk])

    def collect(self, worker: _Worker) -> Iterator[_Result]:
        try:
            done: list[_Result] = worker.results.recv()
        except (EOFError, OSError):
            yield from self.bury(worker)
            return
        for position, grade, trouble in done:
            del worker.pending[position]
            yield position, grade, trouble

    def bury(self, worker: _Worker) -> Iterator[_Result]:
        """Take back what a dead worker had not graded; what it died of twice is labelled."""
        self.workers.remove(worker)
        position, code = worker.stop(), worker.process.exitcode
        if position in worker.pending:
            self.deaths[position] += 1
            if code == -signal.SIGPROF or self.deaths[position] >= MAX_DEATHS:
                del worker.pending[position]
                reasons = {-signal.SIGPROF: self.too_long(), EXIT_MEMORY: "out of memory"}
                yield position, TIMEOUT, reasons.get(code or 0, f"its worker died ({code})")
        self.left.extendleft(reversed(worker.pending))

    def too_long(self) -> str:
        return f"more than {self.seconds:g} s"

    def look_at(self, worker: _Worker) -> Iterator[_Result]:
        """Kill a worker that waits for something that does not come; the kernel sees to those that are busy."""
        if worker.overdue(PATIENCE * self.seconds):
            while worker in self.workers and worker.results.poll():
                yield from self.collect(worker)
            if worker in self.workers:
                self.workers.remove(worker)
                position = worker.stop()
                if position in worker.pending:
                    del worker.pending[position]
                    yield position, TIMEOUT, self.too_long()
                self.left.extendleft(reversed(worker.pending))


def _work(
    results: Connection, clock: Any, task: Task, prompts: dict[str, Prompt], seconds: float, memory_bytes: int
) -> None:
    _settle(memory_bytes)
    with contextlib.suppress(EOFError, OSError):
        while True:
            chunk: list[tuple[int, str, str]] = results.recv()
            done: list[_Result] = []
            flushed = time.monotonic()
            for position, prompt_id, text in chunk:
                now = time.monotonic()
                if now - flushed > SECONDS_A_FLUSH:
                    results.send(done)
                    done, flushed = [], now
                clock[:] = position, now
                # Its signal ends the process without asking Python, which a loop in C would keep waiting.
                signal.setitimer(signal.ITIMER_PROF, seconds)
                try:
                    grade, trouble = _grade(task, prompts[prompt_id], text)
                except MemoryError:
                    results.send(done)
                    # What it holds on to would fail the next answer.
                    os._exit(EXIT_MEMORY)
                signal.setitimer(signal.ITIMER_PROF, 0.0)
                clock[1] = 0.0
                done.append((position, grade, trouble))
            results.send(done)


def _settle(memory_bytes: int) -> None:
    """Make this forked process safe to run a stranger's answer in."""
    die_with_parent()
    if sys.platform == "linux":
        # A limit on the whole would mean what it says only where the parent is small.
        born_with = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (born_with + memory_bytes,) * 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for own in (signal.SIGTERM, signal.SIGPROF):
        signal.signal(own, signal.SIG_DFL)
    faulthandler.disable()
    gc.freeze()
    nowhere = open(os.devnull, "r+")  # noqa: SIM115 - it stays open
    sys.stdin = sys.stdout = sys.stderr = nowhere
    for stream in (0, 1, 2):
        os.dup2(nowhere.fileno(), stream)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    close_sandbox()


def _grade(task: Task, prompt: Prompt, text: str) -> tuple[Grade, str | None]:
    """The grade, and what was wrong with the grader. An evaluated answer may raise anything, SystemExit too."""
    trouble = None
    try:
        grade = task.grade(prompt, text)
    except MemoryError:
        raise
    except BaseException as error:
        grade, trouble = UNPARSED, f"{type(error).__name__}: {error}"[:200]
    if refused := take_refused():
        grade, trouble = REFUSED, f"refused: {refused}"
    return grade, trouble
