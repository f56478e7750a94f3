from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from analysis.estimators import EXACT_MAX_SAMPLES, maj_at_k, max_at_k, pass_at_k


def plurality_by_enumeration(votes: np.ndarray, correct: np.ndarray, k: int) -> float:
    """Mean over all size-k subsets of the mean worth of the classes in the lead."""
    outcomes = []
    for subset in combinations(range(len(votes)), k):
        tally: dict[int, int] = {}
        for vote in votes[list(subset)]:
            if vote >= 0:
                tally[vote] = tally.get(vote, 0) + 1
        leaders = [vote for vote, count in tally.items() if count == max(tally.values())]
        outcomes.append(np.mean([correct[votes == vote].mean() for vote in leaders]) if leaders else 0.0)
    return float(np.mean(outcomes))


def test_pass_at_k_equals_the_share_of_subsets_with_a_correct_sample():
    for num_correct in range(8):
        correct = np.arange(7) < num_correct
        for k in range(1, 8):
            share = np.mean([correct[list(subset)].any() for subset in combinations(range(7), k)])
            assert pass_at_k(7, min(num_correct, 7), k) == pytest.approx(share)


def test_pass_at_one_equals_mean_accuracy():
    np.testing.assert_allclose(pass_at_k(16, np.arange(17), 1), np.arange(17) / 16)


def test_pass_at_all_samples_is_one_where_any_is_correct():
    np.testing.assert_array_equal(pass_at_k(16, np.arange(17), 16), [0] + [1] * 16)


def test_pass_at_k_is_unbiased_where_the_plug_in_is_not():
    n, p = 32, 0.02
    chance = binom.pmf(np.arange(n + 1), n, p)
    assert chance @ pass_at_k(n, np.arange(n + 1), n) == pytest.approx(0.476, abs=5e-4)
    assert chance @ (1 - (1 - np.arange(n + 1) / n) ** n) == pytest.approx(0.338, abs=5e-4)


def test_pass_at_k_stays_accurate_at_ten_thousand_samples():
    assert pass_at_k(10_000, 1, 100) == pytest.approx(0.01, rel=1e-6)
    assert pass_at_k(10_000, 0, 10_000) == 0


@pytest.mark.parametrize("k", [0, 17])
def test_widths_beyond_the_pool_are_refused(k: int):
    with pytest.raises(ValueError, match="sample more"):
        pass_at_k(16, 3, k)
    with pytest.raises(ValueError, match="sample more"):
        maj_at_k(np.zeros(16, dtype=int), np.ones(16), [k])


def test_more_correct_than_sampled_is_refused():
    with pytest.raises(ValueError, match="between 0 and num_samples"):
        pass_at_k(4, 5, 1)


@pytest.mark.parametrize("num_answers", [1, 2, 4, 9])
def test_maj_at_k_equals_enumeration_with_ties_abstainers_and_disagreeing_members(num_answers: int):
    rng = np.random.default_rng(num_answers)
    votes = rng.integers(-1, num_answers, size=(12, 7))
    correct = rng.random((12, 7)) < 0.5
    expected = [[plurality_by_enumeration(v, c, k) for k in range(1, 8)] for v, c in zip(votes, correct, strict=True)]
    np.testing.assert_allclose(maj_at_k(votes, correct, range(1, 8)), expected, atol=1e-12)


def test_maj_at_one_equals_the_share_of_correct_voters():
    rng = np.random.default_rng(0)
    votes = rng.integers(-1, 5, size=(50, 16))
    correct = votes == 0
    np.testing.assert_allclose(maj_at_k(votes, correct, [1])[:, 0], correct.mean(axis=1))


def test_maj_at_two_equals_maj_at_one_when_all_answer():
    votes = np.random.default_rng(0).integers(0, 5, size=(50, 16))
    at_one, at_two = maj_at_k(votes, votes == 0, [1, 2]).T
    np.testing.assert_allclose(at_two, at_one)


def test_maj_at_all_samples_is_the_plurality_with_ties_split():
    votes = np.array([[0, 0, 0, 1, 2], [0, 0, 1, 1, 2], [0, 0, 1, 1, -1], [0, 1, 1, 2, 2]])
    np.testing.assert_allclose(maj_at_k(votes, votes == 0, [5])[:, 0], [1, 1 / 2, 1 / 2, 0])


def test_maj_at_k_of_two_answers_is_a_hypergeometric_tail():
    votes = (np.arange(16) >= 9).astype(int)
    expected = [hypergeom.sf(k // 2, 16, 9, k) for k in (1, 3, 5, 15)]
    np.testing.assert_allclose(maj_at_k(votes, votes == 0, [1, 3, 5, 15]), expected)


def test_a_subset_in_which_nobody_votes_counts_nothing():
    assert maj_at_k(np.full(8, -1), np.ones(8), [1, 8]).tolist() == [0, 0]


def test_votes_are_told_apart_by_their_code_alone():
    votes = np.random.default_rng(0).integers(0, 4, size=(20, 8))
    same = maj_at_k(votes * 1000 + 7, votes == 0, range(1, 9))
    np.testing.assert_array_equal(maj_at_k(votes, votes == 0, range(1, 9)), same)


def test_drawn_maj_at_k_agrees_with_the_exact_one(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    votes = np.minimum(rng.geometric(0.3, size=(10, 12)), 6) - 2
    exact = maj_at_k(votes, votes == 0, [1, 5, 12])
    monkeypatch.setattr("analysis.estimators.EXACT_MAX_SAMPLES", 4)
    drawn = maj_at_k(votes, votes == 0, [1, 5, 12], rng=rng, num_draws=4000)
    np.testing.assert_allclose(drawn, exact, atol=5 * 0.5 / np.sqrt(4000))


def test_wide_pools_ask_for_an_rng():
    votes = np.zeros(EXACT_MAX_SAMPLES + 1, dtype=int)
    with pytest.raises(ValueError, match="pass rng"):
        maj_at_k(votes, votes == 0, [1])


def test_max_at_k_equals_the_mean_maximum_over_subsets():
    values = np.array([3.0, 9.0, 9.0, 1.0, 4.0, 7.0])
    expected = [np.mean([max(subset) for subset in combinations(values, k)]) for k in range(1, 7)]
    np.testing.assert_allclose(max_at_k(values, range(1, 7)), expected)
