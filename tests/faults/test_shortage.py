"""A machine that is short of memory, processes, room or rights:
a line with the cause and the way on, no traceback.
"""

import errno
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from analysis.runs.outcomes import telling_damage
from analysis.stats.compiled import compiled
from isoquant.__main__ import main
from results import store
from results.checks import find_wrong
from results.inspection import inspect
from results.shortage import check_threads, explain_refusal, explain_shortage
from sweeps.provenance import describe_environment
from tests import forked
from tests.faults.runs import MODEL, SCRIPTED

RUN = Path("results/real/chain_sum")
SMALL_DISK_BYTES = 2**25


def wrapped(error: BaseException) -> BaseException:
    outer = RuntimeError("outer")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "Memory ran out (MemoryError)"),
        (wrapped(MemoryError("Unable to allocate 8 GiB")), "Memory ran out (Unable to allocate 8 GiB)"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Memory ran out"),
        (ImportError("libx.so: failed to map segment from shared object"), "Memory ran out"),
        (RuntimeError("can't start new thread"), "No more processes or threads can be started"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "No more processes or threads"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many files are open"),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
            "No temporary folder can",
        ),
    ],
    ids=str,
)
def test_a_shortage_is_told_by_its_cause(error: BaseException, told: str) -> None:
    line = explain_shortage(error)
    assert line is not None and line.startswith(told) and "\n" not in line


@pytest.mark.parametrize(
    "error", [ValueError("no"), ImportError("no module x"), FileNotFoundError(2, "No such file")]
)
def test_another_error_is_no_shortage(error: BaseException) -> None:
    assert explain_shortage(error) is None


def limited(kind: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (value, value))


@pytest.mark.parametrize("num_mib", [100, 400, 600, 750, 1000])
def test_too_little_memory_to_import_ends_in_one_line(num_mib: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "isoquant", "health", str(RUN)],
        preexec_fn=limited(resource.RLIMIT_AS, num_mib * 2**20),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: Memory ran out"), done.stderr


SHORT_OF = {
    "threads": pa.ArrowException(
        "Unknown error: Failed to launch worker thread: Resource temporarily unavailable"
    ),
    "memory": pa.ArrowMemoryError("malloc of size 1048576 failed"),
    "memory in other words": OSError("Unable to allocate 1.0 MiB"),
}


@pytest.mark.parametrize("name", SHORT_OF)
def test_what_cannot_be_read_for_want_of_memory_or_threads_is_not_damaged(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(shutil.copytree(RUN, tmp_path / "run"))
    before = {path: path.stat().st_size for path in root.rglob("*")}

    def fail(*_: object, **__: object) -> None:
        raise SHORT_OF[name]

    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**31, 2**31))
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", fail)
    writer = store.list_writers(root)[0]
    for look in (lambda: inspect(root), lambda: store.set_damaged_aside(root, writer)):
        with pytest.raises(type(SHORT_OF[name])):
            look()
    with pytest.raises(type(SHORT_OF[name])), telling_damage(root):
        fail()
    assert {path: path.stat().st_size for path in root.rglob("*")} == before


def test_without_a_limit_a_size_that_cannot_be_is_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SHORT_OF["memory"]

    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", fail)
    shard = next((RUN / "answers").glob("*.parquet"))
    assert find_wrong(shard) is not None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 MB; where none can be mounted the test skips."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here: that takes root")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> None:
    with pytest.raises(OSError, match="No space left"), (place / "full").open("wb") as file:
        for _ in range(2 * SMALL_DISK_BYTES // 4096):
            file.write(bytes(4096))
            file.flush()


def test_a_full_disk_of_the_run_is_named_and_nothing_is_lost(small_disk: Path) -> None:
    root = small_disk / "run"
    fill(small_disk)
    words = [*SCRIPTED, f"model={MODEL}", f"run={root}", "hydra.mode=RUN"]
    ended = forked.run("sweeps", *words)
    assert ended.code and "Traceback" not in ended.err
    assert f"No space left to write in {small_disk}" in ended.err and "run the same command again" in ended.err
    (small_disk / "full").unlink()
    again = forked.run("sweeps", *words)
    assert again.code == 0, again.err
    assert inspect(root) == ([], [])


@pytest.mark.parametrize("variable", ["TMPDIR", "HOME"])
def test_a_full_disk_for_temporary_files_or_the_home_folder_stops_no_reading(
    small_disk: Path, variable: str
) -> None:
    fill(small_disk)
    done = forked.run("isoquant", "health", str(RUN), environment={variable: str(small_disk)})
    assert done.code == 0 and "SmolLM2" in done.out and "error" not in done.err
    ended = forked.run("isoquant", "grade", "nowhere", environment={variable: str(small_disk)})
    assert ended.code == 2 and "No run 'nowhere'" in ended.err and "Traceback" not in ended.err


def copy_without(what: str, root: Path) -> Path:
    """The committed run without its grades, its figures or its report."""
    shutil.copytree(RUN, root, ignore=shutil.ignore_patterns("figures", "report.html"))
    if what == "grades":
        shutil.rmtree(root / "grades")
        for manifest in root.glob("manifest/*-grades.jsonl"):
            manifest.unlink()
    return root


STEPS = {"grades": ("isoquant", "grade"), "figures": ("isoquant", "figures"), "report": ("isoquant", "report")}


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=pytest.mark.long if step != "grades" else ()) for step in STEPS]
)
def test_a_disk_that_fills_up_at_any_later_step_is_named_and_the_step_ends_well_with_room(
    small_disk: Path, step: str
) -> None:
    root = copy_without(step, small_disk / "run")
    fill(small_disk)
    module, word = STEPS[step]
    ended = forked.run(module, word, str(root))
    assert ended.code and "Traceback" not in ended.err, ended.err
    assert f"No space left to write in {root} (No space left on device). Free some space there" in ended.err
    (small_disk / "full").unlink()
    again = forked.run(module, word, str(root))
    assert again.code == 0, again.err
    assert inspect(root) == ([], [])


