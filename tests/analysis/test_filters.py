"""Filters with planted error rates come out with those rates, and with the ceiling that they set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.questions import ceilings
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.reading.untold import UntoldError
from analysis.runs import outcomes
from analysis.runs.verifiers import Scoring
from analysis.stats import filters
from analysis.stats.frontier import draw_folds
from tests.analysis.conftest import LADDER
from tests.analysis.planted_scores import score

Plant = Callable[..., Path]


def fit(scores: np.ndarray, right: np.ndarray, *, seed: int = 0) -> filters.Rates:
    weights = np.ones((2, len(right)))
    folds = draw_folds(len(right), rng=np.random.default_rng(seed))
    return filters.cross_fit(scores, right, choosing=weights, weights=weights, folds=folds)


@pytest.mark.parametrize(("true_rate", "false_rate"), [(0.9, 0.2), (1.0, 0.5), (0.4, 0.1), (0.7, 0.0)])
def test_planted_rates_and_their_ceiling_come_out(true_rate: float, false_rate: float):
    rng = np.random.default_rng(3)
    chance = rng.choice([0.1, 0.5, 0.8], size=600)
    right = rng.random((600, 64)) < chance[:, None]
    yes = rng.random(right.shape) < np.where(right, true_rate, false_rate)
    found = fit(yes.astype(float), right)
    assert found.true_rate[0] == pytest.approx(true_rate, abs=0.02)
    assert found.false_rate[0] == pytest.approx(false_rate, abs=0.02)
    expected = (chance * true_rate / (chance * true_rate + (1 - chance) * false_rate)).mean()
    assert found.ceiling[0] == pytest.approx(expected, abs=0.015)
    # Of 64 samples the accepted are nearly as those of endlessly many.
    assert found.measured[0] == pytest.approx(expected, abs=0.02)


def test_the_ceiling_is_bayes_rule_and_the_plain_share_where_nothing_is_accepted():
    np.testing.assert_allclose(filters.ceiling([0.2, 0.5, 0.0, 1.0], 0.9, 0.1), [0.18 / 0.26, 0.9, 0.0, 1.0])
    np.testing.assert_allclose(filters.ceiling([0.3, 0.6], 0.0, 0.0), [0.3, 0.6])
    assert filters.ceiling(0.01, 0.5, 0.0) == 1.0
    np.testing.assert_allclose(filters.ceiling([0.1, 0.7], 0.4, 0.4), [0.1, 0.7])


def test_a_threshold_gains_nothing_from_the_prompts_that_it_is_read_at():
    """On few prompts the best threshold of pure noise would seem to accept more right answers than wrong ones."""
    rng, gained = np.random.default_rng(0), []
    for _ in range(300):
        scores, right = rng.normal(size=(16, 8)), rng.random((16, 8)) < 0.5
        found = fit(scores, right, seed=int(rng.integers(1000)))
        gained.append(found.true_rate[0] - found.false_rate[0])
    assert abs(np.mean(gained)) < 3 * np.std(gained) / np.sqrt(300)


@pytest.mark.parametrize("constant", [True, False])
def test_prompts_without_right_or_without_wrong_answers_have_the_rate_there_is(constant: bool):
    right = np.full((10, 4), constant)
    found = fit(np.arange(40.0).reshape(10, 4), right)
    assert np.isnan(found.false_rate if constant else found.true_rate).all()
    assert (found.measured == constant).all() and (found.ceiling == constant).all()


def test_scores_of_one_value_accept_all():
    right = np.arange(40).reshape(10, 4) % 3 == 0
    found = fit(np.ones((10, 4)), right)
    assert (found.true_rate == 1).all() and (found.false_rate == 1).all()
    np.testing.assert_allclose(found.ceiling, right.mean())
    np.testing.assert_allclose(found.measured, right.mean())


def test_what_does_not_fit_is_refused():
    for scores, right in ((np.zeros((2, 3)), np.zeros((2, 2))), (np.full((2, 2), np.nan), np.zeros((2, 2)))):
        with pytest.raises(ValueError, match="needs a score and a grade"):
            fit(scores, right)


def test_an_oracle_accepts_the_right_and_a_coin_tells_nothing(plant: Plant):
    root = plant(LADDER[1:3], num_prompts=60, num_samples=8, bin_samples=4)
    score(root, lambda row, rng: {"score": float(row.correct)}, scorer="oracle")
    score(root, lambda row, rng: {"score": float(rng.normal())}, scorer="coin")
    oracle, coin = (frame_of(root, name) for name in ("oracle", "coin"))
    assert (oracle["true_rate"] == 1).all() and (oracle["false_rate"] == 0).all()
    assert np.allclose(oracle["ceiling"], oracle["measured"]) and np.allclose(oracle["short"], 0)
    whole = coin[coin["bin"] == "all prompts"]
    # Three standard errors of the difference of two shares of about 240 answers each.
    assert ((whole["true_rate"] - whole["false_rate"]).abs() < 3 * np.sqrt(0.5 / 240)).all()
    assert {"all prompts", "easy", "medium", "hard"} == set(coin["bin"]) and len(coin) == 8
    for name in ("true_rate", "false_rate", "ceiling", "measured", "short"):
        assert (coin[f"{name}_low"] <= coin[name]).all() and (coin[name] <= coin[f"{name}_high"]).all(), name


def test_one_prompt_has_no_two_halves(plant: Plant):
    root = plant(LADDER[:1], num_prompts=1, num_samples=4, bin_samples=0)
    score(root, lambda row, rng: {"score": float(row.correct)})
    with pytest.raises(UntoldError, match="Too few prompts"):
        frame_of(root, "rm")


def frame_of(root: Path, scorer: str) -> pd.DataFrame:
    loaded = outcomes.load(root, scoring=Scoring(scorer))
    return ceilings.frame(read(loaded, Choices(), rule="best_of_n"))
