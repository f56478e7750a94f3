"""Votes among answers that come in blocks."""

import numpy as np
import pytest

from analysis.stats.blocks import vote_of_blocks
from analysis.stats.estimators import maj_at_k
from tests.analysis.planted_graphs import subsets, vote


def drawn(seed: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    votes = rng.integers(-1, 4, size=shape)
    return votes, votes == 0


def by_hand(votes: np.ndarray, correct: np.ndarray, k: int) -> list[float]:
    return [
        float(
            np.mean(
                [
                    vote(of[chosen].ravel().tolist(), worth[chosen].ravel().tolist())
                    for chosen in subsets(len(of), k)
                ]
            )
        )
        for of, worth in zip(votes, correct, strict=True)
    ]


@pytest.mark.parametrize("shape", [(20, 5, 3), (20, 6, 2), (10, 1, 4), (20, 7, 1)])
def test_every_choice_of_blocks_is_counted(shape: tuple[int, int, int]) -> None:
    votes, correct = drawn(0, shape)
    ks = list(range(1, shape[1] + 1))
    found = vote_of_blocks(votes, correct, ks, rng=np.random.default_rng(0))
    for at, k in enumerate(ks):
        np.testing.assert_allclose(found.mean[:, at], by_hand(votes, correct, k))
    assert not found.standard_error.any()


def test_drawn_choices_of_blocks_agree_with_all_of_them_within_their_error() -> None:
    votes, correct = drawn(1, (40, 8, 2))
    every = vote_of_blocks(votes, correct, [4], rng=np.random.default_rng(0)).mean[:, 0]
    some = vote_of_blocks(votes, correct, [4], rng=np.random.default_rng(0), num_draws=60)
    away = (some.mean[:, 0] - every) / np.maximum(some.standard_error[:, 0], 1e-9)
    assert some.standard_error.any() and 0.6 < np.sqrt(np.mean(away[some.standard_error[:, 0] > 0] ** 2)) < 1.4


def test_blocks_of_equal_answers_vote_as_samples() -> None:
    votes, correct = drawn(2, (30, 6, 1))
    repeated = (np.repeat(each, 3, axis=2) for each in (votes, correct))
    found = vote_of_blocks(*repeated, [1, 2, 5], rng=np.random.default_rng(0)).mean
    np.testing.assert_allclose(found, maj_at_k(votes[..., 0], correct[..., 0], [1, 2, 5]))


def test_more_blocks_than_there_are_are_refused() -> None:
    votes, correct = drawn(3, (3, 4, 2))
    with pytest.raises(ValueError, match=r"between 1 and the number of blocks \(4\)"):
        vote_of_blocks(votes, correct, [5], rng=np.random.default_rng(0))
