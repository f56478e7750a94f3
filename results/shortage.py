"""What a machine is short of, told in a line with the way on: memory, processes, open files, room for files.

Standard library only: it also tells why the other packages could not be imported.
"""

import contextlib
import errno
import os
import resource
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# A file system with less room than this is full.
LEAST_BYTES = 2**20
# How packages say that memory cannot be had, each its own way.
OF_MEMORY = ("cannot allocate memory", "failed to map segment", "unable to allocate", "bad_alloc", "out of memory")
OF_THREADS = ("can't start new thread", "resource temporarily unavailable", "thread creation failed")
# What Arrow reads files by, beside a thread a core.
ARROW_THREADS, MOST_CORES, FEW_THREADS = 8, 16, 1000
# The address space that the packages below map, and a small run beside them.
LEAST_MEMORY = 2**30
# The exit status of a command that did not do what it was asked, for a reason that is the user's to put right.
REFUSED = 2
NO_TEMPORARY = "No usable temporary directory"


def explain_shortage(error: BaseException, *written: Path) -> str | None:
    """The line for an error that a shortage is behind, however it was wrapped; None for any other.

    written: where the command writes, beside temporary files, the home folder and this one.
    """
    for each in _chain(error):
        text, number = str(each).lower(), getattr(each, "errno", None)
        if NO_TEMPORARY.lower() in text:
            return (
                f"No temporary folder can be written ({_first_line(each)}). Free some space there, or set TMPDIR."
            )
        if isinstance(each, MemoryError) or number == errno.ENOMEM or any(words in text for words in OF_MEMORY):
            return _memory(each)
        # What fails below Python for want of memory may not say so.
        if isinstance(each, SystemError) and _is_limited(resource.RLIMIT_AS):
            return _memory(each)
        if isinstance(each, ImportError | OSError) and "shared object" in text and _is_limited(resource.RLIMIT_AS):
            return _memory(each)
        if number == errno.EAGAIN or any(words in text for words in OF_THREADS):
            return (
                f"No more processes or threads can be started ({_first_line(each)}); the limit is "
                f"{_limit(resource.RLIMIT_NPROC)}. Raise it (ulimit -u), or close other programs of this user."
            )
        if number in FULL:
            places = ", ".join(map(str, full_places(*written) or written)) or "this folder"
            return (
                f"No space left to write in {places} ({os.strerror(number)}). Free some space there, or move the "
                "run to another disk. Then run the same command again; what was stored is kept."
            )
        if number in (errno.EMFILE, errno.ENFILE):
            return f"Too many files are open; the limit is {_limit(resource.RLIMIT_NOFILE)}. Raise it (ulimit -n)."
    return None


def explain_refusal(error: OSError | ValueError, root: Path) -> str:
    """The line for what was refused a command that reads and writes the run `root`: by its disk or itself."""
    if (line := explain_shortage(error, root)) is not None:
        return line
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    way_on = f"Runs are written to {root}; choose another RUN, or correct this."
    return f"{error.filename or root}: {error.strerror}. {way_on}"


def tell_refusal(error: Exception, *written: Path) -> int:
    """Say on standard error, in a line, what a user can put right,
    and return its exit status; raise all else again.

    written: where the command writes, by which a full disk is told.
    """
    if isinstance(error, BrokenPipeError) or not (isinstance(error, ValueError | OSError) or _is_of_arrow(error)):
        raise error
    print(f"error: {explain_shortage(error, *written) or error}", file=sys.stderr, flush=True)
    return REFUSED


@contextlib.contextmanager
def writing_run(root: Path) -> Iterator[None]:
    """Inside, what the file system refuses is a ValueError that says what belongs in `root`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ValueError(explain_refusal(error, root)) from error


def full_places(*written: Path) -> list[Path]:
    """Which of these, the folder for temporary files, the home folder and this one have no room left."""
    named = [*written, Path(os.environ.get("TMPDIR", "/tmp")), Path(os.environ.get("HOME", "/")), Path()]
    there = [next(place for place in (path, *path.absolute().parents) if place.exists()) for path in named]
    return list(dict.fromkeys(place for place in there if shutil.disk_usage(place).free < LEAST_BYTES))


def raise_shortage(error: BaseException) -> None:
    """Raise an error again that comes of too few threads or, under a limit, of too little memory.

    What could not be read for want of either is not damaged. Without a limit it is an absurd size that memory is
    short for, and that is damage.
    """
    text = str(error).lower()
    is_of_memory = isinstance(error, MemoryError) or any(words in text for words in OF_MEMORY)
    if any(words in text for words in OF_THREADS) or (is_of_memory and _is_limited(resource.RLIMIT_AS)):
        raise error


def check_memory() -> None:
    """Raise MemoryError where this process may have less memory than importing takes.

    Where it has a little too little, OpenBLAS asks for more without end, and Arrow has no threads to read with.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if _is_limited(resource.RLIMIT_AS) and limit < LEAST_MEMORY:
        raise MemoryError(f"{LEAST_MEMORY:,} bytes are needed")


def check_threads() -> None:
    """Raise RuntimeError where as many threads cannot be started as packages below start and wait for.

    Where they cannot have theirs, Arrow waits for ever and OpenBLAS tells this process to stop. A large limit is
    not tried: the memory that a thread reserves may be short as well.
    """
    if not (_is_limited(resource.RLIMIT_NPROC) and resource.getrlimit(resource.RLIMIT_NPROC)[0] < FEW_THREADS):
        return
    done = threading.Event()
    try:
        for _ in range(ARROW_THREADS + min(os.cpu_count() or 1, MOST_CORES)):
            threading.Thread(target=done.wait, daemon=True).start()
    finally:
        done.set()


def tell_shortages() -> None:
    """Have an error that nothing else tells, as of an import, end in a line where a shortage is behind it."""
    sys.excepthook = _tell


def _is_of_arrow(error: Exception) -> bool:
    """Whether Arrow raised it, whose errors are not all ValueErrors; it is not imported to know."""
    arrow = sys.modules.get("pyarrow")
    return arrow is not None and isinstance(error, arrow.ArrowException)


def _tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    line = explain_shortage(error)
    if line is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        print(f"error: {line}", file=sys.stderr)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        yield error
        seen.append(error)
        error = error.__cause__ or error.__context__


def _memory(error: BaseException) -> str:
    reason = _first_line(error) or type(error).__name__
    return (
        f"Memory ran out ({reason}); this process may use {_limit(resource.RLIMIT_AS)} bytes. Raise the limit "
        "(ulimit -v), close other programs, or use a machine with more memory."
    )


def _is_limited(kind: int) -> bool:
    return resource.getrlimit(kind)[0] != resource.RLIM_INFINITY


def _limit(kind: int) -> str:
    return f"{resource.getrlimit(kind)[0]:,}" if _is_limited(kind) else "all memory there is"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200]
