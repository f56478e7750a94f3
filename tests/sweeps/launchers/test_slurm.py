"""Lanes through submitit, on this machine; tests/slurm runs them through a real Slurm."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeps.launchers import slurm
from sweeps.launchers.lanes import Lane
from sweeps.launchers.slurm import RunLane, Slurm
from tests.sweeps.launchers.conftest import (
    ENDLESS,
    OUT_OF_MEMORY,
    MakeLane,
    is_running,
    run_all,
    stop_while_it_runs,
    wait_until,
)


def test_ends_are_told_with_the_job_and_its_last_words(lane: MakeLane, tmp_path: Path) -> None:
    lanes = [lane("a", "exit 2", "echo a: no luck; exit 3"), lane("b", "kill -KILL $$"), lane("c", "touch done")]
    reasons = run_all(Slurm(cluster="local"), lanes, tmp_path / "logs")
    assert reasons["c"] is None and (tmp_path / "done").exists()
    assert str(reasons["a"]).startswith("job ") and str(reasons["a"]).endswith(", exit code 2")
    assert str(reasons["b"]).endswith(f", killed by SIGKILL{OUT_OF_MEMORY}")
    assert (tmp_path / "logs" / "a.log").read_text() == "a: no luck\n"


def test_closing_cancels_what_runs(lane: MakeLane, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pid = stop_while_it_runs(Slurm(cluster="local"), [lane("quick", "true"), lane("endless", ENDLESS)], tmp_path)
    wait_until(lambda: not is_running(pid))
    assert "Cancelled " in capfd.readouterr().out


def test_a_job_whose_process_is_killed_from_outside_is_told(
    lane: MakeLane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("submitit.core.core.Job._results_timeout_s", 1)
    # $PPID is submitit's own process on the node, which can then leave no result.
    reasons = run_all(Slurm(cluster="local"), [lane("a", "kill -KILL $PPID; sleep 60")], tmp_path / "logs")
    assert "ended as" in str(reasons["a"]) and ".err" in str(reasons["a"])


def test_what_slurm_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "check_slurm", lambda: None)
    monkeypatch.setattr("submitit.slurm.slurm.SlurmExecutor.affinity", lambda _: 2)
    place = Slurm(
        partition="gpu",
        timeout_min=90,
        mem_gb=64,
        cpus_per_task=8,
        array_parallelism=2,
        setup=["module load cuda"],
        additional_parameters={"reservation": "night"},
    )
    executor = place.make_executor(2, tmp_path)._executor
    script = executor._make_submission_file_text("run", "0")
    for line in (
        *("--partition=gpu", "--time=90", "--mem=64GB", "--cpus-per-task=8", "--gpus-per-node=2"),
        *("--reservation=night", "--signal=USR2@90"),
    ):
        assert f"#SBATCH {line}\n" in script
    assert "\nmodule load cuda\n" in script
    assert executor.parameters["array_parallelism"] == 2
    assert "gpus" not in place.make_executor(0, tmp_path)._executor._make_submission_file_text("run", "0")


def test_an_option_that_submitit_refuses_is_told_in_a_line(lane: MakeLane, tmp_path: Path) -> None:
    place = Slurm(cluster="local", cpus_per_task="many")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="could not be submitted: .*cpus_per_task"):
        run_all(place, [lane("a", "true")], tmp_path)


def test_gpus_are_what_the_engine_needs_unless_they_are_given() -> None:
    needy = Lane("a", 4, ())
    assert [Slurm(cluster="local", gpus_per_node=given).num_gpus(needy) for given in (None, 0, 1)] == [4, 0, 1]


def test_a_job_that_slurm_takes_back_is_queued_again_as_it_was(tmp_path: Path, lane: MakeLane) -> None:
    run, again = RunLane(tmp_path, tmp_path), lane("a", "true")
    delayed = run.checkpoint(again)
    assert delayed.function is run and delayed.args == (again,)


def test_a_job_told_to_stop_leaves_it_to_slurm_to_say_why(
    tmp_path: Path, lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(slurm, "time", SimpleNamespace(sleep=waited.append))
    run = RunLane(tmp_path, tmp_path)
    assert run(lane("a", "exit 1")) and waited == []
    assert run(lane("a", "kill -TERM $$")) and waited == [slurm.KILL_WAIT_SECONDS]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "sbatch is not on PATH"),
        (
            "echo 'Slurm accounting storage is disabled' >&2; exit 1",
            "sacct does not work here.*storage is disabled",
        ),
    ],
)
def test_a_machine_where_jobs_could_not_be_followed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, message: str
) -> None:
    if script:
        for name in ("sbatch", "sacct"):
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=message):
        Slurm()


def test_without_submitit_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ValueError, match="extra `slurm`"):
        Slurm(cluster="local")
