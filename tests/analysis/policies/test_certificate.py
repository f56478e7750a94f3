"""The certificate of the most likely answer: by hand, against plain Python, and the chance of a false one."""

import itertools
import math
import time

import numpy as np
import pytest
from scipy import integrate, stats

from analysis.policies import orders, stopping
from analysis.policies.certificate import by_certificate
from analysis.policies.orders import Pool
from analysis.stats import estimators
from tests.analysis.policies.test_stopping import all_orders, planted, some

NUM_RUNS = 4000
# Chances of answers, the most likely first; what follows it is no mode.
CHANCES = {
    "two nearly even": [0.501, 0.499],
    "two apart": [0.6, 0.4],
    "three nearly even": [0.334, 0.333, 0.333],
    "ten nearly even": [0.1009, *[0.0999] * 9],
    "a rival and a tail of many": [0.3, 0.29, *[0.41 / 200] * 200],
    "a mode that is rarely seen": [0.02, *[0.0196] * 50],
    "a heavy tail": list(1 / np.arange(1, 300)),
}


def drawn_from(chances: list[float], num_samples: int, *, seed: int = 0) -> tuple[Pool, np.ndarray]:
    """One order a prompt of independent samples; answers of the greatest chance are right,
    so that wrong is false.
    """
    rng, shares = np.random.default_rng(seed), np.array(chances) / np.sum(chances)
    votes = rng.choice(len(shares), p=shares, size=(NUM_RUNS, num_samples))
    samples = planted(votes, shares[votes] == shares.max(), rng=rng)
    return samples, np.tile(np.arange(num_samples, dtype=np.int32), (NUM_RUNS, 1, 1))


def is_at_most(num_failed: float, alpha: float) -> bool:
    return bool(stats.binomtest(round(num_failed), NUM_RUNS, alpha, alternative="greater").pvalue > 0.01)


@pytest.mark.parametrize("most", [15, 200])
@pytest.mark.parametrize("name", CHANCES)
def test_a_false_certificate_is_rarer_than_it_says(name: str, most: int) -> None:
    samples, order = drawn_from(CHANCES[name], most)
    levels = [0.8, 0.95]
    found = by_certificate(samples, order, most=most, sure=levels)
    for at, sure in enumerate(levels):
        assert is_at_most((found.certified - found.right)[:, at].sum(), 1 - sure)


def test_two_nearly_even_answers_come_near_the_chance_of_error_that_is_allowed() -> None:
    """So that the test above can fail: what is spent is most of what may be spent."""
    samples, order = drawn_from(CHANCES["two nearly even"], 500)
    found = by_certificate(samples, order, most=500, sure=[0.8])
    assert (found.certified - found.right).mean() > 0.3 * 0.2


@pytest.mark.parametrize("name", ["two nearly even", "three nearly even"])
def test_the_beta_rule_is_wrong_more_often_than_it_says_where_the_certificate_is_not(name: str) -> None:
    most = 200
    samples, order = drawn_from(CHANCES[name], most)
    beta = stopping.by_agreement(samples, order, most=most)
    is_stopped = beta.num_drawn[:, 0] < most
    false = (is_stopped & (beta.accuracy[:, 0] == 0)).sum()
    assert not is_at_most(false, 0.05) and false > 0.15 * NUM_RUNS
    found = by_certificate(samples, order, most=most, sure=[0.95])
    assert is_at_most((found.certified - found.right).sum(), 0.05)


def test_two_modes_of_one_chance_are_both_modes() -> None:
    samples, order = drawn_from([0.45, 0.45, 0.1], 400)
    found = by_certificate(samples, order, most=400, sure=[0.95])
    assert 0.01 < found.certified.mean() < 0.1 and (found.certified == found.right)[:, 0].mean() > 0.999


def test_a_clear_mode_is_certified_with_few_samples_among_many_answers() -> None:
    samples, order = drawn_from([0.6, *[0.4 / 400] * 400], 100)
    found = by_certificate(samples, order, most=100, sure=[0.95])
    assert found.certified.mean() > 0.999 and found.right.mean() > 0.999
    assert found.stopped.num_drawn.mean() < 25


def test_seven_samples_that_agree_are_certified_at_95_percent() -> None:
    """The first gives the bettor nobody to name: (2^8 - 1) / 8 over what it alone would say, (2^2 - 1) / 2."""
    wealth = [(2 ** (votes + 1) - 1) / (votes + 1) / 1.5 for votes in (6, 7)]
    assert wealth[0] < 20 < wealth[1]
    samples = planted(np.zeros((1, 9), dtype=int), np.ones((1, 9)), rng=np.random.default_rng(0))
    found = by_certificate(samples, np.arange(9)[None, None], most=9, sure=[1 - 1 / wealth[0] - 1e-9, 0.95])
    assert found.stopped.num_drawn.tolist() == [[6, 7]] and found.certified.tolist() == [[1, 1]]


def whole(for_leader: int, for_other: int) -> float:
    """2^n times the mean of q^a (1 - q)^b, q evenly likely above 1/2, for b = 0 or 1."""
    a, bound = for_leader, 1 - 0.5 ** (for_leader + 1)
    less = (1 - 0.5 ** (a + 2)) / (a + 2) if for_other else 0.0
    return float(2 ** (a + for_other) * 2 * (bound / (a + 1) - less))


