"""What a verifier is worth, on planted ones: coins, oracles,
those that know the prompts alone, known error rates.
"""

import json
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, hypergeom

from analysis.questions import verifier
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.runs import outcomes
from analysis.runs.verifiers import Scoring
from analysis.stats.bootstrap import prompt_weights
from analysis.stats.pairs import area, within_prompts
from isoquant.__main__ import main as isoquant
from results import schema, store
from tests.analysis import conftest
from tests.analysis.planted_scores import score

Data = Callable[[str], Path]


def reading(root: Path, scorer: str = "rm", **choices: Any) -> Reading:
    return read(outcomes.load(root, scoring=Scoring(scorer)), Choices(**choices), rule="best_of_n")


def found(root: Path, scorer: str = "rm", **choices: Any) -> pd.DataFrame:
    return verifier.frame(reading(root, scorer, **choices))


@pytest.fixture
def run(plant, ladder) -> Path:
    return plant(ladder[1:3], num_prompts=150, num_samples=12, bin_samples=4)


def test_pairs_within_prompts_are_those_that_are_counted_one_by_one():
    rng = np.random.default_rng(0)
    scores, correct = rng.integers(0, 4, size=(12, 7)).astype(float), rng.random((12, 7)) < 0.4
    pairs = within_prompts(scores, correct)
    for p in range(12):
        each = [
            (scores[p, i] > scores[p, j]) + (scores[p, i] == scores[p, j]) / 2
            for i, j in product(range(7), range(7))
            if correct[p, i] and not correct[p, j]
        ]
        assert (pairs.above[p], pairs.total[p]) == (sum(each), len(each))
    weights = prompt_weights(12, num_replicates=2000, rng=rng)
    expected = [(row @ pairs.above) / (row @ pairs.total) for row in weights[:5].astype(float)]
    np.testing.assert_allclose(area(pairs, weights)[:5], expected)


def test_prompts_that_are_all_right_or_all_wrong_have_no_pairs():
    pairs = within_prompts([[1.0, 2.0], [3.0, 4.0]], [[True, True], [False, False]])
    assert not pairs.total.any() and np.isnan(area(pairs, np.ones((3, 2)))).all()
    with pytest.raises(ValueError, match="one shape"):
        within_prompts([[1.0]], [[True, False]])
    with pytest.raises(ValueError, match="needs a score"):
        within_prompts([[np.nan, 1.0]], [[True, False]])


def test_coin_tosses_have_half_the_pairs_and_gain_nothing(run: Path):
    gains, areas = [], []
    for seed in range(8):
        name = f"coin{seed}"
        score(run, lambda row, rng: {"score": float(rng.normal())}, scorer=name, seed=seed)
        rows = found(run, name)
        rows = rows[rows["bin"] == "all prompts"]
        gains += list(rows["best_of_n"] - rows["one_sample"])
        areas += list(rows["auc"])
        covered = rows["auc_low"].le(0.5) & rows["auc_high"].ge(0.5)
        assert covered.any()
    for values, truth in ((gains, 0.0), (areas, 0.5)):
        assert abs(np.mean(values) - truth) < 3 * np.std(values, ddof=1) / np.sqrt(len(values))


def test_who_knows_only_which_prompts_are_easy_is_a_coin_within_them(run: Path):
    rates = (
        store.scan(run, schema.GRADES).to_pandas().groupby("prompt_id", observed=True)["correct"].mean().to_dict()
    )
    score(run, lambda row, rng: {"score": rates[row.prompt_id]})
    rows = found(run)
    assert np.allclose(rows["auc"], 0.5) and np.allclose(rows["best_of_n"], rows["one_sample"])
    loaded = outcomes.load(run, scoring=Scoring())
    pooled = within_prompts(
        loaded.arms[0].scores.score[-1].reshape(1, -1), loaded.arms[0].samples.correct[-1].reshape(1, -1)
    )
    # Which pooling over prompts would have taken for skill.
    assert area(pooled, np.ones((1, 1)))[0] > 0.65


