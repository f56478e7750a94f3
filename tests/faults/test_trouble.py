"""A full disk, a job that the system kills, a second sweep of one run; on a scripted engine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from results.schema import TRACES
from tests import forked
from tests.faults.runs import (
    BIN_SAMPLES,
    MODEL,
    NUM_PROMPTS,
    SCRIPTED,
    WIDTH,
    assert_complete,
    assert_kept,
    keys,
    redraw,
    rows,
    shards,
)
from tests.sweeps.launchers.conftest import wait_until

OTHER = "countdown-125k"


@pytest.mark.long
def test_a_disk_that_fills_up_loses_nothing_that_is_stored(tmp_path: Path) -> None:
    root = tmp_path / "run"
    full = [f"engine.victim={MODEL}", "engine.num_sound=100", "engine.max_file_bytes=3000"]
    ended = forked.run("sweeps", *SCRIPTED, *(f"+{word}" for word in full), f"model={MODEL}", f"run={root}")
    assert ended.code != 0 and "Traceback" not in ended.err
    [told] = [line for line in ended.err.splitlines() if "No space left" in line]
    assert told.startswith(f"{MODEL}: No space left to write in {root} (") and "run the same command again" in told
    assert f"Failed: {MODEL}. What was drawn is kept" in ended.err
    assert not list(root.glob("*/*.tmp"))
    left = rows(root)
    assert 0 < len(keys(root, TRACES)) < NUM_PROMPTS * (WIDTH + BIN_SAMPLES)
    said = redraw(root)
    assert_kept(left, root)
    assert "damaged" not in said
    assert_complete(root, MODEL)


@pytest.mark.long
def test_a_job_killed_for_want_of_memory_is_named_and_the_other_model_goes_on(tmp_path: Path) -> None:
    root, models = tmp_path / "run", f"model={MODEL},{OTHER}"
    killed = [f"+engine.victim={MODEL}", "+engine.num_sound=100"]
    ended = forked.run("sweeps", *SCRIPTED, *killed, models, f"run={root}")
    assert ended.code != 0 and "Traceback" not in ended.err
    assert f"{MODEL} failed: killed by SIGKILL, probably because memory ran out" in ended.err
    assert (
        f"Failed: {MODEL}. What was drawn is kept. Correct the errors above and run the same command again."
        in ended.err
    )
    left = rows(root)
    assert sum(path.name.startswith(f"{MODEL}.") and path.parts[0] == "traces" for path in shards(root)) > 0
    again = forked.run("sweeps", *SCRIPTED, models, f"run={root}")
    assert again.code == 0, again.err
    assert f"{OTHER}: no samples to draw" in again.out
    assert_kept(left, root)
    assert_complete(root, MODEL, OTHER)


@pytest.mark.long
def test_a_second_sweep_of_a_model_says_who_holds_it_and_draws_the_others(tmp_path: Path) -> None:
    root = tmp_path / "run"
    slowly = [*SCRIPTED, "+engine.seconds_a_request=0.2", f"model={MODEL}", f"run={root}"]
    with subprocess.Popen([sys.executable, "-m", "sweeps", *slowly], stdout=subprocess.DEVNULL) as first:
        wait_until(lambda: list(root.glob("answers/*.parquet")) or first.poll() is not None, seconds=240)
        holder = (root / "locks" / f"{MODEL}.lock").read_text()
        second = forked.run("sweeps", *SCRIPTED, f"model={MODEL},{OTHER}", f"run={root}")
        assert second.code != 0 and "Traceback" not in second.err
        assert re.fullmatch(r"process \d+ on \S+", holder)
        assert (
            f"{MODEL}: Another process ({holder}) is writing {MODEL} into {root}. Wait until it ends, or"
            in second.err
        )
        assert f"{OTHER}: {NUM_PROMPTS * WIDTH} samples in" in second.out
        assert f"Failed: {MODEL}." in second.err
        assert first.wait(240) == 0
    assert_complete(root, MODEL, OTHER)
