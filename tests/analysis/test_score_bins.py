"""Difficulty bins of a verifier's scores: as good as the verifier, and paid for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoquant as door
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.runs import outcomes
from analysis.runs.verifiers import Scoring
from isoquant.__main__ import main as isoquant
from tests.analysis.conftest import LADDER, write_run
from tests.analysis.planted_scores import score


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "run"
    write_run(root, LADDER[:2], num_prompts=90, num_samples=4, bin_samples=8)

    def refuse_some(row: Any, rng: np.random.Generator) -> dict[str, Any]:
        all_refused = row.prompt_id == "planted/0003"
        return {"refusal": "too long"} if all_refused or row.sample == 0 else {"score": float(row.correct)}

    score(root, lambda row, rng: {"score": 3.0 * row.correct - 1}, scorer="oracle", pool="bins")
    score(root, lambda row, rng: {"score": float(rng.normal())}, scorer="coin", pool="bins")
    score(root, refuse_some, scorer="refuser", pool="bins")
    score(root, lambda row, rng: {"score": 1.0}, scorer="evaluated")
    return root


def reading(root: Path, scorer: str | None, difficulty: Any = "score", **binning: Any) -> Reading:
    loaded = outcomes.load(root, scoring=Scoring(scorer) if scorer else None)
    return read(loaded, Choices(binning=Binning(difficulty, **binning)))


def test_a_perfect_verifier_makes_the_anchors_own_bins(run: Path):
    scored, anchored = reading(run, "oracle"), reading(run, None, "anchor")
    for one, other in zip(scored.bins, anchored.bins, strict=True):
        assert one.name == other.name and np.array_equal(one.weights, other.weights)
    ends = [(each.setting.rank_agreement, each.setting.rank_low) for each in (scored, anchored)]
    assert ends[0] == ends[1] and ends[0][1] > 0
    assert "mean score that oracle gave 125k in 8 samples" in str(scored.setting.bins_are)


def test_they_cost_the_samples_and_the_reading_at_the_verifiers_size(run: Path):
    scored, anchored = reading(run, "oracle"), reading(run, None, "anchor")
    # 8 samples of 20 tokens each, read by 50,000 parameters beside 125,000.
    more = scored.setting.predictor_tokens - anchored.setting.predictor_tokens
    assert more == pytest.approx(8 * 20 * 50_000 / 125_000)


def test_a_coin_ranks_nothing(run: Path):
    setting = reading(run, "coin").setting
    assert setting.rank_low < 0 < setting.rank_high and setting.rank_agreement < 0.3


def test_refused_samples_are_left_out_and_a_prompt_without_any_is_the_lowest(run: Path):
    seen = reading(run, "refuser", num_bins=2)
    hard = seen.bins[-1].weights[0]
    assert hard[list(seen.outcomes.prompt_ids).index("planted/0003")] == 1
    expected = reading(run, None, "anchor").pools[0]
    assert expected is not None
    pool = seen.pools[0]
    assert pool is not None and pool.scores.refused[0, :, 0].all()
    rest = pool.samples.correct[0, :, 1:].mean(axis=1)
    easy = seen.bins[1].weights[0] > 0
    kept = np.arange(len(rest)) != 3
    assert rest[easy & kept].min() >= rest[~easy & kept].max()


def test_bins_of_scores_need_scores_of_the_samples_that_make_them(run: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(ValueError, match="needs a verifier's score of every held-out sample of 125k"):
        _ = reading(run, "evaluated").bins
    with pytest.raises(ValueError, match="and a score is neither"):
        _ = reading(run, "oracle", thresholds=(0.5,)).bins
    assert isoquant(["summary", str(run), "--difficulty", "score"]) == 2
    assert "give --scorer with one of" in capsys.readouterr().err
    assert isoquant(["summary", str(run), "--scorer", "oracle"]) == 2
    assert "uses --scorer" in capsys.readouterr().err


def test_commands_and_notebooks_read_them_under_any_rule(run: Path, capsys: pytest.CaptureFixture[str]):
    assert (
        isoquant(["summary", str(run), "--difficulty", "score", "--scorer", "oracle", "--rule", "pass_at_k"]) == 0
    )
    text = " ".join(capsys.readouterr().out.split())
    assert "Bins: quantiles of the mean score that oracle gave 125k" in text
    assert "A verifier." not in text and "Spearman correlation" in text
    frame = door.load(str(run), difficulty="score", scorer="oracle").cells()
    assert frame["bin"].nunique() == 4
