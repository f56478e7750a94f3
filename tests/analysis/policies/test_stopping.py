"""Stopping early and probing: identities, brute force, planted votes with a closed form, and real votes."""

import gzip
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.policies import orders, probed, stopping
from analysis.policies.menu import Cell
from analysis.policies.orders import Pool
from analysis.stats import bootstrap, estimators


def planted(votes: np.ndarray, correct: np.ndarray, *, rng: np.random.Generator) -> Pool:
    """Samples of random cost and ten tokens for each unit of cost; reading a prompt costs 2."""
    cost = rng.integers(1, 9, size=votes.shape).astype(float)
    return orders.priced(votes, correct, cost, 10 * cost, np.full(len(votes), 2.0))


def some(num_prompts: int = 5, num_samples: int = 6, seed: int = 0) -> Pool:
    rng = np.random.default_rng(seed)
    votes = rng.integers(-1, 3, size=(num_prompts, num_samples))
    return planted(votes, votes == 0, rng=rng)


def all_orders(num_prompts: int, num_samples: int) -> np.ndarray:
    every = np.array(list(itertools.permutations(range(num_samples))), dtype=np.int16)
    return np.tile(every, (num_prompts, 1, 1))


def closed_form(chance: float, most: int, threshold: float) -> tuple[float, float]:
    """Samples until two answers of chances p and 1 - p are told apart, and how often the first then leads.

    By the forward recursion over both counts; `most` is odd.
    """
    alive, total, right = {(0, 0): 1.0}, 0.0, 0.0
    for step in range(most):
        after: dict[tuple[int, int], float] = {}
        for (a, b), mass in alive.items():
            total += mass
            for state, share in (((a + 1, b), chance), ((a, b + 1), 1 - chance)):
                if step < most - 1 and stopping.confidence(max(state), min(state)) < threshold:
                    after[state] = after.get(state, 0.0) + mass * share
                else:
                    right += mass * share * (state[0] > state[1])
        alive = after
    return total, right


def test_confidence_is_the_paper_s_beta_criterion() -> None:
    assert stopping.confidence(4, 0) == pytest.approx(1 - 2**-5)
    assert stopping.confidence(3, 3) == pytest.approx(0.5)
    # P(Beta(3, 2) > 1/2) = 11/16.
    assert stopping.confidence(2, 1) == pytest.approx(11 / 16)


def test_a_threshold_that_is_never_reached_is_the_majority_vote_of_all() -> None:
    samples, drawn = some(), all_orders(5, 6)
    stopped = stopping.by_agreement(samples, drawn, most=5, thresholds=[1.0])
    votes = np.where(samples.codes >= 0, samples.codes, -1)
    assert np.allclose(stopped.accuracy[:, 0], estimators.maj_at_k(votes, samples.correct > 0, [5])[:, 0])
    assert (stopped.num_drawn == 5).all()
    assert np.allclose(stopped.cost[:, 0], 2 + 5 * samples.cost.mean(axis=1))
    assert np.allclose(stopped.tokens[:, 0], 50 * samples.cost.mean(axis=1))


def test_the_first_of_an_order_vote_as_the_exact_majority_does() -> None:
    samples, drawn = some(seed=3), all_orders(5, 6)
    votes = np.where(samples.codes >= 0, samples.codes, -1)
    for width in (1, 2, 3, 6):
        found = orders.first(samples, drawn, width)
        assert np.allclose(
            found.worth.mean(axis=1), estimators.maj_at_k(votes, samples.correct > 0, [width])[:, 0]
        )
        assert np.allclose(found.longest.mean(axis=1), estimators.max_at_k(samples.tokens, [width])[:, 0])
        assert (found.agreement <= 1).all()


def test_the_best_scored_of_an_order_is_best_of_n() -> None:
    samples, drawn = some(seed=4), all_orders(5, 6)
    scores = np.random.default_rng(1).integers(0, 4, size=(5, 6)).astype(float)
    found = orders.best_scored(samples, scores, drawn, 3)
    exact = np.mean(
        [found_of(samples.correct, scores, subset) for subset in itertools.combinations(range(6), 3)], axis=0
    )
    assert np.allclose(found.worth.mean(axis=1), exact)
    assert np.allclose(found.agreement.mean(axis=1), estimators.max_at_k(scores, [3])[:, 0])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stopping_on_a_score_is_what_every_order_drawn_by_hand_gives(seed: int) -> None:
    samples, drawn = some(seed=seed), all_orders(5, 6)
    rng = np.random.default_rng(seed)
    scores, reading = rng.integers(0, 4, size=(5, 6)).astype(float), rng.random((5, 6))
    watched = rng.permutation(scores)
    thresholds = [-np.inf, 1.0, 2.0, 3.0, np.inf]
    for seen in (scores, watched):
        found = stopping.by_score(
            samples, scores, drawn, most=4, thresholds=thresholds, reading=reading, watched=seen
        )
        for row in range(5):
            for at, threshold in enumerate(thresholds):
                by_hand = [
                    stop_by_hand(samples, scores, seen, reading, row, order, threshold) for order in drawn[row]
                ]
                expected = np.mean(by_hand, axis=0)
                got = [table[row, at] for table in (found.accuracy, found.num_drawn, found.cost, found.tokens)]
                np.testing.assert_allclose(got, expected)


