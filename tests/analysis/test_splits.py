"""A budget split between samples and planted verifiers: worthless ones, perfect ones, cheap and dear ones."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.commands import arguments
from analysis.commands import figures as command
from analysis.figures import splits as figure
from analysis.questions import split_settings, splits
from analysis.questions.split_settings import ANY, NONE, Splits
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.reading.untold import UntoldError
from analysis.runs import outcomes
from analysis.runs.verifiers import Scoring
from analysis.stats.bootstrap import weighted_means
from isoquant.__main__ import main as isoquant
from tests.analysis.conftest import LADDER, write_run
from tests.analysis.planted_scores import score
from tests.analysis.words import faults

HUGE = {"num_params": 10**9, "num_matmul_params": 10**9}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models; a coin, an oracle that reads for next to nothing, and one that reads for a fortune."""
    root = tmp_path_factory.mktemp("runs") / "run"
    write_run(root, LADDER[:2], num_prompts=60, num_samples=8, bin_samples=4)

    def oracle(row: Any, rng: np.random.Generator) -> dict[str, Any]:
        return {"score": float(row.correct)}

    small = {"num_params": 10, "num_matmul_params": 10, "num_layers": 1, "num_heads": 1, "head_dim": 1}
    score(root, lambda row, rng: {"score": float(rng.normal())}, scorer="coin")
    score(root, oracle, scorer="oracle", **small)
    score(root, oracle, scorer="dear", **HUGE)
    return root


def measured(root: Path, *scorers: str, **choices: Any) -> Splits:
    wanted = Choices(**choices)
    base = read(outcomes.load(root), wanted)
    verified = [read(outcomes.load(root, scoring=Scoring(name)), wanted, rule="best_of_n") for name in scorers]
    return split_settings.measure(base, verified)


@pytest.fixture(scope="module")
def found(run: Path) -> Splits:
    return measured(run, "coin", "oracle", "dear")


def test_a_verifier_is_charged_for_what_it_reads_and_one_sample_for_nothing(found: Splits):
    assert found.verifiers == (NONE, "oracle", "coin", "dear")
    is_read = np.array([each.verifier != NONE for each in found.settings])
    assert (found.verifying[:, ~is_read] == 0).all() and (found.verifying[:, is_read] > 0).all()
    assert min(each.width for each in found.settings if each.verifier != NONE) == 2
    by_setting = dict(zip(found.settings, found.cost.mean(axis=0), strict=True))
    for setting, cost in by_setting.items():
        if setting.verifier == "dear" and setting.width % 2:
            assert cost > 10 * by_setting[setting._replace(verifier=NONE, rule="maj_at_k")]


def test_what_is_chosen_on_one_half_is_read_on_the_other(found: Splits):
    """The estimate at every level, by hand."""
    part, folds = found.parts[0], found.reading.folds
    best = found.best(part, found.which())
    for at, level in enumerate(found.levels):
        accuracy, spent, verifying = 0.0, 0.0, 0.0
        for fold in (0, 1):
            here, there = folds == fold, folds != fold
            costs, means = found.cost[there].mean(axis=0), found.accuracy[there].mean(axis=0)
            # Where nothing is cheap enough the cheapest is taken.
            affordable = costs <= max(level * (1 + 1e-12), costs.min())
            chosen = best.frontier.cell[0, fold, at]
            assert affordable[chosen] and means[chosen] == pytest.approx(means[affordable].max())
            accuracy += found.accuracy[here, chosen].sum()
            spent += found.cost[here, chosen].sum()
            verifying += found.verifying[here, chosen].sum()
        assert best.frontier.accuracy[0, at] == pytest.approx(accuracy / len(folds))
        assert best.frontier.cost[0, at] == pytest.approx(spent / len(folds))
        assert best.share[0, at] == pytest.approx(verifying / spent)


def test_an_oracle_that_reads_for_next_to_nothing_is_worth_it_and_a_dear_one_is_not(run: Path):
    cheap, dear = (splits.by_target(measured(run, name)) for name in ("oracle", "dear"))
    cheap, dear = (
        rows[(rows["bin"] == "all prompts") & (rows["target"] == 0.8)].iloc[0] for rows in (cheap, dear)
    )
    assert cheap["rate"] < 0.8 and cheap["rate_high"] < 1 and 0 < cheap["verifier_share"] < 0.01
    assert dear["cost"] > cheap["cost"]
    # It is chosen where nothing else gets there, and then nearly all goes to it.
    assert dear["verifier_share"] == 0 or (dear["rate"] == 0 and dear["verifier_share"] > 0.9)
    levels = splits.by_level(measured(run, "oracle"))
    last = levels[(levels["kind"] == "split") & (levels["bin"] == "all prompts")].iloc[-1]
    assert last["gain"] > 0 and last["gain_low"] > 0 and "oracle" in last["setting"]


