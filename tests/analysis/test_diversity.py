from pathlib import Path

import numpy as np
import pytest

from analysis.costs import cost_models
from analysis.questions import diversity
from analysis.questions.exchange_rates import Findings
from analysis.runs import outcomes
from analysis.stats.bootstrap import prompt_weights
from analysis.text import summary


def test_one_sample_gives_as_many_distinct_right_answers_as_its_accuracy(ladder_run: Path):
    loaded = outcomes.load(ladder_run)
    weights = prompt_weights(len(loaded.prompt_ids), num_replicates=2000, rng=np.random.default_rng(0))
    frame = diversity.frame(loaded.arms, cost_models.choose("c1"), weights).set_index(["model", "width"])
    for arm in loaded.arms:
        one, most = frame.loc[(arm.rung.name, 1)], frame.loc[(arm.rung.name, 16)]
        assert one["distinct"] == one["per_sample"] == pytest.approx(arm.samples.correct[-1].mean())
        right = [len(set(v[c])) for v, c in zip(arm.samples.votes[-1], arm.samples.correct[-1], strict=True)]
        assert most["distinct"] == pytest.approx(np.mean(right))
        flops = 2 * arm.rung.shape.num_matmul_params * (14 + 16 * arm.decoded_tokens[-1].mean(axis=1)).mean()
        assert most["per_cost"] == pytest.approx(np.mean(right) / flops)
        assert most["per_cost_low"] < most["per_cost"] < most["per_cost_high"]


def test_distinct_answers_are_told_in_words(found: Findings):
    lines = summary.diversity(found).splitlines()
    assert lines[0].split("  ")[-1] == "per FLOP"
    assert len(lines) == 5
