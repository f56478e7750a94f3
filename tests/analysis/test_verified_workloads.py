"""The workload up to which a smaller model wins, with a verifier on neither side, on one and on both."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.questions import matches, workloads
from analysis.questions.workloads import BOTH, SMALL_ONLY, VOTE
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.reading.untold import UntoldError
from analysis.runs import outcomes
from analysis.runs.verifiers import Scoring
from analysis.stats import multiplier
from isoquant.__main__ import main as isoquant
from tests.analysis.conftest import LADDER, write_run
from tests.analysis.planted_scores import score


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "run"
    write_run(root, LADDER[1:], num_prompts=80, num_samples=12, bin_samples=4)
    score(root, lambda row, rng: {"score": float(row.correct + rng.normal())})
    return root


def reading(root: Path, rule: Any = "best_of_n", **choices: Any) -> Reading:
    return read(outcomes.load(root, scoring=Scoring("rm")), Choices(**choices), rule=rule)


@pytest.mark.parametrize("v", [0.0, 0.3, 1.0, 4.0])
def test_equal_verifiers_on_both_sides_break_even_where_snells_multiplier_says(v: float):
    """m(R*) samples of the small one, each of v more, are what it needs."""
    M, needed = 14.0, np.array([20.0, 60.0, 200.0])
    workload = multiplier.break_even(M, needed * (1 + v), large_spends=1 + v)
    np.testing.assert_allclose(multiplier.snell_multiplier(M, workload, verifier="both", verifier_cost=v), needed)
    alone = multiplier.break_even(M, needed * (1 + v))
    kept = np.isfinite(alone) & (alone > 0)
    np.testing.assert_allclose(
        multiplier.snell_multiplier(M, alone[kept], verifier="small_only", verifier_cost=v), needed[kept]
    )
    # A verifier on the larger side too costs that side, so that the smaller one wins at more workloads.
    assert (workload >= alone).all()


def test_ends_of_a_workload_with_a_verifier_on_both_sides():
    found = multiplier.break_even(4.0, [8.0, np.inf, np.nan, 7.9], large_spends=2.0)
    np.testing.assert_array_equal(found, [np.inf, 0, np.nan, np.inf])
    with pytest.raises(ValueError, match="at least 1"):
        multiplier.break_even(4.0, 8.0, large_spends=0.5)


@pytest.mark.parametrize(("case", "rule"), [(VOTE, "maj_at_k"), (SMALL_ONLY, "best_of_n")])
def test_against_one_answer_it_is_the_workload_of_a_match(run: Path, case: str, rule: str):
    found = workloads.frame(reading(run))
    found = found[found["case"] == case].set_index(["small", "bin"])
    for match in matches.match(reading(run, rule)):
        row = found.loc[(match.small, match.bin)]
        ends = [row[f"workload{end}"] for end in ("", "_low", "_high")]
        # In a replicate whose last width is exactly as accurate as the answer a last digit decides.
        np.testing.assert_allclose(ends, [float(end) for end in match.workload], rtol=0.02)


def test_on_both_sides_the_larger_one_is_charged_for_what_is_read_of_it(run: Path):
    seen = reading(run)
    found = workloads.frame(seen)
    both = found[(found["case"] == BOTH) & (found["bin"] == "all prompts")]
    assert list(both["large_width"].unique()) == [2, 4]
    row = both[(both["small"] == "0.4m") & (both["large_width"] == 2)].iloc[0]
    small, large = seen.arms[1], seen.arms[2]
    M = large.rung.num_params / small.rung.num_params
    tokens = [float(arm.decoded_tokens[-1].mean()) for arm in (small, large)]
    reads = [20 * 50_000 / arm.rung.num_params for arm in (small, large)]
    assert row["small_reads"] == pytest.approx(reads[0] / tokens[0])
    assert row["large_reads"] == pytest.approx(reads[1] / tokens[1])
    assert row["target"] == pytest.approx(seen.accuracy(2, [2], budgets=[5]).mean.mean())
    if np.isfinite(row["workload"]) and row["workload"] > 0:
        k = row["samples"] * (tokens[0] + reads[0]) / (2 * tokens[1])
        expected = 3 * (M - 1) / (k - M * (1 + row["large_reads"]))
        # Costs lie on straight lines in log k between whole numbers of samples.
        assert row["workload"] == pytest.approx(expected, rel=0.1)


def test_a_perfect_verifier_wins_where_a_coin_does_not(run: Path):
    score(run, lambda row, rng: {"score": float(row.correct)}, scorer="oracle")
    score(run, lambda row, rng: {"score": float(rng.normal())}, scorer="coin")
    whole = {}
    for name in ("oracle", "coin"):
        seen = read(outcomes.load(run, scoring=Scoring(name)), Choices(), rule="best_of_n")
        rows = workloads.frame(seen)
        whole[name] = rows[(rows["case"] == SMALL_ONLY) & (rows["bin"] == "all prompts")].set_index("small")
    assert (whole["oracle"]["workload"] > whole["coin"]["workload"]).all()
    assert (whole["coin"]["workload"] == 0).all()
    # What a perfect one saves is more than its reading; a coin never gets there.
    assert (whole["oracle"]["over_vote"] < 1).all() and (whole["oracle"]["over_vote_high"] < 1).all()
    assert (whole["coin"]["over_vote"].isna() | np.isinf(whole["coin"]["over_vote"])).all()


def test_the_cost_over_the_votes_is_that_of_its_samples_and_their_reading(run: Path):
    found = workloads.frame(reading(run)).set_index(["small", "bin", "case", "large_width"])
    one, vote = (found.loc[("0.4m", "all prompts", case, 1)] for case in (SMALL_ONLY, VOTE))
    expected = one["samples"] * (1 + one["small_reads"]) / vote["samples"]
    assert one["over_vote"] == pytest.approx(expected, rel=0.1) and np.isnan(vote["over_vote"])
    assert one["over_vote_low"] <= one["over_vote"] <= one["over_vote_high"]


def test_the_command_prints_the_table_and_one_object(run: Path, capsys: pytest.CaptureFixture[str]):
    assert isoquant(["verifier", str(run), "--scorer", "rm", "--workload"]) == 0
    text = capsys.readouterr().out
    assert "verifier against" in text and max(map(len, text.splitlines())) <= 120
    assert isoquant(["verifier", str(run), "--scorer", "rm", "--workload", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["case"] for row in told["workloads"]} == {VOTE, SMALL_ONLY, BOTH}


def test_models_of_one_size_trade_nothing(tmp_path: Path):
    write_run(tmp_path / "run", LADDER[:1], num_prompts=10, num_samples=4, bin_samples=0)
    score(tmp_path / "run", lambda row, rng: {"score": 1.0})
    with pytest.raises(UntoldError, match="At least two models"):
        workloads.frame(reading(tmp_path / "run"))
    with pytest.raises(ValueError, match="reads no scores"):
        workloads.frame(reading(tmp_path / "run", "maj_at_k"))
