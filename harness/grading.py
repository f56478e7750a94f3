"""Graders in workers that can be killed: whatever an answer does to its grader, it ends as a grade of that answer.

A worker is a zygote (zygote.py), which forks a process for what it is given and hands back lines of data. Pools
whose workers share a queue can lose a task, or the queue's lock, with a worker.
"""

import contextlib
import multiprocessing
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, ForkProcess
from typing import Any, NamedTuple

from harness.fence.gaps import find_fence
from harness.messages import read_grade
from harness.pages import collapse_pages
from harness.types import Grade, Prompt, Task
from harness.zygote import FAILED, MAX_FAILURES, PATIENCE, TIMEOUT, UNPARSED, Item, serve

# Of a process's own CPU time, so that a busy machine changes no outcome; PATIENCE times as long by the wall.
SECONDS_A_GRADE = 5.0
# What a grader may take beside what its process was born with.
MEMORY_BYTES = 1 << 30
# The fewest and the most answers that a worker is given at once, of thousands: evaluated ones have a process each;
# others share one, which costs as much as grading thousands of sums.
EVALUATED_CHUNK, SHARED_CHUNK = (1, 256), (1024, 16384)
# So many processes, one an answer, are forked more quickly once memory is on large pages.
MANY_FORKS = 200
# Of the memory that a worker may take, the share that the characters of its answers may come to: each is read and
# held in up to eight bytes, and what is over is for grading.
SHARE_OF_TEXTS = 1 / 64
# A worker tells between two processes that it lives; an answer and the known ones behind it may each take their
# time.
SILENT_GRADES, SILENT_SECONDS, SECONDS_A_LOOK = 4, 60.0, 1.0
# Into how many parts the answers of a worker that died are given out again, until the one that it dies of is
# alone.
PARTS = 16
# What a terminal and a system send to every process of a command.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# No answer to any prompt of use, and what graders import they import for it.
WARM_UP = r"<answer>0</answer> The answer is \boxed{0}"


class Graded(NamedTuple):
    """Grades in order, and by position what went wrong with the grader where something did."""

    grades: list[Grade]
    troubles: dict[int, str]


def grade_texts(
    task: Task,
    texts: Sequence[tuple[str, str]],
    *,
    loaded: Mapping[str, Prompt] | None = None,
    num_workers: int | None = None,
    seconds: float = SECONDS_A_GRADE,
    memory_bytes: int = MEMORY_BYTES,
    unfenced: bool = False,
) -> Graded:
    """Grades of (prompt id, answer text) pairs, in order.

    loaded: the task's prompts by id, where they are at hand: a task may take long to load them. An answer whose
    grader takes more than `seconds` of CPU time or PATIENCE times as long in all, more than `memory_bytes`, or its
    process down, is a timeout; one that makes it raise is unparsed, and one that makes it do what no grader needs
    to is refused. unfenced: go on where the kernel cannot hold a grader that evaluates answers. Raises ValueError
    for a prompt the task has not, and where the kernel cannot; OSError where the machine has too little memory, or
    too few processes, for the graders themselves, which is no answer's doing.
    """
    if not texts:
        return Graded([], {})
    prompts = {prompt.prompt_id: prompt for prompt in task.load()} if loaded is None else loaded
    if unknown := sorted({prompt_id for prompt_id, _ in texts} - prompts.keys()):
        raise ValueError(
            f"Task {task.name} has no prompt {unknown[0]} ({len(unknown)} of the answers' prompts are not among "
            f"its {len(prompts)}); grade with the same task and size that the answers were drawn from."
        )
    check_fence(task, unfenced=unfenced)
    # What graders import at their first answer must not be imported in every process, on that answer's time.
    with contextlib.suppress(Exception):
        task.grade(prompts[texts[0][0]], WARM_UP)
    grades: dict[int, Grade] = {}
    troubles: dict[int, str] = {}
    work = partial(
        serve,
        task=task,
        prompts=prompts,
        canaries=find_canaries(task, prompts[texts[0][0]]),
        seconds=seconds,
        memory_bytes=memory_bytes,
        evaluates=evaluates(task),
    )
    if evaluates(task) and len(texts) > MANY_FORKS:
        collapse_pages()
    silence, most_chars = SILENT_GRADES * PATIENCE * seconds + SILENT_SECONDS, int(memory_bytes * SHARE_OF_TEXTS)
    chunk = EVALUATED_CHUNK if evaluates(task) else SHARED_CHUNK
    for position, grade, trouble in _Pool(work, texts, silence, chunk, most_chars).run(num_workers):
        grades[position] = grade
        if trouble:
            troubles[position] = trouble
    return Graded([grades[position] for position in range(len(texts))], dict(sorted(troubles.items())))


def evaluates(task: Task) -> bool:
    """Whether an answer may become code in the task's grader: so it is of every task that does not deny it."""
    return bool(getattr(task, "evaluates", True))


def check_fence(task: Task, *, unfenced: bool) -> None:
    """Raise ValueError where answers may become code and the kernel does not hold what that could do."""
    gaps = find_fence().gaps
    if gaps and evaluates(task) and not unfenced:
        raise ValueError(
            f"The grader of {task.name} may run code from an answer, and this machine cannot stop that code from "
            f"{', '.join(gaps)}. Grade on Linux 5.13 or later with Landlock and seccomp, or set "
            "grade_unfenced=true "
            "to grade all the same."
        )