def stop_by_hand(samples, scores, watched, reading, row: int, order, threshold: float) -> list[float]:
    """Accuracy, samples, cost and tokens of one order, of at most four."""
    for number in range(1, 5):
        taken = order[:number]
        if watched[row, taken].max() >= threshold or number == 4:
            best = taken[scores[row, taken] == scores[row, taken].max()]
            cost = samples.prefill[row] + (samples.cost + reading)[row, taken].sum()
            return [samples.correct[row, best].mean(), number, cost, samples.tokens[row, taken].sum()]
    raise AssertionError


def test_a_score_that_is_never_reached_is_best_of_n_and_any_score_one_sample() -> None:
    samples, drawn = some(seed=4), all_orders(5, 6)
    scores = np.random.default_rng(1).normal(size=(5, 6))
    found = stopping.by_score(
        samples, scores, drawn, most=3, thresholds=[-np.inf, np.inf], reading=np.full((5, 6), 2.0)
    )
    assert np.allclose(found.accuracy[:, 0], samples.correct.mean(axis=1))
    assert np.allclose(found.accuracy[:, 1], estimators.best_of_n(scores, samples.correct > 0, [3])[:, 0])
    assert np.allclose(found.cost[:, 1], samples.prefill + 3 * (samples.cost.mean(axis=1) + 2))
    assert np.allclose(found.cost[:, 0], samples.prefill + samples.cost.mean(axis=1) + 2)
    for most, thresholds in ((7, [0.0]), (3, [1.0, 0.0])):
        with pytest.raises(ValueError, match="can be drawn here|must increase"):
            stopping.by_score(samples, scores, drawn, most=most, thresholds=thresholds, reading=scores)


def found_of(correct: np.ndarray, scores: np.ndarray, subset: tuple[int, ...]) -> np.ndarray:
    """Mean correctness of the best scored of one subset."""
    at, right = scores[:, subset], correct[:, subset]
    is_best = at == at.max(axis=1, keepdims=True)
    return (right * is_best).sum(axis=1) / is_best.sum(axis=1)


def test_agreement_stops_at_the_first_sure_sample_of_each_order() -> None:
    """Against a walk in plain Python over every order."""
    samples, drawn = some(num_prompts=3, num_samples=5, seed=2), all_orders(3, 5)
    thresholds = [0.7, 0.85]
    stopped = stopping.by_agreement(samples, drawn, most=4, thresholds=thresholds)
    for row, (at, threshold) in itertools.product(range(3), enumerate(thresholds)):
        walked = [walk(samples, row, order, 4, threshold) for order in drawn[row]]
        accuracy, num_drawn, cost = np.mean(walked, axis=0)
        assert stopped.accuracy[row, at] == pytest.approx(accuracy)
        assert stopped.num_drawn[row, at] == pytest.approx(num_drawn)
        assert stopped.cost[row, at] == pytest.approx(2 + cost)


def walk(samples: Pool, row: int, order: np.ndarray, most: int, threshold: float) -> tuple[float, int, float]:
    votes: dict[int, int] = {}
    for step, sample in enumerate(order[:most], start=1):  # noqa: B007
        label = int(samples.codes[row, sample])
        if label >= 0:
            votes[label] = votes.get(label, 0) + 1
        top = sorted([*votes.values(), 0, 0])[::-1]
        if votes and stopping.confidence(top[0], top[1]) >= threshold:
            break
    leaders = [label for label, count in votes.items() if count == max(votes.values())]
    worth = np.mean([samples.worth[row, label] for label in leaders]) if leaders else 0.0
    return float(worth), step, float(samples.cost[row, order[:step]].sum())


@pytest.mark.parametrize("chance", [1.0, 0.9, 0.7])
def test_planted_votes_lose_under_a_point_at_the_closed_form_saving(chance: float) -> None:
    """Two answers of chances p and 1 - p, the likelier one right: .95 confidence against a vote of all 15."""
    rng = np.random.default_rng(8)
    votes = (rng.random((4000, 15)) > chance).astype(np.int64)
    samples = planted(votes, votes == 0, rng=rng)
    drawn = orders.draw(4000, 15, rng=rng, num_orders=8)
    stopped = stopping.by_agreement(samples, drawn, most=15)
    whole = estimators.maj_at_k(votes, votes == 0, [15])[:, 0]
    num_drawn, accuracy = closed_form(chance, 15, stopping.CONFIDENCE)
    assert stopped.num_drawn.mean() == pytest.approx(num_drawn, abs=0.12)
    assert stopped.accuracy.mean() == pytest.approx(accuracy, abs=0.012)
    weights = bootstrap.prompt_weights(4000, num_replicates=2000, rng=rng)
    loss = bootstrap.percentile_interval(
        bootstrap.weighted_means(weights, (whole - stopped.accuracy[:, 0])[:, None])
    )
    # Where a vote of all is itself often wrong, the loss is the closed form's and not under a point.
    assert loss.high[0] < (0.01 if chance > 0.8 else 0.1)