def test_an_oracle_leaves_no_gap_and_its_opposite_all_of_it(run: Path):
    score(run, lambda row, rng: {"score": float(row.correct)}, scorer="oracle")
    score(run, lambda row, rng: {"score": -float(row.correct)}, scorer="contrary")
    right, wrong = found(run, "oracle"), found(run, "contrary")
    assert np.allclose(right["auc"], 1) and np.allclose(right["gap"], 0) and np.allclose(right["gap_high"], 0)
    np.testing.assert_allclose(right["best_of_n"], right["pass_at_k"])
    assert np.allclose(wrong["auc"], 0) and (wrong["best_of_n"] <= wrong["one_sample"] + 1e-12).all()
    for rows in (right, wrong):
        assert (rows[["best_of_n", "weighted_vote", "filtered_vote"]].le(rows["pass_at_k"] + 1e-12, axis=0)).all(
            axis=None
        )


@pytest.mark.parametrize(("true_rate", "false_rate"), [(0.9, 0.2), (0.7, 0.4), (1.0, 0.5), (0.3, 0.3)])
def test_known_error_rates_give_best_of_n_on_its_closed_form(
    plant, ladder, true_rate: float, false_rate: float, monkeypatch: pytest.MonkeyPatch
):
    """A yes of a right answer at rate t, of a wrong one at f: of k answers the best is a random one of those with
    a yes, or of all where none has: sum over c right of k, i yes of them, j yes of the wrong: i / (i + j), or c /
    k.
    """
    monkeypatch.setattr(conftest, "BUDGETS", (conftest.CAP_TOKENS,))
    root = plant(ladder[1:2], num_prompts=400, num_samples=6, bin_samples=0)
    score(
        root,
        lambda row, rng: {"score": float(rng.random() < (true_rate if row.correct else false_rate))},
        seed=int(100 * true_rate + false_rate),
    )
    seen = reading(root)
    arm, widths = seen.arms[0], [2, 4, 6]
    accuracy = seen.accuracy(0, widths).mean[-1]
    solved = arm.samples.correct[-1]
    for at, k in enumerate(widths):
        # Given how many of a prompt's six samples are right, the c among a random k are hypergeometric.
        expected = [expected_best(int(right), 6, k, true_rate, false_rate) for right in solved.sum(axis=1)]
        missed = accuracy[:, at] - np.array(expected)
        assert abs(missed.mean()) < 3 * missed.std(ddof=1) / np.sqrt(len(missed)) + 1e-12


@cache
def expected_best(num_right: int, n: int, k: int, true_rate: float, false_rate: float) -> float:
    total = 0.0
    for c in range(k + 1):
        share = hypergeom.pmf(c, n, num_right, k)
        for i, j in product(range(c + 1), range(k - c + 1)):
            chance = binom.pmf(i, c, true_rate) * binom.pmf(j, k - c, false_rate)
            total += share * chance * (i / (i + j) if i + j else c / k)
    return float(total)


def test_bins_and_models_have_rows_of_their_own_and_refusals_are_told(run: Path):
    def give(row: Any, rng: np.random.Generator) -> dict[str, Any]:
        return {"refusal": "too long"} if row.sample == 0 else {"score": float(row.correct + rng.normal())}

    score(run, give)
    rows = found(run, binning=Binning(num_bins=2))
    assert list(rows["bin"].unique()) == ["all prompts", "easier", "harder"] and len(rows) == 6
    assert np.allclose(rows["refused"], 1 / 12)
    assert (rows["cost_with_it"] > 1).all()
    assert ((rows["auc_low"] < rows["auc"]) & (rows["auc"] < rows["auc_high"])).all()
    assert ((rows["auc"] > 0.5) & (rows["auc"] < 1)).all()
    own = found(run, binning=Binning(difficulty="own"))
    assert set(own["model"]) == {"125k", "0.4m"}


