import numpy as np
import pytest

from analysis.stats.bootstrap import percentile_interval, prompt_weights, weighted_means
from analysis.stats.estimators import pass_at_k
from analysis.stats.substitution import ExchangeRate, exchange_rate, invert, needs
from tests.analysis.conftest import Pythia

WIDTHS = np.array([1, 2, 4, 8, 16])


def test_a_crossing_is_linear_in_log_width_and_in_log_cost():
    crossing = invert([0.2, 0.4, 0.6, 0.8, 0.9], 10.0 * WIDTHS, np.log(WIDTHS), 0.7)
    assert np.exp(crossing.step) == pytest.approx(4 * 2**0.5)
    assert crossing.cost == pytest.approx(40 * 2**0.5)
    assert not crossing.at_or_below


def test_a_target_on_a_cell_needs_exactly_that_cell():
    crossing = invert([0.2, 0.4, 0.6, 0.8, 0.9], 10.0 * WIDTHS, np.log(WIDTHS), 0.6)
    assert np.exp(crossing.step) == pytest.approx(4)


def test_the_first_crossing_counts_where_accuracy_falls_again():
    crossing = invert([0.2, 0.6, 0.3, 0.8, 0.9], 10.0 * WIDTHS, WIDTHS, 0.5)
    assert crossing.step == pytest.approx(1.75)


def test_a_target_below_the_first_cell_is_marked_as_an_upper_bound():
    crossing = invert([0.5, 0.6, 0.7, 0.8, 0.9], 10.0 * WIDTHS, WIDTHS, 0.4)
    assert (crossing.step, crossing.cost, crossing.at_or_below) == (1, pytest.approx(10), True)


def test_a_target_above_every_cell_is_never():
    crossing = invert([0.5, 0.6, 0.7, 0.8, 0.9], 10.0 * WIDTHS, WIDTHS, 0.91)
    assert (crossing.step, crossing.cost, crossing.at_or_below) == (np.inf, np.inf, False)


def test_an_empty_bin_is_missing_and_not_never():
    crossing = invert([[np.nan] * 5, [0.1, 0.2, 0.3, 0.4, 0.5]], np.ones((2, 5)), WIDTHS, [np.nan, 0.3])
    np.testing.assert_array_equal(crossing.step, [np.nan, 4])
    np.testing.assert_array_equal(crossing.at_or_below, [False, False])


def test_a_budget_of_zero_is_a_step_like_any_other():
    assert invert([0.2, 0.6], [5.0, 20.0], [0, 16], 0.4).step == pytest.approx(8)


def test_the_slope_is_that_of_the_step_on_which_the_curve_crosses():
    accuracy = [[0.2, 0.4, 0.6, 0.8, 0.9]] * 3
    crossing = invert(accuracy, 10.0 * WIDTHS, np.log(WIDTHS), [0.7, 0.1, 0.95])
    np.testing.assert_allclose(crossing.slope, [0.2 / np.log(2), np.nan, np.nan])


def test_tokens_and_cost_are_read_where_the_accuracy_crosses():
    accuracy = np.broadcast_to([0.2, 0.4, 0.6, 0.8, 0.9], (2001, 5))
    found = needs(accuracy, np.log(WIDTHS), 0.7, tokens=50.0 * WIDTHS, cost=3.0 * WIDTHS**2, is_log=True)
    assert found.step == pytest.approx((32**0.5,) * 3)
    assert found.tokens == pytest.approx((50 * 32**0.5,) * 3)
    assert found.cost == pytest.approx((3 * 32,) * 3)
    assert found.share_never == 0
    assert needs(accuracy, np.log(WIDTHS), 0.95, tokens=WIDTHS, cost=WIDTHS, is_log=True).share_never == 1


