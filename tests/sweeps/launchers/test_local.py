"""Lanes as processes of this machine, with shell commands for jobs."""

from pathlib import Path

import pytest

from sweeps.launchers.lanes import Lane
from sweeps.launchers.local import Local, group_devices
from tests.sweeps.launchers.conftest import MakeLane, run_all


def test_ends_are_told_as_they_come_and_a_failure_is_one_lanes_alone(lane: MakeLane, tmp_path: Path) -> None:
    lanes = [lane("a", "exit 2"), lane("b", "kill -KILL $$"), lane("c", "touch done")]
    reasons = run_all(Local(jobs_at_once=2), lanes, tmp_path)
    out_of_memory = "killed by SIGKILL, probably because memory ran out"
    assert reasons == {"a": "exit code 2", "b": out_of_memory, "c": None}
    assert (tmp_path / "done").exists()


def test_no_more_run_at_once_than_it_is_told(lane: MakeLane, tmp_path: Path) -> None:
    mine = [lane(name, f"echo {name} >> order; sleep 0.05; echo {name} >> order") for name in "abc"]
    run_all(Local(jobs_at_once=1), mine, tmp_path)
    order = (tmp_path / "order").read_text().split()
    assert order[0::2] == order[1::2] == ["a", "b", "c"]


def test_each_lane_has_gpus_of_its_own(monkeypatch: pytest.MonkeyPatch, lane: MakeLane, tmp_path: Path) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,8")
    assert group_devices([lane("a", num_devices=2), lane("b", num_devices=1)]) == ["4,5", "6,7"]
    run_all(
        Local(), [lane(name, f"echo $CUDA_VISIBLE_DEVICES > {name}", num_devices=2) for name in "ab"], tmp_path
    )
    assert {(tmp_path / name).read_text().strip() for name in "ab"} <= {"4,5", "6,7"}


def test_jobs_at_once_share_the_cores(monkeypatch: pytest.MonkeyPatch, lane: MakeLane, tmp_path: Path) -> None:
    monkeypatch.setattr("sweeps.launchers.local.count_cores", lambda: 16)
    monkeypatch.setattr("sweeps.launchers.local.list_gpus", list)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for jobs_at_once, threads in ((1, ""), (2, "8"), (32, "1")):
        run_all(Local(jobs_at_once=jobs_at_once), [lane("a", "echo $OMP_THREAD_LIMIT > a")], tmp_path)
        assert (tmp_path / "a").read_text().strip() == threads


def test_more_gpus_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(ValueError, match="needs 2 GPUs and this machine has 1"):
        group_devices([Lane("a", 2, ())])


def test_no_jobs_at_once_is_refused() -> None:
    with pytest.raises(ValueError, match="jobs_at_once must be at least 1"):
        Local(jobs_at_once=0)
