"""Cascades, searches up the ladder and scores that separate, each against closed forms and plain counting."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from analysis.policies import cascade, gains, orders, search, separation
from analysis.policies.allocation import Each, Planned
from analysis.policies.cascade import Rung
from analysis.policies.menu import Cell
from analysis.policies.orders import First
from analysis.policies.replay import join, prompt_folds, replay, resample
from analysis.stats import bootstrap


def rung(name: str, agreement: np.ndarray, worth: np.ndarray, cost: float) -> Rung:
    shape = np.shape(worth)
    return Rung(Cell(name, name, 0, 1), First(agreement, worth, np.full(shape, cost), np.full(shape, 10 * cost)))


def planted(num_prompts: int, *, honest: bool, seed: int = 0) -> list[Rung]:
    """A small model right on half the prompts, whose agreement tells which (or not),
    and a large one always right.
    """
    rng = np.random.default_rng(seed)
    worth = (rng.random((num_prompts, 4)) < 0.5).astype(float)
    told = worth if honest else (rng.random(worth.shape) < 0.5).astype(float)
    return [
        rung("small", 0.4 + 0.6 * told, worth, 1.0),
        rung("large", np.ones(worth.shape), np.ones(worth.shape), 10.0),
    ]


def test_a_cascade_that_knows_when_it_is_right_pays_for_the_large_model_only_when_it_must() -> None:
    rungs = planted(4000, honest=True)
    accuracy, cost, tokens = cascade.run(rungs, [0.9])
    assert accuracy.mean() == 1.0
    assert cost.mean() == pytest.approx(1 + 10 * (1 - rungs[0].said.worth.mean()))
    assert np.allclose(tokens, 10 * cost)


def test_a_cascade_that_always_or_never_accepts_is_its_first_or_last_rung() -> None:
    rungs = planted(50, honest=True)
    menu = cascade.menu(rungs)
    assert menu.names == ("small", "small if 1, else large", "large")
    assert np.allclose(menu.accuracy[:, 0], rungs[0].said.worth.mean(axis=1)) and (menu.cost[:, 0] == 1).all()
    assert (menu.accuracy[:, 2] == 1).all() and (menu.cost[:, 2] == 10).all()


@pytest.mark.parametrize("honest", [True, False])
def test_a_cascade_beats_random_mixing_of_its_rungs_only_where_agreement_tells(honest: bool) -> None:
    """Mixing reaches 1/2 + (c - 1) / 18 at cost c; the honest cascade is always right at 1 + 10 / 2."""
    rungs = planted(600, honest=honest, seed=3)
    everything = cascade.menu(rungs)
    folds = prompt_folds(600, num_folds=2, rng=np.random.default_rng(0))
    levels = (6.0,)
    single = everything.pick([0, 2])
    found = join(
        [
            replay(single, [Each("rungs")], folds=folds, known={}, rng=np.random.default_rng(0)),
            replay(everything, [Planned("cascade", levels)], folds=folds, known={}, rng=np.random.default_rng(0)),
        ]
    )
    means = resample(found, bootstrap.prompt_weights(600, num_replicates=2000, rng=np.random.default_rng(1)))
    read = gains.gains(means, found.columns("cascade"), line=found.columns("rungs"), num_drawn=600)
    if honest:
        assert read.gain.estimate[0] == pytest.approx(1 - (0.5 + 5 / 18), abs=0.02)
    else:
        assert read.gain.high[0] < 0.02 and read.gain.low[0] <= 0


def test_three_rungs_are_asked_in_order_and_what_they_cost_adds_up() -> None:
    said = np.array([[0.2], [0.2], [0.9]]), np.array([[0.5], [0.8], [0.1]])
    rungs = [
        rung("a", said[0], np.array([[1.0], [1.0], [0.0]]), 1.0),
        rung("b", said[1], np.array([[0.0], [1.0], [1.0]]), 2.0),
        rung("c", np.ones((3, 1)), np.array([[1.0], [0.0], [1.0]]), 4.0),
    ]
    accuracy, cost, _ = cascade.run(rungs, [0.9, 0.8])
    assert accuracy.tolist() == [1, 1, 0] and cost.tolist() == [7, 3, 1]


def test_too_many_cascades_are_refused() -> None:
    rungs = [rung(str(at), np.random.default_rng(at).random((9, 2)), np.ones((9, 2)), 1.0) for at in range(6)]
    with pytest.raises(ValueError, match="fewer rungs"):
        cascade.menu(rungs, num_thresholds=4)


def test_a_score_as_acceptance_is_the_highest_of_the_drawn() -> None:
    rng = np.random.default_rng(0)
    votes = rng.integers(0, 3, size=(30, 8))
    samples = orders.priced(votes, votes == 0, np.ones((30, 8)), np.ones((30, 8)), np.zeros(30))
    drawn = orders.draw(30, 8, rng=rng, num_orders=16)
    verified = orders.best_scored(samples, (votes == 0).astype(float), drawn, 4)
    accuracy, _, _ = cascade.run([Rung(Cell("v", "v", 0, 4), verified)], [])
    # A verifier that is never wrong finds a right one wherever there is one.
    assert np.allclose(
        accuracy, (samples.correct[np.arange(30)[:, None, None], drawn[:, :, :4]].max(axis=2)).mean(axis=1)
    )


def test_halving_keeps_the_best_half_of_what_is_left_and_adds_up_what_it_tries() -> None:
    scores = np.array([[[0.1, 0.4, 0.3, 0.2], [0.0, 0.5, 0.6, 0.9], [0.0, 0.7, 0.6, 0.9]]])
    cost = np.tile([[1.0], [2.0], [4.0]], (1, 1, 4))
    found = search.halve(scores, cost)
    assert found.alive[0].sum(axis=1).tolist() == [4, 2, 1]
    assert (found.winner[0], found.best[0]) == (2, 3)
    assert (found.cost[0], found.whole_cost[0]) == (4 * 1 + 2 * 2 + 4, 16)
    assert search.survival(found)[0].tolist() == [True, False, False]
    assert search.regret(found, [[0, 0, 0.5, 0.8]])[0] == pytest.approx(0.3)


def test_a_ladder_whose_rungs_agree_finds_the_winner_and_one_of_noise_finds_it_by_chance() -> None:
    rng = np.random.default_rng(4)
    true = rng.random((2000, 1, 8))
    same = search.halve(np.tile(true, (1, 3, 1)), np.ones((2000, 3, 8)))
    assert search.survival(same).all() and (same.winner == same.best).all()
    noise = search.halve(rng.random((2000, 3, 8)), np.ones((2000, 3, 8)))
    # Kept by chance: 4 of 8, then 2 of 4.
    assert search.survival(noise).mean(axis=0) == pytest.approx([1, 1 / 2, 1 / 4], abs=0.04)


def test_rank_agreement_is_scipy_s_kendall_tau_b() -> None:
    scores = np.random.default_rng(0).integers(0, 5, size=(20, 3, 7)).astype(float)
    tau = search.rank_agreement(scores)
    for row in range(20):
        assert tau[row, 0, 2] == pytest.approx(kendalltau(scores[row, 0], scores[row, 2]).statistic)
    assert np.isnan(search.rank_agreement(np.ones((1, 2, 3)))[0, 0, 1])


def test_the_area_under_the_curve_counts_pairs_with_ties_at_half() -> None:
    rng = np.random.default_rng(2)
    score, gains_held, others = rng.integers(0, 4, 12), rng.integers(0, 3, 12), rng.integers(0, 3, 12)
    weights = rng.integers(0, 3, size=(300, 12)).astype(float)
    found = separation.area(score, gains_held, others, weights=weights)
    for row in (0, 299):
        pairs = np.outer(weights[row] * gains_held, weights[row] * others)
        won = (score[:, None] > score) + 0.5 * (score[:, None] == score)
        assert found[row] == pytest.approx((pairs * won).sum() / pairs.sum())
    assert np.isnan(separation.area(score, np.zeros(12), others, weights=weights)).all()
    halves = np.repeat([0, 1], 6)
    within = separation.area(score, gains_held, others, weights=np.ones((1, 12)), strata=halves)
    pairs = np.outer(gains_held, others) * (halves[:, None] == halves)
    assert within[0] == pytest.approx((pairs * won).sum() / pairs.sum())
    assert separation.area(np.zeros(12), gains_held, others, weights=np.ones((1, 12)))[0] == 0.5
