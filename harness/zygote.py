"""A warm process that forks another for what it is to grade, so that nothing an answer changes outlives its grade.

The walls are the kernel's (fence/), the words for what was refused are the audit hook's (sandbox.py). A process
that a hostile answer has taken over can still claim a grade for that very answer; it reaches no other, since each
has a process and a pipe of its own, of which one line is read, as data. Answers to graders that evaluate nothing
share a process, batch by batch.
"""

import contextlib
import errno
import faulthandler
import gc
import math
import os
import select
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import NamedTuple

from harness.fence.fence import enclose, seal
from harness.fence.heritage import NUM_FILES
from harness.messages import LONGEST_LINE, read_grade, write_grade
from harness.sandbox import close_sandbox, take_refused
from harness.types import Grade, Outcome, Prompt, Task

TIMEOUT = Grade(None, None, False, 0.0, "timeout")
UNPARSED = Grade(None, None, False, 0.0, "unparsed")
REFUSED = Grade(None, None, False, 0.0, "refused")
# How many times as long as its CPU time an answer may take by the wall.
PATIENCE = 20.0
# Answers that share a process share it for so long, and a sign of life goes to the parent as often.
SECONDS_A_BATCH = 0.5
# A process may die for reasons of its own, so that only the second death is the answer's.
MAX_FAILURES = 2
EXIT_MEMORY, EXIT_CHANGED = 12, 13
# What a process says between its answers and the known ones.
DONE = b"done"
# What a worker says beside grades: that it lives, and by its number what the machine did not give it.
ALIVE, FAILED = b"", b"!"
OUT_OF_TIME = (-signal.SIGPROF, -signal.SIGXCPU)

Item = tuple[int, str, str]
Verdict = tuple[bool, Outcome]


class Run(NamedTuple):
    """What one process said of its first answers, a line for each, and its exit code, None where time ran out.

    is_done: it came to the end of its answers. is_sound: it then graded the known ones as they should be.
    """

    lines: list[bytes]
    is_done: bool
    is_sound: bool
    code: int | None


