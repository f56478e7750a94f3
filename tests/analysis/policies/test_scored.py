"""Stopping and climbing on planted scores: a perfect verifier gains, a coin and the placebos do not, all pay."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.figures import policies
from analysis.policies import replays
from analysis.policies.replays import Asked, Replays
from analysis.policies.studies import scored
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.report.replays import section
from analysis.runs import outcomes
from analysis.runs.verifiers import Scoring
from analysis.text import replayed
from isoquant.__main__ import main
from tests.analysis.conftest import LADDER, write_run
from tests.analysis.planted_scores import score
from tests.analysis.words import faults

HUGE = {"num_params": 10**9, "num_matmul_params": 10**9}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "run"
    write_run(root, LADDER[:2], num_prompts=80, num_samples=8, bin_samples=0)
    small = {"num_params": 100, "num_matmul_params": 100, "num_layers": 1, "num_heads": 1, "head_dim": 1}
    score(root, lambda row, rng: {"score": row.correct + 0.3 * rng.normal()}, scorer="good", **small)
    score(root, lambda row, rng: {"score": float(rng.normal())}, scorer="coin", **small)
    score(root, lambda row, rng: {"score": float(row.correct)}, scorer="dear", **HUGE)
    return root


def replay(root: Path, scorer: str, rule: Any = "best_of_n") -> Replays:
    loaded = outcomes.load(root, scoring=Scoring(scorer))
    return replays.replay(
        read(loaded, Choices(), rule=rule), Asked(num_folds=2), texts=[""] * len(loaded.prompt_ids)
    )


@pytest.fixture(scope="module")
def found(run: Path) -> Replays:
    return replay(run, "good")


def rows(found: Replays, policy: str) -> pd.DataFrame:
    return found.policies[found.policies["policy"] == policy]


def test_a_good_verifier_says_when_to_stop(found: Replays) -> None:
    assert rows(found, scored.STOP)["gain_low"].max() > 0.02
    placebo = rows(found, scored.STOP_BLIND)
    assert (placebo["gain_low"].dropna() < 0.002).all() and set(placebo["kind"]) == {"placebo"}
    line = rows(found, scored.MIX)
    assert set(line["kind"]) == {"line"} and (line["gain"].dropna() < 1e-9).all()


def test_a_good_verifier_says_whom_to_ask_next(found: Replays) -> None:
    climbed, votes = rows(found, scored.CLIMB), rows(found, scored.CLIMB_VOTES)
    assert climbed["gain_low"].max() > 0
    assert climbed["gain"].max() > votes["gain"].max()
    assert (rows(found, scored.CLIMB_BLIND)["gain_low"].dropna() < 0.002).all()


def test_a_coin_gains_nothing(run: Path) -> None:
    coin = replay(run, "coin")
    for policy in (scored.STOP, scored.CLIMB):
        assert (rows(coin, policy)["gain_low"].dropna() < 0.002).all()


def test_every_sample_that_is_read_is_paid_for(run: Path) -> None:
    dear, cheap = replay(run, "dear"), replay(run, "good")
    least = [rows(each, scored.STOP)["cost"].min() for each in (cheap, dear)]
    # A billion parameters read 20 tokens of one sample at least.
    assert least[1] > 2 * 1e9 * 20 > 100 * least[0]
    # Votes cost the same whoever may read.
    assert rows(dear, scored.UNIFORM)["cost"].min() == pytest.approx(rows(cheap, scored.UNIFORM)["cost"].min())


def test_the_words_and_figures_name_every_policy(found: Replays) -> None:
    text = replayed.render(found)
    assert "nan" not in text and max(map(len, text.splitlines())) <= 120
    for policy in found.policies.loc[found.policies["kind"] != "arms", "policy"].unique():
        assert policy in text
    assert set(found.policies["study"]) == {scored.STOPPING, scored.CASCADES}
    frame = replays.policies_frame(found, studies=policies.FIGURES["replay_scores"])
    assert faults(policies.draw(frame)) == [] and len(frame) > 20
    assert section(found).body.count("<table>") == 2


def test_the_command_replays_scores_and_refuses_votes_of_scores(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--folds", "2", "--scorer", "coin", "--out", str(tmp_path)]
    assert main(["replay", str(run), "--rule", "best_of_n", *options]) == 0
    assert "Stopping at a high score" in capsys.readouterr().out and (tmp_path / "replay_scores.png").exists()
    assert main(["replay", str(run), "--rule", "weighted_vote", *options]) == 2
    assert "Choose --rule best_of_n" in capsys.readouterr().err


def test_answers_without_votes_and_one_model_are_replayed_as_far_as_they_go(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"m,p{p},{int(rng.random() < 0.5)},{rng.normal():.3f}" for p in range(30) for _ in range(4)]
    (tmp_path / "t.csv").write_text("\n".join(["m,p,c,r", *lines]))
    options = ["--map", "model=m", "prompt=p", "correct=c", "verifier=r"]
    assert main(["ingest", str(tmp_path / "t.csv"), str(tmp_path / "run"), *options]) == 0
    found = replay(tmp_path / "run", "r")
    assert set(found.policies["study"]) == {scored.STOPPING}
    assert scored.STOP_VOTES not in set(found.policies["policy"])