@pytest.mark.parametrize(
    ("order", "named_from"),
    [
        ([0, 1, 2, 6, 3, 4, 5, 7, 8], (1, 0)),
        ([0, 6, 1, 2, 3, 4, 5, 7, 8], (1, 0)),
        ([6, 0, 1, 2, 3, 4, 5, 7, 8], (2, 1)),
    ],
)
def test_eight_votes_for_a_and_one_for_b_are_worked_out_by_hand(
    order: list[int], named_from: tuple[int, int]
) -> None:
    """The bettor against b names a from these votes on, and only what comes after them counts."""
    votes = np.array([[0, 0, 0, 0, 0, 0, 1, 0, 0]])
    samples = planted(votes, votes == 0, rng=np.random.default_rng(0))
    wealth = whole(8, 1) / whole(*named_from)
    assert wealth == pytest.approx(7.504 if named_from == (1, 0) else 12.279, abs=1e-3)
    levels = [1 - 1 / (wealth * (1 - 1e-9)), 1 - 1 / (wealth * (1 + 1e-9))]
    found = by_certificate(samples, np.array([[order]]), most=9, sure=levels)
    assert found.certified.tolist() == [[1, 0]] and found.stopped.num_drawn.tolist() == [[9, 9]]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_order_is_what_bettors_in_plain_python_give(seed: int) -> None:
    samples, drawn = some(num_prompts=3, num_samples=5, seed=seed), all_orders(3, 5)
    levels = [0.1, 0.3, 0.45, 0.6]
    found = by_certificate(samples, drawn, most=5, sure=levels)
    for row, (at, sure) in itertools.product(range(3), enumerate(levels)):
        walked = np.mean([walk(samples, row, order, sure) for order in drawn[row]], axis=0)
        got = [*(table[row, at] for table in found.stopped), found.certified[row, at], found.right[row, at]]
        np.testing.assert_allclose(got, walked)
    assert 0 < found.certified.mean() < 1


def walk(samples: Pool, row: int, order: np.ndarray, sure: float) -> list[float]:
    """Accuracy, samples, cost, tokens, certified and right of one order."""
    votes: list[int] = []
    wealth = dict.fromkeys(range(-1, 3), 1.0)
    leader = None
    for step, sample in enumerate(order, start=1):  # noqa: B007
        label = int(samples.codes[row, sample])
        if label >= 0:
            for other in wealth:
                if leader is not None and other != leader and label in (leader, other):
                    mean = mean_above_half(votes.count(leader), votes.count(other))
                    wealth[other] *= 2 * (mean if label == leader else 1 - mean)
            votes.append(label)
            if leader is None or votes.count(label) > votes.count(leader):
                leader = label
        is_certified = leader is not None and min(w for m, w in wealth.items() if m != leader) >= 1 / (1 - sure)
        if is_certified:
            break
    most = max((votes.count(label) for label in votes), default=0)
    leaders = [leader] if is_certified else [label for label in set(votes) if votes.count(label) == most]
    worth = float(np.mean([samples.worth[row, label] for label in leaders])) if leaders else 0.0
    taken = order[:step]
    spent = [2 + samples.cost[row, taken].sum(), samples.tokens[row, taken].sum()]
    return [worth, step, *spent, float(is_certified), worth * is_certified]


def mean_above_half(first: int, second: int) -> float:
    """Of q, evenly likely above 1/2, after so many votes for it and against it."""
    over, under = (
        integrate.quad(lambda q, more=more: q ** (first + more) * (1 - q) ** second, 0.5, 1)[0] for more in (1, 0)
    )
    return over / under


def test_what_is_never_certified_is_the_majority_vote_of_all() -> None:
    samples, drawn = some(), all_orders(5, 6)
    found = by_certificate(samples, drawn, most=5, sure=[0.999])
    votes = np.where(samples.codes >= 0, samples.codes, -1)
    assert np.allclose(found.stopped.accuracy[:, 0], estimators.maj_at_k(votes, samples.correct > 0, [5])[:, 0])
    assert (found.stopped.num_drawn == 5).all() and not found.certified.any() and not found.right.any()


def test_samples_without_an_answer_certify_nothing() -> None:
    votes = np.full((2, 9), -1)
    found = by_certificate(
        planted(votes, votes == 0, rng=np.random.default_rng(0)),
        np.tile(np.arange(9), (2, 3, 1)),
        most=9,
        sure=[0, 0.95],
    )
    assert (found.stopped.num_drawn == 9).all() and not found.certified.any() and not found.stopped.accuracy.any()


def test_to_be_surer_takes_more_samples() -> None:
    samples, order = drawn_from([0.7, 0.2, 0.1], 60)
    found = by_certificate(samples, order, most=60, sure=[0.5, 0.8, 0.95, 0.99])
    assert np.all(np.diff(found.stopped.num_drawn, axis=1) >= 0) and np.all(np.diff(found.certified, axis=1) <= 0)


def test_it_takes_about_as_long_as_the_beta_rule() -> None:
    rng = np.random.default_rng(0)
    votes = rng.geometric(0.4, size=(1000, 64))
    samples, drawn = planted(votes, votes == 1, rng=rng), orders.draw(1000, 64, rng=rng)
    levels = [0.6, 0.8, 0.95, 0.995]
    seconds = []
    for run in (
        lambda: stopping.by_agreement(samples, drawn, most=63, thresholds=levels),
        lambda: by_certificate(samples, drawn, most=63, sure=levels),
    ):
        run()
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    assert seconds[1] < 10 * seconds[0] + 0.5, seconds


@pytest.mark.parametrize(
    ("most", "sure", "message"),
    [(7, [0.9], "can be drawn here"), (3, [0.9, 0.8], "must increase"), (3, [0.9, 1.0], "less than 1")],
)
def test_what_cannot_be_certified_is_refused(most: int, sure: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        by_certificate(some(), all_orders(5, 6), most=most, sure=sure)


def test_hand_means_are_those_of_integrals() -> None:
    assert mean_above_half(1, 0) == pytest.approx(7 / 9) and math.isclose(mean_above_half(0, 0), 3 / 4)
