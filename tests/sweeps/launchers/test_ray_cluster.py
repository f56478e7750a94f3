"""Lanes on a real Ray cluster of one node, with shell commands for jobs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.launchers.ray_cluster import RayCluster
from tests.sweeps.launchers.conftest import (
    ENDLESS,
    OUT_OF_MEMORY,
    MakeLane,
    is_running,
    run_all,
    stop_while_it_runs,
    wait_until,
)

pytestmark = pytest.mark.long


def test_ends_are_told_with_the_last_words(ray_address: str, lane: MakeLane, tmp_path: Path) -> None:
    lanes = [
        lane("a", "echo a: no luck; exit 3"),
        lane("b", "kill -KILL $$"),
        lane("c", "touch done"),
        lane("d", "kill -KILL $PPID; sleep 60"),
    ]
    reasons = run_all(RayCluster(address=ray_address), lanes, tmp_path / "logs")
    assert str(reasons.pop("d")).startswith("Ray says ")
    assert reasons == {"a": "exit code 3: a: no luck", "b": f"killed by SIGKILL{OUT_OF_MEMORY}", "c": None}
    assert (tmp_path / "done").exists()


def test_closing_stops_what_runs_and_what_waits_for_a_node(
    ray_address: str, lane: MakeLane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = [lane("quick", "true"), lane("endless", ENDLESS), lane("greedy", "touch started", num_devices=64)]
    pid = stop_while_it_runs(RayCluster(address=ray_address), lanes, tmp_path)
    wait_until(lambda: not is_running(pid))
    assert "No node of the cluster has {'CPU': 1, 'GPU': 64}, which greedy needs" in capsys.readouterr().out
    assert not (tmp_path / "started").exists()


def test_a_driver_that_is_killed_takes_its_jobs_along(ray_address: str, lane: MakeLane, tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from sweeps.launchers.lanes import Lane
from sweeps.launchers.ray_cluster import RayCluster
print(list(RayCluster(address={ray_address!r}).run([{lane("endless", ENDLESS)!r}], logs=Path({str(tmp_path)!r}))))
"""
    with subprocess.Popen([sys.executable, "-c", program], env=os.environ) as driver:
        wait_until(lambda: (tmp_path / "endless.pid").exists() and (tmp_path / "endless.pid").read_text())
        driver.send_signal(signal.SIGKILL)
    pid = int((tmp_path / "endless.pid").read_text())
    wait_until(lambda: not is_running(pid))


def test_no_cluster_is_told_with_the_way_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What Ray does itself where nothing answers takes half a minute.
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at head:6379. Long advice.")

    monkeypatch.setattr("ray.init", refuse)
    with pytest.raises(
        ValueError, match="No Ray cluster at head:6379: Failed .* head:6379. Start one with `ray start --head`"
    ):
        next(RayCluster(address="head:6379").run([], logs=tmp_path))


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match="extra `ray`"):
        RayCluster()
