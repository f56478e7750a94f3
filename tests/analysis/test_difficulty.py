import numpy as np
import pytest

from analysis.difficulty import bin_names, bin_weights, default_num_bins, quantile_bins


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
    labels = quantile_bins(rng.random(40), weights, num_bins=5)
    np.testing.assert_array_equal(bin_weights(weights, labels, num_bins=5).sum(axis=0), weights)


def test_bins_are_three_below_two_hundred_prompts_and_five_from_there():
    assert [default_num_bins(number) for number in (199, 200)] == [3, 5]


@pytest.mark.parametrize("num_bins", range(1, 8))
def test_every_bin_has_a_name_of_its_own(num_bins: int):
    assert len(set(bin_names(num_bins))) == num_bins
