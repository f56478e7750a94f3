"""Work on what a stranger wrote, tried in a fork first:
there the system ends what runs on or takes too much memory.
"""

import contextlib
import faulthandler
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

from harness.children import die_with_parent

MIB = 2**20
LONGEST_REASON = 300
# A busy machine gives a process a fraction of its time.
PATIENCE, LEAST_WAIT_SECONDS = 10, 30
CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


def try_within(work: Callable[[], object], *, seconds: int, mebibytes: int) -> str | None:
    """What is wrong with `work`, in words that go on "it ..."; None where it ends well.

    It may take `seconds` of processor time and `mebibytes` beside what this process has. Nothing that it changes,
    and nothing that it prints, is kept.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _run(work, writer, seconds=seconds, mebibytes=mebibytes)
    os.close(writer)
    try:
        told = _read(reader, deadline=time.monotonic() + max(PATIENCE * seconds, LEAST_WAIT_SECONDS))
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if told:
        return None if told == "ok" else told
    return _explain(status, seconds=seconds, mebibytes=mebibytes)


def _run(work: Callable[[], object], writer: int, *, seconds: int, mebibytes: int) -> None:
    """Run `work` under its limits, tell how it ended and leave; never returns."""
    told = "ok"
    try:
        die_with_parent()
        _hush()
        _limit(seconds, mebibytes)
        work()
    except MemoryError:
        told = f"needs more than {mebibytes:,} MiB of memory"
    except BaseException as error:  # the parsers of others raise what they like, panics of Rust among it
        told = f"fails: {(str(error) or type(error).__name__).splitlines()[0][:LONGEST_REASON]}"
    finally:
        with contextlib.suppress(BaseException):
            os.write(writer, told.encode(errors="replace"))
        os._exit(0)


def _hush() -> None:
    # It keeps a way of its own to the terminal.
    faulthandler.disable()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def _limit(seconds: int, mebibytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A command that listens to it would be told that its time is up in place of this process.
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    statm = Path("/proc/self/statm")
    # Elsewhere than on Linux memory stays as it is.
    if statm.exists():
        taken = int(statm.read_text().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = taken + mebibytes * MIB
        resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))


def _read(reader: int, *, deadline: float) -> str:
    """What the child tells; empty where it ends without a word, or does not end."""
    left = deadline - time.monotonic()
    ready, _, _ = select.select([reader], [], [], max(left, 0))
    return os.read(reader, 8 * LONGEST_REASON).decode(errors="replace") if ready else ""


def _explain(status: int, *, seconds: int, mebibytes: int) -> str:
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if ended_by == signal.SIGABRT:
        return f"needs more than {mebibytes:,} MiB of memory, or stops early"
    if ended_by in CRASHES:
        return f"crashes ({signal.Signals(ended_by).name})"
    return f"takes more than {seconds} seconds of processor time, or does not end"
