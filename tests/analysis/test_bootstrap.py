import numpy as np
import pytest

from analysis.stats import bootstrap, parts
from analysis.stats.bootstrap import (
    p_value,
    percentile_interval,
    prompt_weights,
    share_of_replicates,
    simultaneous_band,
    weighted_means,
)
from analysis.stats.difficulty import rank_agreement
from analysis.stats.intervals import clustered_standard_error


def with_estimate(replicates: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], replicates])


def test_the_first_weights_are_the_prompts_themselves_and_every_other_row_resamples_them():
    weights = prompt_weights(30, num_replicates=2000, rng=np.random.default_rng(0))
    assert weights.shape == (2001, 30)
    np.testing.assert_array_equal(weights[0], 1)
    np.testing.assert_array_equal(weights.sum(axis=1), 30)
    assert len(np.unique(weights, axis=0)) == 2001


def test_weights_and_means_of_many_prompts_are_made_in_blocks_and_stay_the_same(monkeypatch: pytest.MonkeyPatch):
    values, labels = np.random.default_rng(0).random((37, 3)), np.arange(37) // 3
    found = []
    for block in (parts.BLOCK, 37 * 11 + 5):
        monkeypatch.setattr(parts, "BLOCK", block)
        for clusters in (None, labels):
            rng = np.random.default_rng(3)
            weights = prompt_weights(37, num_replicates=2001, rng=rng, clusters=clusters)
            found.append(
                (weights, weighted_means(weights, values), rank_agreement(values[:, 0], values[:, 1], weights))
            )
            found[-1] += (rng.random(),)
    for whole, part in zip(found[:2], found[2:], strict=True):
        assert whole[0].dtype == np.uint8 and whole[3] == part[3]
        np.testing.assert_array_equal(whole[0], part[0])
        for one, other in zip(whole[1:3], part[1:3], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


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


@pytest.mark.parametrize("shape", [(2001,), (2001, 1), (2001, 3), (2001, 2, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_replicates_stay_in_their_order_so_that_what_is_paired_stays_so(shape: tuple[int, ...], order: str):
    whole = np.asarray(np.random.default_rng(0).normal(size=shape), order=order)
    before = whole.copy()
    for statistic in (whole, whole[..., None], whole.T.T):
        percentile_interval(statistic)
        p_value(statistic)
        np.testing.assert_array_equal(whole, before)
    one_column = np.asfortranarray(whole.reshape(2001, -1))[:, 0]
    kept = one_column.copy()
    percentile_interval(one_column)
    np.testing.assert_array_equal(one_column, kept)


def test_means_without_any_weight_are_missing():
    means = weighted_means(np.array([[0.0, 0.0], [1.0, 3.0]]), np.array([[2.0], [6.0]]))
    np.testing.assert_array_equal(means, [[np.nan], [5.0]])


def test_clusters_are_resampled_whole():
    clusters = np.repeat(np.arange(10), np.arange(1, 11))
    weights = prompt_weights(55, num_replicates=2000, rng=np.random.default_rng(0), clusters=clusters)
    for name in range(10):
        assert np.all(weights[:, clusters == name] == weights[:, clusters == name][:, :1])
    np.testing.assert_array_equal(weights[1:, np.unique(clusters, return_index=True)[1]].sum(axis=1), 10)


def test_the_cluster_bootstraps_spread_is_the_clustered_standard_error():
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(100), 5)
    values = rng.normal(size=100)[clusters] + rng.normal(size=500)
    weights = prompt_weights(500, num_replicates=4000, rng=rng, clusters=clusters)
    spread = weighted_means(weights, values[:, None])[1:].std()
    assert spread == pytest.approx(clustered_standard_error(values, clusters), rel=0.05)


def test_clusters_that_are_one_or_misfit_are_refused():
    with pytest.raises(ValueError, match="at least 10 of them, not 1"):
        prompt_weights(3, num_replicates=2000, rng=np.random.default_rng(0), clusters=[1, 1, 1])
    with pytest.raises(ValueError, match="label each of 3"):
        prompt_weights(3, num_replicates=2000, rng=np.random.default_rng(0), clusters=[1, 2])


def test_a_band_holds_a_whole_curve_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        values = rng.normal(size=(100, 1)) + rng.normal(size=(100, 8))
        means = weighted_means(prompt_weights(100, num_replicates=2000, rng=rng), values)
        band, each = simultaneous_band(means), percentile_interval(means)
        held += bool(np.all((band.low <= 0) & (band.high >= 0)))
        assert np.all(band.high - band.low > each.high - each.low)
    assert 180 <= held <= 199


def test_a_band_of_one_cell_is_the_normal_interval():
    means = weighted_means(
        prompt_weights(500, num_replicates=4000, rng=np.random.default_rng(1)),
        np.random.default_rng(0).normal(size=(500, 1)),
    )
    band, error = simultaneous_band(means), means[1:].std()
    assert (band.high - band.estimate)[0] == pytest.approx(1.96 * error, rel=0.05)
    with pytest.raises(ValueError, match="percentile_interval"):
        simultaneous_band(np.full((2001, 2), np.inf))


def test_a_p_value_is_below_a_level_where_the_interval_leaves_out_the_null():
    rng = np.random.default_rng(0)
    shifts = np.linspace(-4, 4, 81)
    statistic = np.concatenate([shifts[None], shifts + rng.normal(size=(4000, 1))])
    interval, p = percentile_interval(statistic), p_value(statistic)
    outside = (interval.low > 0) | (interval.high < 0)
    assert np.mean((p < 0.05) == outside) > 0.97
    assert p.min() == pytest.approx(2 / 4001)
    assert np.isnan(p_value(np.full(2001, np.nan)))


def test_means_of_several_tables_at_once_are_those_of_each():
    rng = np.random.default_rng(0)
    weights = bootstrap.prompt_weights(7, num_replicates=2000, rng=rng)
    tables = [rng.normal(size=(7, num_columns)) for num_columns in (3, 1, 2)]
    for table, means in zip(tables, bootstrap.means_of_each(weights, tables), strict=True):
        np.testing.assert_allclose(means, bootstrap.weighted_means(weights, table))
