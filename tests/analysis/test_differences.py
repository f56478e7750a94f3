"""Many paired differences at once: what intervals, p-values and power promise, by brute force and simulation."""

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from analysis.stats import bootstrap, differences
from analysis.stats.bootstrap import weighted_means
from analysis.stats.differences import Differences
from analysis.stats.intervals import holm
from analysis.validation import comparisons
from analysis.validation.checks import placebo


def read(values: np.ndarray, *, seed: int = 0, num_replicates: int = 2000) -> Differences:
    """The differences of one bin, (P, C)."""
    rng = np.random.default_rng(seed)
    weights = bootstrap.prompt_weights(len(values), num_replicates=num_replicates, rng=rng)
    p_value = differences.sign_flips(values, np.ones((1, len(values))), rng=rng)
    return differences.together([values], weighted_means(weights, values)[:, None], p_value)


def test_swapping_arms_matches_every_swap_there_is():
    values = np.random.default_rng(1).normal(0.3, 1, size=(8, 3))
    signs = np.array(list(itertools.product([-1, 1], repeat=8)))
    exact = (np.abs(signs @ values) >= np.abs(values.sum(axis=0)) - 1e-9).mean(axis=0)
    found = differences.sign_flips(values, np.ones((1, 8)), rng=np.random.default_rng(0))
    np.testing.assert_allclose(found[0], exact, atol=4 * 0.5 / np.sqrt(differences.NUM_FLIPS))


def test_prompts_of_one_cluster_are_swapped_together():
    values = np.repeat([[0.5], [0.25], [0.5]], 10, axis=0)
    found = differences.sign_flips(
        values, np.ones((1, 30)), rng=np.random.default_rng(0), clusters=np.repeat(list("abc"), 10)
    )
    # Of eight ways to swap three clusters two are as extreme.
    assert found[0, 0] == pytest.approx(0.25, abs=0.03)


def test_swaps_are_read_within_each_bin():
    values = np.concatenate([np.full((20, 1), 0.5), np.zeros((20, 1))])
    membership = np.stack([np.arange(40) < 20, np.arange(40) >= 20])
    found = differences.sign_flips(values, membership, rng=np.random.default_rng(0))
    assert found[0, 0] < 0.001 and found[1, 0] == 1


def test_an_interval_of_many_cells_is_wider_than_a_cells_own_and_holds_it():
    found = read(np.random.default_rng(2).normal(0.1, 0.4, size=(100, 12)))
    assert not found.is_few.any()
    assert np.all(found.interval.low < found.alone.low) and np.all(found.alone.high < found.interval.high)
    assert np.all(found.detectable > found.detectable_alone)


def test_one_cell_alone_is_the_paired_t_interval():
    values = np.random.default_rng(3).normal(0.1, 0.3, size=(60, 1))
    found = read(values, num_replicates=20_000)
    half = 2.001 * values.std(ddof=1) / np.sqrt(60)
    assert found.alone.low[0, 0] == pytest.approx(values.mean() - half, abs=0.003)
    assert found.alone.high[0, 0] == pytest.approx(values.mean() + half, abs=0.003)


@pytest.mark.parametrize("num_prompts", [1, 2, 5])
def test_a_handful_of_prompts_shows_nothing_however_far_apart_the_arms_are(num_prompts: int):
    found = read(np.ones((num_prompts, 1)))
    assert found.interval.low[0, 0] < 0 and found.interval.high[0, 0] == 1
    assert found.is_few.all() and np.isnan(found.detectable).all()


def test_where_nothing_differs_the_interval_says_how_much_could():
    found = read(np.zeros((60, 2)))
    assert np.all(found.p_value == 1)
    # Gains and losses each below what 60 prompts without one rule out, at a quarter of 2.5% over two cells.
    assert found.interval.high[0, 0] == pytest.approx(1 - (0.05 / 8) ** (1 / 60))
    np.testing.assert_allclose(found.interval.low, -found.interval.high)


def test_many_prompts_all_lost_are_surely_lost():
    found = read(-np.ones((60, 1)))
    assert found.interval.high[0, 0] < -0.8 and found.p_value[0, 0] < 0.001


@pytest.fixture
def few_replicates(monkeypatch: pytest.MonkeyPatch):
    for module in (bootstrap, comparisons):
        monkeypatch.setattr(module, "MIN_REPLICATES", 400)
    monkeypatch.setattr(differences, "NUM_FLIPS", 499)


@pytest.mark.usefixtures("few_replicates")
def test_a_model_drawn_twice_differs_from_itself_no_oftener_than_stated():
    checks = comparisons.same_model(100, num_prompts=120, rng=np.random.default_rng(4))
    assert [check for check in checks if not check.holds] == []


@pytest.mark.usefixtures("few_replicates")
def test_planted_differences_are_found_at_the_advertised_power():
    checks = comparisons.planted_difference(80, num_prompts=120, rng=np.random.default_rng(5))
    assert [check for check in checks if not check.holds] == []


@pytest.mark.usefixtures("few_replicates")
def test_intervals_of_single_cells_would_raise_too_many_alarms():
    """The simulation finds out what is not corrected: of 12 cells' own intervals,
    some leave out 0 far too often.
    """
    rng = np.random.default_rng(6)
    alarms = []
    for _ in range(60):
        found = read(rng.normal(0, 0.4, size=(80, 12)), num_replicates=400, seed=int(rng.integers(1 << 30)))
        alarms.append(bool(((found.alone.low > 0) | (found.alone.high < 0)).any()))
    assert not placebo("uncorrected", "", alarms).holds
    assert binom.sf(np.sum(alarms) - 1, 60, 0.05) < 0.01


def test_holm_of_swaps_agrees_with_the_simultaneous_interval_on_what_is_plain():
    values = np.random.default_rng(7).normal(0, 0.2, size=(100, 6))
    values[:, 0] += 0.3
    found = read(values)
    assert (holm(found.p_value) <= 0.05).tolist() == (
        (found.interval.low > 0) | (found.interval.high < 0)
    ).tolist()
