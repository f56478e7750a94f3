"""A lane: the jobs of one model, run one after the other wherever a launcher takes them. Standard library only.

It is imported on the machines of a cluster, where nothing heavy should be loaded before the job itself.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from harness.children import die_with_parent
from results.stopping import SIGNALLED, STOPS

# How long a job that is told to stop may take to store what it has drawn.
STOP_SECONDS = 30
WAIT_SECONDS = 1
# The processes of this one's lanes that still run.
_running: set[subprocess.Popen[bytes]] = set()


class Lane(NamedTuple):
    """The commands of one model's jobs, which write under one lock,
    and the GPUs that the greediest of them needs.
    """

    model: str
    num_devices: int
    commands: tuple[tuple[str, ...], ...]


class Failure(NamedTuple):
    """Why a command failed: its exit code, negative for a signal as in subprocess, and the last that it said."""

    code: int
    last_words: str = ""

    def __str__(self) -> str:
        cause = f"exit code {self.code}" if self.code >= 0 else f"killed by {_name_signal(-self.code)}"
        if self.code == -signal.SIGKILL:
            cause += ", probably because memory ran out"
        return f"{cause}: {self.last_words}" if self.last_words else cause

    @property
    def was_told_to_stop(self) -> bool:
        """And so were the jobs after it."""
        return -self.code in STOPS or self.code - SIGNALLED in STOPS


class Place(Protocol):
    """Where lanes run. `is_here`: on this machine, so that what it lacks is known before anything starts."""

    @property
    def is_here(self) -> bool: ...

    def run(self, lanes: Sequence[Lane], *, logs: Path) -> Generator[tuple[Lane, str | None], None, None]:
        """Run every lane; yield each when it ends, with the reason if it failed.

        Closing the iterator stops what still runs. Raises ValueError where nothing can be started.
        """


def run_lane(
    lane: Lane, *, folder: Path, log: Path | None = None, environment: Mapping[str, str] | None = None
) -> Failure | None:
    """Run the commands in `folder`, one after the other; return the first failure.
    A failed job does not stop the next.

    log: what they print is appended here instead of going to the terminal.
    """
    failures = []
    for command in lane.commands:
        start = log.stat().st_size if log and log.exists() else 0
        code = run_command(command, folder=folder, log=log, environment=environment or {})
        if code:
            failures.append(Failure(code, read_last_words(log, lane.model, start=start) if log else ""))
            if failures[-1].was_told_to_stop:
                break
    return failures[0] if failures else None


def run_command(command: Sequence[str], *, folder: Path, log: Path | None, environment: Mapping[str, str]) -> int:
    """The command's exit code. Whatever interrupts the wait stops the command too."""
    output = log.open("ab") if log else None
    with subprocess.Popen(
        command, cwd=folder, env=os.environ | environment, stdout=output, stderr=output, preexec_fn=_obey_parent
    ) as process:
        if output:
            output.close()
        _running.add(process)
        try:
            # In short turns, since Ray interrupts its workers without waking them up.
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(WAIT_SECONDS)
            return process.returncode
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
        finally:
            _running.discard(process)


def stop_running() -> None:
    """Tell the jobs of this process to stop, which a terminal has done already and a kill has not."""
    for process in tuple(_running):
        process.terminate()


def read_last_words(log: Path, model: str, *, start: int = 0) -> str:
    """The last line from byte `start` on in which the model's job speaks for itself, else the last line at all."""
    with log.open("rb") as file:
        file.seek(start)
        # Progress bars return to the start of their line.
        lines = file.read().decode(errors="replace").replace("\r", "\n").splitlines()
    spoken = [line.strip() for line in lines if line.strip()]
    # A job speaks by its model's name, or by its path where it was given no name.
    own = [line for line in spoken if line.partition(": ")[0].rsplit("/", 1)[-1] == model and ": " in line]
    return (own or spoken or [""])[-1]


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no name
        return f"signal {number}"


def _obey_parent() -> None:
    """A launcher can stop its jobs, and takes them along when it is killed: they would draw on and hold locks."""
    # Ray's workers block this signal, and what a script starts in the background ignores it; their children would.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent()
