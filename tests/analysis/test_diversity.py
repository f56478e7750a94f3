from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.costs import cost_models
from analysis.figures import diversity as figure
from analysis.questions import diversity
from analysis.questions.exchange_rates import Findings
from analysis.reading import cells
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.reading.untold import UntoldError
from analysis.runs import outcomes
from analysis.stats.bootstrap import prompt_weights
from analysis.text import summary
from tests.analysis.words import faults


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


def test_the_figure_holds_right_answers_and_any_at_the_cost_of_their_samples(ladder_run: Path):
    measured = cells.measure(read(outcomes.load(ladder_run), Choices()))
    frame = diversity.figure_frame(measured)
    table = diversity.frame(measured.arms, measured.reading.cost, measured.reading.weights)
    right, readable = (frame[frame["kind"] == kind].reset_index(drop=True) for kind in diversity.KINDS)
    np.testing.assert_allclose(right["distinct"], table["distinct"])
    np.testing.assert_allclose(right["distinct"] / right["cost"], table["per_cost"])
    assert (readable["distinct"] >= right["distinct"]).all()
    one = readable[readable["width"] == 1].set_index("model")["distinct"]
    for arm in measured.arms:
        assert one[arm.rung.name] == pytest.approx((arm.samples.votes[-1] >= 0).mean())
    assert faults(figure.draw(frame)) == []


def test_the_figure_is_refused_where_no_answers_are_known(ladder_run: Path):
    loaded = outcomes.load(ladder_run)
    voteless = tuple(replace(arm, rung=replace(arm.rung, has_votes=False)) for arm in loaded.arms)
    measured = cells.measure(read(replace(loaded, arms=voteless), Choices(), rule="pass_at_k"))
    with pytest.raises(UntoldError, match="no answers"):
        diversity.figure_frame(measured)