def test_stopping_at_the_first_success_is_exact() -> None:
    samples, drawn = some(seed=5), all_orders(5, 6)
    stopped = stopping.at_success(samples, widths=[1, 4])
    for at, width in enumerate((1, 4)):
        steps = np.zeros((5, drawn.shape[1]))
        cost = np.zeros((5, drawn.shape[1]))
        for row, number in itertools.product(range(5), range(drawn.shape[1])):
            taken = drawn[row, number, :width]
            right = np.flatnonzero(samples.correct[row, taken])
            steps[row, number] = right[0] + 1 if len(right) else width
            cost[row, number] = samples.cost[row, taken[: int(steps[row, number])]].sum()
        assert np.allclose(stopped.num_drawn[:, at], steps.mean(axis=1))
        assert np.allclose(stopped.cost[:, at], 2 + cost.mean(axis=1))
        exact = estimators.pass_at_k(6, samples.correct.sum(axis=1), width)
        assert np.allclose(stopped.accuracy[:, at], exact)


@pytest.mark.parametrize("rule", ["pass_at_k", "maj_at_k"])
def test_a_probe_that_counts_towards_the_answer_is_a_cell_like_any_other_on_average(rule: str) -> None:
    """Over every choice of the two samples that are the probe, a probed width is the plain width."""
    samples = some(num_prompts=4, num_samples=6, seed=6)
    rng, named = np.random.default_rng(0), Cell("m", "m", 0, 0)
    every = []
    for pair in itertools.combinations(range(6), 2):
        order = [*pair, *(sample for sample in range(6) if sample not in pair)]
        turned = Pool(
            samples.codes[:, order], samples.worth, *(table[:, order] for table in samples[2:5]), samples.prefill
        )
        every.append(probed.menu(turned, num_probe=2, widths=[2, 3, 5], rule=rule, named=named, rng=rng))
    votes, correct = np.where(samples.codes >= 0, samples.codes, -1), samples.correct > 0
    exact = {
        "pass_at_k": estimators.pass_at_k(6, correct.sum(axis=1)[:, None], [2, 3, 5]),
        "maj_at_k": estimators.maj_at_k(votes, correct, [2, 3, 5]),
    }[rule]
    tolerance = 1e-9 if rule == "pass_at_k" else 0.05
    assert np.allclose(np.mean([found.accuracy for found in every], axis=0), exact, atol=tolerance)
    plain_cost = 2 + samples.cost.mean(axis=1)[:, None] * [2, 3, 5]
    assert np.allclose(np.mean([found.cost for found in every], axis=0), plain_cost)
    assert every[0].names == ("m probed k=2", "m probed k=3", "m probed k=5")


def test_real_votes_stop_with_few_samples_and_lose_little(outside_data: Callable[[str], Path]) -> None:
    """Qwen2.5-Math on 100 MATH problems x 8 samples: answers are compared as the file has them."""
    with gzip.open(outside_data("math/math_reward_scored_100x8.jsonl.gz"), "rt") as lines:
        rows = [json.loads(line) for line in lines]
    votes = np.array([[row["pred"].index(answer) for answer in row["pred"]] for row in rows])
    correct = np.array([row["score"] for row in rows], dtype=bool)
    rng = np.random.default_rng(0)
    samples = planted(votes, correct, rng=rng)
    stopped = stopping.by_agreement(samples, orders.draw(100, 8, rng=rng, num_orders=400), most=8)
    whole = estimators.maj_at_k(votes, correct, [8])[:, 0]
    weights = bootstrap.prompt_weights(100, num_replicates=2000, rng=rng)
    per_prompt = np.stack([whole - stopped.accuracy[:, 0], stopped.num_drawn[:, 0]], axis=1)
    loss, drawn = (
        bootstrap.percentile_interval(column) for column in bootstrap.weighted_means(weights, per_prompt).T
    )
    print(f"samples {drawn.estimate:.2f} [{drawn.low:.2f}, {drawn.high:.2f}] of 8, "
          f"{100 * loss.estimate:.2f} points lost [{100 * loss.low:.2f}, {100 * loss.high:.2f}]")  # fmt: skip
    assert drawn.low >= 4 and drawn.high < 6
    assert loss.high < 0.02
