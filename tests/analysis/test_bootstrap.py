import numpy as np
import pytest

from analysis.bootstrap import percentile_interval, prompt_weights, share_of_replicates, weighted_means


def with_estimate(replicates: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], replicates])


def test_the_first_weights_are_the_prompts_themselves_and_every_other_row_resamples_them():
    weights = prompt_weights(30, num_replicates=2000, rng=np.random.default_rng(0))
    assert weights.shape == (2001, 30)
    np.testing.assert_array_equal(weights[0], 1)
    np.testing.assert_array_equal(weights.sum(axis=1), 30)
    assert len(np.unique(weights, axis=0)) == 2001


def test_fewer_than_two_thousand_replicates_are_refused():
    with pytest.raises(ValueError, match="at least 2000"):
        prompt_weights(30, num_replicates=1999, rng=np.random.default_rng(0))


def test_equal_seeds_give_equal_weights():
    first, second = (prompt_weights(9, num_replicates=2000, rng=np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_interval_of_a_mean_is_the_normal_one_on_many_prompts():
    values = np.random.default_rng(0).normal(size=(800, 1))
    weights = prompt_weights(800, num_replicates=4000, rng=np.random.default_rng(1))
    interval = percentile_interval(weighted_means(weights, values))
    half = 1.96 * values.std() / np.sqrt(800)
    np.testing.assert_allclose(interval.estimate, values.mean(axis=0))
    np.testing.assert_allclose(
        [interval.low, interval.high], [values.mean(axis=0) - half, values.mean(axis=0) + half], atol=5e-3
    )


def test_the_upper_end_is_inf_only_where_more_than_one_in_forty_replicates_is():
    finite = np.arange(2000.0)
    assert percentile_interval(with_estimate(np.where(finite >= 1950, np.inf, finite))).high == 1949
    assert percentile_interval(with_estimate(np.where(finite >= 1949, np.inf, finite))).high == np.inf


def test_a_statistic_that_is_never_in_every_replicate_is_never_at_both_ends():
    interval = percentile_interval(np.full(2001, np.inf))
    assert interval == (np.inf, np.inf, np.inf)


def test_missing_replicates_do_not_count():
    replicates = np.where(np.arange(4000) % 2, np.nan, np.arange(4000.0) / 2)
    interval = percentile_interval(with_estimate(replicates))
    assert (interval.low, interval.high) == (49, 1949)
    assert share_of_replicates(with_estimate(replicates) >= 1000, with_estimate(replicates)) == 0.5


def test_means_without_any_weight_are_missing():
    means = weighted_means(np.array([[0.0, 0.0], [1.0, 3.0]]), np.array([[2.0], [6.0]]))
    np.testing.assert_array_equal(means, [[np.nan], [5.0]])
