"""Policies that look at no prompt: random mixtures of single arms along their hull, and the best single arm."""

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Floats
from analysis.policies import hull
from analysis.policies.policy import Prompts, Train

# Levels of mean cost at which the hull is drawn, closer where it is cheap and steep.
NUM_LEVELS = 65


@dataclass(frozen=True, eq=False)
class Shares:
    """Fixed shares of the arms whatever the prompt; (L, A)."""

    shares: Floats

    def choose(self, prompts: Prompts) -> Floats:
        return np.repeat(self.shares[:, None], len(prompts.at), axis=1)


@dataclass(frozen=True)
class Vertices:
    """The single arms on the hull, a setting each, the last repeated: what lies between two is a mixture of both."""

    name: str = "vertices"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        at = hull.vertices(train.menu.cost.mean(axis=0), train.menu.accuracy.mean(axis=0))
        num_arms = len(train.menu.cells)
        return Shares(np.eye(num_arms)[np.append(at, np.full(num_arms - len(at), at[-1]))])


@dataclass(frozen=True)
class HullMixtures:
    """The best random mixtures of single arms, drawn as a line. A setting is a level of mean cost."""

    name: str = "hull"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        cost, accuracy = train.menu.cost.mean(axis=0), train.menu.accuracy.mean(axis=0)
        at = hull.vertices(cost, accuracy)
        levels = cost[at[0]] + (cost[at[-1]] - cost[at[0]]) * np.linspace(0, 1, NUM_LEVELS) ** 2
        shares = np.zeros((NUM_LEVELS, len(cost)))
        for row, arm in enumerate(at):
            # Mixing an arm's share is reading a function that is 1 there and 0 at every other vertex.
            shares[:, arm] = hull.mix(cost[at], np.arange(len(at)) == row, levels)
        return Shares(shares)


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
class DearestSingle:
    """The one arm that costs most on the training prompts."""

    name: str = "dearest single"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        return _only(int(train.menu.cost.mean(axis=0).argmax()), len(train.menu.cells))


def _only(arm: int, num_arms: int) -> Shares:
    return Shares(np.eye(num_arms)[[arm]])