def find_canaries(task: Task, prompt: Prompt) -> list[tuple[str, str]]:
    """Known answers to a prompt, its gold one where the task tells it, and a wrong one last."""
    gold = getattr(task, "write_gold", lambda _: None)(prompt)
    return [(prompt.prompt_id, text) for text in (gold, WARM_UP) if text is not None]


_Result = tuple[int, Grade, str | None]


@dataclass(eq=False)
class _Worker:
    """A process that grades what is pending, when it was last heard of, and whether it was ever."""

    process: ForkProcess
    results: Connection
    pending: dict[int, None] = field(default_factory=dict)
    heard: float = field(default_factory=time.monotonic)
    is_ready: bool = False

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.results.close()


class _Pool:
    """Workers, and the positions that none of them has graded.

    silence: seconds after which a worker is given up. chunk, most_chars: fewest and most answers that it is given
    at once, and their characters.
    """

    def __init__(
        self,
        work: Any,
        texts: Sequence[tuple[str, str]],
        silence: float,
        chunk: tuple[int, int],
        most_chars: int,
    ) -> None:
        self.work, self.texts, self.silence = work, texts, silence
        self.chunk, self.most_chars = chunk, most_chars
        self.left = deque(range(len(texts)))
        # Of those whose worker died: with how many they may be given out at most, and how often one died of it
        # alone.
        self.company: dict[int, int] = {}
        self.deaths: Counter[int] = Counter()
        self.context: ForkContext = multiprocessing.get_context("fork")
        self.workers: list[_Worker] = []

    def run(self, num_workers: int | None) -> Iterator[_Result]:
        """Every position once, as they come."""
        num_workers = min(num_workers or os.cpu_count() or 1, len(self.texts))
        fewest, most = min(self.chunk[0], max(1, len(self.left) // (8 * num_workers))), self.chunk[1]
        try:
            while self.left or any(worker.pending for worker in self.workers):
                while len(self.workers) < num_workers:
                    self.workers.append(self.start())
                for worker in self.workers:
                    if not worker.pending and self.left:
                        self.give(worker, min(most, max(fewest, len(self.left) // (2 * num_workers))))
                ready = wait([worker.results for worker in self.workers], SECONDS_A_LOOK)
                for worker in list(self.workers):
                    if worker.results in ready:
                        yield from self.collect(worker)
                    elif worker.pending and time.monotonic() - worker.heard > self.silence:
                        yield from self.bury(worker)
        finally:
            for worker in self.workers:
                worker.stop()

    def start(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        # Forked after the task has loaded, so that it inherits its imports and its data.
        process = self.context.Process(target=self.work, args=(theirs,), daemon=True)
        # It is killed when this process is told to stop; before that a word of its own would only be in the way.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # The last copy is the worker's, so that its end is the pipe's.
        theirs.close()
        return _Worker(process, ours)

    def give(self, worker: _Worker, size: int) -> None:
        chunk = self.take(size)
        worker.pending, worker.heard = dict.fromkeys(chunk), time.monotonic()
        items: list[Item] = [(position, *self.texts[position]) for position in chunk]
        # A worker that is dead is found by its pipe.
        with contextlib.suppress(OSError):
            worker.results.send(items)

    def take(self, size: int) -> list[int]:
        """The next positions, so many at most; an answer that is too long for company comes alone."""
        chunk: list[int] = []
        num_chars = 0
        while self.left:
            size = min(size, self.company.get(self.left[0], size))
            num_chars += len(self.texts[self.left[0]][1])
            if chunk and (len(chunk) >= size or num_chars > self.most_chars):
                break
            chunk.append(self.left.popleft())
        return chunk

    def collect(self, worker: _Worker) -> Iterator[_Result]:
        """Take what a worker says; never as pickles, since those are code."""
        try:
            message = worker.results.recv_bytes()
        except (EOFError, OSError):
            yield from self.bury(worker)
            return
        worker.heard, worker.is_ready = time.monotonic(), True
        if message.startswith(FAILED):
            number = int(message[len(FAILED) :])
            raise OSError(number, f"{os.strerror(number)}, which graders need; none of these grades is stored")
        # By no other sign: a hostile answer's line may hold a carriage return, and the next position behind it.
        for line in message.split(b"\n") if message else ():
            position, _, told = line.partition(b" ")
            del worker.pending[int(position)]
            yield int(position), *_read(told)

    def bury(self, worker: _Worker) -> Iterator[_Result]:
        """Take back what a dead or silent worker had not graded; what it was given alone twice is given up."""
        self.workers.remove(worker)
        worker.stop()
        if not worker.is_ready:
            raise ValueError(
                f"A grader's process ended before its first answer ({worker.process.exitcode}); the machine may "
                "have too little memory. None of these grades is stored. Run the same command again."
            )
        if len(worker.pending) == 1:
            (alone,) = worker.pending
            self.deaths[alone] += 1
            if self.deaths[alone] >= MAX_FAILURES:
                worker.pending.clear()
                yield alone, TIMEOUT, f"its worker died ({worker.process.exitcode})"
        self.company |= dict.fromkeys(worker.pending, max(1, len(worker.pending) // PARTS))
        self.left.extendleft(reversed(worker.pending))


def _read(line: bytes) -> tuple[Grade, str | None]:
    try:
        return read_grade(line)
    except ValueError as error:
        return UNPARSED, str(error)
