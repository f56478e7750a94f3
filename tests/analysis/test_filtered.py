"""The vote of the best-scored part of a subset: by definition,
on every subset and every way to drop equal scores.
"""

from itertools import combinations

import numpy as np
import pytest

from analysis.stats.estimators import best_of_n, maj_at_k
from analysis.stats.filtered import filtered_vote_at_k, num_kept


def plurality(votes: np.ndarray, correct: np.ndarray, worth: dict[int, float]) -> float:
    cast = [vote for vote in votes.tolist() if vote >= 0]
    if not cast:
        return 0.0
    most = max(cast.count(vote) for vote in cast)
    return float(np.mean([worth[vote] for vote in set(cast) if cast.count(vote) == most]))


def by_definition(votes: np.ndarray, correct: np.ndarray, scores: np.ndarray, k: int, share: float) -> float:
    worth = {vote: float(correct[votes == vote].mean()) for vote in set(votes.tolist())}
    m = k - int(share * k + 1e-9) or 1
    outcomes = []
    for subset in combinations(range(len(votes)), k):
        ways = [
            np.array(kept)
            for kept in combinations(subset, m)
            if all(scores[i] <= scores[list(kept)].min() for i in set(subset) - set(kept))
        ]
        outcomes.append(np.mean([plurality(votes[kept], correct[kept], worth) for kept in ways]))
    return float(np.mean(outcomes))


@pytest.mark.parametrize("share", [0.5, 0.25, 0.75, 0.0, 0.1, 0.99])
@pytest.mark.parametrize("num_levels", [1, 2, 4, None])
@pytest.mark.parametrize("num_samples", [1, 2, 5, 8])
def test_every_width_equals_the_definition(share: float, num_levels: int | None, num_samples: int):
    rng = np.random.default_rng([num_samples, num_levels or 99])
    shape = (6, num_samples)
    votes, correct = rng.integers(-1, 3, size=shape), rng.random(shape) < 0.5
    scores = (
        rng.normal(size=shape) if num_levels is None else rng.integers(0, num_levels, size=shape).astype(float)
    )
    ks = list(range(1, num_samples + 1))
    found = filtered_vote_at_k(votes, correct, scores, ks, share=share, rng=rng)
    rows = zip(votes, correct, scores, strict=True)
    expected = [[by_definition(*row, k, share) for k in ks] for row in rows]
    np.testing.assert_allclose(found.mean, expected, atol=1e-12)
    assert not found.standard_error.any()


@pytest.mark.parametrize("num_levels", [2, 5, None])
def test_more_samples_are_counted_too_with_equal_scores_or_without(num_levels: int | None):
    rng = np.random.default_rng(1)
    votes, scores = rng.integers(-1, 4, size=(4, 11)), rng.normal(size=(4, 11))
    scores = scores if num_levels is None else rng.integers(0, num_levels, size=(4, 11)).astype(float)
    found = filtered_vote_at_k(votes, votes == 0, scores, [1, 4, 7, 11], rng=rng)
    rows = zip(votes, votes == 0, scores, strict=True)
    expected = [[by_definition(*row, k, 0.5) for k in (1, 4, 7, 11)] for row in rows]
    np.testing.assert_allclose(found.mean, expected, atol=1e-12)
    assert not found.standard_error.any()


def test_equal_scores_of_many_samples_are_drawn_within_their_standard_error():
    rng = np.random.default_rng(2)
    votes, scores = rng.integers(-1, 3, size=(8, 10)), rng.integers(0, 3, size=(8, 10)).astype(float)
    found = filtered_vote_at_k(votes, votes == 0, scores, [2, 5, 9], rng=rng, num_draws=4000, max_terms=0)
    rows = zip(votes, votes == 0, scores, strict=True)
    expected = np.array([[by_definition(*row, k, 0.5) for k in (2, 5, 9)] for row in rows])
    assert found.standard_error.any()
    assert np.all(np.abs(found.mean - expected) <= 4.5 * found.standard_error + 1e-12)


def test_without_a_filter_it_is_the_majority_vote_and_with_one_survivor_the_best():
    rng = np.random.default_rng(3)
    votes, scores = rng.integers(0, 4, size=(30, 24)), rng.normal(size=(30, 24))
    correct = votes == 0
    ks = [1, 2, 5, 24]
    plain = filtered_vote_at_k(votes, correct, scores, ks, share=0, rng=rng)
    np.testing.assert_allclose(plain.mean, maj_at_k(votes, correct, ks), atol=1e-12)
    one = filtered_vote_at_k(votes, correct, scores, ks, share=0.99, rng=rng)
    np.testing.assert_allclose(one.mean, best_of_n(scores, correct, ks), atol=1e-12)


