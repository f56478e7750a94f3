"""Policies that look at no prompt: random mixtures of single arms along their hull, and the best single arm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.policies import hull
from analysis.policies.menu import Menu
from analysis.policies.policy import Prompts, Train


@dataclass(frozen=True, eq=False)
class Shares:
    """Fixed shares of the arms whatever the prompt; (L, A)."""

    shares: Floats

    def choose(self, prompts: Prompts) -> Floats:
        num_settings, num_arms = self.shares.shape
        return np.broadcast_to(self.shares[:, None], (num_settings, len(prompts.at), num_arms))


@dataclass(frozen=True)
class Vertices:
    """The single arms on the hull, a setting each, the last repeated:
    what lies between two is a mixture of both.
    """

    name: str = "vertices"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        at = hull.vertices(train.menu.cost.mean(axis=0), train.menu.accuracy.mean(axis=0))
        num_arms = len(train.menu.cells)
        return Shares(np.eye(num_arms)[np.append(at, np.full(num_arms - len(at), at[-1]))])


@dataclass(frozen=True)
class HullMixtures:
    """The best random mixtures of single arms.
    A setting is a place in 0..1 between the cheapest and the best of them.

    At `corners` of all that are compared, every mixture is one of two neighbouring settings.
    """

    places: tuple[float, ...]
    name: str = "hull"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        cost, accuracy = train.menu.cost.mean(axis=0), train.menu.accuracy.mean(axis=0)
        at = hull.vertices(cost, accuracy)
        shares = np.zeros((len(self.places), len(cost)))
        for row, arm in enumerate(at):
            # Mixing an arm's share is reading a function that is 1 there and 0 at every other vertex.
            shares[:, arm] = hull.mix(_places(cost[at]), np.arange(len(at)) == row, self.places)
        return Shares(shares)


def corners(menu: Menu, every: Sequence[Ints]) -> tuple[float, ...]:
    """Places of all single arms on the hulls that training prompts choose, over the folds (P,) of every replay.

    Between two of them accuracy and cost of `HullMixtures` are linear, whatever prompts they are read on.
    """
    places = [np.array([0.0, 1.0])]
    for folds in every:
        for fold in np.unique(folds):
            train = menu.take(np.flatnonzero(folds != fold))
            cost = train.cost.mean(axis=0)
            places.append(_places(cost[hull.vertices(cost, train.accuracy.mean(axis=0))]))
    return tuple(np.unique(np.concatenate(places)).tolist())


@dataclass(frozen=True)
class BestSingle:
    """The one arm that is most accurate on the training prompts, the cheapest of equals."""

    name: str = "best single"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        at = hull.vertices(train.menu.cost.mean(axis=0), train.menu.accuracy.mean(axis=0))
        return _only(at[-1], len(train.menu.cells))


@dataclass(frozen=True)
class CheapestSingle:
    """The one arm that costs least on the training prompts."""

    name: str = "cheapest single"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        at = hull.vertices(train.menu.cost.mean(axis=0), train.menu.accuracy.mean(axis=0))
        return _only(at[0], len(train.menu.cells))


@dataclass(frozen=True)
class CostliestSingle:
    """The one arm that costs most on the training prompts."""

    name: str = "most expensive single"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        return _only(int(train.menu.cost.mean(axis=0).argmax()), len(train.menu.cells))


def _places(cost: Floats) -> Floats:
    """Costs in rising order as shares of the way from the least to the most; one alone is the end of it."""
    if len(cost) == 1:
        return np.ones(1)
    places: Floats = (cost - cost[0]) / (cost[-1] - cost[0])
    return places


def _only(arm: int, num_arms: int) -> Shares:
    return Shares(np.eye(num_arms)[[arm]])
