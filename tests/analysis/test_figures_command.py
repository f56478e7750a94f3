from pathlib import Path

import pandas as pd
import pytest

from isoquant.__main__ import main
from tests.analysis.conftest import LADDER

ALONE = ("frontier", "grid", "parallel", "coverage", "diversity", "outcomes", "thinking", "thinking_lost", "votes")
OF_PAIRS = ("targets", "isoquants", "break_even", "cost_models", "substitution", "exchange_rates")
pytestmark = pytest.mark.usefixtures("few_dots")


def draw(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[set[str], dict[str, str]]:
    """The names of the figures that were drawn, and why the others were not."""
    assert main(["figures", str(root), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    paths = [Path(line) for line in lines if line.endswith(".png")]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    told = [line.split(": not drawn. ") for line in lines if not line.endswith(".png")]
    silent = {name: reason for names, reason in told for name in names.split(", ")}
    return {path.stem for path in paths}, silent


@pytest.mark.long
def test_the_command_writes_figures_and_their_frames_and_the_same_bytes_again(plant, capsys):
    root = plant(LADDER[1:3], num_prompts=12, num_samples=16)
    names, silent = draw(root, capsys, "--bins", "1")
    assert names == {*ALONE, *OF_PAIRS, "substitution_thinking", "exchange_rates_thinking"} and not silent
    first = {path.name: path.read_bytes() for path in (root / "figures").iterdir()}
    assert set(first) == {f"{name}.{suffix}" for name in names for suffix in ("png", "pdf", "csv")}
    assert all(first[f"{name}.pdf"].startswith(b"%PDF") for name in names)
    assert all(len(pd.read_csv(root / "figures" / f"{name}.csv")) for name in names)
    draw(root, capsys, "--bins", "1")
    assert {path.name: path.read_bytes() for path in (root / "figures").iterdir()} == first


def test_one_model_is_drawn_alone_and_says_what_takes_two(plant, capsys):
    root = plant(LADDER[:1], num_prompts=10)
    (root / "figures").mkdir()
    (root / "figures" / "substitution.png").write_text("of other rows")
    names, silent = draw(root, capsys)
    assert names == set(ALONE)
    assert not (root / "figures" / "substitution.png").exists()
    assert (
        set(OF_PAIRS) < set(silent)
        and "At least two models are needed, and this run has only 33k" in silent["substitution"]
    )


@pytest.mark.long
def test_one_prompt_is_drawn_as_far_as_it_goes(plant, capsys):
    names, silent = draw(plant(LADDER[:2], num_prompts=1), capsys)
    assert {"grid", "outcomes", "cost_models", "substitution"} <= names
    assert "Too few prompts" in silent["frontier"]


@pytest.mark.long
@pytest.mark.parametrize("ability", [60.0, -60.0], ids=["all right", "all wrong"])
def test_runs_without_a_difference_are_drawn_too(plant, capsys, ability: float):
    rungs = [rung._replace(ability=ability) for rung in LADDER[:2]]
    names, silent = draw(plant(rungs, num_prompts=10, num_samples=4), capsys)
    assert {"frontier", "grid", "outcomes", "cost_models", "substitution"} <= names
    assert "at least 16 samples a prompt, and this run has 4" in silent["coverage"]


@pytest.mark.long
def test_one_sample_at_a_time_leaves_no_grid(plant, capsys):
    names, silent = draw(plant(LADDER[:2], num_prompts=10, num_samples=1), capsys)
    assert "two budgets and two widths" in silent["grid"] and "frontier" in names


@pytest.mark.long
def test_own_difficulty_shows_all_prompts(plant, capsys):
    names, silent = draw(plant(LADDER[:2], num_prompts=10), capsys, "--difficulty", "own")
    assert {"frontier", "isoquants", "break_even"} <= names
    assert "With --difficulty own" in silent["substitution"]


def test_data_that_is_not_there_is_one_line(plant, tmp_path: Path, capsys):
    assert main(["figures", str(plant(LADDER[:1], num_prompts=4, num_samples=1)), "--data", str(tmp_path)]) == 2
    assert "has no monkeys/pythia_math_10k.parquet" in capsys.readouterr().err


def test_a_bare_name_means_a_run_of_results_runs(plant, ladder, monkeypatch: pytest.MonkeyPatch, capsys):
    root = plant(ladder[:2], name="results/runs/mine", num_prompts=10, num_samples=4)
    monkeypatch.chdir(root.parents[2])
    assert main(["summary", "mine"]) == 0
    assert "33k" in capsys.readouterr().out


def test_what_a_user_can_put_right_is_one_line_and_status_two(tmp_path: Path, plant, ladder, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/runs/empty").mkdir(parents=True)
    single = plant(ladder[:1], num_prompts=10, num_samples=4)
    for arguments, message in (
        (["summary", "nowhere"], "No run 'nowhere'; runs here: empty"),
        (["summary", "empty"], "No graded answers in"),
        (["figures", "empty"], "No graded answers in"),
        (["summary", str(single), "--bins", "0"], "num_bins must be at least 1, not 0"),
        (["figures", str(single), "--anchor", "huge"], "anchors of this run: ['33k']"),
    ):
        assert main(arguments) == 2
        printed = capsys.readouterr().err
        assert message in printed
        assert len(printed.splitlines()) == 1
