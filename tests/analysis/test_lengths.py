"""Lengths of right beside wrong samples, and of one model beside another: brute force, planted truth, refusals."""

import numpy as np
import pytest

from analysis.stats import lengths, pairs
from analysis.stats.bootstrap import weighted_means

RNG = np.random.default_rng(11)
TOKENS = RNG.integers(1, 12, size=(15, 6))
CAP = 8
IS_CUT = TOKENS > CAP
CORRECT = RNG.random((15, 6)) < 0.5


def test_a_cut_sample_is_longer_than_one_that_ended_and_ties_with_another():
    found = lengths.shorter(np.minimum(TOKENS, CAP), IS_CUT, CORRECT)
    for prompt in range(15):
        above = total = 0.0
        for right in np.flatnonzero(CORRECT[prompt]):
            for wrong in np.flatnonzero(~CORRECT[prompt]):
                total += 1
                a, b = ((TOKENS[prompt, s], IS_CUT[prompt, s]) for s in (right, wrong))
                if (a[1] and b[1]) or (not a[1] and not b[1] and a[0] == b[0]):
                    above += 0.5
                elif not a[1] and (b[1] or a[0] < b[0]):
                    above += 1
        assert (found.above[prompt], found.total[prompt]) == (above, total)


def test_what_lies_beyond_the_cap_does_not_matter():
    longer = np.where(IS_CUT, TOKENS + RNG.integers(0, 99, size=TOKENS.shape), TOKENS)
    for table in (TOKENS, longer):
        found = lengths.shorter(np.minimum(table, CAP), IS_CUT, CORRECT)
        np.testing.assert_array_equal(found, lengths.shorter(np.minimum(TOKENS, CAP), IS_CUT, CORRECT))


def test_where_all_were_cut_every_pair_is_a_tie():
    found = lengths.shorter(np.full((15, 6), CAP), np.ones((15, 6), dtype=bool), CORRECT)
    assert pairs.area(found, np.ones((1, 15)))[0] == 0.5
    with pytest.raises(ValueError, match="one shape"):
        lengths.shorter(TOKENS, IS_CUT[:, :2], CORRECT)


def test_a_model_reaches_itself_at_its_own_budgets_and_a_better_one_never():
    budgets = np.array([0, 16, 64])
    accuracy = np.tile([0.2, 0.5, 0.7], (2001, 1))
    tokens = weighted_means(np.ones((2001, 3)), np.tile([5.0, 20.0, 50.0], (3, 1)))
    own = lengths.to_reach(accuracy, tokens, budgets, accuracy)
    np.testing.assert_allclose(own.cost, tokens)
    np.testing.assert_allclose(own.step, np.tile(budgets, (2001, 1)))
    beyond = lengths.to_reach(accuracy, tokens, budgets, accuracy + 0.25)
    assert np.isinf(beyond.cost[:, 1:]).all() and np.isfinite(beyond.cost[:, 0]).all()