def test_without_a_filter_equal_scores_are_counted_however_many():
    votes = np.random.default_rng(4).integers(0, 3, size=(5, 40))
    found = filtered_vote_at_k(
        votes, votes == 0, np.zeros((5, 40)), [3, 40], share=0, rng=np.random.default_rng(0)
    )
    np.testing.assert_allclose(found.mean, maj_at_k(votes, votes == 0, [3, 40]), atol=1e-12)
    assert not found.standard_error.any()


def test_equal_scores_filter_nothing_in_expectation():
    """Dropping half at random leaves a random half."""
    votes = np.random.default_rng(5).integers(0, 3, size=(5, 8))
    found = filtered_vote_at_k(votes, votes == 0, np.ones((5, 8)), [2, 4, 8], rng=np.random.default_rng(0))
    np.testing.assert_allclose(found.mean, maj_at_k(votes, votes == 0, [1, 2, 4]), atol=1e-12)


def test_any_increasing_change_of_scores_changes_nothing():
    rng = np.random.default_rng(6)
    votes, scores = rng.integers(0, 3, size=(6, 9)), rng.normal(size=(6, 9))
    found = [
        filtered_vote_at_k(votes, votes == 0, changed, [3, 6, 9], rng=rng).mean
        for changed in (scores, np.exp(scores), 100 * scores - 7)
    ]
    np.testing.assert_allclose(found[1], found[0])
    np.testing.assert_allclose(found[2], found[0])


@pytest.mark.parametrize(
    ("k", "share", "kept"), [(1, 0.5, 1), (2, 0.5, 1), (3, 0.5, 2), (10, 0.1, 9), (10, 0.3, 7), (5, 0.99, 1)]
)
def test_a_share_is_rounded_down_and_one_sample_stays(k: int, share: float, kept: int):
    assert num_kept(k, share) == kept


@pytest.mark.parametrize(
    ("scores", "ks", "share", "said"),
    [
        ([np.nan, 1], [1], 0.5, "finite score"),
        ([np.inf, 1], [1], 0.5, "finite score"),
        ([1, 2], [3], 0.5, "Widths must lie"),
        ([1, 2], [0], 0.5, "Widths must lie"),
        ([1, 2], [1], 1.0, "share of samples"),
        ([1, 2], [1], -0.1, "share of samples"),
        ([1, 2, 3], [1], 0.5, "one shape"),
    ],
)
def test_what_has_no_meaning_is_refused(scores: list[float], ks: list[int], share: float, said: str):
    with pytest.raises(ValueError, match=said):
        filtered_vote_at_k([-1, 0], [False, True], scores, ks, share=share, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("num_samples", "num_levels"), [(16, 2), (16, 16), (64, 2), (128, 3)])
def test_what_is_counted_lies_where_random_orders_say(num_samples: int, num_levels: int):
    rng = np.random.default_rng(num_samples + num_levels)
    votes = rng.integers(-1, 3, size=(5, num_samples))
    scores = rng.integers(0, num_levels, size=votes.shape).astype(float)
    ks = [2, num_samples // 3, num_samples - 1]
    counted = filtered_vote_at_k(votes, votes == 0, scores, ks, rng=rng, max_terms=np.inf)
    drawn = filtered_vote_at_k(votes, votes == 0, scores, ks, rng=rng, num_draws=4000, max_terms=0)
    assert not counted.standard_error.any() and drawn.standard_error.any()
    assert np.all(np.abs(counted.mean - drawn.mean) <= 4.5 * drawn.standard_error + 1e-9)


def test_sixteen_samples_of_any_shape_are_counted():
    rng = np.random.default_rng(8)
    votes = np.stack([np.arange(16), np.arange(16) // 2, np.zeros(16, dtype=int), np.full(16, -1)])
    for scores in (np.arange(16) // 2, np.arange(16) % 2, np.maximum(np.arange(16) - 1, 0)):
        given = np.broadcast_to(scores, votes.shape).astype(float)
        found = filtered_vote_at_k(votes, votes == 0, given, range(1, 17), rng=rng)
        assert not found.standard_error.any() and np.all((found.mean >= -1e-12) & (found.mean <= 1 + 1e-12))
