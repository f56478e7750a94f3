"""Scores between 0 and 1 from elsewhere: what they are worth at every width,
and where somebody says what is right.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.questions import exchange_rates
from analysis.questions.exchange_rates import ALL_PROMPTS, Findings
from analysis.reading import cautions
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.text import summary
from tests.door import ingest as main

MAP = ("model=m", "prompt=p", "correct=s")


def find(loaded: outcomes.Outcomes) -> Findings:
    return exchange_rates.measure(read(loaded, Choices()))


def store(folder: Path, table: pd.DataFrame, *options: str, mapped: tuple[str, ...] = MAP) -> outcomes.Outcomes:
    table.to_csv(folder / "t.csv", index=False)
    assert main([str(folder / "t.csv"), str(folder / "run"), "--map", *mapped, *options]) == 0
    return outcomes.load(folder / "run")


def accuracy(found: Findings, rule: str, *, model: str = "a") -> list[float]:
    """On all prompts, at every width."""
    rows = found.curves[(found.curves["model"] == model) & (found.curves["bin"] == ALL_PROMPTS)]
    rows = rows[(rows["rule"] == rule) & (rows["path"] == "width")]
    return [float(value) for value in rows["accuracy"]]


@pytest.fixture
def table() -> pd.DataFrame:
    """Two models on 12 prompts, three samples each, as ROUGE or F1 would score them."""
    rng = np.random.default_rng(3)
    rows = [
        {"m": model, "p": f"p{prompt}", "s": round(float(rng.beta(2, 2)), 3)}
        for model in "ab"
        for prompt in range(12)
        for _ in range(3)
    ]
    return pd.DataFrame(rows)


def test_one_answer_is_worth_the_mean_of_its_scores_and_any_of_k_the_best(tmp_path: Path, table: pd.DataFrame):
    found = find(store(tmp_path, table))
    scores = table[table["m"] == "a"].groupby("p")["s"].apply(np.asarray)
    pairs = [[max(one, other) for at, one in enumerate(each) for other in each[at + 1 :]] for each in scores]
    expected = [
        np.mean([each.mean() for each in scores]),
        np.mean(pairs),
        np.mean([each.max() for each in scores]),
    ]
    np.testing.assert_allclose(accuracy(found, "pass_at_k"), expected, atol=1e-6)
    assert set(found.curves["rule"]) == {"pass_at_k"}
    assert found.cells.set_index("model")["accuracy"]["a"] == pytest.approx(expected[0], abs=1e-6)


def test_a_vote_counts_with_the_score_of_its_answer(tmp_path: Path):
    rows = [("x", 0.5), ("x", 0.5), ("y", 1.0), ("z", 0.2), ("z", 0.2), ("z", 0.2)]
    table = pd.DataFrame(
        [{"m": "a", "p": f"p{at // 3}", "w": word, "s": score} for at, (word, score) in enumerate(rows)]
    )
    found = find(store(tmp_path, table, mapped=(*MAP, "answer=w")))
    np.testing.assert_allclose(accuracy(found, "maj_at_k"), [(2 / 3 + 0.2) / 2, (0.5 + 0.2) / 2], atol=1e-6)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.9])
def test_where_it_is_said_from_where_a_score_is_right_nothing_is_in_between(
    tmp_path: Path, table: pd.DataFrame, threshold: float
):
    loaded = store(tmp_path, table, "--correct-at", str(threshold))
    right = table[table["m"] == "a"]["s"] >= threshold
    assert accuracy(find(loaded), "pass_at_k")[0] == pytest.approx(right.mean())
    assert "Scores from 0 to 1" not in [caution.about for caution in cautions.read(loaded)]


def test_what_scores_count_for_is_told_beside_them(tmp_path: Path, table: pd.DataFrame):
    loaded = store(tmp_path, table)
    assert "Scores from 0 to 1" in summary.render(loaded, find(loaded), rule="pass_at_k")
    assert "Accuracy is their mean" in cautions.text(loaded)


def test_scores_beside_outcomes_that_are_right_or_wrong_are_compared_as_they_are(
    tmp_path: Path, table: pd.DataFrame
):
    rounded = table.assign(s=np.where(table["m"] == "b", (table["s"] > 0.5).astype(float), table["s"]))
    loaded = store(tmp_path, rounded)
    found = find(loaded)
    for model in "ab":
        mean = rounded[rounded["m"] == model]["s"].mean()
        assert accuracy(found, "pass_at_k", model=model)[0] == pytest.approx(mean, abs=1e-6)


def test_thirds_of_one_sample_a_prompt_keep_their_mean(tmp_path: Path):
    table = pd.DataFrame([{"m": "a", "p": f"p{at}", "s": at % 4 / 3} for at in range(40)])
    assert accuracy(find(store(tmp_path, table)), "pass_at_k") == [pytest.approx(0.5, abs=1e-6)]
