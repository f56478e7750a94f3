"""Published outcomes read by our estimators give the published numbers.
Each skips where the data is not at hand.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.stats.estimators import best_of_n, maj_at_k, pass_at_k, weighted_vote_at_k
from analysis.stats.intervals import binomial_interval

Find = Callable[[str], Path]


def read_lines(path: Path) -> list[dict]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


@pytest.fixture(scope="module")
def scored(outside_data: Find) -> dict[str, np.ndarray]:
    """100 MATH problems x 8 samples of Qwen2.5-Math with correctness and reward scores (QwenLM/Qwen2.5-Math)."""
    rows = read_lines(outside_data("math/math_reward_scored_100x8.jsonl.gz"))
    votes = [pd.factorize(np.asarray([str(answer) for answer in row["pred"]]))[0] for row in rows]
    return {
        "correct": np.array([row["score"] for row in rows], dtype=bool),
        "votes": np.array(votes),
        "reward": np.array([row["pred_score"] for row in rows], dtype=float)[:, :, 0],
    }


def test_one_majority_best_and_any_of_eight_rewarded_samples(scored: dict[str, np.ndarray]):
    correct, votes, reward = scored["correct"], scored["votes"], scored["reward"]
    assert correct.shape == (100, 8)
    assert correct.mean() == pytest.approx(0.91, abs=5e-3)
    assert maj_at_k(votes, correct, [8]).mean() == pytest.approx(0.925, abs=1e-3)
    assert best_of_n(reward, correct, [8]).mean() == pytest.approx(0.94, abs=1e-3)
    assert pass_at_k(8, correct.sum(axis=1), 8).mean() == pytest.approx(0.96, abs=1e-3)


def test_a_vote_weighted_by_reward_lies_between_one_sample_and_any_of_eight(scored: dict[str, np.ndarray]):
    weight = np.exp(scored["reward"])
    found = weighted_vote_at_k(scored["votes"], scored["correct"], weight, [8], rng=np.random.default_rng(0))
    assert np.all(found.standard_error == 0)
    assert 0.91 <= found.mean.mean() <= 0.96


# WildEval/ZeroEval, greedy accuracies in percent.
ZEROEVAL = {
    ("math-l5", 721): {
        "Qwen2.5-3B-Instruct": 25.52,
        "Qwen2.5-7B-Instruct": 51.46,
        "Qwen2.5-32B-Instruct": 59.50,
        "Qwen2.5-72B-Instruct": 60.19,
        "Meta-Llama-3.1-8B-Instruct": 22.19,
        "Meta-Llama-3.1-70B-Instruct": 43.13,
        "Llama-3.1-405B-Inst@sambanova": 49.79,
    },
    ("gsm", 1319): {
        "Meta-Llama-3.1-8B-Instruct": 84.00,
        "Meta-Llama-3.1-70B-Instruct": 94.16,
        "Llama-3.1-405B-Inst@sambanova": 95.91,
    },
}


def test_greedy_accuracies_item_by_item_are_the_published_ones(outside_data: Find):
    items = pd.read_csv(outside_data("zeroeval/items.csv.gz"))
    for (task, num_items), published in ZEROEVAL.items():
        part = items[(items["task"] == task) & items["model"].isin(published)]
        found = part.groupby("model")["correct_rescored"].agg(["mean", "size"])
        assert set(found["size"]) == {num_items}
        assert (100 * found["mean"]).to_dict() == pytest.approx(published, abs=0.006)


def test_the_six_billion_model_with_a_verifier_beats_the_finetuned_larger_one(outside_data: Find):
    """GPT-3 on GSM8K (Cobbe et al. 2021): the field's first substitution result."""
    rows = read_lines(outside_data("gsm8k/example_model_solutions.jsonl"))
    correct = {
        name: np.array([row[name]["is_correct"] for row in rows])
        for name in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
    }
    percent = {name: 100 * values.mean() for name, values in correct.items()}
    published = dict(zip(correct, (21.68, 39.04, 34.72, 56.25), strict=True))
    assert percent == pytest.approx(published, abs=0.006)
    ends = [binomial_interval(correct[name].sum(), len(rows)) for name in ("6b_verification", "175b_finetuning")]
    assert ends[0].low < ends[1].high < ends[0].estimate


@pytest.mark.parametrize(
    ("name", "coverage"),
    [("standard", {1: 0.0734, 100: 0.33}), ("cot", {1: 0.0403, 5: 0.1429, 10: 0.2148, 100: 0.49})],
)
def test_coverage_of_gpt4_on_the_game_of_24(outside_data: Find, name: str, coverage: dict[int, float]):
    """Yao et al. 2023, 100 puzzles x 100 samples."""
    with gzip.open(outside_data(f"game24/gpt4_{name}_100x100.json.gz"), "rt") as file:
        puzzles = json.load(file)
    correct = np.array(
        [puzzle.get("accs") or [info["r"] for info in puzzle["infos"]] for puzzle in puzzles], dtype=bool
    )
    assert correct.shape == (100, 100)
    for k, expected in coverage.items():
        assert pass_at_k(100, correct.sum(axis=1), k).mean() == pytest.approx(expected, abs=1e-4)
