"""What happens on the machine that a lane comes to, with shell commands for jobs."""

import signal
from pathlib import Path

import pytest

from sweeps.launchers.lanes import Failure, read_last_words, run_lane
from tests.sweeps.launchers.conftest import MakeLane


def test_a_lane_that_succeeds_has_no_failure_and_its_output_is_in_the_log(lane: MakeLane, tmp_path: Path) -> None:
    log = tmp_path / "m.log"
    assert run_lane(lane("m", "echo one", "echo two >&2"), folder=tmp_path, log=log) is None
    assert log.read_text() == "one\ntwo\n"


def test_a_failed_job_does_not_stop_the_next_of_its_model_and_is_reported(lane: MakeLane, tmp_path: Path) -> None:
    failure = run_lane(
        lane("m", "echo m: no luck; exit 3", "touch second"), folder=tmp_path, log=tmp_path / "m.log"
    )
    assert failure == Failure(3, "m: no luck")
    assert str(failure) == "exit code 3: m: no luck"
    assert (tmp_path / "second").exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR2"])
def test_a_job_that_is_told_to_stop_stops_its_lane(lane: MakeLane, tmp_path: Path, name: str) -> None:
    script = f"kill -{name.removeprefix('SIG')} $$"
    failure = run_lane(lane("m", script, "touch second"), folder=tmp_path, log=tmp_path / "m.log")
    assert failure and failure.was_told_to_stop and str(failure) == f"killed by {name}"
    assert not (tmp_path / "second").exists()


def test_a_job_that_dies_by_itself_was_not_told_to(lane: MakeLane, tmp_path: Path) -> None:
    failure = run_lane(lane("m", "kill -KILL $$"), folder=tmp_path, log=tmp_path / "m.log")
    assert failure and not failure.was_told_to_stop
    assert failure.code == -signal.SIGKILL


def test_last_words_are_the_jobs_own_and_of_this_time(tmp_path: Path) -> None:
    log = tmp_path / "m.log"
    log.write_bytes(b"m: of an earlier time\n")
    start = log.stat().st_size
    with log.open("ab") as file:
        file.write(b" 50%|###\r100%|###\rruns/m-2: of another\nm: weights are gone\nnoise at exit\n\n")
    assert read_last_words(log, "m", start=start) == "m: weights are gone"
    assert read_last_words(log, "m-2", start=start) == "runs/m-2: of another"
    assert read_last_words(log, "n", start=start) == "noise at exit"
    assert read_last_words(log, "m", start=log.stat().st_size) == ""


def test_commands_see_the_folder_and_the_environment_they_are_given(lane: MakeLane, tmp_path: Path) -> None:
    given = lane("m", "echo $DEVICES; cd $OLDPWD; pwd")
    run_lane(given, folder=Path("/usr"), log=tmp_path / "m.log", environment={"DEVICES": "2,3"})
    assert (tmp_path / "m.log").read_text() == "2,3\n/usr\n"
