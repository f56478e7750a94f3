"""A sweep on the real engine, killed at random moments,
or with bits of its shards flipped, and finished each time.

ISOQUANT_KILLS says how many kills; `make test SUITE=faults` does twenty. tests/test_sweep.py kills one every time.
"""

import contextlib
import itertools
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pytest

from results import store
from results import whole as whole_files
from results.inspection import inspect
from results.schema import ANSWERS, GRADES, TABLES, TRACES
from sweeps import grade as grading
from sweeps.recorded import load_tasks
from sweeps.repair import repair
from tests.faults.runs import (
    MODEL,
    SMALL,
    WRITTEN,
    assert_complete,
    assert_kept,
    copy_run,
    flip_bit,
    keys,
    list_all,
    rows,
    shards,
)

KILLS = int(os.environ.get("ISOQUANT_KILLS", "1"))
# So many kills interrupt one run before it is finished.
KILLS_A_RUN = 5
# Its first three moments meet a run that draws, one that loads and one that ends.
SEED = 20262488


class Whole(NamedTuple):
    """A finished run and the processor time that it took, all its processes together."""

    root: Path
    cpu_seconds: float


def command(root: Path) -> list[str]:
    return [sys.executable, "-m", "sweeps", *SMALL, f"model={MODEL}", f"run={root}"]


def finish(root: Path) -> str:
    """Run the command to its end; what it printed."""
    done = subprocess.run(command(root), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def describe(root: Path) -> str:
    counts = {
        table.name: store.scan(root, table, columns=table.key[:1]).num_rows for table in (TRACES, ANSWERS, GRADES)
    }
    return f"{len(shards(root))} shards: " + ", ".join(f"{count} {name}" for name, count in counts.items())


def tell_stage(root: Path) -> str:
    if keys(root, GRADES):
        return "graded"
    if any(root.glob("probes/*.json")):
        return "drawing or grading"
    return "loading or probing" if any(root.glob("provenance/*.json")) else "starting"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    root = tmp_path_factory.mktemp("runs") / "whole"
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    finish(root)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"\nA whole run took {spent:.1f} s of processor time in {time.monotonic() - started:.0f} s: "
        f"{describe(root)}"
    )
    assert_complete(root, MODEL)
    return Whole(root, spent)


