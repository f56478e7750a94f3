"""The committed runs of public models: what they must show, read off their rows."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from analysis.questions import exchange_rates
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from isoquant.__main__ import main
from results import store

RUNS = sorted(path.name for path in Path("results/real").iterdir() if path.is_dir())
MODELS = ["SmolLM2-135M-Instruct", "Qwen2.5-Coder-0.5B-Instruct", "Qwen2.5-Coder-1.5B-Instruct"]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_public_models_is_whole_and_read_by_the_present_analysis(name: str) -> None:
    root = Path("results/real") / name
    assert store.find_damaged(root) == []
    loaded = outcomes.load(root)
    assert [arm.rung.name for arm in loaded.arms] == MODELS
    assert (len(loaded.prompt_ids), loaded.num_samples, loaded.dropped) == (60 if name == "svamp" else 40, 8, ())


def test_on_word_problems_accuracy_rises_with_size_and_with_thinking() -> None:
    found = exchange_rates.measure(read(outcomes.load(Path("results/real/svamp")), Choices()))
    accuracy = found.cells.pivot(index="model", columns="budget", values="accuracy").loc[MODELS]
    assert accuracy[256].is_monotonic_increasing
    assert (accuracy[256] > accuracy[0]).loc[MODELS[1:]].all()


def test_its_figures_are_drawn_from_its_rows_as_they_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("analysis.figures.save.DOTS_AN_INCH", 30)
    monkeypatch.setattr("analysis.figures.drawing._start_helper", lambda: None)
    kept = Path("results/real/svamp")
    run = shutil.copytree(kept, tmp_path / "svamp", ignore=shutil.ignore_patterns("figures"))
    assert main(["figures", str(run)]) == 0
    assert "not drawn" not in capsys.readouterr().out.replace("coverage: not drawn", "")
    assert {path.name for path in (kept / "figures").glob("*.png")} == {
        path.name for path in (run / "figures").glob("*.png")
    }
    for name in ("substitution.csv", "exchange_rates.csv"):
        pd.testing.assert_frame_equal(pd.read_csv(run / "figures" / name), pd.read_csv(kept / "figures" / name))
