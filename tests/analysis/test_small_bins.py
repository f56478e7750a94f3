"""Intervals of accuracies near 0 and 1 on few prompts: smooth in k,
never without width, held by their curve's band.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from analysis.arrays import Floats
from analysis.questions import exchange_rates
from analysis.reading import bins
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.stats.bootstrap import Interval, percentile_interval, prompt_weights, weighted_means
from analysis.stats.estimators import pass_at_k
from analysis.stats.intervals import accuracy_band, accuracy_interval

SAMPLES = 16
WIDTHS = np.arange(1, SAMPLES + 1)
SIZES = [2, 9, 12, 26, 40, 59]
# Solve rates of prompts: U-shaped, near 1, near 0, alike, and all but one certain.
RATES = {
    "U-shaped": lambda n, rng: rng.beta(0.5, 0.3, n),
    "high": lambda n, rng: rng.beta(4, 0.5, n),
    "low": lambda n, rng: rng.beta(0.1, 4, n),
    "alike": lambda n, rng: np.full(n, 0.6),
    "certain but for one": lambda n, rng: np.where(np.arange(n) == 0, 0.3, 1.0),
    "a few hopeless": lambda n, rng: np.where(np.arange(n) < n // 8, 0.0, 0.9),
}


def curve(kind: str, num_prompts: int, seed: int = 0) -> Floats:
    """pass@k at every width under each weighting, (1 + R, K)."""
    rng = np.random.default_rng(seed)
    num_correct = rng.binomial(SAMPLES, RATES[kind](num_prompts, rng))
    weights = prompt_weights(num_prompts, num_replicates=2000, rng=rng)
    return np.clip(weighted_means(weights, pass_at_k(SAMPLES, num_correct[:, None], WIDTHS)), 0, 1)


def assert_smooth(found: Interval, where: str) -> None:
    still = np.abs(np.diff(found.estimate)) < 0.01
    for end in (found.low, found.high):
        assert np.all(np.abs(np.diff(end))[still] < 0.1), where


@pytest.mark.parametrize("num_prompts", SIZES)
@pytest.mark.parametrize("kind", RATES)
def test_ends_move_little_where_the_accuracy_does_and_a_band_holds_its_cells(kind: str, num_prompts: int):
    for seed in range(5):
        means = curve(kind, num_prompts, seed)
        cells = accuracy_interval(means, num_prompts)
        band = accuracy_band(means, cells)
        for found in (cells, band):
            assert_smooth(found, f"{kind}, {num_prompts} prompts, seed {seed}")
            assert np.all((found.low >= 0) & (found.low <= found.estimate))
            assert np.all((found.high <= 1) & (found.high >= found.estimate))
        assert np.all((band.low <= cells.low) & (band.high >= cells.high))


@pytest.mark.parametrize("num_prompts", SIZES)
@pytest.mark.parametrize("accuracy", [0.0, 0.5, 0.6, 0.998, 1 - 1e-9, 1.0])
def test_prompts_that_are_all_alike_leave_room_for_one_that_none_of_them_is_like(
    num_prompts: int, accuracy: float
):
    """Prompts unlike all that were drawn may be so many that such a draw has a chance of 2.5%."""
    found = accuracy_interval(np.full((2001, 1), accuracy), num_prompts)
    unseen = 1 - 0.025 ** (1 / num_prompts)
    share = min(1, 2 - num_prompts / 30) if accuracy in (0.5, 0.6) else 1
    assert (
        found.low[0] == pytest.approx(accuracy * (1 - unseen), abs=0.03) if share == 1 else found.low[0] < accuracy
    )
    assert found.high[0] - found.low[0] > share * unseen / 3


@pytest.mark.parametrize("num_prompts", SIZES)
def test_fractional_values_near_one_tell_no_more_than_so_many_prompts_that_are_all_right(num_prompts: int):
    """What is worth .9997 a prompt ends no higher below than what is worth 1:
    no trials are made out of thin air.
    """
    rng = np.random.default_rng(0)
    weights = prompt_weights(num_prompts, num_replicates=2000, rng=rng)
    right = accuracy_interval(np.ones((2001, 1)), num_prompts)
    for spread in (1e-9, 1e-4, 1e-2):
        values = 1 - spread * rng.random((num_prompts, 1))
        found = accuracy_interval(weighted_means(weights, values), num_prompts)
        assert right.low[0] - 2 * spread < found.low[0] <= right.low[0]


@pytest.mark.parametrize("num_prompts", [9, 12, 26])
def test_replicates_that_move_where_the_estimate_is_one_leave_no_more_certainty(num_prompts: int):
    """Bins drawn anew hold other prompts in each replicate, so that all right in the bin itself tells little."""
    rng = np.random.default_rng(0)
    right = accuracy_interval(np.ones((2001, 1)), num_prompts)
    for wrong in (0.0, 1e-6, 1e-3, 1e-2):
        means = 1 - wrong * rng.exponential(size=(2001, 1))
        means[0] = 1
        found = accuracy_interval(means, num_prompts)
        assert right.low[0] - 5 * wrong <= found.low[0] <= right.low[0] + 1e-12
        assert found.high[0] == 1


@pytest.mark.parametrize("num_prompts", [5, 12, 26, 60])
@pytest.mark.parametrize("num_wrong", [0, 1, 2, 5])
def test_right_and_wrong_mirror_each_other(num_prompts: int, num_wrong: int):
    values = (np.arange(num_prompts) >= num_wrong).astype(float)[:, None]
    weights = prompt_weights(num_prompts, num_replicates=2000, rng=np.random.default_rng(0))
    found, mirrored = (accuracy_interval(weighted_means(weights, v), num_prompts) for v in (values, 1 - values))
    assert found.low[0] == pytest.approx(1 - mirrored.high[0], abs=0.02)
    assert found.high[0] == pytest.approx(1 - mirrored.low[0], abs=0.02)


def test_many_prompts_in_the_middle_keep_their_percentile_interval():
    rng = np.random.default_rng(0)
    means = weighted_means(
        prompt_weights(200, num_replicates=2000, rng=rng), rng.binomial(8, 0.5, size=(200, 3)) / 8
    )
    np.testing.assert_array_equal(accuracy_interval(means, 200), percentile_interval(means))


@pytest.mark.parametrize("num_prompts", [12, 26, 60])
@pytest.mark.parametrize("truth", [0.9, 0.95, 0.98, 0.99, 0.999])
def test_every_number_of_right_prompts_is_weighed_and_the_truth_is_covered(num_prompts: int, truth: float):
    """No simulation over data sets: each number of right prompts has its own chance."""
    rng = np.random.default_rng(0)
    weights = prompt_weights(num_prompts, num_replicates=2000, rng=rng)
    numbers = np.arange(num_prompts + 1)
    values = (np.arange(num_prompts)[:, None] < numbers).astype(float)
    found = accuracy_interval(weighted_means(weights, values), num_prompts)
    held = (found.low <= truth) & (truth <= found.high)
    assert binom.pmf(numbers, num_prompts, truth) @ held >= 0.95


def test_every_curve_of_a_run_of_few_prompts_is_smooth_and_lies_in_its_band(plant, ladder):
    """Bins of a dozen prompts drawn anew in every replicate, by models that are nearly always right."""
    able = [model._replace(ability=ability) for model, ability in zip(ladder, (1.0, 3.0, 5.0), strict=False)]
    loaded = outcomes.load(plant(able, num_prompts=30))
    clustered = replace(loaded, dials={"paper": np.arange(30) // 2})
    for choices in (
        Choices(binning=bins.Binning(num_bins=3)),
        Choices(binning=bins.Binning(num_bins=3), cluster="paper"),
    ):
        curves = exchange_rates.measure(read(clustered, choices)).curves
        assert np.all(curves["band_low"] <= curves["low"]) and np.all(curves["band_high"] >= curves["high"])
        assert np.all(curves["high"] - curves["low"] > 0.02)
        for key, cells in curves.groupby(["model", "bin", "rule", "path"]):
            cells = cells.sort_values("width")
            for low, high in (("low", "high"), ("band_low", "band_high")):
                assert_smooth(Interval(*(cells[name].to_numpy() for name in ("accuracy", low, high))), str(key))
