"""Processes that an engine starts end with this one, even when it is killed: a GPU's memory is not left behind."""

import contextlib
import multiprocessing.spawn
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
# Linux sends a process this signal when its parent dies, and keeps to it across exec.
WRAPPER = f"""#!{{python}} -ES
import ctypes, os, sys
ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {{number}})
os.execv({{python!r}}, [{{python!r}}, *sys.argv[1:]])
"""


@contextlib.contextmanager
def bind_children() -> Iterator[None]:
    """What multiprocessing spawns inside this context dies with this process. Linux only; elsewhere nothing changes."""
    before = multiprocessing.spawn.get_executable()
    with bound_python(signal.SIGKILL) as python:
        multiprocessing.spawn.set_executable(python)
        try:
            yield
        finally:
            multiprocessing.spawn.set_executable(before)


@contextlib.contextmanager
def bound_python(sent: signal.Signals) -> Iterator[str]:
    """A Python to start inside this context, that is sent a signal when the thread that started it ends. Linux only."""
    if sys.platform != "linux":
        yield sys.executable
        return
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder) / "python"
        wrapper.write_text(WRAPPER.format(python=sys.executable, number=int(sent)))
        wrapper.chmod(0o700)
        yield str(wrapper)
