"""Flips between neighbouring budgets, and accuracy bought by tokens: identities, brute force and refusals."""

import numpy as np
import pytest

from analysis.stats import flips

RNG = np.random.default_rng(3)
CORRECT = RNG.random((4, 30, 6)) < 0.5


def test_flips_are_what_counting_samples_one_by_one_gives():
    found = flips.between(CORRECT)
    for prompt in range(30):
        for step in range(3):
            pairs = [(CORRECT[step, prompt, s], CORRECT[step + 1, prompt, s]) for s in range(6)]
            assert found.lost[prompt, step] == pytest.approx(sum(a and not b for a, b in pairs) / 6)
            assert found.gained[prompt, step] == pytest.approx(sum(b and not a for a, b in pairs) / 6)


def test_gained_less_lost_is_what_accuracy_changes_by():
    accuracy = CORRECT.mean(axis=2)
    np.testing.assert_allclose(flips.between(CORRECT).change, np.diff(accuracy, axis=0).T, atol=1e-12)


def test_a_sample_that_ended_by_itself_never_flips():
    ended = np.repeat(CORRECT[:1], 4, axis=0)
    found = flips.between(ended)
    assert not found.lost.any() and not found.gained.any()


def test_accuracy_per_tokens_is_what_500_of_them_buy():
    np.testing.assert_allclose(flips.per_tokens([[0.1, -0.02]], [[250.0, 50.0]]), [[0.2, -0.2]])
    assert flips.per_tokens(0.1, 250.0, step=1) == pytest.approx(0.1 / 250)


def test_where_nobody_thinks_on_tokens_buy_nothing_that_is_known():
    assert np.isnan(flips.per_tokens([0.0, 0.1], [0.0, -3.0])).all()


@pytest.mark.parametrize("shape", [(1, 3, 2), (2, 3, 0), (2, 3)])
def test_one_budget_or_no_samples_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="two budgets"):
        flips.between(np.zeros(shape))
