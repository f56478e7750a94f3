"""A sweep through a real Slurm: `make test SUITE=slurm`. A job is cancelled, a driver stopped, another killed."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from results import decisions, store
from results.schema import ANSWERS, GRADES, TRACES, Table
from sweeps.launchers.lanes import Lane
from sweeps.launchers.slurm import Slurm
from tests.slurm.cluster import ask, start_cluster, wait_until
from tests.sweeps.test_goals import GOAL, GRID

pytestmark = pytest.mark.slurm

NUM_PROMPTS = 24
SWEEP = [
    *("experiment=embedded", "model=countdown-125k,countdown-33k", "grid.anchor=null", f"task.size={NUM_PROMPTS}"),
    *("grid.budgets=[0,64,256]", "hydra/launcher=slurm", "hydra.launcher.gpus_per_node=0"),
]
WIDTH, WIDER = 4, 64


class Ended(NamedTuple):
    """What a sweep printed and its exit code."""

    code: int
    out: str
    err: str


class Story(NamedTuple):
    """What came of each chapter; the shards there were after the first."""

    root: Path
    cancelled: Ended
    left: dict[Path, bytes]
    num_left: int
    finished: Ended
    refused: Ended
    stopped: Ended


class Sweep:
    """A sweep of the run in `root` that goes on beside the test, wide as told."""

    def __init__(self, root: Path, width: int, *overrides: str) -> None:
        command = [sys.executable, "-m", "sweeps", *SWEEP, f"run={root}", f"grid.widths=[{width}]", *overrides]
        self._files = [(root.parent / f"sweep.{name}").open("w+") for name in ("out", "err")]
        self.process = subprocess.Popen(command, stdout=self._files[0], stderr=self._files[1])

    def wait(self) -> Ended:
        code = self.process.wait(600)
        return Ended(code, *(Path(file.name).read_text() for file in self._files))

    def wait_for_job(self, model: str) -> str:
        """The Slurm job of a model, once it is submitted."""
        pattern = re.compile(rf"\b{re.escape(model)} as (\d+(_\d+)?)")
        told = Path(self._files[0].name)
        wait_until(lambda: pattern.search(told.read_text()), seconds=120, what=f"{model} is submitted")
        found = pattern.search(told.read_text())
        assert found
        return found[1]


def shards(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.glob("*/*.parquet")}


def rows(root: Path, table: Table) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in store.scan(root, table, columns=table.key).to_pylist()]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with start_cluster(tmp_path_factory.mktemp("slurm")) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def story(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Story:
    root = tmp_path_factory.mktemp("runs") / "small"
    sweep = Sweep(root, WIDTH, "flush_seconds=0")
    job = sweep.wait_for_job("countdown-125k")
    wait_until(lambda: list(root.glob("answers/countdown-125k*.parquet")), seconds=240, what="answers are stored")
    subprocess.run(["scancel", job], check=True)
    cancelled = sweep.wait()
    left, num_left = shards(root), len(rows(root, TRACES))
    finished = Sweep(root, WIDTH).wait()
    return Story(root, cancelled, left, num_left, finished, *interrupt(root))


def interrupt(root: Path) -> tuple[Ended, Ended]:
    """A driver killed while its job works and what the next one says; then one that is stopped by Ctrl-C."""
    wider = ("model=countdown-33k",)
    num_records = len(list(root.glob("provenance/countdown-33k-*")))
    killed = Sweep(root, WIDER, *wider)
    job = killed.wait_for_job("countdown-33k")
    wait_until(
        lambda: len(list(root.glob("provenance/countdown-33k-*"))) > num_records,
        seconds=120,
        what="the job holds its lock",
    )
    killed.process.kill()
    killed.wait()
    refused = Sweep(root, WIDER, *wider).wait()
    subprocess.run(["scancel", job], check=True)
    wait_until(lambda: not ask({}, "squeue", "-h"), seconds=60, what="the orphan is gone")
    stopped = Sweep(root, WIDER, *wider)
    stopped.wait_for_job("countdown-33k")
    wait_until(lambda: ask({}, "squeue", "-h", "-t", "RUNNING"), seconds=60, what="the job runs")
    stopped.process.send_signal(signal.SIGINT)
    return refused, stopped.wait()


def test_a_cancelled_job_is_named_and_fails_the_sweep(story: Story) -> None:
    assert story.cancelled.code == 1
    assert re.search(r"^countdown-125k failed: job \S+ ended as CANCELLED", story.cancelled.err, re.MULTILINE)
    assert (
        "Failed: countdown-125k. What was drawn is kept. Correct the errors above and run the same command again"
        in story.cancelled.err
    )
    assert "Traceback" not in story.cancelled.err


def test_the_other_model_went_on_and_was_graded(story: Story) -> None:
    assert "countdown-33k: done" in story.cancelled.out
    assert 0 < story.num_left < 2 * NUM_PROMPTS * WIDTH
    assert any("grades" in path.parts for path in story.left)


def test_the_same_command_completes_the_run_and_leaves_every_shard_as_it_was(story: Story) -> None:
    assert story.finished.code == 0, story.finished.err
    assert "countdown-33k: no samples to draw" in story.finished.out
    now = shards(story.root)
    assert {path: now[path] for path in story.left} == story.left


def test_nothing_is_drawn_twice(story: Story) -> None:
    for table in (TRACES, ANSWERS, GRADES):
        found = rows(story.root, table)
        assert len(set(found)) == len(found)
    samples = {(row[0], row[1], row[2], row[3]) for row in rows(story.root, TRACES)}
    assert len(samples) >= 2 * NUM_PROMPTS * WIDTH


def test_a_model_that_a_job_left_behind_still_writes_is_refused(story: Story) -> None:
    assert story.refused.code == 1
    assert re.search(
        r"^countdown-33k: Another process .* is writing countdown-33k", story.refused.err, re.MULTILINE
    )


def test_ctrl_c_cancels_the_jobs(story: Story) -> None:
    assert story.stopped.code == 1
    assert re.search(r"^Cancelled \d+\.$", story.stopped.out, re.MULTILINE)
    assert "run the same command again to go on" in story.stopped.err
    wait_until(lambda: not ask({}, "squeue", "-h"), seconds=60, what="its jobs are gone")


def test_a_preempted_job_is_queued_again_and_goes_on(cluster: None, tmp_path: Path) -> None:
    script = f"cd {tmp_path}; test -e first && exit 0; touch first; exec sleep 300"
    ends = Slurm(gpus_per_node=0).run([Lane("m", 0, (("sh", "-c", script),))], logs=tmp_path / "logs")

    def preempt() -> None:
        wait_until((tmp_path / "first").exists, seconds=60, what="the job runs")
        subprocess.run(["scancel", "--signal=USR2", "--user=root"], check=True)

    preempting = threading.Thread(target=preempt)
    preempting.start()
    assert [reason for _, reason in ends] == [None]
    preempting.join()
    assert "Requeued job" in "".join(path.read_text() for path in (tmp_path / "logs").glob("*_log.out"))


def test_what_slurm_refuses_is_told_in_a_line(cluster: None, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="A job could not be submitted: sbatch: error: .*gpus_per_node=0 asks for no GPU"
    ):
        next(Slurm(gpus_per_node=1).run([Lane("m", 0, (("true",),))], logs=tmp_path / "logs"))


def test_a_goal_is_pursued_with_a_job_a_model_and_round(cluster: None, tmp_path: Path) -> None:
    words = [*GRID, *GOAL, "model=countdown-33k,countdown-125k", f"run={tmp_path / 'run'}"]
    slurm = ["hydra/launcher=slurm", "hydra.launcher.gpus_per_node=0"]
    ended = subprocess.run(
        [sys.executable, "-m", "sweeps", *words, *slurm], capture_output=True, text=True, timeout=900
    )
    assert ended.returncode == 0, ended.stderr
    found = decisions.read(tmp_path / "run")
    assert len(found) >= 3 and found[-1]["end"] in ("known", "limits")
    assert len(set(re.findall(r"countdown-33k as (\S+)", ended.stdout))) == len(found) - 1
