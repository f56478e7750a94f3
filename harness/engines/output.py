"""What an engine's processes print, kept in a file of its own so that an error is told in one line."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import IO

STREAMS = (1, 2)
TAIL_BYTES = 1 << 20
ERROR_LINE = re.compile(r"(?:^|[\])] )((?:\w+\.)*\w*(?:Error|Exception): .+)$", re.MULTILINE)
# Of a process that only says that another one failed.
POINTER = re.compile(r"see (root cause|stack trace)|EngineDeadError", re.IGNORECASE)
PYDANTIC_REASON = re.compile(r"^  (?:Value error, |Assertion failed, )?(.+?) \[type=", re.MULTILINE)


# What a machine lacks, by how an engine's libraries say so, and what to do about it.
WAYS_ON = {
    r"gloo|network interface|unable to find address|name or service not known": (
        "no network interface is up, and the processes of an engine need one even on one machine. Start one (ip "
        "link set lo up), or name it in GLOO_SOCKET_IFNAME."
    ),
    r"can't start new thread|resource temporarily unavailable": (
        "no more processes or threads can be started. Raise the limit (ulimit -u), or close other programs of "
        "this user."
    ),
    r"cannot allocate memory|failed to map segment|^MemoryError": (
        "memory ran out. Raise the limit (ulimit -v), close other programs, or use a machine with more memory."
    ),
    r"no space left on device": "a disk is full: that of the run, of TMPDIR or of the home folder. Free some space.",
}


@contextlib.contextmanager
def divert_output(log: IO[bytes]) -> Iterator[None]:
    """Send what this process prints to `log` for a while; processes started meanwhile keep on printing there."""
    sys.stdout.flush()
    sys.stderr.flush()
    originals = [os.dup(stream) for stream in STREAMS]
    for stream in STREAMS:
        os.dup2(log.fileno(), stream)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, original in zip(STREAMS, originals, strict=True):
            os.dup2(original, stream)
            os.close(original)


def last_error(log: IO[bytes]) -> str | None:
    """The last line that names an error and is no mere pointer to another;
    None where nothing was printed of one.
    """
    size = os.fstat(log.fileno()).st_size
    # The processes that print share one offset with `log`, which a seek would move.
    tail = os.pread(log.fileno(), TAIL_BYTES, max(0, size - TAIL_BYTES)).decode(errors="replace")
    errors: list[str] = [error for error in ERROR_LINE.findall(tail) if not POINTER.search(error)]
    return errors[-1].strip() if errors else None


def way_on(reason: str) -> str | None:
    """What a machine lacks that such a reason comes from, and what to do; None of any other."""
    return next((told for words, told in WAYS_ON.items() if re.search(words, reason, re.IGNORECASE)), None)


def first_line(error: BaseException) -> str:
    """An error's reason in one line: pydantic's from its second line, a silent error's from its type."""
    text = str(error).strip()
    if pydantic := PYDANTIC_REASON.search(text):
        return pydantic.group(1)
    return text.splitlines()[0] if text else type(error).__name__
