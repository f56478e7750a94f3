"""Bayes@N: beside draws from the posterior, its closed forms, and the order of accuracies that it keeps."""

import numpy as np
import pytest

from analysis.stats.posteriors import bayes_at_n


def test_mean_and_ends_are_those_of_draws_from_the_posterior():
    rng = np.random.default_rng(0)
    counts, worth = rng.integers(0, 6, size=(30, 3)), np.array([0.0, 0.4, 1.0])
    found = bayes_at_n(counts, worth)
    drawn = np.mean([rng.dirichlet(row + 1, size=20_000) @ worth for row in counts], axis=0)
    assert float(found.estimate) == pytest.approx(drawn.mean(), abs=5e-4)
    assert [float(found.low), float(found.high)] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.002)


def test_of_right_and_wrong_it_is_the_mean_of_beta_posteriors():
    c, n = np.array([0, 3, 8, 8]), 8
    found = bayes_at_n(np.stack([n - c, c], axis=1), [0, 1])
    first, second = c + 1, n - c + 1
    variance = first * second / ((n + 2) ** 2 * (n + 3))
    assert float(found.estimate) == pytest.approx(np.mean(first / (n + 2)))
    assert float(found.high - found.low) == pytest.approx(2 * 1.959964 * np.sqrt(variance.sum()) / 4)


def test_models_of_equal_samples_keep_the_order_of_their_accuracies():
    rng = np.random.default_rng(1)
    c = rng.binomial(8, rng.random((20, 30)))
    found = bayes_at_n(np.stack([8 - c, c], axis=-1), [0, 1])
    assert found.estimate.shape == (20,)
    # A straight line of accuracy: a tenth of two answers more, one of each kind.
    assert found.estimate == pytest.approx((c.mean(axis=1) + 1) / 10)


def test_few_samples_are_drawn_towards_the_middle_and_ends_stay_where_answers_are_worth_something():
    all_right = bayes_at_n([[0, 2]] * 30, [0, 1])
    assert float(all_right.estimate) == pytest.approx(0.75) and all_right.high <= 1
    assert float(bayes_at_n([[0, 0]], [0, 1]).high) == 1


def test_counts_without_a_worth_are_refused():
    for counts in ([[1, 2, 3]], [[-1, 2]], [1, 2]):
        with pytest.raises(ValueError, match="must hold a number"):
            bayes_at_n(counts, [0, 1])
