"""What a router is worth: identities, brute force, and the derived figures of a published table."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from analysis.policies import hull, metrics
from analysis.policies.metrics import Point, Points

# Table 1 of Avengers-Pro (arXiv 2508.12631): mean accuracy on six sets in percent, dollars.
GPT5_MEDIUM = Point(np.array([47.96]), np.array([62.25]))
AVENGERS_PRO = Points(np.array([[17.81, 35.05, 47.13]]), np.array([[56.24, 62.66, 66.66]]))


def test_the_derived_figures_of_avengers_pro_come_out():
    assert metrics.perf_gain(AVENGERS_PRO, GPT5_MEDIUM)[0] == pytest.approx(0.0708, abs=5e-5)
    assert (AVENGERS_PRO.accuracy.max() - GPT5_MEDIUM.accuracy)[0] == pytest.approx(4.41, abs=5e-3)
    assert metrics.cost_save(AVENGERS_PRO, GPT5_MEDIUM)[0] == pytest.approx(0.269, abs=5e-4)
    # "About 90% of its accuracy": 56.24 of 62.25.
    assert metrics.cost_save(AVENGERS_PRO, GPT5_MEDIUM, share=0.9)[0] == pytest.approx(0.629, abs=5e-4)


def test_an_accuracy_that_no_setting_has_saves_nothing_ever():
    assert metrics.cost_save(AVENGERS_PRO, GPT5_MEDIUM._replace(accuracy=np.array([70.0])))[0] == -np.inf


@pytest.fixture
def arms(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Costs and accuracies of nine arms."""
    return rng.uniform(1, 9, 9), rng.uniform(size=9)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_hull_is_the_upper_left_of_the_convex_hull(arms: tuple[np.ndarray, np.ndarray]):
    cost, accuracy = arms
    at = hull.vertices(cost, accuracy)
    # With a point below each end, what remains of scipy's hull is its upper side.
    below = [[cost.min(), -9.0], [cost[accuracy.argmax()], -9.0]]
    every = ConvexHull(np.vstack([np.column_stack([cost, accuracy])[cost <= cost[accuracy.argmax()]], below]))
    kept = {tuple(every.points[vertex]) for vertex in every.vertices if every.points[vertex, 1] > -9}
    assert {(cost[arm], accuracy[arm]) for arm in at} == kept
    assert list(cost[at]) == sorted(cost[at]) and list(accuracy[at]) == sorted(accuracy[at])


def test_a_mixture_is_what_the_best_of_all_shares_gives(arms: tuple[np.ndarray, np.ndarray]):
    cost, accuracy = arms
    at = hull.vertices(cost, accuracy)
    for budget in np.linspace(cost.min(), cost.max(), 7):
        best = linprog(-accuracy, A_ub=[cost], b_ub=[budget], A_eq=[np.ones(9)], b_eq=[1.0])
        assert hull.mix(cost[at], accuracy[at], [budget])[0] == pytest.approx(-best.fun)
    assert hull.mix(cost[at], accuracy[at], [0.0])[0] == accuracy[at[0]]


def test_mixtures_are_read_in_order_of_cost_whatever_the_order_given():
    read = hull.mix([[3.0, 1.0]], [[0.9, 0.5]], [[1.5, 1.0, 3.0, 4.0]])
    np.testing.assert_allclose(read, [[0.6, 0.5, 0.9, 0.9]])
    np.testing.assert_allclose(hull.mix([2.0, 2.0], [0.5, 0.5], [1.0, 2.0, 3.0]), 0.5)


def test_the_oracle_is_the_optimum_of_the_linear_programme(rng: np.random.Generator):
    accuracy_PA, cost_PA = rng.integers(0, 3, (6, 4)) / 2, rng.uniform(1, 9, (6, 4))
    weights = np.array([np.ones(6), [0, 1, 2, 0, 3, 1]], dtype=float)
    steps = hull.upgrades(accuracy_PA, cost_PA)
    budgets = np.linspace(cost_PA.min(axis=1).max(), 6, 4)
    read = hull.oracle(steps, weights, np.tile(budgets, (2, 1)))
    for row, weight in enumerate(weights / weights.sum(axis=1, keepdims=True)):
        shares = np.kron(np.eye(6), np.ones(4))
        value, spent = (np.repeat(weight, 4) * table.ravel() for table in (accuracy_PA, cost_PA))
        for budget, found in zip(budgets, read[row], strict=True):
            best = linprog(-value, A_ub=[spent], b_ub=[budget], A_eq=shares, b_eq=np.ones(6))
            assert found == pytest.approx(-best.fun)


def test_a_coin_between_two_arms_wins_half_the_gap_and_a_router_that_knows_wins_more():
    weak, strong = Point(np.array([1.0]), np.array([0.4])), Point(np.array([5.0]), np.array([0.8]))
    share = np.linspace(0, 1, 5)
    coin = Points((1 + 4 * share)[None], (0.4 + 0.4 * share)[None])
    assert metrics.apgr(coin, weak, strong)[0] == pytest.approx(0.5)
    # At half of the calls all of the gap: half a triangle, then all.
    knows = Points(np.array([[3.0]]), np.array([[0.8]]))
    assert metrics.apgr(knows, weak, strong)[0] == pytest.approx(0.75)
    assert np.isnan(metrics.apgr(coin, weak, weak)[0])


def test_aiq_of_single_arms_is_the_area_under_their_hull(arms: tuple[np.ndarray, np.ndarray]):
    cost, accuracy = arms
    first = Point(np.array([cost.min()]), np.array([accuracy[cost.argmin()]]))
    found = metrics.aiq(Points(cost[None], accuracy[None]), first, most=[cost.max()])[0]
    at = hull.vertices(cost, accuracy)
    grid = np.linspace(cost.min(), cost.max(), 20_001)
    assert found == pytest.approx(np.mean(hull.mix(cost[at], accuracy[at], grid)), abs=1e-4)
    assert np.isnan(metrics.aiq(Points(cost[None], accuracy[None]), first, most=[cost.min()])[0])


def test_hypervolume_is_the_share_of_random_points_that_are_dominated(
    arms: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
):
    cost, accuracy = arms
    spent, reached = rng.uniform(0, 8, 100_000), rng.uniform(size=100_000)
    dominated = ((cost <= spent[:, None]) & (accuracy >= reached[:, None])).any(axis=1).mean()
    found = metrics.hypervolume(Points(cost[None], accuracy[None]), most=[8.0])[0]
    assert found == pytest.approx(dominated, abs=0.005)


def test_the_oracle_gap_is_all_won_by_the_oracle_and_not_at_all_by_mixtures():
    np.testing.assert_allclose(metrics.oracle_share([0.7, 0.5, 0.45], 0.5, [0.7, 0.7, 0.7]), [1, 0, -0.25])
    assert np.isnan(metrics.oracle_share(0.5, 0.5, 0.5))
