import numpy as np
import pytest
from scipy.stats import spearmanr

from analysis.stats.difficulty import (
    bin_names,
    default_num_bins,
    quantile_bins,
    quantile_parts,
    rank_agreement,
    shared_quantile_weights,
    shrunk_scores,
    threshold_bins,
    vote_agreement,
)


def bins_of(scores: np.ndarray, num_bins: int) -> np.ndarray:
    return quantile_bins(scores, np.ones((1, len(scores))), num_bins=num_bins)[0]


def test_distinct_scores_fall_into_equal_bins_from_easiest_to_hardest():
    scores = np.random.default_rng(0).permutation(150) / 150
    bins = bins_of(scores, 3)
    assert np.bincount(bins).tolist() == [50, 50, 50]
    assert scores[bins == 0].min() > scores[bins == 1].max() > scores[bins == 2].max()


@pytest.mark.parametrize("seed", range(5))
def test_equal_scores_stay_in_one_bin(seed: int):
    rng = np.random.default_rng(seed)
    scores = rng.binomial(8, rng.beta(0.5, 0.8, size=120)) / 8
    weights = rng.multinomial(120, np.full(120, 1 / 120), size=50)
    bins = quantile_bins(scores, weights, num_bins=3)
    for score in np.unique(scores):
        assert np.all(bins[:, scores == score] == bins[:, scores == score][:, :1])


def test_every_bin_holds_a_score_even_where_most_prompts_tie():
    scores = np.repeat([1.0, 0.5, 0.25, 0.0], [94, 3, 2, 1])
    assert np.bincount(bins_of(scores, 3)).tolist() == [94, 3, 3]


def test_what_a_large_tie_leaves_is_shared_equally():
    scores = np.append(np.ones(60), np.arange(40) / 40)
    assert np.bincount(bins_of(scores, 5)).tolist() == [60, 10, 10, 10, 10]


def test_weights_bin_prompts_as_their_repetition_would():
    rng = np.random.default_rng(0)
    scores = rng.binomial(8, rng.beta(0.5, 0.8, size=60)) / 8
    weights = rng.multinomial(60, np.full(60, 1 / 60), size=200)
    for counts, bins in zip(weights, quantile_bins(scores, weights, num_bins=3), strict=True):
        np.testing.assert_array_equal(bins_of(np.repeat(scores, counts), 3), np.repeat(bins, counts))


def test_bins_beyond_the_number_of_scores_stay_empty():
    assert set(bins_of(np.array([0.0, 0.0, 1.0, 1.0]), 3).tolist()) == {0, 1}


def test_bin_weights_add_up_to_the_weights():
    rng = np.random.default_rng(0)
    weights = rng.multinomial(40, np.full(40, 1 / 40), size=7).astype(float)
    parts = quantile_parts(rng.random(40), weights, num_bins=5)
    np.testing.assert_array_equal(np.sum([np.asarray(part) for part in parts], axis=0), weights)


def test_bins_are_three_below_two_hundred_prompts_and_five_from_there():
    assert [default_num_bins(number) for number in (0, 4, 9, 10, 14, 15, 199, 200)] == [1, 1, 1, 2, 2, 3, 3, 5]


@pytest.mark.parametrize("num_bins", range(1, 8))
def test_every_bin_has_a_name_of_its_own(num_bins: int):
    assert len(set(bin_names(num_bins))) == num_bins


def test_thresholds_bin_from_the_easiest_and_a_score_on_one_counts_as_above_it():
    assert threshold_bins([1.0, 0.75, 0.7, 0.25, 0.1], [0.25, 0.75]).tolist() == [0, 0, 1, 1, 2]
    with pytest.raises(ValueError, match="distinct"):
        threshold_bins([0.5], [0.3, 0.3])


def test_a_score_that_is_missing_is_refused():
    with pytest.raises(ValueError, match="leave out"):
        quantile_bins([0.5, np.nan], np.ones((1, 2)), num_bins=2)


def test_shared_bins_have_equal_mass_and_hold_all_weight():
    rng = np.random.default_rng(0)
    scores = rng.binomial(8, rng.beta(0.5, 0.8, size=60)) / 8
    weights = rng.multinomial(60, np.full(60, 1 / 60), size=20).astype(float)
    parts = shared_quantile_weights(scores, weights, num_bins=5)
    np.testing.assert_allclose(parts.sum(axis=2), 12)
    np.testing.assert_allclose(parts.sum(axis=0), weights)


def test_shared_bins_are_the_expectation_of_ties_split_at_random():
    rng = np.random.default_rng(0)
    scores = np.repeat([1.0, 0.5, 0.0], [5, 7, 8])
    parts = shared_quantile_weights(scores, np.ones((1, 20)), num_bins=4)[:, 0]
    at_random = np.zeros_like(parts)
    for _ in range(4000):
        order = np.lexsort([rng.random(20), -scores])
        at_random[np.repeat(np.arange(4), 5), order] += 1 / 4000
    np.testing.assert_allclose(parts, at_random, atol=0.04)


def test_shrunk_scores_are_the_posterior_means_of_the_planted_prior():
    rng = np.random.default_rng(0)
    num_samples = rng.integers(2, 12, size=200_000)
    num_correct = rng.binomial(num_samples, rng.beta(0.5, 0.8, size=200_000))
    found = shrunk_scores(num_correct, num_samples, np.ones((1, 200_000)))[0]
    np.testing.assert_allclose(found, (num_correct + 0.5) / (num_samples + 1.3), atol=0.01)


def test_shrinking_follows_the_weights_as_it_would_repetition():
    rng = np.random.default_rng(0)
    num_samples = rng.integers(2, 12, size=50)
    num_correct = rng.binomial(num_samples, rng.beta(0.5, 0.8, size=50))
    counts = rng.multinomial(50, np.full(50, 1 / 50))
    weighted = shrunk_scores(num_correct, num_samples, counts[None])[0]
    repeated = shrunk_scores(*(np.repeat(x, counts) for x in (num_correct, num_samples)), np.ones((1, 50)))[0]
    np.testing.assert_allclose(np.repeat(weighted, counts), repeated)


def test_prompts_of_one_chance_shrink_all_the_way_and_extremes_stay():
    assert np.ptp(shrunk_scores([4, 4, 4], 8, np.ones((1, 3)))) == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(shrunk_scores([0, 0, 0], 8, np.ones((1, 3))), 0)
    with pytest.raises(ValueError, match="two samples"):
        shrunk_scores([0, 1], 1, np.ones((1, 2)))


def test_vote_agreement_is_the_share_of_the_leading_answer():
    votes = [[0, 0, 0, 1], [0, 1, 2, 3], [-1, -1, -1, 2], [-1, -1, -1, -1]]
    np.testing.assert_allclose(vote_agreement(votes), [0.75, 0.25, 0.25, 0])


def test_rank_agreement_is_spearmans_under_any_weights():
    rng = np.random.default_rng(0)
    oracle = rng.binomial(8, rng.beta(0.5, 0.8, size=60)) / 8
    predicted = (oracle + rng.normal(size=60)).round(1)
    weights = np.vstack([np.ones(60), rng.multinomial(60, np.full(60, 1 / 60), size=5)])
    for counts, found in zip(weights.astype(int), rank_agreement(predicted, oracle, weights), strict=True):
        assert found == pytest.approx(spearmanr(np.repeat(predicted, counts), np.repeat(oracle, counts))[0])


def test_a_constant_predictor_agrees_with_nothing():
    assert np.isnan(rank_agreement(np.ones(5), np.arange(5), np.ones((1, 5)))[0])
