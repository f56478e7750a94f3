"""What a sweep survives: kills at random moments, flipped bits, a full disk, a job that the system kills, a second one.

ISOQUANT_KILLS says how many kills; `make test-faults` does twenty. tests/test_sweep.py kills one in every test run.
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
from results.schema import ANSWERS, GRADES, TABLES, TRACES, Table
from results.shards import writer_of
from sweeps.repair import repair, set_damaged_aside
from tests import forked
from tests.sweeps.launchers.conftest import wait_until

KILLS = int(os.environ.get("ISOQUANT_KILLS", "1"))
# So many kills interrupt one run before it is finished.
KILLS_A_RUN = 5
# Its first three moments meet a run that draws, one that loads and one that ends.
SEED = 20262488
# What a sweep writes in which nothing fails; counts and embeddings are other commands'.
WRITTEN = [table for table in TABLES if table not in ("failures", "counts", "embeddings")]
NUM_PROMPTS, WIDTH, BIN_SAMPLES, BUDGETS = 24, 4, 2, (0, 16, 64)
MODEL = "countdown-33k"
SMALL = [
    *("experiment=embedded", f"task.size={NUM_PROMPTS}", f"grid.widths=[1,{WIDTH}]", "grid.budgets=[0,16,64]"),
    *(f"grid.bin_samples={BIN_SAMPLES}", "grid.reference_budget=64", f"grid.anchor={MODEL}"),
    # Slow enough for several flushes.
    *("engine.max_num_seqs=4", "flush_seconds=2", "engine.gpu_memory_utilization=0.3"),
]
SCRIPTED = [*SMALL, "engine._target_=tests.scripted_settings.Scripted", "probe=false", "flush_seconds=0"]


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


def shards(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.glob("*/*.parquet"))}


def keys(root: Path, table: Table) -> Counter[tuple]:
    return Counter(tuple(row.values()) for row in store.scan(root, table, columns=table.key).to_pylist())


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


def assert_complete(root: Path, *models: str) -> None:
    """Every table holds a key once, the grid lacks nothing, every answer is of stored thinking and graded."""
    for table in TABLES.values():
        assert max(keys(root, table).values(), default=1) == 1, table.name
    traces: dict[tuple, tuple[int, bool]] = {}
    for row in store.scan(root, TRACES).sort_by("start_token").to_pylist():
        sample = tuple(row[name] for name in TRACES.key[:-1])
        length, _ = traces.get(sample, (0, False))
        assert row["start_token"] == length, "a segment whose beginning is lost"
        traces[sample] = (length + row["num_thinking_tokens"], row["ended"])
    num_identities = len({sample[0] for sample in traces})
    assert num_identities == len(models)
    answers = keys(root, ANSWERS)
    wanted = {
        (*sample, None if ended and length <= budget else budget)
        for sample, (length, ended) in traces.items()
        for budget in (BUDGETS if sample[2] == "evaluation" else BUDGETS[-1:])
    }
    assert all(ended or length == BUDGETS[-1] for length, ended in traces.values())
    num_bins = NUM_PROMPTS * BIN_SAMPLES if MODEL in models else 0
    assert len(traces) == NUM_PROMPTS * WIDTH * len(models) + num_bins
    assert wanted == set(answers)
    assert {key[:-2] for key in keys(root, GRADES)} == set(answers)
    plan = forked.run("sweeps", "plan", *SMALL, f"model={','.join(models)}", f"run={root}")
    assert plan.code == 0, plan.err
    rows = [line.split() for line in plan.out.splitlines()[1:]]
    assert all(row[1] == row[3] for row in rows if row[0] in models)
    assert [row for row in rows if row[:2] == ["in", "all"]][0][5] == "0", plan.out


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the scripted engine."""
    root = tmp_path_factory.mktemp("runs") / "drawn"
    redraw(root, flush_seconds=0.1)
    assert_complete(root, MODEL)
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    root = tmp_path_factory.mktemp("runs") / "whole"
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    finish(root)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"\nA whole run took {spent:.1f} s of processor time in {time.monotonic() - started:.0f} s: {describe(root)}")
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
    """Start the sweep and kill its launcher once it has spent that much processor time; whether it was still there.

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
        root, left = tmp_path / f"run-{number}", dict[Path, bytes]()
        while num_killed < kills:
            moment = rng.uniform(0, whole.cpu_seconds)
            if not kill_after(moment, root):
                print(f"  by {moment:.1f} s it was finished already")
                break
            num_killed += 1
            before, left = left, shards(root)
            at = f"{moment:.1f} of {whole.cpu_seconds:.1f} s, {tell_stage(root)}"
            print(f"  kill {first + num_killed} of {KILLS} at {at}: {describe(root)}")
            assert {path: left[path] for path in before} == before
        stored = {name: keys(root, table) for name, table in TABLES.items()}
        finish(root)
        now = shards(root)
        assert {path: now[path] for path in left} == left, "a shard from before the kill is not what it was"
        assert all(not found - keys(root, TABLES[name]) for name, found in stored.items()), "a committed row is lost"
        assert set(keys(root, TRACES)) >= set(keys(whole.root, TRACES))
        assert_complete(root, MODEL)
        print(f"  finished: {describe(root)}, {len(left)} of them from before the last kill, as they were")
        if num_killed == kills:
            return


def copy_run(run: Path, root: Path) -> Path:
    return Path(shutil.copytree(run, root, ignore=shutil.ignore_patterns("locks", "logs")))


def flip_bit(path: Path, rng: np.random.Generator) -> str:
    content = bytearray(path.read_bytes())
    at, bit = int(rng.integers(len(content))), int(rng.integers(8))
    content[at] ^= 1 << bit
    path.write_bytes(content)
    return f"bit {bit} of byte {at:,} of {len(content):,}"


def redraw(root: Path, *, flush_seconds: float = 0) -> str:
    """Carry the run on with a scripted engine, without a launcher; what was said."""
    words = [*SCRIPTED[:-1], f"flush_seconds={flush_seconds}", f"model={MODEL}", f"run={root}", "hydra.mode=RUN"]
    grading = [["grade", str(root)]] if root.exists() else []
    ended = [forked.run("sweeps", *given) for given in (*grading, words, ["grade", str(root)])]
    said = "".join(step.out + step.err for step in ended)
    assert not any(step.code for step in ended) and "Traceback" not in said, said
    return said


def test_a_flipped_bit_of_any_shard_is_noticed_set_aside_and_told(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(SEED)
    root = copy_run(drawn, tmp_path / "run")
    found = shards(root)
    assert {path.parts[0] for path in found} >= {"prompts", "models", "cells", "traces", "answers", "grades"}
    for shard, content in found.items():
        where = flip_bit(root / shard, rng)
        assert store.find_damaged(root) == [root / shard], where
        capsys.readouterr()
        set_damaged_aside(root, writer_of(shard))
        said, aside = capsys.readouterr().out, (root / shard).with_suffix(".damaged")
        assert f"{root / shard} is damaged: set aside as {aside.name}" in said, where
        assert shards(root) == {path: kept for path, kept in found.items() if path != shard}
        set_damaged_aside(root, writer_of(shard))
        assert capsys.readouterr().out == "", "what is set aside is told once"
        aside.unlink()
        (root / shard).write_bytes(content)
    for shard in found:
        flip_bit(root / shard, rng)
    capsys.readouterr()
    repair(root)
    said = capsys.readouterr().out
    assert all(f"{root / shard} is damaged: set aside as" in said for shard in found) and not shards(root)
    with capsys.disabled():
        print(f"\n  a bit flipped in each of {len(found)} shards: all noticed, set aside and told")


@pytest.mark.long
@pytest.mark.parametrize("table", WRITTEN)
def test_a_run_with_a_flipped_bit_is_made_whole_with_nothing_twice(drawn: Path, tmp_path: Path, table: str) -> None:
    rng = np.random.default_rng(SEED)
    root = copy_run(drawn, tmp_path / "run")
    shard = rng.choice(sorted(root.glob(f"{table}/*.parquet")))
    flip_bit(shard, rng)
    said = redraw(root)
    assert f"{shard} is damaged: set aside as" in said
    assert_complete(root, MODEL)


@pytest.mark.long
def test_the_real_engine_makes_a_run_with_several_flipped_bits_whole(whole: Whole, tmp_path: Path) -> None:
    rng = np.random.default_rng(SEED)
    root = copy_run(whole.root, tmp_path / "run")
    flipped = [rng.choice(sorted(root.glob(f"{table}/*.parquet"))) for table in WRITTEN]
    for shard in flipped:
        flip_bit(shard, rng)
    before = {path: content for path, content in shards(root).items() if root / path not in flipped}
    said = finish(root)
    assert all(f"{shard} is damaged: set aside as" in said for shard in flipped), said
    now = shards(root)
    leant = {path.with_suffix(".parquet").relative_to(root) for path in root.glob("*/*.withdrawn")}
    assert {path: now[path] for path in before if path not in leant} == {
        path: content for path, content in before.items() if path not in leant
    }
    assert_complete(root, MODEL)


OTHER = "countdown-125k"


@pytest.mark.long
def test_a_disk_that_fills_up_loses_nothing_that_is_stored(tmp_path: Path) -> None:
    root = tmp_path / "run"
    full = [f"engine.victim={MODEL}", "engine.num_sound=100", "engine.max_file_bytes=3000"]
    ended = forked.run("sweeps", *SCRIPTED, *(f"+{word}" for word in full), f"model={MODEL}", f"run={root}")
    assert ended.code != 0 and "Traceback" not in ended.err
    [told] = [line for line in ended.err.splitlines() if "No room" in line]
    assert told.startswith(f"{MODEL}: No room to write in {root} (") and "run the same command again" in told
    assert f"Failed: {MODEL}. What they drew is kept" in ended.err
    assert not list(root.glob("*/*.tmp"))
    left = shards(root)
    assert 0 < len(keys(root, TRACES)) < NUM_PROMPTS * (WIDTH + BIN_SAMPLES)
    said = redraw(root)
    now = shards(root)
    assert {path: now[path] for path in left} == left and "damaged" not in said
    assert_complete(root, MODEL)


@pytest.mark.long
def test_a_job_killed_for_want_of_memory_is_named_and_the_other_model_goes_on(tmp_path: Path) -> None:
    root, models = tmp_path / "run", f"model={MODEL},{OTHER}"
    killed = [f"+engine.victim={MODEL}", "+engine.num_sound=100"]
    ended = forked.run("sweeps", *SCRIPTED, *killed, models, f"run={root}")
    assert ended.code != 0 and "Traceback" not in ended.err
    assert f"{MODEL} failed: killed by SIGKILL, as the system does when memory has run out" in ended.err
    assert f"Failed: {MODEL}. What they drew is kept; run the same command again to go on." in ended.err
    left = shards(root)
    assert sum(path.name.startswith(f"{MODEL}.") and path.parts[0] == "traces" for path in left) > 0
    again = forked.run("sweeps", *SCRIPTED, models, f"run={root}")
    assert again.code == 0, again.err
    assert f"{OTHER}: no samples to draw" in again.out
    now = shards(root)
    assert {path: now[path] for path in left} == left
    assert_complete(root, MODEL, OTHER)


@pytest.mark.long
def test_a_second_sweep_of_a_model_says_who_holds_it_and_draws_the_others(tmp_path: Path) -> None:
    root = tmp_path / "run"
    slowly = [*SCRIPTED, "+engine.seconds_a_request=0.2", f"model={MODEL}", f"run={root}"]
    with subprocess.Popen([sys.executable, "-m", "sweeps", *slowly], stdout=subprocess.DEVNULL) as first:
        wait_until(lambda: list(root.glob("answers/*.parquet")) or first.poll() is not None, seconds=240)
        holder = (root / "locks" / f"{MODEL}.lock").read_text()
        second = forked.run("sweeps", *SCRIPTED, f"model={MODEL},{OTHER}", f"run={root}")
        assert first.poll() is None, "the first sweep ended too early for this test"
        assert second.code != 0 and "Traceback" not in second.err
        assert re.fullmatch(r"process \d+ on \S+", holder)
        assert f"{MODEL}: Another process ({holder}) is writing {MODEL} into {root}; wait for it, or" in second.err
        assert f"{OTHER}: {NUM_PROMPTS * WIDTH} samples in" in second.out
        assert f"Failed: {MODEL}." in second.err
        assert first.wait(240) == 0
    assert_complete(root, MODEL, OTHER)
