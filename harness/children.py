"""Processes that end with the one that started them, even when it is killed: a GPU's memory is not left behind.

Standard library only: launchers import it on the machines of a cluster.
"""

import contextlib
import ctypes
import multiprocessing.spawn
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
# Linux sends a process this signal when its parent dies, and keeps to it across exec; a stopped one dies of it as
# well.
BIND = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {int(signal.SIGKILL)})
os.execv({{python!r}}, [{{python!r}}, *sys.argv[1:]])
"""
# By a shell, since the first line of a script cannot name a path with a space.
WRAPPER = '#!/bin/sh\nexec {python} -ES -c {code} "$@"\n'


def die_with_parent() -> None:
    """Have this process killed when the thread that started it ends. Linux only; elsewhere nothing changes."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def bind_children() -> Iterator[None]:
    """What multiprocessing spawns inside this context dies with this process.
    Linux only; elsewhere nothing changes.
    """
    before = multiprocessing.spawn.get_executable()
    with bound_python() as python:
        multiprocessing.spawn.set_executable(python)
        try:
            yield
        finally:
            multiprocessing.spawn.set_executable(before)


@contextlib.contextmanager
def bound_python() -> Iterator[str]:
    """A Python to start inside this context, that is killed when the thread that started it ends. Linux only."""
    if sys.platform != "linux":
        yield sys.executable
        return
    code = BIND.format(python=sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder) / "python"
        wrapper.write_text(WRAPPER.format(python=shlex.quote(sys.executable), code=shlex.quote(code)))
        wrapper.chmod(0o700)
        yield str(wrapper)
