"""A kill at any moment of packing, unpacking and merging: the whole is there or nothing, and what is left goes."""

import fcntl
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from results import whole
from results.inspection import inspect
from results.store import BusyError
from results.travel import archive, staging
from results.travel.packing import pack
from results.travel.staging import staged_file, staged_folder
from results.travel.union import merge
from results.travel.unpacking import unpack
from tests.results.made_runs import Made

FORK = multiprocessing.get_context("fork")


def work(kind: str, folder: Path) -> Path:
    """Do one of the three; what is made."""
    if kind == "pack":
        return pack(folder / "a", folder / "made.tar").path
    if kind == "unpack":
        return unpack(folder / "a.tar", folder / "made").root
    return merge(folder / "a", folder / "b", folder / "made").root


def count_steps(kind: str, folder: Path, last: int | None = None) -> int:
    """Do it, and count the steps that touch the disk; die at the one that is the `last`."""
    steps = 0

    def stepping(function: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **named: object) -> object:
            nonlocal steps
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return step

    with pytest.MonkeyPatch.context() as patched:
        for module, name in (
            (os, "fsync"),
            (archive, "header"),
            (staging, "flush_folder"),
            (whole, "flush_folder"),
        ):
            patched.setattr(module, name, stepping(getattr(module, name)))
        patched.setattr(Path, "rename", stepping(Path.rename))
        patched.setattr(Path, "replace", stepping(Path.replace))
        work(kind, folder)
    return steps


@pytest.mark.parametrize("num_kills", [6, pytest.param(12, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", ["pack", "unpack", "merge"])
def test_a_kill_leaves_the_whole_or_nothing(tmp_path: Path, kind: str, num_kills: int) -> None:
    """So many kills, spread over the steps from the first to one behind the last."""
    Made(models=("small",), size=2).write(tmp_path / "a")
    Made(size=2, samples=range(6)).write(tmp_path / "b")
    pack(tmp_path / "a", tmp_path / "a.tar")
    before = sorted(path.name for path in tmp_path.iterdir())
    num_steps = count_steps(kind, tmp_path)
    made = next(path for path in tmp_path.iterdir() if path.name not in before)
    expected = {path.relative_to(made): path.read_bytes() for path in [made, *made.rglob("*")] if path.is_file()}
    num_whole = 0
    for last in sorted({1 + round(at * (num_steps - 1) / (num_kills - 1)) for at in range(num_kills)}):
        shutil.rmtree(made) if made.is_dir() else made.unlink(missing_ok=True)
        process = FORK.Process(target=count_steps, args=(kind, tmp_path, last))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        if made.exists():
            num_whole += 1
            assert expected == {
                path.relative_to(made): path.read_bytes() for path in [made, *made.rglob("*")] if path.is_file()
            }
            shutil.rmtree(made) if made.is_dir() else made.unlink()
        assert {path.name for path in tmp_path.iterdir()} - {*before} <= {f".{made.name}.part"}
        assert work(kind, tmp_path) == made
        assert {path.name for path in tmp_path.iterdir()} - {*before} == {made.name}
    assert 0 < num_whole < num_kills
    assert kind == "pack" or inspect(made) == ([], [])


def test_two_that_make_the_same_do_not_disturb_each_other(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "run") as stage:
        (stage / "file").write_text("first")
        with (
            pytest.raises(BusyError, match="Another process is writing .*run. Wait until it ends"),
            staged_folder(tmp_path / "run"),
        ):
            pass
        assert (stage / "file").read_text() == "first"
    assert (tmp_path / "run" / "file").read_text() == "first"
    with staged_file(tmp_path / "file") as file:
        file.write(b"first")
        with pytest.raises(BusyError), staged_file(tmp_path / "file"):
            pass
    assert (tmp_path / "file").read_bytes() == b"first"


def test_what_was_made_meanwhile_is_not_taken_for_what_a_kill_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one gives its folder its name between the opening of it here and the lock."""
    lock = fcntl.flock

    def flock(descriptor: int, kind: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        (tmp_path / ".run.part" / "file").write_text("theirs")
        (tmp_path / ".run.part").rename(tmp_path / "run")
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(ValueError, match="already exists"), staged_folder(tmp_path / "run"):
        pass
    assert (tmp_path / "run" / "file").read_text() == "theirs" and [*tmp_path.iterdir()] == [tmp_path / "run"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), staged_folder(tmp_path / "deep" / "run") as stage:
        (stage / "file").touch()
        raise KeyboardInterrupt
    with pytest.raises(OSError, match="full"), staged_file(tmp_path / "deep" / "file"):
        raise OSError("full")
    assert not list((tmp_path / "deep").iterdir())
