"""The frame around every place: what becomes a lane, how ends are told."""

import dataclasses
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.checkpoint import read_checkpoint
from harness.engines.vllm import Vllm
from harness.tasks.reasoning_gym import ReasoningGym
from harness.types import Grid, Model, Sampling, Thinking
from sweeps.job import Job
from sweeps.launchers.jobs import group_lanes, run_lanes, start_elsewhere
from sweeps.launchers.lanes import Lane
from tests.conftest import RUNG


def job(name: str, *, num_devices: int = 1) -> Job:
    return Job(
        run=Path("runs/x"),
        model=Model("some/folder", name=name),
        thinking=Thinking(close="</think>", force="</think>"),
        task=ReasoningGym("countdown", seed=0, size=1),
        sampling=Sampling(),
        grid=Grid(widths=(1,), budgets=(0,)),
        engine=Vllm(tensor_parallel_size=num_devices),
    )


@dataclass(frozen=True)
class Scripted:
    """A place where lanes end as written here, without being run;
    a KeyboardInterrupt or a ValueError is raised.
    """

    reasons: dict[str, str | None | BaseException]
    is_here = False

    def run(self, lanes: Sequence[Lane], *, logs: Path) -> Generator[tuple[Lane, str | None], None, None]:
        for lane in lanes:
            reason = self.reasons[lane.model]
            if isinstance(reason, BaseException):
                raise reason
            yield lane, reason


def lanes(*models: str) -> list[Lane]:
    return [Lane(model, 1, ()) for model in models]


def test_jobs_of_one_model_share_a_lane_and_only_pending_ones_are_in_it() -> None:
    jobs = [job("a"), job("b"), job("a", num_devices=2), job("c")]
    grouped = group_lanes(jobs, [["model=a"], ["model=b"], ["model=a", "seed=1"], ["model=c"]], [0, 1, 2])
    run = (sys.executable, "-m", "sweeps")
    assert grouped == [
        Lane("a", 2, ((*run, "model=a", "hydra.mode=RUN"), (*run, "model=a", "seed=1", "hydra.mode=RUN"))),
        Lane("b", 1, ((*run, "model=b", "hydra.mode=RUN"),)),
    ]


def test_a_failed_lane_is_named_with_its_reason_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = Scripted({"a": None, "b": "job 7, exit code 1: b: no weights", "c": None})
    assert run_lanes(lanes("a", "b", "c"), place, logs=tmp_path) == ["b"]
    told = capsys.readouterr()
    assert told.err == "b failed: job 7, exit code 1: b: no weights\n"
    assert told.out.split() == ["a:", "done", "c:", "done"]


def test_a_refusal_is_for_the_command_to_tell(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such queue"):
        run_lanes(lanes("a"), Scripted({"a": ValueError("no such queue")}), logs=tmp_path)


def test_a_stop_is_for_the_command_to_tell(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_lanes(lanes("a"), Scripted({"a": KeyboardInterrupt()}), logs=tmp_path)


def test_nothing_pending_starts_no_place(tmp_path: Path) -> None:
    assert run_lanes([], Scripted({}), logs=tmp_path) == []


def test_a_model_too_large_for_this_machine_may_still_run_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    here = job("large", num_devices=2)
    shape = dataclasses.replace(read_checkpoint(RUNG).architecture, num_params=10**15)
    with pytest.raises(ValueError, match="no NVIDIA GPU"):
        here.engine.settle(here.model, shape, max_model_len=64)
    elsewhere = start_elsewhere(here).engine
    elsewhere = elsewhere.settle(here.model, shape, max_model_len=64)
    assert (elsewhere.num_devices, elsewhere.dtype, elsewhere.options) == (2, "auto", {})
