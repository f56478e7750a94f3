"""The walls one by one: what each holds, that its absence is found, and that nothing of the parent's is left."""

import json
import mmap
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.fence import fence, gaps
from harness.fence.fence import enclose, seal
from harness.fence.gaps import Fence, find_fence
from harness.grading import check_fence, grade_texts
from tests.harness.test_grading import Moody

pytestmark = pytest.mark.skipif(bool(find_fence().gaps), reason=str(find_fence()))
OPEN = Fence((), ("the network", "writing files"))


def behind(work: Callable[[], Any], *, sealed: bool = True) -> Any:
    """What the work returns in a process behind the walls."""
    reads, writes = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            enclose(kept_files=(writes,), memory_bytes=1 << 28)
            zygote = os.getpid()
            if sealed and (child := os.fork()):
                os.waitpid(child, 0)
                os._exit(0)
            if sealed:
                seal(zygote, cpu_seconds=5)
            os.write(writes, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with open(reads) as told:
        said = json.load(told)
    os.waitpid(pid, 0)
    return said


@pytest.fixture
def afresh() -> Iterator[None]:
    find_fence.cache_clear()
    yield
    find_fence.cache_clear()


def test_this_machine_is_said_in_one_line() -> None:
    said = str(find_fence())
    assert said.startswith("Graders run without network, files or processes (") and "\n" not in said
    assert "Landlock" in said and "seccomp" in said


def without_landlock(*_: object, **__: object) -> None:
    raise OSError("the kernel has none")


@pytest.mark.parametrize(
    ("missing", "found"),
    [
        ({"restrict": without_landlock}, ("reading other users' files", "writing files")),
        ({"can_filter": lambda: False}, ("the network", "starting processes")),
    ],
    ids=["Landlock", "seccomp"],
)
def test_a_wall_that_is_missing_is_found(
    missing: dict[str, Any], found: tuple[str, ...], afresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, instead in missing.items():
        monkeypatch.setattr(fence, name, instead)
    assert set(found) <= set(gaps.find_fence().gaps)


def test_where_the_walls_cannot_be_put_up_nothing_is_said_to_be_held(
    afresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaps, "enclose", without_landlock)
    assert len(gaps.find_fence().gaps) == 5 and str(gaps.find_fence()).startswith("Graders run without a fence.")


def test_a_grader_that_evaluates_runs_only_behind_walls_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.grading.find_fence", lambda: OPEN)
    with pytest.raises(
        ValueError, match="grader of moody may run code .*the network, writing files.*grade_unfenced=true"
    ):
        grade_texts(Moody(), [("p", "right")])
    check_fence(Moody(), unfenced=True)
    check_fence(Moody(evaluates=False), unfenced=False)
    assert grade_texts(Moody(), [("p", "right")], unfenced=True).grades[0].correct


def test_no_secret_of_the_environment_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    def look() -> list[bool]:
        import ctypes

        return ["HF_TOKEN" in os.environ, ctypes.CDLL(None).getenv(b"HF_TOKEN") != 0, "PATH" in os.environ]

    assert behind(look) == [False, False, True]


def test_files_of_the_parent_are_closed(tmp_path: Path) -> None:
    inherited = os.open(tmp_path / "store", os.O_RDWR | os.O_CREAT)

    def write() -> list[int]:
        written = []
        for number in range(3, 512):
            try:
                written.append(os.fstat(number).st_ino)
            except OSError:
                continue
        return written

    assert os.fstat(inherited).st_ino not in behind(write)
    os.close(inherited)


def test_memory_that_the_parent_shares_is_left_behind() -> None:
    with mmap.mmap(-1, 4096) as shared:
        shared[:4] = b"ours"

        def overwrite() -> str:
            before = shared[:4]
            shared[:4] = b"evil"
            return before.decode()

        assert behind(overwrite) == "\0" * 4
        assert shared[:4] == b"ours"


def test_a_file_mapped_to_be_read_is_left_behind_where_it_could_be_written(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"ours" * 1024)
    for mode, seen in (("r+b", "\0" * 4), ("rb", "ours")):
        with (
            open(tmp_path / "store", mode) as store,
            mmap.mmap(store.fileno(), 4096, prot=mmap.PROT_READ) as shared,
        ):
            assert behind(lambda shared=shared: shared[:4].decode()) == seen


@pytest.mark.parametrize("name", ["FSIZE", "CORE", "NPROC"])
def test_limits_are_the_kernels_and_hard(name: str) -> None:
    assert behind(lambda: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))) == [0, 0]


def test_what_graders_import_late_is_still_there(tmp_path: Path) -> None:
    def use() -> list[Any]:
        sys.modules.pop("colorsys", None)
        import colorsys

        import numpy

        return [colorsys.__name__, float((numpy.ones((300, 300)) @ numpy.ones((300, 300)))[0, 0])]

    assert behind(use) == ["colorsys", 300.0]