def test_the_published_samples_that_make_small_models_match_a_large_one(pythia: Pythia):
    """Samples of a smaller Pythia that match 12B at k = 1 and k = 97, with 90% prompt bootstrap."""
    published = {
        1: {"70M": (51.6, 22.7, 137), "160M": (9.2, 6.4, 12.9), "410M": (4.0, 2.9, 5.5), "1B": (2.9, 2.4, 3.6)},
        97: {
            "160M": (2325, 1193, 5413),
            "410M": (971, 647, 1559),
            "1B": (521, 382, 745),
            "2.8B": (151, 130, 179),
        },
    }
    widths = np.unique(np.geomspace(1, 10_000, 300).round())
    weights = prompt_weights(128, num_replicates=4000, rng=np.random.default_rng(0))

    def coverage(size: str, k: np.ndarray) -> np.ndarray:
        return weighted_means(weights, pass_at_k(pythia.num_samples, pythia.num_correct[size][:, None], k))

    curves = {size: coverage(size, widths) for size in pythia.num_correct}
    for k, rows in published.items():
        target = coverage("12B", np.array([k]))[:, 0]
        for size, (estimate, low, high) in rows.items():
            step = np.exp(invert(curves[size], np.ones_like(widths), np.log(widths), target).step)
            found = percentile_interval(step, level=0.9)
            np.testing.assert_allclose((found.low, found.high), (low, high), rtol=0.08, err_msg=f"{size} at {k}")
            assert found.estimate == pytest.approx(estimate, rel=0.03)
            assert np.mean(np.isinf(step[1:])) < 0.01
    smallest = invert(curves["70M"], np.ones_like(widths), np.log(widths), coverage("12B", np.array([97]))[:, 0])
    assert np.isinf(smallest.step[0]) and np.isinf(percentile_interval(smallest.step, level=0.9).high)


def rate_of(
    small: np.ndarray, large: np.ndarray, *, target: float | None, cost_ratio: float = 1.0
) -> ExchangeRate:
    """Of two models from their chances (P,) on the same prompts, each drawn 16 times a prompt."""
    rng = np.random.default_rng(int(1e6 * small.sum()))
    widths = np.arange(1, 17)
    weights = prompt_weights(len(small), num_replicates=2000, rng=rng)
    accuracy = [
        weighted_means(weights, pass_at_k(16, rng.binomial(16, chance)[:, None], widths))
        for chance in (small, large)
    ]
    cost = np.broadcast_to(10.0 * widths, accuracy[0].shape)
    if target is None:
        return exchange_rate(invert(accuracy[0], cost * cost_ratio, np.log(widths), accuracy[1][:, 0]), cost[:, 0])
    crossings = [invert(each, cost, np.log(widths), np.full(len(weights), target)) for each in accuracy]
    return exchange_rate(crossings[0]._replace(cost=crossings[0].cost * cost_ratio), crossings[1].cost)


def test_an_independently_drawn_duplicate_has_an_exchange_rate_of_one():
    rng = np.random.default_rng(0)
    covered, free = 0, 0
    for _ in range(40):
        chance = rng.beta(0.8, 1.2, size=200)
        rate = rate_of(chance, chance, target=0.6).rate
        covered += bool(rate.low <= 1 <= rate.high)
        free += bool(rate.estimate < 1)
    # 95% of 40 is 38; fewer than 34 has a chance below one in a hundred. Nothing holds the rate above 1.
    assert covered >= 34
    assert 10 <= free <= 30


def test_a_duplicate_at_half_the_cost_has_an_exchange_rate_of_a_half():
    chance = np.random.default_rng(1).beta(0.8, 1.2, size=400)
    rate = rate_of(chance, chance, target=0.6, cost_ratio=0.5).rate
    assert rate.low < 0.5 < rate.high < 0.7


def test_a_hopeless_model_is_never_in_every_replicate():
    small, large = np.full(200, 0.005), np.full(200, 0.9)
    found = rate_of(small, large, target=None)
    assert (found.rate.estimate, found.rate.high, found.share_never) == (np.inf, np.inf, 1)


def test_a_model_that_starts_above_the_target_is_bounded_in_every_replicate():
    small, large = np.full(200, 0.9), np.full(200, 0.3)
    found = rate_of(small, large, target=None, cost_ratio=0.25)
    assert found.at_or_below
    assert found.share_at_or_below == 1
    assert found.rate == pytest.approx((0.25, 0.25, 0.25))


def test_the_width_that_closes_a_planted_gap_is_found():
    # Coverage 1 - (1 - p)^k of p = .1 reaches .5 at k = log .5 / log .9.
    found = rate_of(np.full(1500, 0.1), np.full(1500, 0.5), target=None)
    assert np.exp(found.step.estimate) == pytest.approx(np.log(0.5) / np.log(0.9), rel=0.08)