def cpu_seconds(process: psutil.Process) -> float:
    """Processor time of a process and everything it has started."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(member.cpu_times()[:4])
    return total


def kill_after(seconds: float, root: Path) -> bool:
    """Start the sweep and kill its launcher once it has spent that much processor time;
    whether it was still there.

    Processor time, so that every stage of a run is met however busy the machine is. Its jobs go with it.
    """
    with subprocess.Popen(command(root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as sweep:
        process = psutil.Process(sweep.pid)
        while sweep.poll() is None and cpu_seconds(process) < seconds:
            time.sleep(0.02)
        family = [] if sweep.poll() is not None else process.children(recursive=True)
        sweep.kill()
        said, _ = sweep.communicate()
    assert sweep.returncode in (0, -signal.SIGKILL), said[-3000:]
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive, f"processes outlived their launcher: {alive}"
    return sweep.returncode != 0


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, KILLS, KILLS_A_RUN))
def test_a_run_killed_at_random_moments_keeps_every_shard_and_ends_whole(
    whole: Whole, tmp_path: Path, first: int
) -> None:
    rng = np.random.default_rng([SEED, first])
    num_killed, kills = 0, min(KILLS_A_RUN, KILLS - first)
    for number in itertools.count():
        root, left = tmp_path / f"run-{number}", rows(tmp_path / "none")
        while num_killed < kills:
            moment = rng.uniform(0, whole.cpu_seconds)
            if not kill_after(moment, root):
                print(f"  by {moment:.1f} s it was finished already")
                break
            num_killed += 1
            before, left = left, rows(root)
            at = f"{moment:.1f} of {whole.cpu_seconds:.1f} s, {tell_stage(root)}"
            print(f"  kill {first + num_killed} of {KILLS} at {at}: {describe(root)}")
            assert_kept(before, root)
        stored = {name: keys(root, table) for name, table in TABLES.items()}
        finish(root)
        assert_kept(left, root)
        assert all(not found - keys(root, TABLES[name]) for name, found in stored.items()), (
            "a committed row is lost"
        )
        assert set(keys(root, TRACES)) >= set(keys(whole.root, TRACES))
        assert_complete(root, MODEL)
        num_kept = sum(map(Counter.total, left.values()))
        print(f"  finished: {describe(root)}, {num_kept:,} rows from before the last kill as they were")
        if num_killed == kills:
            return


@pytest.mark.long
def test_the_real_engine_makes_a_run_with_several_flipped_bits_whole(whole: Whole, tmp_path: Path) -> None:
    rng = np.random.default_rng(SEED)
    root = copy_run(whole.root, tmp_path / "run")
    flipped = [rng.choice(sorted(root.glob(f"{table}/*.parquet"))) for table in WRITTEN]
    for shard in flipped:
        flip_bit(shard, rng)
    before = {path: rows(root, [path]) for path in list_all(root) if path not in flipped}
    said = finish(root)
    assert all(f"{shard} is damaged: set aside as" in said for shard in flipped), said
    leant = {path.with_suffix(".parquet") for path in root.glob("*/*.withdrawn")}
    for path in before.keys() - leant:
        assert_kept(before[path], root)
    assert_complete(root, MODEL)


# Which of its files the grading is writing when it is killed: shards and manifests in turn, then the merged shard.
WRITES = (0, 1, 2, 5, 7, 8, 9)
NUM_BATCHES, BATCH_ROWS = 4, 4


def grade(root: Path, *, dies_at: int | None = None) -> None:
    """Grade in batches that are small, in a process of its own
    that is killed before its n-th file has its name.
    """
    # What a task imports is imported here, once for all.
    tasks = load_tasks(root)
    for task in tasks:
        task.load()
    pid = os.fork()
    if pid == 0:
        written, write = itertools.count(), whole_files.write_whole

        def write_or_die(path: Path, content: bytes) -> None:
            if next(written) == dies_at:
                path.with_name(f"{path.name}.tmp").write_bytes(bytes(content)[:100])
                os.kill(os.getpid(), signal.SIGKILL)
            write(path, content)

        whole_files.write_whole = write_or_die  # type: ignore[assignment]
        grading.BATCH_ROWS = BATCH_ROWS
        code = 1
        try:
            repair(root)
            grading.grade_run(root, tasks)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (0 if dies_at is None else -signal.SIGKILL)


def ungraded(root: Path) -> Path:
    """A run that was drawn and not graded, with as many answers as fill the batches."""
    run = Path("results/real/chain_sum")
    shutil.copytree(run, root, ignore=shutil.ignore_patterns("figures", "grades", "answers"))
    for manifest in root.glob("manifest/*.jsonl"):
        entries = manifest.read_text().splitlines(keepends=True)
        manifest.write_text("".join(entry for entry in entries if not re.search('"(grades|answers)/', entry)))
    writer = "SmolLM2-135M-Instruct"
    answers = store.scan(run, ANSWERS, writer=writer).slice(0, NUM_BATCHES * BATCH_ROWS)
    store.append(root, ANSWERS, answers.to_pylist(), writer=writer)
    return root


def grades(root: Path) -> Counter[str]:
    return Counter(map(repr, store.scan(root, GRADES).to_pylist()))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """The grades of a run that was graded in one go."""
    root = ungraded(tmp_path_factory.mktemp("graded") / "run")
    grade(root)
    return grades(root)


@pytest.mark.parametrize(
    "dies_at", [pytest.param(n, marks=() if n in (2, 5) else pytest.mark.long) for n in WRITES]
)
def test_grades_after_a_kill_while_grading_are_those_of_an_undisturbed_one(
    dies_at: int, tmp_path: Path, undisturbed: Counter[str]
) -> None:
    root = ungraded(tmp_path / "run")
    grade(root, dies_at=dies_at)
    before = grades(root)
    assert not before - undisturbed
    assert before.total() < undisturbed.total() or dies_at > 2 * NUM_BATCHES - 2
    grade(root)
    assert grades(root) == undisturbed
    assert inspect(root) == ([], [])