@dataclass
class Zygote:
    """Grades by processes that it forks. canaries: (prompt id, text) of known answers, a wrong one last.

    expected: what came of them before any other answer was read; where that failed none, and nothing is compared.
    """

    task: Task
    prompts: Mapping[str, Prompt]
    seconds: float
    evaluates: bool
    canaries: Sequence[tuple[str, str]]
    expected: list[Verdict] = field(default_factory=list)
    failures: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.expected = self.judge_canaries()
        self.canaries = self.canaries if self.expected else ()

    def judge_canaries(self) -> list[Verdict]:
        """What a fresh process makes of the known answers."""
        lines = self.fork([(index, *known) for index, known in enumerate(self.canaries)], ()).lines
        return [_judge(line) for line in lines] if len(lines) == len(self.canaries) else []

    def grade(self, items: Sequence[Item], *, between: Callable[[], None]) -> Iterator[tuple[int, bytes]]:
        """Position and line of every item, in any order; `between` is called between two processes."""
        groups = deque([item] for item in items) if self.evaluates else deque([list(items)])
        while groups:
            between()
            group = groups.popleft()
            # Of one answer alone it is asked whether wrong ones became correct; of many, whether they changed
            # anything.
            run = self.fork(group, self.canaries[-1:] if self.evaluates else self.canaries)
            first = 0 if run.is_done else len(run.lines)
            if run.is_sound and run.lines:
                yield from ((item[0], line) for item, line in zip(group, run.lines, strict=False))
                parts = [group[len(run.lines) :]]
            elif run.is_done and len(group) > 1:
                parts = [group[: len(group) // 2], group[len(group) // 2 :]]
            elif settled := self.explain(group[first][0], run):
                yield group[first][0], settled
                parts = [group[:first], group[first + 1 :]]
            else:
                parts = [group[:first], [group[first]], group[first + 1 :]]
            groups.extendleft(part for part in reversed(parts) if part)

    def explain(self, position: int, run: Run) -> bytes | None:
        """The grade of an answer that ended its process or changed its grader;
        None where it is to be tried again.
        """
        self.failures[position] += 1
        if run.code is None or run.code in OUT_OF_TIME:
            return write_grade(TIMEOUT, f"more than {self.seconds:g} s")
        if self.failures[position] < MAX_FAILURES:
            return None
        if run.is_done:
            return write_grade(REFUSED, "refused: it changed how a known answer is graded")
        return write_grade(
            TIMEOUT, "out of memory" if run.code == EXIT_MEMORY else f"its worker died ({run.code})"
        )

    def fork(self, group: Sequence[Item], canaries: Sequence[tuple[str, str]]) -> Run:
        """Grade the group in a process that is gone afterwards."""
        reads, writes = os.pipe()
        zygote = os.getpid()
        if (pid := os.fork()) == 0:
            try:
                self.enter(zygote, writes, num_answers=len(group) + len(canaries))
                self.work(writes, group, canaries)
            finally:
                os._exit(0)
        os.close(writes)
        said, is_late = read_lines(reads, PATIENCE * self.seconds, most=len(group) + 1 + len(canaries))
        os.close(reads)
        os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        end = min(said.index(DONE) if DONE in said else len(said), len(group))
        lines, known = said[:end], [_judge(line) for line in said[end + 1 :]]
        num_asked = 0 if self.spares(lines) else len(canaries)
        is_sound = said[end : end + 1] == [DONE] and known == self.expected[len(self.expected) - num_asked :]
        return Run(lines, end == len(group) or DONE in said, is_sound, None if is_late else code)

    def spares(self, lines: Sequence[bytes]) -> bool:
        """Whether no known answer need follow: an answer alone that is not correct changed nothing to its good."""
        return self.evaluates and not any(_judge(line)[0] for line in lines)

    def enter(self, zygote: int, writes: int, num_answers: int) -> None:
        """Be a process that can do nothing but grade so many answers and say what came of them."""
        os.closerange(3, writes)
        os.closerange(writes + 1, NUM_FILES)
        seal(zygote, cpu_seconds=math.ceil(self.seconds) * num_answers + 1)
        close_sandbox()

    def work(self, writes: int, group: Sequence[Item], canaries: Sequence[tuple[str, str]]) -> None:
        started = time.monotonic()
        lines: list[bytes] = []
        for _, prompt_id, text in group:
            lines.append(self.grade_one(prompt_id, text))
            write_line(writes, lines[-1])
            if time.monotonic() - started > SECONDS_A_BATCH:
                break
        write_line(writes, DONE)
        for prompt_id, text in () if self.spares(lines) else canaries:
            write_line(writes, self.grade_one(prompt_id, text))

    def grade_one(self, prompt_id: str, text: str) -> bytes:
        # Its signal ends the process without asking Python, which a loop in C would keep waiting.
        signal.setitimer(signal.ITIMER_PROF, self.seconds)
        try:
            return write_grade(*_grade(self.task, self.prompts[prompt_id], text))
        except MemoryError:
            # What it holds on to would fail the next answer.
            os._exit(EXIT_MEMORY)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)


def serve(
    results: Connection,
    task: Task,
    prompts: Mapping[str, Prompt],
    canaries: Sequence[tuple[str, str]],
    *,
    seconds: float,
    memory_bytes: int,
    evaluates: bool,
) -> None:
    """Grade batches of (position, prompt id, text) for the parent at the other end, until it has no more.

    What keeps this process from its work, memory or processes that cannot be had, is no answer's doing: it is
    told.
    """
    faulthandler.disable()
    try:
        enclose(kept_files=(results.fileno(),), memory_bytes=memory_bytes)
        # Its parent held them back until they mean what they do to a worker.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
        results = lower(results)
        # What was there before is neither looked at nor, by that, copied.
        gc.freeze()
        zygote = Zygote(task, prompts, seconds, evaluates, canaries)
        results.send_bytes(ALIVE)
        while True:
            grade_batch(results, zygote)
    except EOFError:
        return
    except (OSError, MemoryError) as error:
        number = errno.ENOMEM if isinstance(error, MemoryError) else error.errno or errno.EIO
        with contextlib.suppress(OSError, MemoryError):
            results.send_bytes(FAILED + b"%d" % number)
        os._exit(EXIT_MEMORY)


def grade_batch(results: Connection, zygote: Zygote) -> None:
    """Grade what the parent sends next and say what came of it, with a sign of life now and then."""
    batch: list[Item] = results.recv()
    told = time.monotonic()

    def tell() -> None:
        nonlocal told
        if time.monotonic() - told > SECONDS_A_BATCH:
            told = time.monotonic()
            results.send_bytes(ALIVE)

    done = [b"%d %s" % (position, line) for position, line in zygote.grade(batch, between=tell)]
    tell()
    if zygote.judge_canaries() != zygote.expected:
        os._exit(EXIT_CHANGED)
    results.send_bytes(b"\n".join(done))


def lower(results: Connection) -> Connection:
    """The same pipe by the lowest number: a large pool's are beyond those that a forked process closes."""
    lowest = Connection(os.dup(results.fileno()))
    results.close()
    return lowest


def read_lines(reads: int, patience: float, *, most: int) -> tuple[list[bytes], bool]:
    """At most so many lines, to the end of the pipe; whether one was waited for longer than `patience` seconds."""
    ready = select.poll()
    ready.register(reads, select.POLLIN)
    lines: list[bytes] = []
    rest = b""
    deadline = time.monotonic() + patience
    while len(lines) < most and len(rest) < LONGEST_LINE:
        if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return lines, True
        if not (more := os.read(reads, 1 << 16)):
            break
        *whole, rest = (rest + more).split(b"\n")
        if whole:
            deadline = time.monotonic() + patience
        lines += whole
    return lines[:most], False


def write_line(writes: int, line: bytes) -> None:
    left = memoryview(line + b"\n")
    while left:
        left = left[os.write(writes, left) :]


def _judge(line: bytes) -> Verdict:
    """What a line says, as far as it can be compared; a damaged one says nothing good."""
    try:
        grade = read_grade(line)[0]
    except ValueError:
        return False, "unparsed"
    return grade.correct, grade.outcome


def _grade(task: Task, prompt: Prompt, text: str) -> tuple[Grade, str | None]:
    """The grade, and what was wrong with the grader. An evaluated answer may raise anything, SystemExit too."""
    trouble = None
    try:
        grade = task.grade(prompt, text)
    except MemoryError:
        raise
    except PermissionError as error:
        grade, trouble = REFUSED, f"refused: {error}"
    except BaseException as error:
        grade, trouble = UNPARSED, f"{type(error).__name__}: {error}"
    if refused := take_refused():
        grade, trouble = REFUSED, f"refused: {refused}"
    return grade, trouble
