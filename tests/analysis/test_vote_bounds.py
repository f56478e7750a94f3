"""Bounds of a vote from two samples: the closed form of three votes, linear programmes, and every distribution."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import binom

from analysis.stats.estimators import maj_at_k
from analysis.stats.vote_bounds import Bounds, certify, chance_of_majority, majority, moments

P = np.linspace(0, 1, 4001)


def bounds(first, second, k: int) -> Bounds:
    return certify(first, second, k).read(first, second)


def drawn_moments(rng: np.random.Generator) -> tuple[float, float]:
    p = rng.beta(*rng.uniform(0.1, 4, size=2), size=rng.integers(1, 30))
    return float(p.mean()), float((p**2).mean())


def test_of_three_votes_the_bounds_are_the_closed_form():
    rng = np.random.default_rng(0)
    for _ in range(40):
        a, b = drawn_moments(rng)
        c, d = 1 - a, 1 - 2 * a + b
        found = bounds(a, b, 3)
        assert float(found.upper) == pytest.approx(3 * b - 2 * b**2 / a, abs=3e-6)
        assert float(found.lower) == pytest.approx(1 - 3 * d + 2 * d**2 / c, abs=3e-6)
        assert float(found.upper - found.lower) <= 1 / 8 + 1e-6


@pytest.mark.parametrize("k", [5, 9, 33, 127])
def test_of_more_votes_they_are_what_a_linear_programme_finds(k: int):
    rng, value = np.random.default_rng(k), chance_of_majority(P, k)
    for _ in range(4):
        a, b = drawn_moments(rng)
        same = {"A_eq": np.stack([np.ones_like(P), P, P**2]), "b_eq": [1, a, b], "bounds": (0, 1)}
        least, most = linprog(value, **same).fun, -linprog(-value, **same).fun
        # The programme knows 4,001 chances only, so that its ends lie a little within.
        assert [*map(float, bounds(a, b, k))] == pytest.approx([least, most], abs=5e-5)


@pytest.mark.parametrize("k", [3, 7, 15, 63])
def test_no_distribution_of_these_moments_leaves_the_bounds(k: int):
    rng = np.random.default_rng(k)
    atoms, shares = rng.random((20_000, 4)), rng.dirichlet(np.ones(4), size=20_000)
    first, second = (atoms * shares).sum(axis=1), (atoms**2 * shares).sum(axis=1)
    vote, found = (chance_of_majority(atoms, k) * shares).sum(axis=1), bounds(first, second, k)
    assert np.all((found.lower <= vote + 3e-5) & (vote <= found.upper + 3e-5))


@pytest.mark.parametrize("k", [1, 2, 4, 5, 31])
def test_the_parabolas_lie_on_either_side_of_the_vote_wherever_p_lies(k: int):
    below, above = certify(0.55, 0.4, k)
    value, powers = chance_of_majority(P, k), np.stack([np.ones_like(P), P, P**2], axis=1)
    assert np.all(powers @ below <= value + 5e-5) and np.all(value <= powers @ above + 5e-5)


def test_one_vote_and_equal_prompts_leave_nothing_open():
    assert [*map(float, bounds(0.3, 0.2, 1))] == pytest.approx([0.3, 0.3])
    for k in (3, 15):
        certain = bounds(0.6, 0.36, k)
        assert [*map(float, certain)] == pytest.approx([binom.sf(k // 2, k, 0.6)] * 2, abs=5e-5)
        # Prompts that are always right or never: no vote changes anything.
        assert [*map(float, bounds(0.6, 0.6, k))] == pytest.approx([0.6, 0.6], abs=1e-9)


def test_a_second_moment_that_chance_put_too_low_counts_as_no_variance():
    assert bounds(0.6, 0.3, 9) == pytest.approx(bounds(0.6, 0.36, 9))


def test_an_even_number_of_votes_is_worth_the_odd_one_below():
    assert chance_of_majority(P, 6) == pytest.approx(chance_of_majority(P, 5))
    assert chance_of_majority(P, 6) == pytest.approx(binom.sf(3, 6, P) + binom.pmf(3, 6, P) / 2)
    assert majority([3, 5], [8, 8], [6]) == pytest.approx(majority([3, 5], [8, 8], [5]))


def test_pairs_of_samples_give_the_moments_without_bias():
    correct = np.array([1, 0, 1, 1, 0])
    pairs = [correct[one] * correct[other] for one, other in combinations(range(5), 2)]
    assert [float(part) for part in moments(3, 5)] == pytest.approx([0.6, np.mean(pairs)])
    counts = np.arange(8)
    first, second = moments(counts, 7)
    weight = binom.pmf(counts, 7, 0.35)
    assert (weight @ first, weight @ second) == pytest.approx((0.35, 0.35**2))


def test_the_measured_majority_is_the_mean_over_all_subsets():
    correct = np.array([1, 1, 0, 1, 0, 0, 1])
    for k in (1, 3, 4, 5, 7):
        votes = [correct[list(chosen)].sum() for chosen in combinations(range(7), k)]
        mean = sum((vote > k / 2) + (vote == k / 2) / 2 for vote in votes) / comb(7, k)
        assert majority([4], [7], [k])[0, 0] == pytest.approx(mean)


def test_where_right_answers_are_one_answer_their_majority_wins_the_vote_over_answers():
    rng = np.random.default_rng(0)
    correct = rng.random((60, 9)) < rng.random((60, 1))
    votes = np.where(correct, 0, rng.integers(1, 4, size=(60, 9)))
    ks = [1, 3, 5, 7, 9]
    assert np.all(majority(correct.sum(axis=1), np.full(60, 9), ks) <= maj_at_k(votes, correct, ks) + 1e-12)
    # Where all wrong answers agree the two are one.
    assert majority(correct.sum(axis=1), np.full(60, 9), ks) == pytest.approx(maj_at_k(~correct * 1, correct, ks))


def test_right_answers_that_split_may_lose_the_vote_over_answers_that_their_majority_wins():
    votes = np.array([[0, 0, 1, 1, 2, 2, 2]])
    assert majority([4], [7], [7])[0, 0] == 1 and maj_at_k(votes, votes < 2, [7])[0, 0] == 0


def test_what_is_asked_for_has_to_be_there():
    with pytest.raises(ValueError, match="at least one sample"):
        certify(0.5, 0.3, 0)
    with pytest.raises(ValueError, match="Two samples of every prompt"):
        moments([1, 1], [2, 1])
    with pytest.raises(ValueError, match="between 1 and the number of samples"):
        majority([1], [4], [5])
