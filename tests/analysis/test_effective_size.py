"""The size on a ladder that is as accurate as a model: identities, ladders that dip, and what lies beyond."""

import numpy as np
import pytest

from analysis.stats.effective_size import EffectiveSize, effective_size

SIZES = np.array([1e6, 4e6, 1.6e7, 6.4e7])


def at(ladder: list[float], accuracy: float) -> EffectiveSize:
    """Without any spread: every replicate is the estimate."""
    return effective_size(np.tile(ladder, (11, 1)), SIZES, np.full(11, accuracy))


@pytest.mark.parametrize("rung", range(4))
def test_a_rungs_accuracy_is_worth_the_rungs_size(rung: int):
    ladder = [0.2, 0.4, 0.5, 0.7]
    assert at(ladder, ladder[rung]).size.estimate == pytest.approx(SIZES[rung])


def test_between_two_rungs_accuracy_is_linear_in_log_size():
    found = at([0.2, 0.4, 0.5, 0.7], 0.45)
    assert found.size.estimate == pytest.approx(8e6)
    assert found.stays == pytest.approx(8e6) and found.share_dips == 0


def test_beyond_the_largest_rung_no_size_is_told():
    found = at([0.2, 0.4, 0.5, 0.7], 0.71)
    assert np.isinf(found.size.estimate) and np.isinf(found.size.high) and found.share_beyond == 1


def test_below_the_smallest_rung_the_size_is_an_upper_bound():
    found = at([0.2, 0.4, 0.5, 0.7], 0.1)
    assert found.is_below and found.share_below == 1 and found.size.estimate == SIZES[0]


def test_a_dip_leaves_the_least_size_and_says_from_where_on_it_stays():
    found = at([0.2, 0.6, 0.5, 0.7], 0.55)
    assert found.size.estimate == pytest.approx(np.exp(np.interp(0.55, [0.2, 0.6], np.log(SIZES[:2]))))
    assert found.stays == pytest.approx(np.exp(np.interp(0.55, [0.5, 0.7], np.log(SIZES[2:]))))
    assert found.share_dips == 1


def test_a_ladder_that_ends_below_never_stays():
    found = at([0.2, 0.6, 0.7, 0.5], 0.55)
    assert np.isinf(found.stays) and np.isfinite(found.size.estimate)


def test_the_size_that_stays_agrees_with_a_walk_along_a_fine_grid():
    rng = np.random.default_rng(0)
    fine = np.linspace(np.log(SIZES[0]), np.log(SIZES[-1]), 20_001)
    for _ in range(20):
        ladder, accuracy = rng.random(4), rng.uniform(0.2, 0.8)
        reached = np.interp(fine, np.log(SIZES), ladder) >= accuracy
        first = np.exp(fine[reached.argmax()]) if reached.any() else np.inf
        short = np.flatnonzero(~reached)
        stays = (
            SIZES[0] if not len(short) else np.inf if short[-1] == len(fine) - 1 else np.exp(fine[short[-1] + 1])
        )
        found = at(list(ladder), accuracy)
        assert found.size.estimate == pytest.approx(first, rel=1e-3) and found.stays == pytest.approx(
            stays, rel=1e-3
        )


@pytest.mark.parametrize("sizes", [[1e6, 1e6], [1e6, np.nan], [1e6]])
def test_sizes_that_order_nothing_are_refused(sizes: list[float]):
    with pytest.raises(ValueError, match="known, increasing sizes"):
        effective_size(np.ones((3, len(sizes))), sizes, np.ones(3))
