"""Allocation efficiency: what one budget for all and hindsight yield, by brute force,
and where nothing is told.
"""

import numpy as np
import pytest

from analysis.stats import efficiency
from analysis.stats.bootstrap import means_of_each, prompt_weights, weighted_means

RNG = np.random.default_rng(7)
BUDGETS = np.array([0.0, 16.0, 64.0])
P, S = 20, 5
LENGTHS = RNG.integers(1, 100, size=(P, S))
OWN = np.minimum(LENGTHS, 64)
ANSWERS = RNG.random((3, P, S)) < 0.4
# A sample that ended by itself answers every larger budget alike.
CORRECT = np.stack([ANSWERS[0], np.where(LENGTHS <= 16, ANSWERS[2], ANSWERS[1]), ANSWERS[2]])
WEIGHTS = prompt_weights(P, num_replicates=2000, rng=RNG)


def hindsight(tokens: float, weights: np.ndarray) -> float:
    """The same, sample by sample: those of a smaller budget first, all of one budget at one price."""
    groups: dict[int, list[tuple[float, float]]] = {0: [], 1: [], 2: []}
    for prompt in range(P):
        for s in range(S):
            right = np.flatnonzero(CORRECT[:, prompt, s])
            if len(right):
                own = OWN[prompt, s] if CORRECT[2, prompt, s] else np.inf
                groups[int(right[0])].append((min(BUDGETS[right[0]], own), weights[prompt] / S))
    left, found = tokens * weights.sum(), 0.0
    for members in groups.values():
        cost, mass = sum(c * w for c, w in members), sum(w for _, w in members)
        part = 1.0 if cost <= left else left / cost
        left, found = max(left - cost, 0.0), found + part * mass
        if part < 1:
            break
    return found / weights.sum()


def needs(weights: np.ndarray) -> efficiency.Sufficient:
    """What suffices, under each weighting."""
    found = efficiency.sufficient(CORRECT, BUDGETS, OWN)
    return efficiency.Sufficient(*means_of_each(weights, found))


@pytest.mark.parametrize("tokens", [0.0, 1.0, 3.0, 5.0, 8.0, 20.0, 64.0])
def test_hindsight_is_what_giving_tokens_sample_by_sample_gives(tokens: float):
    found = efficiency.in_hindsight(needs(WEIGHTS[:20]), BUDGETS, np.full(20, tokens))
    for row in range(20):
        assert found[row] == pytest.approx(hindsight(tokens, WEIGHTS[row].astype(float)))


def test_hindsight_is_no_worse_than_own_stops_or_one_budget_at_the_same_tokens():
    tokens = weighted_means(WEIGHTS, OWN.mean(axis=1)[:, None])[:, 0]
    best = efficiency.in_hindsight(needs(WEIGHTS), BUDGETS, tokens)
    by_budget = weighted_means(WEIGHTS, CORRECT.mean(axis=2).T)
    assert (best >= by_budget[:, -1] - 1e-9).all()
    assert (best >= efficiency.one_for_all(by_budget, BUDGETS, tokens) - 1e-9).all()


def test_one_budget_for_all_is_a_budget_where_there_is_one_and_a_mixture_between_two():
    accuracy = np.tile([0.1, 0.5, 0.9], (5, 1))
    found = efficiency.one_for_all(accuracy, BUDGETS, [0, 16, 40, 64, 65])
    np.testing.assert_allclose(found, [0.1, 0.5, 0.7, 0.9, np.nan])
    assert np.isnan(efficiency.one_for_all(accuracy[:1, 1:], BUDGETS[1:], [15])).all()
    alike = efficiency.Sufficient(np.full((1, 2), 0.3), np.full((1, 2), 10.0))
    assert np.isnan(efficiency.in_hindsight(alike, BUDGETS[1:], [15])).all()


def test_efficiency_is_a_share_of_what_hindsight_gains():
    uniform = RNG.normal(0.4, 0.01, size=2001)
    best, policy = uniform + 0.2, uniform + 0.05
    np.testing.assert_allclose(efficiency.efficiency(policy, uniform, best), 0.25)
    np.testing.assert_allclose(efficiency.efficiency(uniform, uniform, best), 0)


def test_where_hindsight_gains_nothing_for_certain_no_efficiency_is_told():
    uniform = np.full(2001, 0.4)
    best = uniform + RNG.normal(0.01, 0.01, size=2001)
    assert np.isnan(efficiency.efficiency(uniform, uniform, best)).all()
    assert np.isnan(efficiency.efficiency(uniform, uniform, uniform)).all()
