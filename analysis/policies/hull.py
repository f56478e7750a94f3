"""What needs no router: the best random mixtures of single arms, and the best that hindsight could do."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats, Ints
from analysis.policies.spending import hulls


class Upgrades(NamedTuple):
    """A prompt's cheapest arm and the steps from there along its own hull, most accuracy a unit of cost first.

    base_cost, base_accuracy (P,): of the cheapest arm. prompt, cost, accuracy (U,): whose step, what it adds.
    """

    base_cost: Floats
    base_accuracy: Floats
    prompt: Ints
    cost: Floats
    accuracy: Floats


def vertices(cost: ArrayLike, accuracy: ArrayLike) -> Ints:
    """Arms on the non-decreasing convex hull, cheapest first; (A,), (A,) -> (V,) positions.

    What lies on the hull is reached by sending a random share of the prompts to each of two neighbours
    (RouterBench, arXiv 2403.12031). Of equals the first counts.
    """
    cost, accuracy = np.asarray(cost, dtype=float), np.asarray(accuracy, dtype=float)
    kept: list[int] = []
    for arm in np.lexsort((np.arange(len(cost)), -accuracy, cost)):
        if kept and accuracy[arm] <= accuracy[kept[-1]]:
            continue
        while len(kept) > 1 and _is_below(kept[-1], kept[-2], arm, cost, accuracy):
            kept.pop()
        kept.append(int(arm))
    return np.array(kept, dtype=np.int64)


def mix(cost: ArrayLike, accuracy: ArrayLike, at: ArrayLike) -> Floats:
    """Accuracy of random mixtures of neighbours at mean cost `at`; (..., V), (..., V), (..., J) -> (..., J).

    Neighbours are those by cost. Below the cheapest it is the cheapest's accuracy, beyond the most expensive the
    costliest's: there a comparison at `at` is not one at equal cost.
    """
    cost, accuracy, at = (np.asarray(values, dtype=float) for values in (cost, accuracy, at))
    by_cost = np.argsort(cost, axis=-1, kind="stable")
    cost, accuracy = (np.take_along_axis(values, by_cost, axis=-1) for values in (cost, accuracy))
    num_cheaper = (cost[..., None, :] <= at[..., :, None]).sum(axis=-1)
    left, right = np.maximum(num_cheaper - 1, 0), np.minimum(num_cheaper, cost.shape[-1] - 1)
    (cost_left, cost_right), (low, high) = (
        [np.take_along_axis(values, side, axis=-1) for side in (left, right)] for values in (cost, accuracy)
    )
    gap = cost_right - cost_left
    share = np.divide(at - cost_left, gap, out=np.zeros_like(at + gap), where=gap > 0)
    return np.asarray(low + np.clip(share, 0, 1) * (high - low))


def upgrades(accuracy_PA: ArrayLike, cost_PA: ArrayLike) -> Upgrades:
    """Every prompt's own hull, as steps that an oracle takes in this order until its money is spent."""
    accuracy_PA, cost_PA = np.asarray(accuracy_PA, dtype=float), np.asarray(cost_PA, dtype=float)
    paths = hulls(accuracy_PA, cost_PA)
    accuracy = np.take_along_axis(accuracy_PA, paths.arm, axis=1)
    prompt, at = np.nonzero(np.isfinite(paths.slope[:, 1:]))
    order = np.argsort(-paths.slope[prompt, at + 1], kind="stable")
    prompt, at = prompt[order], at[order]
    steps = (np.diff(table, axis=1)[prompt, at] for table in (paths.cost, accuracy))
    return Upgrades(paths.cost[:, 0], accuracy[:, 0], prompt, *steps)


def oracle(steps: Upgrades, weights: ArrayLike, at: ArrayLike) -> Floats:
    """The most accuracy that choosing an arm for each prompt in hindsight gives at mean cost `at`; (R, P) -> (R,
    J).

    at (R, J). The last step may be taken in part, so this is the linear programme's optimum (greedy by slope). It
    knows which samples turned out right, so that it is out of reach even of a router that knows every prompt's
    chances.
    """
    weights, at = np.asarray(weights, dtype=float), np.asarray(at, dtype=float)
    read = np.empty(at.shape)
    for row, (weight, costs) in enumerate(zip(weights / weights.sum(axis=1, keepdims=True), at, strict=True)):
        spent = np.cumsum(np.append(weight @ steps.base_cost, weight[steps.prompt] * steps.cost))
        gained = np.cumsum(np.append(weight @ steps.base_accuracy, weight[steps.prompt] * steps.accuracy))
        read[row] = np.interp(costs, spent, gained)
    return read


def _is_below(middle: int, left: int, right: int, cost: Floats, accuracy: Floats) -> bool:
    """Whether the middle arm lies on or below the line from left to right."""
    rise = (accuracy[middle] - accuracy[left]) * (cost[right] - cost[left])
    return bool(rise <= (accuracy[right] - accuracy[left]) * (cost[middle] - cost[left]))
