"""The best mix of arms at a mean cost, where each prompt's accuracies
and costs are known or guessed. Arrays only.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints

# Slopes that differ by less than this share are one: they are paid alike.
SAME_SLOPE = 1e-9


class Steps(NamedTuple):
    """Each prompt's concave hull of arms, from its cheapest: the arm at each step,
    and the slope and cost to get there.

    (P, H) each; slope is accuracy over cost, falling from step to step, inf at the first and -inf behind the last.
    """

    arm: Ints
    slope: Floats
    cost: Floats


def spend(accuracy: ArrayLike, cost: ArrayLike, levels: ArrayLike) -> Floats:
    """The distribution over arms of each prompt that is most accurate at each mean cost, (L, P, A).

    accuracy, cost (P, A); levels (L,) in the unit of cost. One price for all prompts: a step up a prompt's hull is
    taken where it yields more per cost than the price, and at the price with one chance for all, which spends a
    level exactly. Below the cheapest arms these are chosen, above what is worth more the most accurate. For
    independent samples of equal cost and a verifiable reward it is the greedy choice by lambda (1 - lambda)^b; it
    needs no such shape, as hulls skip what is not concave. Source: the relaxed multiple-choice knapsack, Sinha and
    Zoltners 1979.
    """
    accuracy, cost = np.asarray(accuracy, dtype=float), np.asarray(cost, dtype=float)
    steps = hulls(accuracy, cost)
    prompts = np.arange(len(accuracy))
    by_price = np.sort(steps.slope[:, 1:].ravel())[::-1]
    choice = np.zeros((np.size(levels), *accuracy.shape))
    for place, level in enumerate(np.atleast_1d(np.asarray(levels, dtype=float))):
        price = _price(steps, by_price, level)
        taken, at_price = _taken(steps, price)
        before = _mean_cost(steps, taken)
        more = _mean_cost(steps, taken | at_price) - before
        share = np.clip((level - before) / more, 0, 1) if more > 0 else 0.0
        first, last = taken.sum(axis=1) - 1, (taken | at_price).sum(axis=1) - 1
        np.add.at(choice[place], (prompts, steps.arm[prompts, first]), 1 - share)
        np.add.at(choice[place], (prompts, steps.arm[prompts, last]), share)
    return choice


def hulls(accuracy: Floats, cost: Floats) -> Steps:
    """Each prompt's arms that are worth their cost at some price; (P, A) each."""
    prompts = np.arange(len(accuracy))
    # The cheapest, of equally cheap ones the most accurate.
    at = np.lexsort((-accuracy, cost), axis=1)[:, 0]
    arms, slopes, costs = [at], [np.full(len(at), np.inf)], [cost[prompts, at]]
    while True:
        rise = accuracy - accuracy[prompts, at][:, None]
        run = cost - cost[prompts, at][:, None]
        slope = np.divide(rise, run, out=np.full(rise.shape, -np.inf), where=(run > 0) & (rise > 0))
        best = slope.max(axis=1)
        if np.isneginf(best).all():
            return Steps(*(np.stack(part, axis=1) for part in (arms, slopes, costs)))
        # The farthest of arms on one line.
        ahead = np.where(slope >= best[:, None] * (1 - SAME_SLOPE), run, -np.inf).argmax(axis=1)
        at = np.where(np.isneginf(best), at, ahead)
        arms.append(at)
        slopes.append(best)
        costs.append(cost[prompts, at])


def _price(steps: Steps, by_price: Floats, level: float) -> float:
    """The highest price at which taking all that yields at least
    as much spends the level; 0 where nothing does.
    """
    low, high = 0, int(np.count_nonzero(by_price > 0))
    while low < high:
        middle = (low + high) // 2
        taken, at_price = _taken(steps, by_price[middle])
        if _mean_cost(steps, taken | at_price) >= level:
            high = middle
        else:
            low = middle + 1
    return float(by_price[low]) if low < np.count_nonzero(by_price > 0) else 0.0


def _taken(steps: Steps, price: float) -> tuple[Bools, Bools]:
    """Which steps yield more than the price, and which just the price."""
    taken = steps.slope > price * (1 + SAME_SLOPE)
    return taken, (steps.slope >= price * (1 - SAME_SLOPE)) & ~taken


def _mean_cost(steps: Steps, taken: Bools) -> float:
    """Mean cost where each prompt stops at its last taken step."""
    last = taken.sum(axis=1) - 1
    return float(steps.cost[np.arange(len(last)), last].mean())
