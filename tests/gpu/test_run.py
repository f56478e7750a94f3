"""The script for a machine with a GPU, without one: what it would do, and what it does where a step goes wrong."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "gpu" / "run.sh"
STEPS = ("setup", "versions", "conformance", "checkpoint", "sweep", "bench")


def environment(folder: Path, *, make: str | None = None, **more: str) -> dict[str, str]:
    """The folder to write into, and in place of make a script that does `make`."""
    if make is None:
        return {**os.environ, "OUT": str(folder / "out"), **more}
    stand_in = folder / "bin" / "make"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/usr/bin/env bash\n{make}\n")
    stand_in.chmod(0o755)
    path = f"{stand_in.parent}:{os.environ['PATH']}"
    return {**os.environ, "OUT": str(folder / "out"), "PATH": path, **more}


def run(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *words], env=env, capture_output=True, text=True, check=False)


def outcomes(folder: Path) -> dict[str, str]:
    """Step -> outcome, of the summary that is kept."""
    lines = [line.split(maxsplit=3) for line in (folder / "out" / "summary.txt").read_text().splitlines()]
    return {line[0]: line[3] for line in lines[1:]}


def test_it_is_a_script_that_bash_can_read() -> None:
    assert os.access(SCRIPT, os.X_OK)
    subprocess.run(["bash", "-n", SCRIPT], check=True)


@pytest.mark.parametrize("kind", [(), ("--rehearse",)], ids=["gpu", "rehearsal"])
def test_listing_names_every_step_with_its_limit_and_starts_nothing(tmp_path: Path, kind: tuple[str, ...]) -> None:
    done = run(*kind, "--list", "model.path=somewhere", "thinking=qwen3", env=environment(tmp_path))
    lines = done.stdout.splitlines()
    assert [line.split(",")[0] for line in lines] == list(STEPS)
    assert all("at most" in line for line in lines)
    assert not (tmp_path / "out").exists()
    told = dict(zip(STEPS, lines, strict=True))
    assert "model.path=somewhere thinking=qwen3" in told["checkpoint"]
    assert ("shapes/qwen3-8b" in told["bench"]) == (not kind)
    # All that is written lies in one folder.
    assert all(str(tmp_path / "out") in told[step] for step in STEPS[1:])


def test_without_a_checkpoint_its_step_is_left_out(tmp_path: Path) -> None:
    listed = run("--list", env=environment(tmp_path)).stdout
    assert "checkpoint, at most 150 s: left out, no model.path=... was given" in listed


def test_a_word_that_means_nothing_is_refused_with_those_that_do(tmp_path: Path) -> None:
    done = run("benhc", env=environment(tmp_path))
    assert done.returncode == 2
    assert "'benhc'" in done.stderr and "conformance" in done.stderr


def test_a_step_that_fails_is_told_and_the_next_goes_on(tmp_path: Path) -> None:
    done = run("--rehearse", "setup", "versions", env=environment(tmp_path, make="echo no wheel; exit 3"))
    assert done.returncode == 1
    assert "no wheel" in done.stdout and "setup: failed (3)" in done.stdout
    assert outcomes(tmp_path) == {"setup": "failed (3)", "versions": "passed", "all": "see above"}
    kept = {path.name for path in (tmp_path / "out" / "versions").iterdir()}
    assert {"environment.json", "packages.txt", "gpu.txt"} <= kept


def test_no_step_runs_on_beyond_the_time_that_all_have(tmp_path: Path) -> None:
    env = environment(tmp_path, make="sleep 60", TOTAL_SECONDS="17")
    started = time.monotonic()
    done = run("setup", "sweep", "bench", env=env)
    assert time.monotonic() - started < 30 and done.returncode == 1
    found = outcomes(tmp_path)
    assert found["setup"] == "out of time" and found["bench"] == "left out: 17 seconds are over"


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_ends_its_step_and_still_tells_what_there_is(tmp_path: Path, signal_number: int) -> None:
    ended = tmp_path / "ended"
    env = environment(tmp_path, make=f"trap 'touch {ended}; exit 1' TERM; sleep 60 & wait")
    with subprocess.Popen([SCRIPT, "setup", "bench"], env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdout.readline().startswith("setup, at most")
        time.sleep(0.5)
        running.send_signal(signal_number)
        output, _ = running.communicate(timeout=30)
    assert running.returncode == 1 and ended.exists()
    assert outcomes(tmp_path)["setup"] == "stopped" and "bench" not in outcomes(tmp_path)
    assert "send it back whole" in output


@pytest.mark.long
def test_the_bench_of_the_rehearsal_keeps_its_table_in_the_folder(tmp_path: Path) -> None:
    # `make bench` would set up an environment of its own where the checkout has none.
    make = f'cd {ROOT} && eval "{sys.executable} -m tests.bench ${{2#ARGS=}}"'
    done = run("--rehearse", "bench", env=environment(tmp_path, make=make))
    assert done.returncode == 0, done.stdout
    assert len(list((tmp_path / "out").glob("*countdown-33k.json"))) == 1
