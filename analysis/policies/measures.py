"""What routers are worth on the prompts they were replayed on,
under each weighting of them. Arrays in, arrays out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.policies import hull, metrics
from analysis.policies.menu import Menu
from analysis.policies.metrics import Point, Points
from analysis.policies.replay import Replayed
from analysis.stats.bootstrap import weighted_means

# Names of policies that measures are read against.
VERTICES, HULL, BEST, CHEAPEST, COSTLIEST = (
    "vertices",
    "hull",
    "best single",
    "cheapest single",
    ("most expensive single"),
)
ACCURACY = "accuracy"


class Curve(NamedTuple):
    """A router's settings: mean cost and accuracy,
    and what mixtures and hindsight reach at that cost; (R, J) each.
    """

    cost: Floats
    accuracy: Floats
    mixture: Floats
    oracle: Floats

    @property
    def gain(self) -> Floats:
        """Accuracy over the mixtures', 0 where they differ by what sums are rounded to:
        such a router is an arm.
        """
        gained = self.accuracy - self.mixture
        return np.where(np.abs(gained) > metrics.ROUNDING, gained, 0.0)


class Seed(NamedTuple):
    """One replay, and the folds (P,) that were held out in turn."""

    replayed: Replayed
    folds: Ints


def matched(seeds: Sequence[Seed], weights: Floats, columns: Ints, *, menu: Menu | None = None) -> Curve:
    """Points at these positions beside mixtures and hindsight at the cost of the same fold; (R, J) each.

    A policy that was fitted once a fold may spend much in one and little in another. Mixtures are concave in cost,
    so that at the mean cost of all folds they would be asked for more than at each fold's own. weights (R, P);
    hindsight is NaN without the menu.
    """
    sums = np.zeros((4, len(weights), len(columns)))
    for replayed, folds in seeds:
        for fold in np.unique(folds):
            here = np.flatnonzero(folds == fold)
            mass = weights[:, here].sum(axis=1)
            # A fold that no prompt was drawn from counts nothing, whatever is read there.
            part = np.where(mass[:, None] > 0, weights[:, here], 1.0)
            cost, accuracy = _means(replayed, part, here, columns)
            mixture = _mixture(replayed, part, here, cost)
            best = np.full(cost.shape, np.nan)
            if menu is not None:
                best = hull.oracle(hull.upgrades(menu.accuracy[here], menu.cost[here]), part, cost)
            sums += mass[:, None] * np.stack([cost, accuracy, mixture, best])
    return Curve(*(sums / (len(seeds) * weights.sum(axis=1)[:, None])))


def of_setting(curve: Curve, setting: int) -> dict[str, Floats]:
    """Measures of one setting at its own cost, by name; (R,) each."""
    cost, accuracy, mixture, oracle = (values[:, setting] for values in curve)
    gain = curve.gain[:, setting]
    return {
        ACCURACY: accuracy,
        "cost": cost,
        "gain over hull": gain,
        "share of oracle gap": metrics.oracle_share(mixture + gain, mixture, oracle),
    }


def of_curve(
    curve: Points, best: Point, cheapest: Point, *, most: Floats, is_mixed: bool = False
) -> dict[str, Floats]:
    """Measures of a whole curve beside the best and the cheapest single arm, by name; (R,) each.

    most (R,) is the mean cost of the costliest arm; is_mixed: what lies between two settings is a setting too, as
    it is of the hull.
    """
    return {
        "PerfGain": metrics.perf_gain(curve, best),
        "CostSave": metrics.cost_save(curve, best, is_mixed=is_mixed),
        "CostSave at 95%": metrics.cost_save(curve, best, share=0.95, is_mixed=is_mixed),
        "APGR": metrics.apgr(curve, cheapest, best),
        "AIQ": metrics.aiq(curve, cheapest, most=best.cost),
        "hypervolume": metrics.hypervolume(curve, most=most, is_mixed=is_mixed),
    }


def costliest(menu: Menu, weights: Floats) -> Floats:
    """Mean cost of the arm that costs most on all prompts, under each weighting; (R,)."""
    return np.asarray(weighted_means(weights, menu.cost[:, [menu.cost.mean(axis=0).argmax()]])[:, 0])


def _mixture(replayed: Replayed, weights: Floats, here: Ints, cost: Floats) -> Floats:
    """Accuracy of mixtures of single arms at these costs (R, J) on some of the prompts.

    What is dearer than the best arm is held to the better of two uses of the money: none, or a share of the
    prompts to the most expensive arm, which training prompts may have wrongly thought no better.
    """
    costs, accuracies = _means(replayed, weights, here, _distinct(replayed, here))
    costliest = _means(replayed, weights, here, replayed.columns(COSTLIEST))
    beyond = hull.mix(np.c_[costs[:, -1:], costliest[0]], np.c_[accuracies[:, -1:], costliest[1]], cost)
    mixture = hull.mix(costs, accuracies, cost)
    return np.where(cost > costs[:, -1:], np.maximum(mixture, beyond), mixture)


def _means(replayed: Replayed, weights: Floats, here: Ints, columns: Ints) -> tuple[Floats, Floats]:
    """Mean cost and accuracy of points on some of the prompts; weights (R, P'), here (P',) -> (R, J) each."""
    tables = (replayed.cost[np.ix_(here, columns)], replayed.accuracy[np.ix_(here, columns)])
    cost, accuracy = (weighted_means(weights, table) for table in tables)
    return cost, accuracy


def _distinct(replayed: Replayed, here: Ints) -> Ints:
    """The single arms on the hull that was chosen for these prompts, without the repetitions of the last."""
    columns = replayed.columns(VERTICES)
    cost, accuracy = replayed.cost[np.ix_(here, columns)], replayed.accuracy[np.ix_(here, columns)]
    differs = (np.diff(cost, axis=1) != 0).any(axis=0) | (np.diff(accuracy, axis=1) != 0).any(axis=0)
    distinct: Ints = columns[np.append(True, differs)]
    return distinct
