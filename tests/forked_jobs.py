"""Jobs on scripted engines, which a forked command starts in forks of the same process, as `forked` started it."""

import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.reduction import DupFd
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from tests import forked

SCRIPTED = "engine._target_=tests."


def start(command: Sequence[str], **given: Any) -> Any:
    """What subprocess.Popen starts, in a fork where its engine is scripted; others are started as they are."""
    is_scripted = any(word.startswith(SCRIPTED) for word in command)
    return ForkedJob(command, **given) if is_scripted else subprocess.Popen(command, **given)


# What the lanes of a launcher see of subprocess.
SUBPROCESS = SimpleNamespace(Popen=start, TimeoutExpired=subprocess.TimeoutExpired)


class ForkedJob:
    """As much of a subprocess.Popen as lanes ask for."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: IO[bytes] | None,
        stderr: IO[bytes] | None,
        preexec_fn: object,
    ) -> None:
        _, _, module, *arguments = command
        streams = [_Inherited(own if file is None else file.fileno()) for own, file in ((1, stdout), (2, stderr))]
        self._process = forked.fork(_run, module, arguments, streams, cwd, dict(env))

    def __enter__(self) -> "ForkedJob":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.join()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        if (code := self.returncode) is None:
            raise subprocess.TimeoutExpired([], timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Inherited:
    """A file descriptor on its way to another process, where it is a number again."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _detach, (DupFd(self.number),)


def _detach(handle: Any) -> int:
    return int(handle.detach())


def _run(
    module: str, arguments: Sequence[str], streams: Sequence[int], folder: Path, environment: Mapping[str, str]
) -> None:
    for own, inherited in zip((1, 2), streams, strict=True):
        os.dup2(inherited, own)
        os.close(inherited)
    os.chdir(folder)
    os.environ.clear()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    forked.run_here(forked.run_module, (module, arguments), environment)


def _end_with_parent() -> None:
    """As a job's own process does: what was forked has the process that forks for a parent."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
