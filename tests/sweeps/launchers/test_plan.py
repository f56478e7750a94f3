"""What `isoquant plan` prints: the cells, their cost, what is not this grid's, and what cannot run."""

import dataclasses
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from harness.types import Grid
from results import store
from results.schema import THROUGHPUT
from sweeps.compose import build_job
from sweeps.declare import declare
from sweeps.job import Job
from sweeps.launchers.plan import show_plan
from sweeps.prepare import prepare
from tests import forked


@pytest.fixture
def job(tmp_path: Path) -> Job:
    with initialize_config_dir(str(Path("conf").resolve()), version_base="1.3"):
        overrides = ["experiment=embedded", "model=countdown-33k", "task.size=4", "grid.anchor=null"]
        return build_job(compose("sweep", [*overrides, f"run={tmp_path}/run"]))


def test_a_plan_says_what_is_missing_and_writes_nothing(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    show_plan([job])
    said = capsys.readouterr().out
    # The embedded ladder leaves nothing to the machine.
    lines = said.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("model "))
    model, *settings = lines[:at]
    header, row, total, *remarks = lines[at:]
    assert model == "Settings of countdown-33k:"
    names = ["thinking", "markers", "forced by", "template", "stop ids", "sampling", "dtype", "context", "grid"]
    assert [name for line in settings if (name := line[2:13].rstrip())] == names
    assert max(map(len, settings)) <= 120
    assert header.split()[:3] == ["model", "cells", "done"]
    # 4 prompts, 16 samples, 256 tokens of thinking and six answers of 32, all of them forced.
    assert row.split()[:8] == ["countdown-33k", "0", "of", "30", "64", "384", "?", "28,672"]
    assert total.startswith("in all") and max(map(len, (header, row, total))) <= 120
    assert "Hours are those of drawing; the start-up of each job is added" in remarks[0]
    last = f"Nothing is measured in {job.run} yet: draw a few prompts (task.size=8), then plan again."
    assert " ".join(remarks).endswith(last)
    assert not job.run.exists()


def test_before_anything_is_drawn_hours_are_a_range_with_what_it_is_based_on(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan([job])
    said = capsys.readouterr().out
    told = " ".join(said.split())
    [row] = [line for line in said.splitlines() if line.startswith("countdown-33k ")]
    low, high = map(float, row.split()[-3].removeprefix("~").split("-"))
    assert 0 < low < high
    assert "~: the hours of countdown-33k are rough, from " in told
    assert "traces of 25% to 100% of their length" in told


def test_hours_follow_from_the_measured_rate(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    prepared = prepare(job)
    log = {"identity": prepared.identity, "job": "j", "elapsed_seconds": 10.0, "seconds": 10.0, "num_tokens": 1000}
    store.append(job.run, THROUGHPUT, [log], writer="countdown-33k")
    show_plan([job])
    lines = capsys.readouterr().out.splitlines()
    [row], [total] = ([line for line in lines if line.startswith(name)] for name in ("countdown-33k ", "in all"))
    assert "  100  " in row and row.split()[-3] == f"{28672 / 100 / 3600:.2g}"
    assert total.split()[-3] == row.split()[-3]
    assert not any("are rough" in line for line in lines)


def test_rows_of_another_identity_are_told_with_what_differs(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    declare(prepare(job))
    warmer = dataclasses.replace(job, sampling=dataclasses.replace(job.sampling, temperature=0.5))
    show_plan([warmer])
    told = " ".join(capsys.readouterr().out.split())
    assert "do not belong to this grid: sampling.temperature: its default is stored, 0.5 is asked for" in told


def test_what_cannot_run_is_told_beside_what_can_and_fails(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    deeper = dataclasses.replace(job, grid=Grid(widths=(1,), budgets=(0, 4096)))
    with pytest.raises(ValueError, match=r"Cannot run:\ncountdown-33k: .*Lower grid.budgets to at most 27"):
        show_plan([job, deeper])
    assert "0 of 30" in capsys.readouterr().out


def test_a_plan_of_one_model_is_of_no_other(tmp_path: Path) -> None:
    words = ["model.path=ladder/checkpoints/countdown-33k", "task=countdown", "grid.budgets=[0,64]"]
    ended = forked.run("isoquant", "plan", *words, "sampling.max_answer_tokens=32", f"run={tmp_path}/run")
    assert ended.code == 0, ended.err
    assert "  thinking   think_tags  " in ended.out and "sampling.max_answer_tokens=32" in ended.out
    assert "countdown-33k      0 of 8" in ended.out and "1.1m" not in ended.out and "grid.anchor" not in ended.out


@pytest.mark.parametrize(
    "options",
    [
        ["hydra/launcher=processes"],
        ["hydra/launcher=slurm", "hydra.launcher.partition=gpu", "+hydra.launcher.additional_parameters.x=1"],
        ["hydra/launcher=ray", "hydra.launcher.address=head:6379"],
    ],
    ids=lambda options: options[0],
)
def test_a_plan_of_any_launcher_starts_nothing(tmp_path: Path, options: list[str]) -> None:
    ended = forked.run("isoquant", "plan", "model=countdown-33k", f"run={tmp_path}/run", *options)
    assert ended.code == 0, ended.err
    assert "countdown-33k     0 of 30" in ended.out and not (tmp_path / "run").exists()
