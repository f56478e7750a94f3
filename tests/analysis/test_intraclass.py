"""Intraclass correlation: the analysis of variance written out, its identities, and planted truth."""

import numpy as np
import pytest
from scipy.stats import norm

from analysis.stats.bootstrap import bias_corrected_interval, percentile_interval, prompt_weights
from analysis.stats.intraclass import correlation, effective_votes


def written_out(answers: list[list[int]]) -> float:
    """The analysis of variance of single answers, group by group."""
    every = np.concatenate([np.asarray(group, dtype=float) for group in answers])
    sizes = np.array([len(group) for group in answers])
    means = np.array([np.mean(group) for group in answers])
    between = (sizes * (means - every.mean()) ** 2).sum() / (len(answers) - 1)
    within = sum(((np.asarray(group) - np.mean(group)) ** 2).sum() for group in answers) / (
        len(every) - len(answers)
    )
    each = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(answers) - 1)
    return float((between - within) / (between + (each - 1) * within))


def test_it_is_the_analysis_of_variance_of_single_answers_with_unequal_numbers_of_them():
    rng = np.random.default_rng(0)
    for _ in range(50):
        answers = [list(rng.integers(0, 2, size=rng.integers(1, 7))) for _ in range(9)]
        c, n = (np.array([f(group) for group in answers])[:, None] for f in (sum, len))
        if 0 < c.sum() < n.sum() and n.sum() > len(n):
            assert correlation(c, n, np.ones((1, 9)))[0, 0] == pytest.approx(written_out(answers))


def test_a_prompt_of_weight_two_counts_as_two_prompts():
    rng = np.random.default_rng(1)
    n = rng.integers(2, 9, size=(30, 2))
    c = rng.binomial(n, 0.4)
    weights = rng.integers(0, 4, size=(5, 30))
    found = correlation(c, n, weights)
    for row, weight in zip(found, weights, strict=True):
        repeated = np.repeat(np.arange(30), weight)
        assert row == pytest.approx(correlation(c[repeated], n[repeated], np.ones((1, len(repeated))))[0])


def test_of_equal_numbers_it_is_the_variance_of_p_over_that_of_one_answer():
    rng = np.random.default_rng(2)
    num_prompts, n = 200_000, 6
    c = rng.binomial(n, rng.beta(0.5, 0.8, size=num_prompts))[:, None]
    first, second = (c / n).mean(), (c * (c - 1) / (n * (n - 1))).mean()
    moments = (second - first**2) / (first * (1 - first))
    found = correlation(c, np.full_like(c, n), np.ones((1, num_prompts)))[0, 0]
    assert found == pytest.approx(moments, abs=1e-5)
    # Of Beta(a, b) it is 1 / (a + b + 1).
    assert found == pytest.approx(1 / 2.3, abs=0.005)


def test_answers_that_never_differ_within_a_prompt_are_worth_one_vote():
    c, n = np.array([[4], [0], [4]]), np.full((3, 1), 4)
    assert correlation(c, n, np.ones((1, 3)))[0, 0] == pytest.approx(1)
    assert effective_votes(1.0, 16) == pytest.approx(1)


def test_independent_answers_are_worth_their_number_and_chance_below_zero_no_more():
    assert effective_votes([0.0, -0.1, 0.5], 16) == pytest.approx([16, 16, 16 / 8.5])
    rng = np.random.default_rng(3)
    c = rng.binomial(8, 0.3, size=(100_000, 1))
    assert abs(correlation(c, np.full_like(c, 8), np.ones((1, len(c))))[0, 0]) < 0.003


def test_the_variance_of_a_mean_of_votes_is_that_of_the_effective_number_of_independent_ones():
    rng = np.random.default_rng(4)
    n, p = 7, rng.beta(0.6, 0.9, size=400_000)
    share = rng.binomial(n, p) / n
    one = p.mean() * (1 - p.mean())
    assert one / share.var() == pytest.approx(float(effective_votes(1 / 2.5, n)), rel=0.01)


@pytest.mark.parametrize(
    ("correct", "samples"), [([4, 4], [4, 4]), ([0, 0], [4, 4]), ([1, 0], [1, 1]), ([2], [4])], ids=str
)
def test_what_cannot_be_told_is_not_a_number(correct: list[int], samples: list[int]):
    c, n = np.array(correct)[:, None], np.array(samples)[:, None]
    assert np.isnan(correlation(c, n, np.ones((1, len(c))))).all()
    assert np.isnan(effective_votes(np.nan, 8))


def test_impossible_counts_are_refused():
    for c, n in (([[5]], [[4]]), ([[0]], [[0]]), ([[1, 2]], [[3]])):
        with pytest.raises(ValueError, match="num_correct must lie between"):
            correlation(c, n, np.ones((1, 1)))


def test_resampled_prompts_give_the_whole_numbers_of_weights_that_the_bootstrap_has():
    rng = np.random.default_rng(5)
    weights = prompt_weights(50, num_replicates=2000, rng=rng)
    c = rng.binomial(8, rng.random(50))[:, None]
    found = correlation(c, np.full_like(c, 8), weights)
    assert found.shape == (2001, 1) and np.isfinite(found).all() and found.std() > 0.01


def test_a_bias_corrected_interval_is_the_percentile_one_where_half_lie_below_and_moves_with_the_share():
    even = np.concatenate([[0.5], np.arange(2000) / 2000 + 0.00025])
    percentile, corrected = percentile_interval(even), bias_corrected_interval(even)
    assert [*map(float, corrected)] == pytest.approx([*map(float, percentile)], abs=0.001)
    # Of 2,000 even replicates a fifth lies below: z is -0.842, and the ends are at the normal shares of it twice.
    low, high = norm.cdf(2 * norm.ppf(0.2) + norm.ppf([0.025, 0.975]))
    moved = bias_corrected_interval(np.concatenate([[0.2], even[1:]]))
    assert (float(moved.low), float(moved.high)) == pytest.approx((low, high), abs=0.002)


def test_a_bias_corrected_interval_leaves_out_what_is_missing_and_holds_one_value_where_all_are_it():
    statistic = np.full((2001, 3), 0.3)
    statistic[1:1001, 1], statistic[0, 2] = np.nan, np.nan
    found = bias_corrected_interval(statistic)
    assert found.low[:2] == pytest.approx(0.3) == found.high[:2]
    assert np.isnan([found.low[2], found.high[2]]).all()
