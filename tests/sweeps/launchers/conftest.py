"""Lanes of small commands that stand in for jobs, and a place that starts nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import pytest

from sweeps.launchers.lanes import Lane, Place

MakeLane = Callable[..., Lane]


@pytest.fixture
def lane(tmp_path: Path) -> MakeLane:
    """A lane of shell commands, in whose folder they leave their marks."""

    def make(model: str, *scripts: str, num_devices: int = 0) -> Lane:
        return Lane(model, num_devices, tuple(("sh", "-c", f"cd {tmp_path}; {script}") for script in scripts))

    return make


# A command that says its process id and works on; `exec`, so that it is the process that is told to stop.
ENDLESS = "echo $$ > endless.pid; exec sleep 300"


def wait_until(fact: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether a process lives; one that nobody has collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


OUT_OF_MEMORY = ", probably because memory ran out"


def run_all(place: Place, lanes: Sequence[Lane], logs: Path) -> dict[str, str | None]:
    return {lane.model: reason for lane, reason in place.run(lanes, logs=logs)}


def stop_while_it_runs(place: Place, lanes: Sequence[Lane], folder: Path) -> int:
    """Close a place's iterator once its first lane has ended and ENDLESS runs; the process id of that."""
    ends: Generator[tuple[Lane, str | None], None, None] = place.run(lanes, logs=folder / "logs")
    assert next(ends) == (lanes[0], None)
    wait_until(lambda: (folder / "endless.pid").exists() and (folder / "endless.pid").read_text())
    pid = int((folder / "endless.pid").read_text())
    assert is_running(pid)
    ends.close()
    return pid


@pytest.fixture(scope="session")
def ray_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Ray cluster of this machine alone, with a small object store and a home of its own.

    Without tokens: vLLM loads Ray, and what Ray then reads of the environment stays as it was for this process.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    (home / ".ray").mkdir()
    settings = {"HOME": str(home), "RAY_AUTH_MODE": "disabled"}
    options = [f"--port={port}", "--num-cpus=2", "--object-store-memory=80000000", "--include-dashboard=false"]
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
    log = home / "ray.log"
    with pytest.MonkeyPatch.context() as patch, log.open("w") as output:
        for name, value in settings.items():
            patch.setenv(name, value)
        with subprocess.Popen([*start, *options], stdout=output, stderr=output, start_new_session=True) as cluster:
            try:
                wait_until(lambda: "Ray runtime started" in log.read_text())
                yield f"127.0.0.1:{port}"
            finally:
                os.killpg(cluster.pid, signal.SIGKILL)
