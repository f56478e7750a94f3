import numpy as np
import pytest

from analysis.stats.optimism import bin_optimism, choose_by_folds


# p ~ Beta(.5, .8), equal fifths: means of the hardest and the easiest, from the same pool and from fresh samples.
@pytest.mark.parametrize(
    ("num_samples", "same_pool", "fresh"),
    [(16, (0.003, 0.896), (0.032, 0.857)), (8, (0.000, 0.915), (0.054, 0.842))],
)
def test_same_pool_bins_are_off_by_what_is_known(num_samples, same_pool, fresh):
    rng = np.random.default_rng(0)
    chance = rng.beta(0.5, 0.8, size=(40_000, 1))
    correct, other = (rng.random((40_000, num_samples)) < chance for _ in range(2))
    found = bin_optimism(correct, other, np.ones((1, 40_000)), num_bins=5, share_ties=True)
    assert found.same_pool[[4, 0], 0] == pytest.approx(same_pool, abs=0.01)
    assert found.fresh[[4, 0], 0] == pytest.approx(fresh, abs=0.01)


@pytest.mark.parametrize("share_ties", [False, True])
def test_bins_of_a_held_out_pool_are_unbiased(share_ties: bool):
    rng = np.random.default_rng(0)
    chance = rng.beta(0.5, 0.8, size=(40_000, 1))
    pools = [rng.random((40_000, 8)) < chance for _ in range(2)]
    found = bin_optimism(*pools, np.ones((1, 40_000)), num_bins=5, share_ties=share_ties)
    truth = bin_optimism(pools[0], chance, np.ones((1, 40_000)), num_bins=5, share_ties=share_ties)
    np.testing.assert_allclose(found.fresh, truth.fresh, atol=0.01)
    assert np.all(np.abs(found.same_pool - truth.fresh)[[0, 4]] > 0.02)


# Method 2: in-sample choice among equals on 100 prompts gains 5.0 points of 4 and 8.7 of 16, two-fold about 0.
@pytest.mark.parametrize(("num_strategies", "gain"), [(4, 0.050), (16, 0.087)])
def test_choosing_among_equals_gains_only_on_the_prompts_that_chose(num_strategies: int, gain: float):
    rng = np.random.default_rng(0)
    choices = [
        choose_by_folds(rng.random((num_strategies, 100)) < 0.5, np.zeros(100), num_bins=1, rng=rng)
        for _ in range(2000)
    ]
    assert np.mean([choice.in_sample - 0.5 for choice in choices]) == pytest.approx(gain, abs=0.004)
    assert np.mean([choice.held_out - 0.5 for choice in choices]) == pytest.approx(0, abs=0.004)


def test_a_strategy_that_is_better_in_a_bin_is_chosen_there():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 300)
    better = np.where(labels == 0, 0.8, 0.2), np.where(labels == 0, 0.4, 0.6)
    found = choose_by_folds(rng.random((2, 600)) < np.stack(better), labels, num_bins=3, rng=rng)
    np.testing.assert_array_equal(found.strategy, [0, 1, -1])
    np.testing.assert_allclose(found.held_out, [0.8, 0.6, np.nan], atol=0.07)
    np.testing.assert_array_equal(found.in_sample >= found.held_out - 1e-12, [True, True, False])


def test_fewer_prompts_than_folds_are_refused():
    with pytest.raises(ValueError, match="too few for 5 folds"):
        choose_by_folds(np.ones((2, 4)), np.zeros(4), num_bins=1, num_folds=5, rng=np.random.default_rng(0))