def test_a_coin_gains_nothing_and_never_is_an_answer(run: Path):
    rows = splits.by_level(measured(run, "coin"))
    whole = rows[(rows["kind"] == "split") & (rows["bin"] == "all prompts")]
    assert (whole["gain_low"] <= 0).all()
    targets = splits.by_target(measured(run, "coin"))
    hardest = targets[(targets["bin"] == "hard") & (targets["target"] == 0.95)].iloc[0]
    assert np.isinf(hardest["cost"]) and np.isnan(hardest["rate"]) and hardest["setting"] == ""
    assert hardest["never"] > 0.9


def test_isoquants_have_a_row_for_every_generator_and_verifier(found: Splits):
    rows = splits.isoquants(found)
    whole = rows[(rows["bin"] == "all prompts") & (rows["target"] == 0.8)]
    assert len(whole) == 2 * 4 and set(whole["verifier"]) == set(found.verifiers)
    assert (np.isfinite(whole["cost"]) == np.isfinite(whole["samples"])).all()
    large = whole[whole["model"] == "125k"].set_index("verifier")
    assert large.loc["oracle", "samples"] <= large.loc[NONE, "samples"]
    assert large.loc["oracle", "cost"] < large.loc["dear", "cost"]


def test_folds_and_bins_are_those_of_the_run_without_verifiers(found: Splits, run: Path):
    plain = read(outcomes.load(run), Choices())
    assert np.array_equal(found.reading.folds, plain.folds)
    one = found.which(verifier="coin", model="33k")
    settings = [found.settings[at] for at in one]
    assert {each.verifier for each in settings if each.width > 1} == {"coin"} and settings[0].width == 1
    means = weighted_means(found.parts[0].weights[:1], found.accuracy[:, one[:1]])
    assert means[0, 0] == pytest.approx(plain.arms[0].accuracy[-1].mean())


def test_scores_of_unknown_cost_split_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table = "m,p,c,r\n" + "".join(f"m,p{p},{int(p + s < 4)},{0.1 * s}\n" for p in range(6) for s in range(4))
    (tmp_path / "t.csv").write_text(table)
    options = ["--map", "model=m", "prompt=p", "correct=c", "verifier=r"]
    assert isoquant(["ingest", str(tmp_path / "t.csv"), str(tmp_path / "run"), *options]) == 0
    capsys.readouterr()
    assert isoquant(["verifier", str(tmp_path / "run"), "--spend"]) == 2
    assert "What r reads is not counted" in capsys.readouterr().err


def test_the_command_reads_every_verifier_that_read_a_model_whole(run: Path, capsys: pytest.CaptureFixture[str]):
    score(run, lambda row, rng: {"score": 1.0}, scorer="partial", leave_out=lambda row: row.sample == 0)
    assert isoquant(["verifier", str(run), "--spend"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 120 and "partial" not in text and "only with it" in text
    assert isoquant(["verifier", str(run), "--spend", "--scorer", "coin", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["verifier"] for row in told["levels"]} == {NONE, "coin", ANY}
    assert isoquant(["verifier", str(run), "--spend", "--scorer", "partial"]) == 2
    assert "No verifier scored all answers" in capsys.readouterr().err


def test_figures_draw_it_of_a_run_with_scores_alone(run: Path, tmp_path: Path):
    write_run(tmp_path / "plain", LADDER[:1], num_prompts=10, num_samples=2, bin_samples=0)
    options = argparse.Namespace(task=None, anchor=None, **dict.fromkeys(arguments.OF_SCORES))
    wanted = [
        command.of_scores(root, read(outcomes.load(root), Choices()), options)
        for root in (run, tmp_path / "plain")
    ]
    assert [[each.name for each in some] for some in wanted] == [["splits"], []]
    assert set(wanted[0][0].frame_of()["verifier"]) == {NONE, ANY, "coin", "oracle", "dear"}


def test_one_prompt_has_no_two_halves(tmp_path: Path):
    write_run(tmp_path / "run", LADDER[:1], num_prompts=1, num_samples=4, bin_samples=0)
    score(tmp_path / "run", lambda row, rng: {"score": 1.0})
    with pytest.raises(UntoldError, match="Too few prompts"):
        measured(tmp_path / "run", "rm")


@pytest.mark.parametrize(
    "names", [{}, {"coin": "a-verifier-with-a-long-name-8b", "oracle": "another-of-them-70b"}]
)
def test_no_word_of_the_figure_covers_another(found: Splits, names: dict[str, str]):
    frame = splits.by_level(found).replace({"verifier": names})
    assert set(splits.COLUMNS) <= set(frame.columns)
    assert faults(figure.draw(frame)) == []
    assert faults(figure.draw(frame[frame["bin"] == "all prompts"])) == []
    alone = frame[~frame["verifier"].isin(pd.unique(frame["verifier"])[2:4])]
    assert faults(figure.draw(alone)) == []
