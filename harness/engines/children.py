"""Processes that an engine starts end with this one, even when it is killed: a GPU's memory is not left behind."""

import contextlib
import multiprocessing.spawn
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG, SIGKILL = 1, 9
# Linux sends a process this signal when its parent dies, and keeps to it across exec.
WRAPPER = f"""#!{{python}} -ES
import ctypes, os, sys
ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {SIGKILL})
os.execv({{python!r}}, [{{python!r}}, *sys.argv[1:]])
"""


@contextlib.contextmanager
def bind_children() -> Iterator[None]:
    """What multiprocessing spawns inside this context dies with this process. Linux only; elsewhere nothing changes."""
    if sys.platform != "linux":
        yield
        return
    before = multiprocessing.spawn.get_executable()
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder) / "python"
        wrapper.write_text(WRAPPER.format(python=sys.executable))
        wrapper.chmod(0o700)
        multiprocessing.spawn.set_executable(str(wrapper))
        try:
            yield
        finally:
            multiprocessing.spawn.set_executable(before)
