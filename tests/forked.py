"""Runs a command in a fork of a process that has imported everything once, so that a case takes a blink."""

import gc
import io
import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

SECONDS = 300
# It imports what the commands import where they need it, and does what each of them does first.
PRELOADED = ["tests.warm"]


class Ended(NamedTuple):
    """A command's exit code and what it printed."""

    code: int
    out: str
    err: str


def run(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
    """`python -m module arguments`, in this folder, with these variables beside those of the first call."""
    return _wait(
        lambda files: start(module, *arguments, files=files, environment=environment), f"{module} {arguments}"
    )


def call(work: Callable[..., object], *arguments: object) -> Ended:
    """A function of a module called there, as if it were a command."""
    return _wait(lambda files: _start(work, arguments, files, {}), f"{work.__name__} {arguments}")


def _wait(begin: Callable[[Sequence[Path]], BaseProcess], told: str) -> Ended:
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name, stream) for stream in ("out", "err")]
        process = begin(files)
        process.join(SECONDS)
        assert process.exitcode is not None, f"{told} did not end: {[file.read_text() for file in files]}"
        return Ended(process.exitcode, *(file.read_text(errors="replace") for file in files))


def start(
    module: str, *arguments: str, files: Sequence[Path], environment: Mapping[str, str] | None = None
) -> BaseProcess:
    """The same without waiting for its end; what it prints is in the two `files`."""
    return _start(run_module, (module, arguments), files, environment or {})


def _start(
    work: Callable[..., object], arguments: Sequence[object], files: Sequence[Path], environment: Mapping[str, str]
) -> BaseProcess:
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    return fork(_run, work, arguments, *files, environment)


def fork(work: Callable[..., object], *arguments: object) -> BaseProcess:
    """A fork of that process that does some work; what this forks is a fork of the same process."""
    server = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
    server.ensure_running()
    process = multiprocessing.get_context("forkserver").Process(
        target=_work, args=(server._forkserver_address, work, arguments), daemon=False
    )
    process.start()
    return process


def _work(address: str, work: Callable[..., object], arguments: Sequence[object]) -> None:
    server = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
    server._forkserver_address, server.ensure_running = address, lambda: None
    work(*arguments)


def _run(
    work: Callable[..., object], arguments: Sequence[object], out: Path, err: Path, environment: Mapping[str, str]
) -> None:
    for path, stream in ((out, 1), (err, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream)
    run_here(work, arguments, environment)


def run_here(work: Callable[..., object], arguments: Sequence[object], environment: Mapping[str, str]) -> None:
    """Do a command's work in a fork whose output has been led to where it goes."""
    # What cannot be imported there is left out in silence, and each command would import it anew.
    assert set(PRELOADED) <= set(sys.modules), f"Try `python -m {PRELOADED[0]}`."
    os.environ.update(environment)
    # It would look through everything that was imported, again and again.
    gc.disable()
    # multiprocessing has replaced it.
    sys.stdin = io.StringIO()
    work(*arguments)


def run_module(module: str, arguments: Sequence[str]) -> None:
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def work_until_killed(
    work: Callable[[], object], *, kill_at: int | None, wait: float, count: Callable[[], int]
) -> bool:
    """Do some work in a fork, which is killed so long after `count` has grown by `kill_at`; None kills it not.

    Whether it was still at work.
    """
    before, pid = count(), os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    ended = 0
    while kill_at is not None and not ended and count() - before < kill_at:
        time.sleep(0.005)
        ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        if kill_at is not None:
            time.sleep(wait)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL) and (code == 0 or kill_at is not None)
    return code != 0
