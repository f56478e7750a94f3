"""Intervals that hold at every look: planted walks, looks that are chosen by what was seen, and identities."""

import numpy as np
import pytest
from scipy import optimize, stats

from analysis.stats.anytime import radius

NUM_RUNS = 4000


def is_at_most(num_failed: int, alpha: float) -> bool:
    """Whether so many failures in NUM_RUNS are consistent with a chance of alpha or less."""
    return bool(stats.binomtest(num_failed, NUM_RUNS, alpha, alternative="greater").pvalue > 0.01)


def walks(num_steps: int, rng: np.random.Generator) -> np.ndarray:
    """Means of the first 1, 2, ... standard normal values, whose truth is 0; (NUM_RUNS, num_steps)."""
    return np.cumsum(rng.standard_normal((NUM_RUNS, num_steps)), axis=1) / np.arange(1, num_steps + 1)


@pytest.mark.parametrize("alpha", [0.05, 0.2])
@pytest.mark.parametrize("tuned_at", [1 / 5, 1 / 50])
def test_walks_that_are_looked_at_after_every_step_leave_it_in_at_most_alpha(
    alpha: float, tuned_at: float
) -> None:
    means = np.abs(walks(1000, np.random.default_rng(0)))
    variance = 1 / np.arange(1, 1001)
    left = (means > radius(variance, alpha=alpha, tuned_at=tuned_at)).any(axis=1).sum()
    fixed = (means > stats.norm.isf(alpha / 2) * np.sqrt(variance)).any(axis=1).sum()
    assert is_at_most(left, alpha) and left > 0.3 * alpha * NUM_RUNS
    assert not is_at_most(fixed, alpha) and fixed > 2 * alpha * NUM_RUNS


def test_looks_that_follow_what_was_seen_leave_it_in_at_most_alpha() -> None:
    """The next look comes sooner, the nearer the last one was to a decision; it ends at the first that is sure."""
    rng, num_left, num_fixed = np.random.default_rng(1), 0, 0
    means = np.abs(walks(1000, rng))
    variance = 1 / np.arange(1, 1001)
    half = radius(variance, alpha=0.05, tuned_at=1 / 50)
    for mean in means:
        at = 9
        while at < 1000:
            num_left += (is_sure := mean[at] > half[at])
            if is_sure:
                break
            at += 1 + int(100 * (1 - mean[at] / half[at]))
        at = 9
        while at < 1000:
            edge = 1.96 * np.sqrt(variance[at])
            num_fixed += (is_sure := mean[at] > edge)
            if is_sure:
                break
            at += 1 + int(100 * (1 - mean[at] / edge))
    assert is_at_most(num_left, 0.05) and not is_at_most(num_fixed, 0.05)


def test_means_of_right_and_wrong_with_a_variance_read_from_them_leave_it_in_at_most_alpha() -> None:
    right = (np.random.default_rng(2).random((NUM_RUNS, 800)) < 0.3).astype(float)
    counts = np.arange(1, 801)
    means = np.cumsum(right, axis=1) / counts
    half = radius((means * (1 - means) / counts)[:, 99:], alpha=0.05, tuned_at=0.21 / 400)
    assert is_at_most((np.abs(means[:, 99:] - 0.3) > half).any(axis=1).sum(), 0.05)


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_near_the_variance_it_is_tuned_at_it_is_at_most_1_6_times_the_interval_of_one_look(alpha: float) -> None:
    variance = np.array([0.5, 1, 2]) * 0.3
    ratio = radius(variance, alpha=alpha, tuned_at=0.3) / (stats.norm.isf(alpha / 2) * np.sqrt(variance))
    assert np.all(ratio > 1) and np.all(ratio < 1.6)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.3])
def test_no_other_tuning_is_tighter_at_the_variance_that_is_named(alpha: float) -> None:
    def at(log_tuned: float) -> float:
        return float(radius(0.3, alpha=alpha, tuned_at=np.exp(log_tuned)))

    best = optimize.minimize_scalar(at, bounds=(-6, 4), method="bounded", options={"xatol": 1e-9})
    assert np.exp(best.x) == pytest.approx(0.3, rel=1e-4)


def test_it_is_robbins_boundary_in_information() -> None:
    s, t, alpha = 0.7, np.array([0.01, 1, 30, 1e6]), 0.05
    r = optimize.brentq(lambda r: (1 + r) * np.exp(-r) - alpha**2, 1, 50)
    expected = np.sqrt((t + s) * np.log((t + s) / (s * alpha**2))) / t
    np.testing.assert_allclose(radius(1 / t, alpha=alpha, tuned_at=1 / (r * s)), expected, rtol=1e-9)


def test_it_grows_with_the_variance_and_with_the_certainty_asked_for() -> None:
    variance = np.geomspace(1e-12, 1e12, 400)
    half = radius(variance, alpha=0.05, tuned_at=1e-3)
    assert np.all(np.diff(half) > 0) and np.all(radius(variance, alpha=0.01, tuned_at=1e-3) > half)


def test_the_estimates_unit_is_kept() -> None:
    variance = np.array([0.1, 1, 10])
    scaled = radius(variance * 100, alpha=0.05, tuned_at=200)
    np.testing.assert_allclose(scaled, 10 * radius(variance, alpha=0.05, tuned_at=2))


def test_a_variance_that_is_missing_boundless_or_nothing_tells_nothing() -> None:
    assert np.isinf(radius([[0, np.nan, np.inf]], alpha=0.05, tuned_at=1)).tolist() == [[True, True, True]]


def test_shapes_are_broadcast() -> None:
    assert radius(np.ones((3, 1)), alpha=0.05, tuned_at=np.ones(2)).shape == (3, 2)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, np.nan])
def test_an_alpha_that_is_no_chance_of_error_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="chance of error"):
        radius(1, alpha=alpha, tuned_at=1)


@pytest.mark.parametrize("tuned_at", [0, -1, np.nan, np.inf, [1, 0]])
def test_a_variance_that_tunes_nothing_is_refused(tuned_at: float | list[float]) -> None:
    with pytest.raises(ValueError, match="tightest"):
        radius(1, alpha=0.05, tuned_at=tuned_at)


def test_a_negative_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="never below 0"):
        radius([1, -1], alpha=0.05, tuned_at=1)
