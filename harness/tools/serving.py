"""What runs behind the walls: a process that keeps the tools, and forks another that carries out calls with them.

The keeper is enclosed as graders are, so that neither can reach a network, a file that may be written, or another
process; it ends the other where that takes too long. Knows no event loop.
"""

import faulthandler
import gc
import json
import math
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from harness.fence.fence import enclose, seal
from harness.fence.heritage import NUM_FILES
from harness.sandbox import close_sandbox
from harness.tools.protocol import (
    LONGEST_CHARS,
    LONGEST_ID,
    MAX_IDS,
    Result,
    Tool,
    ToolFailedError,
    Trouble,
    storable,
)
from harness.zygote import EXIT_MEMORY, OUT_OF_TIME, read_lines, write_line

CALLS_A_PROCESS = 1000
REASON_CHARS = 200
MAX_WALL_SECONDS = 86_400.0
READY = b"ready"
TIMED_OUT = "The tool took too long."


@dataclass(frozen=True)
class Limits:
    """What one call may take: seconds of processor time, `patience` times as many by the wall,
    and bytes of memory.
    """

    seconds: float = 5.0
    patience: float = 6.0
    memory_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        if not self.seconds > 0 or not self.patience >= 1 or self.memory_bytes < 1:
            raise ValueError(f"A call's limits must be above 0, and its patience at least 1; got {self}.")
        if self.wall_seconds > MAX_WALL_SECONDS:
            raise ValueError(f"A call's limits let it take more than a day; got {self}.")

    @property
    def wall_seconds(self) -> float:
        return self.seconds * self.patience


class Child(NamedTuple):
    """A forked process, and the pipes to it and from it."""

    pid: int
    asks: int
    tells: int


def serve(pipe: socket.socket, tools: Mapping[str, Tool], limits: Limits) -> None:
    """Carry out what comes through the pipe, a call a line, until it ends. Never returns."""
    faulthandler.disable()
    try:
        enclose(kept_files=(pipe.fileno(),), memory_bytes=limits.memory_bytes)
        # Its parent held them back until they mean what they do to a worker.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
        # By a low number: children close those above.
        calls = os.dup(pipe.fileno())
        pipe.close()
        # What was there before is neither looked at nor, by that, copied.
        gc.freeze()
        keeper = Keeper(tools, limits)
        write_line(calls, READY)
        with open(calls, "rb", closefd=False) as lines:
            for line in lines:
                write_line(calls, keeper.answer(line.rstrip(b"\n")))
    finally:
        os._exit(0)


class Keeper:
    """Has calls carried out by a child, one after the other; of one that broke a limit nothing is left."""

    def __init__(self, tools: Mapping[str, Tool], limits: Limits) -> None:
        self.tools, self.limits = tools, limits
        self.child: Child | None = None
        self.num_calls = 0

    def answer(self, line: bytes) -> bytes:
        """The child's line, or one that says why there is none."""
        if self.child is None or self.num_calls >= CALLS_A_PROCESS:
            self.end()
            self.child, self.num_calls = self.fork(), 0
        self.num_calls += 1
        try:
            write_line(self.child.asks, line)
            told, is_late = read_lines(self.child.tells, self.limits.wall_seconds, most=1)
        except OSError:
            told, is_late = [], False
        if told:
            return told[0]
        code = self.end()
        if is_late or code in OUT_OF_TIME:
            return write_result(Result(TIMED_OUT, trouble="timeout"))
        reason = "it needs too much memory" if code == EXIT_MEMORY else f"its process ended ({code})"
        return write_result(fail(reason))

    def end(self) -> int | None:
        """Kill the child; how it had ended, by itself or by this."""
        if self.child is None:
            return None
        child, self.child = self.child, None
        os.kill(child.pid, signal.SIGKILL)
        os.close(child.asks)
        os.close(child.tells)
        return os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])

    def fork(self) -> Child:
        keeper = os.getpid()
        (reads_calls, asks), (tells, writes) = os.pipe(), os.pipe()
        if (pid := os.fork()) == 0:
            try:
                self.work(keeper, reads_calls, writes)
            finally:
                os._exit(1)
        os.close(reads_calls)
        os.close(writes)
        return Child(pid, asks, tells)

    def work(self, keeper: int, reads_calls: int, writes: int) -> None:
        """In the child: close what is the keeper's, be sealed, and carry out calls until there are no more."""
        # What is printed goes nowhere by a file of its own.
        for number in {*range(3, NUM_FILES)} - {reads_calls, writes, sys.stdout.fileno()}:
            os.closerange(number, number + 1)
        seal(keeper, cpu_seconds=math.ceil(self.limits.seconds) * CALLS_A_PROCESS + 1)
        close_sandbox()
        with open(reads_calls, "rb", closefd=False) as lines:
            for line in lines:
                write_line(writes, self.carry_out(line))
        os._exit(0)

    def carry_out(self, line: bytes) -> bytes:
        name, query = json.loads(line)
        # Its signal ends the process without asking Python, which a loop in C would keep waiting.
        signal.setitimer(signal.ITIMER_PROF, self.limits.seconds)
        try:
            return write_result(self.tools[name].call(query))
        except ToolFailedError as error:
            return write_result(fail(str(error)))
        except MemoryError:
            # What it holds on to would fail the next call.
            os._exit(EXIT_MEMORY)
        except BaseException as error:  # a tool's libraries raise what they like, SystemExit too
            return write_result(fail(f"{type(error).__name__}: {error}"))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)


def fail(reason: str) -> Result:
    return Result(f"The tool failed: {' '.join(reason[:REASON_CHARS].split())}.", trouble="failed")


def write_result(result: Result) -> bytes:
    """A line without its end; texts are cut."""
    ids = [str(name)[:LONGEST_ID] for name in result.ids[:MAX_IDS]]
    return json.dumps([str(result.text)[:LONGEST_CHARS], ids, result.trouble]).encode()


def read_result(line: bytes, seconds: float) -> Result:
    """What a line says, as data that anyone may have written; raises ValueError where it is no result."""
    try:
        # Of bytes json would guess the encoding, and load what decodes it.
        text, ids, trouble = json.loads(line.decode("ascii"))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"A result is damaged: {str(error)[:REASON_CHARS]}") from error
    if not _is_text(text, LONGEST_CHARS) or not isinstance(ids, list) or len(ids) > MAX_IDS:
        raise ValueError("A result is damaged.")
    if not all(_is_text(name, LONGEST_ID) for name in ids):
        raise ValueError("A result's ids are damaged.")
    return Result(storable(text), tuple(map(storable, ids)), seconds, _read_trouble(trouble))


def _read_trouble(trouble: object) -> Trouble | None:
    match trouble:
        case None | "timeout" | "failed":
            return trouble
    raise ValueError("A result's trouble is unknown.")


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest
