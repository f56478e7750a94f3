import numpy as np
import pytest
from scipy import stats

from analysis.stats.bootstrap import percentile_interval, prompt_weights, simultaneous_band, weighted_means
from analysis.stats.intervals import (
    METHODS,
    accuracy_band,
    accuracy_interval,
    benjamini_hochberg,
    binomial_interval,
    clustered_standard_error,
    holm,
)


@pytest.mark.parametrize(("method", "scipy_name"), [("wilson", "wilson"), ("clopper-pearson", "exact")])
def test_binomial_intervals_are_scipys(method, scipy_name):
    for correct in (0, 1, 13, 30):
        expected = stats.binomtest(correct, 30).proportion_ci(method=scipy_name)
        found = binomial_interval(correct, 30, method=method)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_missing_counts_are_refused():
    for counts in ((np.nan, 30), (3, np.nan), ([3, np.nan], 30)):
        with pytest.raises(ValueError, match="leave out what is missing"):
            binomial_interval(*counts)


def test_the_jeffreys_interval_holds_the_posterior_mass_it_claims():
    found = binomial_interval(7, 30)
    assert np.diff(stats.beta(7.5, 23.5).cdf([found.low, found.high])) == pytest.approx(0.95)
    assert binomial_interval([0, 30], 30).low[0] == 0
    assert binomial_interval([0, 30], 30).high[1] == 1


@pytest.mark.parametrize("chance", [0.05, 0.3, 0.5])
def test_the_exact_interval_never_covers_less_than_it_says_on_thirty_problems(chance: float):
    counts = np.arange(31)
    shares = stats.binom.pmf(counts, 30, chance)
    cover = {}
    for method in METHODS:
        found = binomial_interval(counts, 30, method=method)
        cover[method] = shares @ ((found.low <= chance) & (chance <= found.high))
    assert cover["clopper-pearson"] >= 0.95
    assert cover["jeffreys"] > 0.91
    assert cover["wilson"] > 0.91


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="between 0 and num_trials"):
        binomial_interval(31, 30)
    with pytest.raises(ValueError, match="choose from"):
        binomial_interval(3, 30, method="normal")


def test_one_prompt_a_cluster_gives_the_plain_standard_error():
    values = np.random.default_rng(0).random(40)
    assert clustered_standard_error(values, np.arange(40)) == pytest.approx(values.std() / np.sqrt(40))


def test_copies_of_a_prompt_in_one_cluster_add_no_certainty():
    values = np.random.default_rng(0).random(40)
    alone = clustered_standard_error(values, np.arange(40))
    copied = clustered_standard_error(np.repeat(values, 5), np.repeat(np.arange(40), 5))
    assert copied == pytest.approx(alone)


def test_holm_and_benjamini_hochberg_give_the_textbook_values():
    p = np.array([0.01, 0.04, 0.03, np.nan, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, np.nan, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.02, 0.04, 0.04, np.nan, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p[[0, 1, 2, 4]]), stats.false_discovery_control(p[[0, 1, 2, 4]]))


def test_adjusted_p_values_keep_their_shape_and_never_pass_one():
    p = np.random.default_rng(0).random((3, 4))
    for adjust in (holm, benjamini_hochberg):
        assert adjust(p).shape == (3, 4)
        assert np.all((adjust(p) >= p) & (adjust(p) <= 1))


def test_sixty_three_prompts_all_solved_may_be_ninety_four_percent():
    means = np.ones((2001, 1))
    found = accuracy_interval(means, 63)
    np.testing.assert_allclose(found, binomial_interval([63], 63, method="clopper-pearson"), atol=3e-4)
    assert found.low[0] == pytest.approx(0.943, abs=1e-3)
    assert np.all(percentile_interval(means).low == 1)


@pytest.mark.parametrize("num_prompts", [1, 3, 12, 30])
@pytest.mark.parametrize("accuracy", [0.0, 0.6, 0.95, 1.0])
def test_prompts_that_are_all_solved_as_often_leave_room_for_others(num_prompts: int, accuracy: float):
    """Were more than 1 - .025^(1/n) of all prompts unlike the n that were drawn, one of these would be there."""
    found = accuracy_interval(np.full(2001, accuracy), num_prompts)
    seen = 0.025 ** (1 / num_prompts)
    assert found.low == pytest.approx(accuracy * seen, abs=1e-3)
    assert found.high == pytest.approx(1 - (1 - accuracy) * seen, abs=1e-3)


def test_an_empty_bin_has_no_interval():
    assert np.isnan(accuracy_interval(np.full((2001, 1), np.nan), 0)).all()


def test_an_accuracy_near_its_ceiling_is_covered_where_resampling_alone_misses_it():
    rng = np.random.default_rng(0)
    held = np.zeros(2)
    for _ in range(200):
        values = (rng.random((250, 1)) < 0.995).astype(float)
        means = weighted_means(prompt_weights(250, num_replicates=2000, rng=rng), values)
        for at, found in enumerate((accuracy_interval(means, 250), percentile_interval(means))):
            held[at] += found.low[0] <= 0.995 <= found.high[0]
    assert held[0] >= 186
    assert held[1] < 165


def test_a_band_of_accuracies_stays_between_nothing_and_everything():
    rng = np.random.default_rng(0)
    values = (rng.random((60, 3)) < [0.02, 0.5, 0.97]).astype(float)
    means = weighted_means(prompt_weights(60, num_replicates=2000, rng=rng), values)
    band, even = accuracy_band(means, accuracy_interval(means, 60)), simultaneous_band(means)
    assert np.all((band.low >= 0) & (band.high <= 1) & (band.low <= band.estimate) & (band.estimate <= band.high))
    assert even.low[0] < 0
    assert even.high[2] > 1
    np.testing.assert_allclose([band.low[1], band.high[1]], [even.low[1], even.high[1]], atol=0.02)
