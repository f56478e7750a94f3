import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from analysis.stats import plurality
from analysis.stats.estimators import (
    EXACT_MAX_SAMPLES,
    EXACT_MAX_TERMS,
    best_of_n,
    chance_corrected,
    distinct_at_k,
    drawn_maj_at_k,
    estimated_maj_at_k,
    maj_at_k,
    max_at_k,
    pass_at_k,
    weighted_vote_at_k,
)


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


@pytest.mark.parametrize("num_samples", [998, 1002, 10_112, 130_000, 2_980_608, 3_700_000])
def test_pass_at_k_equals_the_formula_in_exact_fractions(num_samples: int):
    """Right and wrong samples from one to nearly all, widths likewise,
    at the edges of the ways it is worked out.
    """
    n, few = num_samples, (1, 2, 3, 20)
    many = (1, 7, n // 900, n // 3, n // 2, n - 130, n - 122, n - 121, n - 120, n - 30)
    places = {(c, k) for a in few for b in many for c, k in ((a, b), (b, a))}
    for c, k in sorted(places):
        share = math.prod((Fraction(n - max(c, k) - i, n - i) for i in range(min(c, k))), start=Fraction(1))
        assert float(pass_at_k(n, c, k)) == pytest.approx(float(1 - share), rel=3e-9, abs=0)
    np.testing.assert_array_equal(pass_at_k(n, [0, n, n - 4, 1], [n, 1, 5, n]), [0, 1, 1, 1])


@pytest.mark.parametrize("k", [0, 17])
def test_widths_beyond_the_pool_are_refused(k: int):
    with pytest.raises(ValueError, match="sample more"):
        pass_at_k(16, 3, k)
    with pytest.raises(ValueError, match="sample more"):
        maj_at_k(np.zeros(16, dtype=int), np.ones(16), [k])


@pytest.mark.parametrize(
    "counts", [(np.nan, 3, 1), (10, np.nan, 1), (10, [3, np.nan], 1), (10, 3, np.nan), (10, 3, 2.5)]
)
def test_missing_counts_and_widths_between_whole_ones_are_refused(counts: tuple):
    with pytest.raises(ValueError, match=r"missing|sample more|Round them"):
        pass_at_k(*counts)


def test_missing_outcomes_and_values_are_refused():
    votes, missing = np.zeros(3, dtype=int), np.array([1, np.nan, 0])
    for estimate in (
        lambda: maj_at_k(votes, missing, [1]),
        lambda: drawn_maj_at_k(votes, missing, [1], rng=np.random.default_rng(0)),
        lambda: weighted_vote_at_k(votes, missing, np.ones(3), [1], rng=np.random.default_rng(0)),
        lambda: best_of_n(np.arange(3), missing, [1]),
        lambda: max_at_k(missing, [1]),
        lambda: max_at_k([missing, votes], [1]),
    ):
        with pytest.raises(ValueError, match="must hold no NaN; leave out"):
            estimate()
    for estimate in (lambda: maj_at_k(votes, votes, [1.5]), lambda: max_at_k(votes, [1.5])):
        with pytest.raises(ValueError, match=r"1\.5 is not. Round them"):
            estimate()


def test_an_estimate_tells_the_error_of_its_draws_and_none_where_every_subset_was_counted():
    rng = np.random.default_rng(0)
    votes = rng.integers(0, 5, size=(3, 12))
    counted = estimated_maj_at_k(votes, votes == 0, [1, 5])
    np.testing.assert_array_equal(counted.mean, maj_at_k(votes, votes == 0, [1, 5]))
    assert (counted.standard_error == 0).all()
    many = rng.integers(0, 5, size=(200, EXACT_MAX_SAMPLES + 1))
    found = estimated_maj_at_k(many, many == 0, [1], rng=rng, num_draws=400)
    away = (found.mean - (many == 0).mean(axis=1, keepdims=True)) / found.standard_error
    assert 0.85 < away.std() < 1.15


def test_no_widths_give_no_estimates():
    votes, rng = np.array([[0, 1], [1, 1]]), np.random.default_rng(0)
    for estimates in (
        pass_at_k(2, [[0], [1]], []),
        maj_at_k(votes, votes, []),
        drawn_maj_at_k(votes, votes, [], rng=rng).mean,
        weighted_vote_at_k(votes, votes, np.ones((2, 2)), [], rng=rng).mean,
        best_of_n(votes, votes, []),
        max_at_k(votes, []),
        distinct_at_k(votes, votes, []),
    ):
        assert estimates.shape == (2, 0)


def test_more_correct_than_sampled_is_refused():
    with pytest.raises(ValueError, match="between 0 and num_samples"):
        pass_at_k(4, 5, 1)


@pytest.mark.parametrize("num_answers", [1, 2, 4, 9])
def test_maj_at_k_equals_enumeration_with_ties_abstainers_and_disagreeing_members(num_answers: int):
    rng = np.random.default_rng(num_answers)
    votes = rng.integers(-1, num_answers, size=(12, 7))
    correct = rng.random((12, 7)) < 0.5
    expected = [
        [plurality_by_enumeration(v, c, k) for k in range(1, 8)] for v, c in zip(votes, correct, strict=True)
    ]
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


def test_drawn_maj_at_k_agrees_with_the_exact_one_within_its_standard_error():
    rng = np.random.default_rng(0)
    votes = np.minimum(rng.geometric(0.3, size=(40, 12)), 6) - 2
    exact = maj_at_k(votes, votes == 0, [1, 5, 12])
    drawn = drawn_maj_at_k(votes, votes == 0, [1, 5, 12], rng=rng, num_draws=4000)
    np.testing.assert_array_equal(drawn.standard_error[:, 2], 0)
    np.testing.assert_allclose(drawn.mean[:, 2], exact[:, 2])
    off = (drawn.mean - exact)[:, :2] / drawn.standard_error[:, :2].clip(1e-9)
    assert np.abs(off).max() < 4.5
    assert 0.7 < off.std() < 1.3


def test_maj_at_k_is_exact_on_128_samples_of_any_shape():
    rng = np.random.default_rng(0)
    votes = np.stack([np.arange(128), np.arange(128) // 2, np.arange(128) // 12, rng.integers(-1, 4, 128)])
    codes, _ = plurality.classes(votes, np.ones(votes.shape))
    assert plurality.exact_terms(codes, range(1, 129)).max() < EXACT_MAX_TERMS
    exact = maj_at_k(votes, votes == 0, [1, 4, 32, 127])
    drawn = drawn_maj_at_k(votes, votes == 0, [1, 4, 32, 127], rng=rng, num_draws=20_000)
    assert np.all(np.abs(exact - drawn.mean) < 4.5 * drawn.standard_error + 1e-12)
    assert exact[0] == pytest.approx(1 / 128)


def test_maj_at_k_of_two_answers_is_a_hypergeometric_tail_in_a_pool_of_a_thousand():
    votes = (np.arange(1000) >= 520).astype(int)
    ks = [1, 101, 501, 999]
    np.testing.assert_allclose(maj_at_k(votes, votes == 0, ks), [hypergeom.sf(k // 2, 1000, 520, k) for k in ks])


def test_pools_too_wide_to_count_ask_for_an_rng_and_are_drawn_with_it():
    votes = np.arange(EXACT_MAX_SAMPLES + 1) % 3
    with pytest.raises(ValueError, match="pass rng"):
        maj_at_k(votes, votes == 0, [1])
    assert maj_at_k(votes, votes == 0, [1], rng=np.random.default_rng(0)) == pytest.approx(1 / 3, abs=0.06)


def weighted_vote_by_enumeration(votes: np.ndarray, correct: np.ndarray, scores: np.ndarray, k: int) -> float:
    outcomes = []
    for subset in combinations(range(len(votes)), k):
        sums = {v: scores[[i for i in subset if votes[i] == v]].sum() for v in set(votes[list(subset)]) if v >= 0}
        leaders = [v for v, total in sums.items() if total >= max(sums.values()) - 1e-12]
        outcomes.append(np.mean([correct[votes == v].mean() for v in leaders]) if leaders else 0.0)
    return float(np.mean(outcomes))


@pytest.mark.parametrize("num_draws", [1000, 20])
def test_a_weighted_vote_equals_enumeration(num_draws: int):
    rng = np.random.default_rng(0)
    votes, scores = rng.integers(-1, 3, size=(10, 7)), rng.normal(size=(10, 7)).round(1)
    found = weighted_vote_at_k(votes, votes == 0, scores, range(1, 8), rng=rng, num_draws=num_draws, max_visits=0)
    rows = zip(votes, votes == 0, scores, strict=True)
    expected = np.array([[weighted_vote_by_enumeration(*row, k) for k in range(1, 8)] for row in rows])
    was_visited = found.standard_error == 0
    np.testing.assert_allclose(
        found.mean[was_visited], expected[was_visited], atol=0.35 if num_draws == 20 else 1e-9
    )
    assert np.all(np.abs(found.mean - expected)[~was_visited] < 5 * found.standard_error[~was_visited])
    assert (num_draws == 1000) == bool(was_visited.all())


def test_a_vote_weighted_equally_is_the_majority_vote():
    votes = np.random.default_rng(0).integers(-1, 4, size=(20, 9))
    found = weighted_vote_at_k(
        votes, votes == 0, np.full(votes.shape, 0.1), [1, 3, 9], rng=np.random.default_rng(1)
    )
    np.testing.assert_allclose(found.mean, maj_at_k(votes, votes == 0, [1, 3, 9]), atol=1e-12)


def test_a_vote_without_a_score_is_refused():
    votes = np.array([[0, 1, -1]])
    scores = np.array([[0.5, np.nan, np.nan]])
    with pytest.raises(ValueError, match="finite score"):
        weighted_vote_at_k(votes, votes == 0, scores, [1], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="finite score"):
        best_of_n(scores, votes == 0, [1])


def test_best_of_n_equals_enumeration_with_ties_averaged():
    rng = np.random.default_rng(0)
    scores, correct = rng.integers(0, 4, size=(15, 7)).astype(float), rng.random((15, 7)) < 0.5
    for row, hits in zip(scores, correct, strict=True):
        for k in range(1, 8):
            subsets = [np.array(subset) for subset in combinations(range(7), k)]
            expected = np.mean([hits[subset[row[subset] == row[subset].max()]].mean() for subset in subsets])
            assert best_of_n(row, hits, [k]) == pytest.approx(expected)


def test_best_of_n_by_a_perfect_score_is_pass_at_k_and_by_a_constant_one_pass_at_one():
    correct = np.random.default_rng(0).random((20, 16)) < 0.3
    coverage = pass_at_k(16, correct.sum(axis=1)[:, None], np.arange(1, 17))
    np.testing.assert_allclose(best_of_n(correct, correct, range(1, 17)), coverage, atol=1e-12)
    np.testing.assert_allclose(best_of_n(np.ones(correct.shape), correct, [1, 7]), coverage[:, [0, 0]])


def test_a_guesser_has_no_chance_corrected_coverage_and_a_perfect_model_all():
    k = np.arange(1, 11)
    guessing = 1 - 0.75**k
    assert guessing[9] == pytest.approx(0.94, abs=5e-3)
    np.testing.assert_allclose(chance_corrected(guessing, k, num_choices=4), 0, atol=1e-12)
    np.testing.assert_allclose(chance_corrected(np.ones(10), k, num_choices=4), 1)
    assert chance_corrected(0.1, 1, num_choices=4) < 0
    with pytest.raises(ValueError, match="pass_at_k"):
        chance_corrected(0.5, 1, num_choices=1)


def test_distinct_at_k_equals_enumeration_over_valid_answers():
    rng = np.random.default_rng(0)
    votes, valid = rng.integers(-1, 5, size=(8, 7)), rng.random((8, 7)) < 0.7
    for row, good in zip(votes, valid, strict=True):
        for k in range(1, 8):
            counts = [len({row[i] for i in s if good[i] and row[i] >= 0}) for s in combinations(range(7), k)]
            assert distinct_at_k(row, good, [k]) == pytest.approx(np.mean(counts))


def test_distinct_answers_of_a_pool_in_full_are_its_valid_classes():
    votes = np.array([[0, 0, 1, 2, 3, -1]])
    valid = np.array([[True, True, True, True, False, False]])
    np.testing.assert_allclose(distinct_at_k(votes, valid, [1, 6]), [[4 / 6, 3]])


def test_max_at_k_equals_the_mean_maximum_over_subsets():
    values = np.array([3.0, 9.0, 9.0, 1.0, 4.0, 7.0])
    expected = [np.mean([max(subset) for subset in combinations(values, k)]) for k in range(1, 7)]
    np.testing.assert_allclose(max_at_k(values, range(1, 7)), expected)
