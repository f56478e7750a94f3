"""Ranks with ties: those of scipy, whose statistics a command has no time to load."""

import numpy as np
import pytest
from scipy.stats import rankdata

from analysis.stats.ranks import average_ranks


@pytest.mark.parametrize("shape", [(1,), (2,), (200,), (7, 1), (40, 12), (3, 4, 5)])
@pytest.mark.parametrize("num_values", [1, 3, 1000])
def test_equal_values_share_the_mean_of_their_places(shape: tuple[int, ...], num_values: int) -> None:
    values = np.random.default_rng(0).integers(num_values, size=shape) - num_values / 2
    assert np.array_equal(average_ranks(values), rankdata(values, axis=-1))


def test_infinite_values_stand_at_the_ends_and_both_zeros_are_one() -> None:
    values = [np.inf, -np.inf, 0.0, -0.0, np.inf]
    assert np.array_equal(average_ranks(values), rankdata(values))


def test_nothing_has_no_ranks() -> None:
    assert average_ranks(np.zeros((0, 4))).shape == (0, 4)
