"""sweep: what is drawn is graded, summed up and plotted by one command; exit status 1 where a model failed."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import isoquant.sweep
from analysis.commands import figures
from isoquant.__main__ import main
from tests import forked
from tests.faults.runs import MODEL, SCRIPTED, assert_complete


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is started and what is plotted, in their order, without doing either."""
    done: list[Any] = []

    def draw(options: argparse.Namespace) -> dict[str, object]:
        done.append((options.run, options.summary))
        return {"run": options.run, "figures": []}

    monkeypatch.setattr(isoquant.sweep, "start_all", lambda commands: done.extend(map(list, commands)))
    monkeypatch.setattr(isoquant.sweep, "where", lambda words: Path("results/runs/pilot"))
    monkeypatch.setattr(figures, "run", draw)
    return done


def test_a_sweep_is_followed_by_its_summary_and_figures(steps: list[Any]) -> None:
    words = ["experiment=embedded", "run=pilot", "+task.params.max=3", "~seed", "grid.widths=[1,2]"]
    assert main(["sweep", *words]) == 0
    assert steps == [words, ("results/runs/pilot", True)]


def test_figures_go_where_out_says(monkeypatch: pytest.MonkeyPatch, steps: list[Any], tmp_path: Path) -> None:
    monkeypatch.setattr(figures, "run", lambda options: steps.append(options.out))
    assert main(["sweep", "run=pilot", "--out", str(tmp_path)]) == 0
    assert steps == [["run=pilot"], tmp_path]


@pytest.mark.parametrize(
    "words", [["--cfg", "job"], ["model=qwen3-4b", "hydra.mode=RUN"], ["-c", "hydra"]], ids=str
)
def test_what_only_shows_and_what_is_one_job_plots_nothing(words: list[str], steps: list[Any]) -> None:
    assert main(["sweep", *words]) == 0
    assert steps == [words]


def test_options_of_ours_are_taken_out_of_hydras_words(
    steps: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "run=pilot", "--json", "task.size=3"]) == 0
    assert steps[0] == ["run=pilot", "task.size=3"]
    assert json.loads(capsys.readouterr().out) == {"run": "results/runs/pilot", "figures": []}


def test_after_a_model_that_failed_nothing_is_plotted(steps: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isoquant.sweep, "start_all", lambda commands: sys.exit("Failed: qwen3-4b."))
    with pytest.raises(SystemExit, match="Failed: qwen3-4b"):
        main(["sweep", "run=pilot"])
    assert steps == []


@pytest.mark.long
def test_one_command_draws_grades_and_plots(tmp_path: Path) -> None:
    root = tmp_path / "run"
    ended = forked.run("isoquant", "sweep", *SCRIPTED, f"model={MODEL}", f"run={root}", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["run"] == str(root) and all(Path(path).is_file() for path in found["figures"])
    assert [row["model"] for row in found["summary"]["cells"]] and "answers graded" in ended.err
    assert_complete(root, MODEL)
