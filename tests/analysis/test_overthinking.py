"""Overthinking tax and starvation loss: brute force, what is unbiased, and refusals."""

from itertools import combinations

import numpy as np
import pytest

from analysis.stats import overthinking

RNG = np.random.default_rng(5)
CORRECT = RNG.random((3, 12, 4)) < RNG.random((3, 12, 1))
ALL_HALVES = np.array([[s in half for s in range(4)] for half in combinations(range(4), 2)])


def one_by_one(correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Over and under, (P, B), by every half of each prompt's four samples in turn."""
    num_budgets, num_prompts, _ = correct.shape
    over, under = np.zeros((2, num_prompts, num_budgets))
    for prompt in range(num_prompts):
        for half in combinations(range(4), 2):
            rest = [s for s in range(4) if s not in half]
            seen = [correct[b, prompt, list(half)].mean() for b in range(num_budgets)]
            for b in range(num_budgets):
                best = min((a for a in range(num_budgets) if seen[a] == max(seen)), key=lambda a, b=b: abs(a - b))
                lost = (correct[best, prompt, rest].mean() - correct[b, prompt, rest].mean()) / 6
                over[prompt, b] += lost if b > best else 0
                under[prompt, b] += lost if b < best else 0
    return over, under


def test_losses_are_what_every_half_in_turn_gives():
    found = overthinking.losses(CORRECT, ALL_HALVES)
    over, under = one_by_one(CORRECT)
    np.testing.assert_allclose(found.over, over, atol=1e-6)
    np.testing.assert_allclose(found.under, under, atol=1e-6)


def test_the_least_budget_is_never_above_and_the_largest_never_below_what_suits():
    found = overthinking.losses(CORRECT, ALL_HALVES)
    assert not found.over[:, 0].any() and not found.under[:, -1].any()


def test_a_budget_that_is_certainly_best_loses_nothing_and_others_lose_what_it_has_more():
    correct = np.zeros((3, 5, 4), dtype=bool)
    correct[1] = True
    found = overthinking.losses(correct, ALL_HALVES)
    np.testing.assert_array_equal(found.over, np.tile([0.0, 0.0, 1.0], (5, 1)))
    np.testing.assert_array_equal(found.under, np.tile([1.0, 0.0, 0.0], (5, 1)))


def test_a_tax_that_choosing_on_the_same_samples_would_invent_is_not_there():
    correct = np.random.default_rng(0).random((4, 4000, 8)) < 0.5
    found = overthinking.losses(correct, overthinking.draw_halves(8, rng=np.random.default_rng(1)))
    assert abs(found.over.mean(axis=0)).max() < 0.006 and abs(found.under.mean(axis=0)).max() < 0.006
    accuracy = correct.mean(axis=2)
    assert (accuracy.max(axis=0) - accuracy[-1]).mean() > 0.1


def test_halves_are_halves_with_their_reverse():
    for num_samples in (2, 5, 16):
        halves = overthinking.draw_halves(num_samples, num_splits=3, rng=RNG)
        assert halves.shape == (6, num_samples)
        assert (halves[:3].sum(axis=1) == num_samples // 2).all() and (halves[3:] == ~halves[:3]).all()
    with pytest.raises(ValueError, match="Two samples"):
        overthinking.draw_halves(1, rng=RNG)


def test_the_least_budget_that_suffices_is_the_first_at_which_a_sample_is_right():
    solved = overthinking.solved_by(CORRECT)
    for prompt in range(12):
        for budget in range(3):
            share = np.mean([CORRECT[: budget + 1, prompt, s].any() for s in range(4)])
            assert solved[prompt, budget] == pytest.approx(share)
    found = overthinking.least_budget(CORRECT, [0, 16, 32])
    for prompt in range(12):
        first = [b for b, row in zip([0, 16, 32], CORRECT[:, prompt], strict=True) if row.mean() >= 0.5]
        assert found[prompt] == (first[0] if first else np.inf)