def test_answers_that_do_not_vote_leave_the_votes_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table = "m,p,c,r\n" + "".join(
        f"m,p{p},{int(p + s < 4)},{0.1 * s - 0.2 * p}\n" for p in range(4) for s in range(4)
    )
    (tmp_path / "t.csv").write_text(table)
    options = ["--map", "model=m", "prompt=p", "correct=c", "verifier=r"]
    assert isoquant(["ingest", str(tmp_path / "t.csv"), str(tmp_path / "run"), *options]) == 0
    rows = found(tmp_path / "run", "r")
    assert rows[["maj_at_k", "weighted_vote"]].isna().all(axis=None) and rows["best_of_n"].notna().all()
    capsys.readouterr()
    assert isoquant(["verifier", str(tmp_path / "run")]) == 0
    assert "what r reads is not counted, because it is not known" in " ".join(capsys.readouterr().out.split())
    assert isoquant(["summary", str(tmp_path / "run"), "--rule", "best_of_n"]) == 0
    assert isoquant(["summary", str(tmp_path / "run"), "--rule", "weighted_vote"]) == 2
    assert "use --rule best_of_n" in capsys.readouterr().err


def test_the_command_prints_tables_and_one_object(run: Path, capsys: pytest.CaptureFixture[str]):
    score(run, lambda row, rng: {"score": float(row.correct + rng.normal())})
    assert isoquant(["verifier", str(run), "--bins", "2"]) == 0
    text = capsys.readouterr().out
    assert "rm (outcome, version 1)" in text and max(map(len, text.splitlines())) <= 120
    assert isoquant(["verifier", str(run), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verifier"]["name"] == "rm" and {row["model"] for row in told["verifiers"]} == {"125k", "0.4m"}
    assert set(told["verifiers"][0]) >= {
        "auc",
        "auc_low",
        "gap",
        "one_sample",
        "maj_at_k",
        "best_of_n",
        "pass_at_k",
    }


def test_the_published_set_comes_out_through_ingest_and_the_command(
    outside_data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """100 MATH problems x 8 samples with rewards (QwenLM/Qwen2.5-Math)."""
    source = outside_data("math/math_reward_scored_100x8.jsonl.gz")
    mapped = ["--map", "prompt=idx", "correct=score", "answer=pred", "verifier=pred_score", "--scorer", "reward"]
    assert isoquant(["ingest", str(source), str(tmp_path / "run"), "--model", "qwen", *mapped]) == 0
    capsys.readouterr()
    assert isoquant(["verifier", str(tmp_path / "run"), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["verifiers"]
    assert row["one_sample"] == pytest.approx(0.91, abs=5e-3)
    published = {"maj_at_k": 0.925, "best_of_n": 0.94, "pass_at_k": 0.96}
    assert {name: row[name] for name in published} == pytest.approx(published, abs=1e-3)
    assert isoquant(["summary", str(tmp_path / "run"), "--rule", "best_of_n"]) == 0
    assert "94% [" in capsys.readouterr().out


def test_a_small_model_with_a_verifier_beats_the_large_one_through_ingest_and_the_command(
    outside_data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """GPT-3 on GSM8K, the answer that a verifier chose of 100 (Cobbe et al. 2021, arXiv 2110.14168); the others
    and their scores were not published, so that the choice is read as it was made.
    """
    source = outside_data("gsm8k/example_model_solutions.jsonl")
    published = {
        "6b_finetuning": 0.2168,
        "6b_verification": 0.3904,
        "175b_finetuning": 0.3472,
        "175b_verification": 0.5625,
    }
    for name in published:
        mapped = ["--map", "prompt=question", f"correct={name}.is_correct"]
        assert isoquant(["ingest", str(source), str(tmp_path / "run"), "--model", name, *mapped]) == 0
    capsys.readouterr()
    loaded = outcomes.load(tmp_path / "run")
    found = {arm.rung.name: float(arm.accuracy[-1].mean()) for arm in loaded.arms}
    assert found == pytest.approx(published, abs=1e-4)
    small, large = (f"{tmp_path / 'run'}:{name}" for name in ("6b_verification", "175b_finetuning"))
    assert isoquant(["compare", large, small]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "6b_verification 39%, 175b_finetuning 35%: +4.3 points [+1.5, +7.2] over 1,319 prompts" in text
    assert isoquant(["verifier", str(tmp_path / "run")]) == 2
    assert "No verifier has scored answers in" in capsys.readouterr().err
