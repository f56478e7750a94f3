"""Samples of each prompt taken in random orders:
what the first k of an order say and spend. Arrays in, arrays out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Array, Floats, Ints
from analysis.costs.cost_models import CostModel
from analysis.runs.arms import Arm
from analysis.stats import plurality
from analysis.stats.compiled import compiled

NUM_ORDERS = 64
MIN_ORDERS = 8
# Places in all orders together; beyond, fewer orders are drawn.
MAX_PLACES = 2e7


class Pool(NamedTuple):
    """Samples of P prompts at one budget: compact vote codes, worth of each class,
    and what each sample is and spends.

    codes, worth as `plurality.classes` gives them, correct, cost of decoding, decoded tokens: (P, S) each; prefill
    (P,) is the cost of reading the prompt once.
    """

    codes: Ints
    worth: Floats
    correct: Floats
    cost: Floats
    tokens: Floats
    prefill: Floats


class First(NamedTuple):
    """The first k samples of N orders: share of them that the leading answer has,
    its worth, cost, tokens; (P, N) each.

    worth is 1 where the leading answer is right, ties split evenly; cost is run alone, with one prefill; longest
    is the most tokens of one sample, which is the time that samples in parallel take.
    """

    agreement: Floats
    worth: Floats
    cost: Floats
    longest: Floats


def draw(
    num_prompts: int,
    num_samples: int,
    *,
    rng: np.random.Generator,
    num_orders: int | None = None,
    num_fixed: int = 0,
) -> Ints:
    """Random orders of each prompt's samples, (P, N, S); the first `num_fixed` samples stay in front (a probe).

    num_orders is NUM_ORDERS where it is not given, less for large pools but at least MIN_ORDERS.
    """
    if num_orders is None:
        num_orders = int(np.clip(MAX_PLACES // (num_prompts * num_samples), MIN_ORDERS, NUM_ORDERS))
    drawn: Ints = np.empty((num_prompts, num_orders, num_samples), dtype=np.int32)
    drawn[:] = np.arange(num_samples)
    _shuffle(drawn.reshape(-1, num_samples), num_fixed, rng)
    return drawn


def pool(arm: Arm, at: int, cost: CostModel) -> Pool:
    """The samples of one model at its budget `at`, priced one by one."""
    decoded, prompt = arm.decoded_tokens[at].astype(float), np.asarray(arm.prompt_tokens, dtype=float)
    each = arm.sample_cost(cost, at)
    tokens = decoded + (0.0 if arm.rung.has_tokens else np.nan)
    prefill = cost.prefill(arm.rung.shape, prompt)
    return priced(arm.samples.votes[at], arm.samples.correct[at], each, tokens, prefill)


def priced(votes: ArrayLike, correct: ArrayLike, cost: Floats, tokens: Floats, prefill: Floats) -> Pool:
    """A pool from votes and correct as in `estimators.maj_at_k`,
    with each sample's cost and tokens; (P, S) each.
    """
    right = np.asarray(correct, dtype=float)
    codes, worth = plurality.classes(np.asarray(votes, dtype=np.int64), right)
    return Pool(codes, worth, right, cost, tokens, prefill)


def first(samples: Pool, orders: Ints, width: int) -> First:
    """What the first `width` samples of each order vote for and spend. Raises ValueError where there are fewer."""
    _refuse_more(width, orders)
    shape = orders.shape[:2]
    agreement, worth = np.zeros(shape), np.zeros(shape)
    _vote(samples.codes, samples.worth, orders, width, agreement, worth)
    prompts, taken = np.arange(shape[0])[:, None, None], orders[:, :, :width]
    cost = samples.prefill[:, None] + samples.cost[prompts, taken].sum(axis=2)
    return First(agreement, worth, cost, samples.tokens[prompts, taken].max(axis=2, initial=0))


def best_scored(samples: Pool, scores: ArrayLike, orders: Ints, width: int) -> First:
    """As `first`, with the sample of the highest score (P, S) as the answer,
    and that score in place of agreement.
    """
    _refuse_more(width, orders)
    prompts, taken = np.arange(len(orders))[:, None, None], orders[:, :, :width]
    at = np.asarray(scores, dtype=float)[prompts, taken]
    best = at.max(axis=2)
    is_best = at == best[:, :, None]
    worth = (samples.correct[prompts, taken] * is_best).sum(axis=2) / is_best.sum(axis=2)
    voted = first(samples, orders, width)
    return First(best, worth, voted.cost, voted.longest)


def _refuse_more(width: int, orders: Array) -> None:
    if not 1 <= width <= orders.shape[2]:
        raise ValueError(f"A width must lie between 1 and the number of samples ({orders.shape[2]}), not {width}.")


@compiled
def _shuffle(rows: Ints, num_fixed: int, rng: np.random.Generator) -> None:
    """Fisher and Yates, from num_fixed on."""
    num_places = rows.shape[1]
    for row in range(len(rows)):
        for place in range(num_fixed, num_places - 1):
            other = place + int(rng.random() * (num_places - place))
            rows[row, place], rows[row, other] = rows[row, other], rows[row, place]


@compiled
def _vote(codes: Ints, worth: Floats, orders: Ints, width: int, agreement: Floats, leading: Floats) -> None:
    counts = np.zeros(codes.shape[1], dtype=np.int64)
    for row in range(orders.shape[0]):
        for number in range(orders.shape[1]):
            counts[:] = 0
            most = 0
            for step in range(width):
                label = codes[row, orders[row, number, step]]
                if label >= 0:
                    counts[label] += 1
                    most = max(most, counts[label])
            total, num_leaders = 0.0, 0
            for label in range(len(counts)):
                if most and counts[label] == most:
                    total += worth[row, label]
                    num_leaders += 1
            agreement[row, number] = most / width
            leading[row, number] = total / max(num_leaders, 1)