@pytest.mark.long
@pytest.mark.parametrize("variable", ["TMPDIR", "HOME"])
def test_a_whole_sweep_needs_no_room_for_temporary_files_or_at_home_or_says_so(
    small_disk: Path, tmp_path: Path, variable: str
) -> None:
    fill(small_disk)
    root, environment = tmp_path / "run", {variable: str(small_disk)}
    steps = [["sweeps", *SCRIPTED, f"model={MODEL}", f"run={root}", "hydra.mode=RUN"]]
    steps += [[module, word, str(root)] for module, word in STEPS.values()]
    for words in steps:
        ended = forked.run(*words, environment=environment)
        assert "Traceback" not in ended.err, ended.err
        if ended.code:
            assert str(small_disk) in ended.err and "Free some" in ended.err, ended.err
            again = forked.run(*words)
            assert again.code == 0, again.err
    assert inspect(root) == ([], [])


def test_the_disk_that_is_full_is_the_one_that_is_named(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(small_disk)
    monkeypatch.setenv("TMPDIR", str(small_disk))
    line = explain_refusal(OSError(errno.ENOSPC, "No space left on device"), RUN)
    assert line.startswith(
        f"No space left to write in {small_disk} (No space left on device). Free some space there"
    )


def as_nobody(command: Callable[[], int]) -> tuple[int, str]:
    """The exit code and what is printed, of a command that another user runs."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        sys.stdout, sys.stderr = (os.fdopen(stream, "w") for stream in (1, 2))
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        code = 70
        try:
            code = command()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


@pytest.fixture
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run that others may read and this user owns, where they may enter the folders above."""
    if os.geteuid():
        pytest.skip("to become another user takes root")
    place = Path("/var/tmp") / f"isoquant-{os.getpid()}"
    shutil.copytree(RUN, place, ignore=shutil.ignore_patterns("figures"))
    for path in (place, *place.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    # What is imported later must be there by now: another user may not enter where this checkout lies.
    main(["health", str(place)])
    try:
        yield place
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 6, 8])
def test_too_few_threads_are_told_before_a_package_waits_for_them(most: int) -> None:
    if os.geteuid():
        pytest.skip("to become another user, whom the limit is for, takes root")

    def check() -> int:
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
        try:
            check_threads()
        except RuntimeError as error:
            print(explain_shortage(error))
            return 1
        return 0

    code, said = as_nobody(check)
    assert code == 1 and said.startswith("No more processes or threads can be started"), said
    assert f"the limit is {most}. Raise it (ulimit -u)" in said


def test_threads_that_were_tried_are_gone() -> None:
    before = threading.active_count()
    check_threads()
    deadline = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_a_run_that_may_only_be_read_is_read(shared: Path) -> None:
    code, said = as_nobody(lambda: main(["health", str(shared)]))
    assert code == 0 and "SmolLM2" in said and "note:" not in said


def test_a_shard_that_may_not_be_read_is_told_in_a_line(shared: Path) -> None:
    shard = next(shared.glob("answers/*.parquet"))
    shard.chmod(0)
    code, said = as_nobody(lambda: main(["health", str(shared)]))
    assert code == 2 and len(said.splitlines()) == 1
    assert "Permission denied" in said and shard.name in said


def test_a_folder_that_may_not_be_entered_is_told_in_a_line(shared: Path) -> None:
    (shared / "traces").chmod(0)
    code, said = as_nobody(lambda: main(["health", str(shared)]))
    assert code == 2 and len(said.splitlines()) == 1
    assert f"Permission denied: '{shared}/traces" in said


def test_without_a_home_folder_commands_run() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    for words in (f"isoquant health {RUN}", "isoquant plan experiment=embedded"):
        done = subprocess.run(
            [sys.executable, "-m", *words.split()], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 and not done.stderr, done.stderr


@pytest.mark.parametrize("words", ["isoquant plan experiment=embedded", "isoquant health results/real/chain_sum"])
def test_without_a_network_interface_commands_run(words: str) -> None:
    alone = ["unshare", "-n"]
    if os.geteuid() or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("to be without a network takes root")
    done = subprocess.run(
        [*alone, sys.executable, "-m", *words.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr


NOT_IN_A_ZIP = (".git", ".venv", "__pycache__", ".*_cache", "shared", "outputs")


@pytest.mark.long
def test_a_zip_of_the_tree_without_git_works_where_it_is_unpacked(tmp_path: Path) -> None:
    tree = shutil.copytree(Path.cwd(), tmp_path / "tree", ignore=shutil.ignore_patterns(*NOT_IN_A_ZIP))
    shutil.rmtree(tree / "results" / "runs", ignore_errors=True)
    place = tmp_path / "unpacked"
    shutil.unpack_archive(shutil.make_archive(str(tmp_path / "isoquant"), "zip", tree), place)
    shutil.rmtree(tree)
    for words in ("isoquant plan experiment=embedded", f"isoquant health {RUN}", f"isoquant figures {RUN}"):
        done = subprocess.run(
            [sys.executable, "-m", *words.split()], cwd=place, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert list((place / RUN / "figures").glob("*.png"))


def test_without_git_the_commit_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert describe_environment()["commit"] is None
    monkeypatch.undo()
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert describe_environment()["commit"] is None


def test_where_machine_code_cannot_be_kept_it_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("cannot cache function 'double': no locator available for file 'double.py'")

    monkeypatch.setattr("numba.core.dispatcher.Dispatcher.enable_caching", refuse)
    assert compiled(lambda number: 2 * number)(21) == 42
