"""Figures that two processes draw: in order, whole, and also where the second is gone or never was."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from analysis.figures import drawing
from analysis.figures.drawing import Drawn, Job

REFERENCE = Path("results/reference/figures")
NAMES = ("grid", "parallel", "outcomes")
pytestmark = pytest.mark.usefixtures("pictures")


def jobs(folder: Path) -> list[Job]:
    return [Job(folder, name, pd.read_csv(REFERENCE / f"{name}.csv"), name) for name in NAMES]


def draw(folder: Path) -> list[Path]:
    with Drawn() as drawn:
        for job in jobs(folder):
            drawn.ask(job)
        return list(drawn.paths())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def one_process() -> None:
    """Here there may be two."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("alone")
    for job in jobs(folder):
        drawing.draw(job)
    return contents(folder)


def test_two_processes_draw_what_one_does_in_the_order_that_is_asked(
    tmp_path: Path, alone: dict[str, bytes]
) -> None:
    assert [path.stem for path in draw(tmp_path)] == list(NAMES)
    assert contents(tmp_path) == alone and len(alone) == 3 * len(NAMES)


def test_with_one_core_there_is_no_second_process(
    tmp_path: Path, alone: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    assert drawing._start_helper() is None
    assert [path.stem for path in draw(tmp_path)] == list(NAMES) and contents(tmp_path) == alone


def test_what_a_process_that_dies_had_begun_is_drawn_by_the_other(
    tmp_path: Path, alone: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(drawing, "HELP", "import sys; sys.stdin.buffer.read(100); {path!r}")
    assert [path.stem for path in draw(tmp_path)] == list(NAMES) and contents(tmp_path) == alone


def test_an_error_of_either_process_is_raised(tmp_path: Path) -> None:
    with Drawn() as drawn:
        for job in jobs(tmp_path):
            drawn.ask(job._replace(frame=job.frame.drop(columns="model")))
        with pytest.raises(KeyError, match="model"):
            list(drawn.paths())


def test_no_process_is_left_when_a_command_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    with pytest.raises(KeyboardInterrupt), Drawn() as drawn:
        helper = drawn._helper
        raise KeyboardInterrupt
    assert helper is not None and helper.poll() is not None


def test_what_a_killed_process_was_writing_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> subprocess.Popen[bytes]:
        """A process that begins a file once it is given a figure, and never comes back."""
        begin = f"sys.stdin.buffer.read(1); open({str(tmp_path / 'slow.pdf.tmp')!r}, 'w').close()"
        write = f"import sys, time; {begin}; time.sleep(600)"
        return subprocess.Popen([sys.executable, "-c", write], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(drawing, "_start_helper", start)
    (tmp_path / "other.pdf.tmp").touch()
    with pytest.raises(KeyboardInterrupt), Drawn() as drawn:
        drawn.ask(Job(tmp_path, "slow", pd.DataFrame(), "grid"))
        while not (tmp_path / "slow.pdf.tmp").exists():
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["other.pdf.tmp"]
