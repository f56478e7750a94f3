"""Stability of an order: beside splits that are drawn, and at its ends."""

from itertools import combinations

import numpy as np
import pytest

from analysis.stats.rank_stability import split_tau


def by_splits(correct: list[np.ndarray], k: int, num_splits: int, rng: np.random.Generator) -> float:
    """Mean tau of k samples with half of the fewest, over random splits; correct: (P, S) of each model."""
    half = min(table.shape[1] for table in correct) // 2
    found = []
    for _ in range(num_splits):
        mixed = [rng.permuted(table, axis=1) for table in correct]
        few = [table[:, :k].mean() for table in mixed]
        rest = [table[:, k : k + half].mean() for table in mixed]
        found.append(
            np.mean(
                [np.sign((few[i] - few[j]) * (rest[i] - rest[j])) for i, j in combinations(range(len(few)), 2)]
            )
        )
    return float(np.mean(found))


def drawn(rng: np.random.Generator, sizes: tuple[int, ...], num_prompts: int = 60) -> list[np.ndarray]:
    ease = rng.normal(size=num_prompts)
    return [
        rng.random((num_prompts, size)) < 1 / (1 + np.exp(-ease - 0.25 * at))[:, None]
        for at, size in enumerate(sizes)
    ]


@pytest.mark.parametrize("sizes", [(8, 8, 8), (8, 12, 20)], ids=["equal", "unequal"])
def test_tau_is_the_mean_over_random_splits(sizes: tuple[int, ...]):
    rng = np.random.default_rng(len(set(sizes)))
    correct = drawn(rng, sizes)
    c = np.stack([table.sum(axis=1) for table in correct], axis=1)
    n = np.broadcast_to(sizes, c.shape)
    found = split_tau(c, n, np.ones((1, len(c))), [1, 2, 4])[0]
    for k, tau in zip((1, 2, 4), found, strict=True):
        assert tau == pytest.approx(by_splits(correct, k, 1500, rng), abs=0.03)


def test_of_two_draws_of_one_model_tau_is_nothing_in_the_mean():
    rng = np.random.default_rng(0)
    taus = []
    for _ in range(1500):
        c = rng.binomial(8, rng.random(40)[:, None], size=(40, 2))
        taus.append(split_tau(c, np.full_like(c, 8), np.ones((1, 40)), [1, 4])[0])
    assert np.abs(np.mean(taus, axis=0)).max() < 0.05


def test_an_order_that_nothing_varies_in_is_sure_and_equal_models_have_none():
    c = np.array([[4, 4, 0], [4, 0, 0], [0, 0, 0]])
    n = np.full_like(c, 4)
    assert split_tau(c, n, np.ones((1, 3)), [1, 2]) == pytest.approx(1)
    assert split_tau(c[:, [0, 0]], n[:, :2], np.ones((1, 3)), [1, 2]) == pytest.approx(0)


def test_the_order_of_the_models_says_nothing_and_weights_count_prompts_twice():
    rng = np.random.default_rng(1)
    c = rng.binomial(8, rng.random((30, 3)))
    n, weights = np.full_like(c, 8), rng.integers(0, 3, size=(4, 30))
    found = split_tau(c, n, weights, [1, 3])
    assert found == pytest.approx(split_tau(c[:, ::-1], n, weights, [1, 3]))
    repeated = np.repeat(np.arange(30), weights[2])
    assert found[2] == pytest.approx(split_tau(c[repeated], n[repeated], np.ones((1, len(repeated))), [1, 3])[0])


@pytest.mark.parametrize(("models", "ks"), [(1, [1]), (2, [5]), (2, [0])])
def test_one_model_and_more_than_half_of_the_samples_are_refused(models: int, ks: list[int]):
    c = np.ones((5, models), dtype=int)
    with pytest.raises(ValueError, match="two models, and samples from 1 to half of the fewest"):
        split_tau(c, np.full_like(c, 8), np.ones((1, 5)), ks)
