import numpy as np
import pytest

from analysis.stats.bootstrap import prompt_weights
from analysis.stats.frontier import cross_fit, draw_folds
from analysis.stats.substitution import exchange_rate, invert

LEVELS = np.array([1.0, 2.0, 4.0, 8.0])


def test_each_fold_is_read_at_the_cell_that_the_other_fold_chose():
    accuracy = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    cost = np.broadcast_to([1.0, 2.0], (4, 2))
    found = cross_fit(accuracy, cost, [2.0], weights=np.ones((1, 4)), folds=[0, 0, 1, 1])
    # The second fold is all for the first cell; the first is tied, and a tie takes the cheaper cell.
    assert found.cell.tolist() == [[[0], [0]]]
    assert found.accuracy[0, 0] == 0.75
    turned = cross_fit(accuracy, cost, [2.0], weights=np.array([[0.0, 1.0, 1.0, 1.0]]), folds=[0, 0, 1, 1])
    assert turned.cell.tolist() == [[[0], [1]]]
    assert turned.accuracy[0, 0] == 0


def test_choosing_among_equal_cells_gains_nothing():
    rng = np.random.default_rng(0)
    gained = []
    for _ in range(200):
        accuracy = (rng.random((100, 16)) < 0.5).astype(float)
        folds = draw_folds(100, rng=rng)
        found = cross_fit(accuracy, np.ones((100, 16)), [1.0], weights=np.ones((1, 100)), folds=folds)
        gained.append((found.accuracy[0, 0] - 0.5, accuracy.mean(axis=0).max() - 0.5))
    apart, same = np.mean(gained, axis=0)
    assert abs(apart) < 4 * 0.05 / np.sqrt(200)
    assert same > 0.07


def test_a_level_buys_the_best_cell_it_can_pay_for_and_no_less_than_the_cheapest():
    accuracy = np.broadcast_to([0.7, 0.2, 0.9, 0.5], (10, 4))
    cost = np.broadcast_to([4.0, 2.0, 9.0, 3.0], (10, 4))
    weights, folds = prompt_weights(10, num_replicates=2000, rng=np.random.default_rng(0)), np.arange(10) % 2
    found = cross_fit(accuracy, cost, [1.0, 2.0, 3.5, 8.0, 9.0], weights=weights, folds=folds)
    np.testing.assert_allclose(found.accuracy[0], [0.2, 0.2, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(found.cost[0], [2, 2, 3, 4, 9])


def test_a_dominated_cell_is_never_chosen():
    accuracy = np.broadcast_to([0.5, 0.4, 0.8], (20, 3))
    cost = np.broadcast_to([1.0, 2.0, 4.0], (20, 3))
    found = cross_fit(accuracy, cost, LEVELS, weights=np.ones((1, 20)), folds=np.arange(20) % 2)
    assert 1 not in found.cell


def test_a_model_half_as_dear_has_an_exchange_rate_of_a_half_on_the_frontier():
    accuracy = np.broadcast_to([0.2, 0.4, 0.6, 0.8], (40, 4))
    weights = prompt_weights(40, num_replicates=2000, rng=np.random.default_rng(0))
    folds, levels = np.arange(40) % 2, np.geomspace(0.5, 8, 5)
    small = cross_fit(accuracy, np.broadcast_to(LEVELS / 2, (40, 4)), levels, weights=weights, folds=folds)
    large = cross_fit(accuracy, np.broadcast_to(LEVELS, (40, 4)), levels, weights=weights, folds=folds)
    crossing = invert(small.accuracy, small.cost, np.log(levels), large.accuracy[:, -2])
    assert exchange_rate(crossing, large.cost[:, -2]).rate == pytest.approx((0.5, 0.5, 0.5))


def test_folds_are_balanced():
    folds = draw_folds(11, num_folds=3, rng=np.random.default_rng(0))
    assert sorted(np.bincount(folds)) == [3, 4, 4]
    with pytest.raises(ValueError, match="needs 2 folds"):
        draw_folds(1, rng=np.random.default_rng(0))
    clusters = np.repeat(["a", "b", "c", "d"], [5, 1, 3, 2])
    together = draw_folds(11, rng=np.random.default_rng(0), clusters=clusters)
    assert all(len(set(together[clusters == label])) == 1 for label in "abcd") and set(together) == {0, 1}
