"""Prompt by prompt: against scipy's own test, and what many looks leave."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from analysis.stats.losses import by_prompt
from analysis.stats.tallies import Tally


def tally(correct: np.ndarray) -> Tally:
    return Tally(correct.sum(axis=1), np.full(len(correct), correct.shape[1]))


def test_each_prompt_is_fishers_exact_test_of_its_samples():
    rng = np.random.default_rng(0)
    base, new = rng.random((30, 8)) < 0.6, rng.random((30, 5)) < 0.4
    found = by_prompt(tally(base), tally(new))
    for prompt in range(30):
        right = [base[prompt].sum(), new[prompt].sum()]
        table = [[right[0], 8 - right[0]], [right[1], 5 - right[1]]]
        assert found.p_value[prompt] == pytest.approx(fisher_exact(table).pvalue)
        assert found.difference[prompt] == pytest.approx(right[1] / 5 - right[0] / 8)


def test_a_prompt_that_is_wholly_lost_stands_out_of_a_hundred():
    rng = np.random.default_rng(1)
    base, new = rng.random((100, 16)) < 0.7, rng.random((100, 16)) < 0.7
    base[7], new[7] = True, False
    found = by_prompt(tally(base), tally(new))
    assert found.difference[7] == -1 and found.p_bh[7] < 1e-4
    assert np.flatnonzero(found.p_holm <= 0.05).tolist() == [7]


def test_one_sample_tells_no_prompt_from_chance():
    found = by_prompt(tally(np.ones((50, 1), bool)), tally(np.zeros((50, 1), bool)))
    assert np.all(found.p_value == 1) and np.all(found.difference == -1)
