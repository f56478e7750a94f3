"""A published table of 100 MATH problems x 8 scored samples through our estimators, votes on math-verify's keys.

Data: QwenLM/Qwen2.5-Math, the reward model's example; expected values as that table gives them.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from analysis.stats.estimators import best_of_n, maj_at_k, pass_at_k
from harness.answers import math_key

NUM_SAMPLES = 8


class Scored(NamedTuple):
    """P problems x 8 samples: whether each is correct, its vote (-1: none), and its reward."""

    correct: np.ndarray
    votes: np.ndarray
    rewards: np.ndarray


@pytest.fixture(scope="module")
def scored(outside_data: Callable[[str], Path]) -> Scored:
    with gzip.open(outside_data("math/math_reward_scored_100x8.jsonl.gz"), "rt") as file:
        problems = [json.loads(line) for line in file]
    votes = []
    for problem in problems:
        keys = [math_key(answer) if answer else None for answer in problem["pred"]]
        codes = {key: code for code, key in enumerate(dict.fromkeys(key for key in keys if key is not None))}
        votes.append([-1 if key is None else codes[key] for key in keys])
    rewards = [[reward[0] for reward in problem["pred_score"]] for problem in problems]
    return Scored(np.array([p["score"] for p in problems], bool), np.array(votes), np.array(rewards))


def test_pass_at_k_is_the_published_one(scored: Scored) -> None:
    assert scored.correct.shape == (100, NUM_SAMPLES)
    passed = [pass_at_k(NUM_SAMPLES, scored.correct.sum(axis=1), k).mean() for k in (1, NUM_SAMPLES)]
    assert passed == [pytest.approx(0.91, abs=0.005), pytest.approx(0.96)]


def test_the_majority_on_canonical_keys_is_right_as_often_as_published(scored: Scored) -> None:
    assert maj_at_k(scored.votes, scored.correct, [NUM_SAMPLES]).mean() == pytest.approx(0.925)


def test_the_best_by_reward_is_right_as_often_as_published(scored: Scored) -> None:
    assert best_of_n(scored.rewards, scored.correct, [NUM_SAMPLES]).mean() == pytest.approx(0.94)


def test_equal_keys_are_graded_alike(scored: Scored) -> None:
    for votes, correct in zip(scored.votes, scored.correct, strict=True):
        for vote in set(votes.tolist()) - {-1}:
            assert len(set(correct[votes == vote].tolist())) == 1
