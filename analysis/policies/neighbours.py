"""A router that asks what every arm did on the nearest training prompts."""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from analysis.arrays import Floats
from analysis.policies import settings
from analysis.policies.groups import EMBEDDING
from analysis.policies.menu import Menu
from analysis.policies.policy import Prompts, Train


@dataclass(frozen=True)
class NeighbourRouter:
    """The arm that scores best by its means over the nearest training prompts
    (k of RouterBench, arXiv 2403.12031).
    """

    num_neighbours: int = 40
    alphas: tuple[float, ...] = settings.ALPHAS
    name: str = "neighbours"
    reads: tuple[str, ...] = (EMBEDDING,)

    def fit(self, train: Train, rng: np.random.Generator) -> "FittedNeighbours":
        placed = train.prompts.features
        nearest = NearestNeighbors(n_neighbors=min(self.num_neighbours, len(placed))).fit(placed)
        return FittedNeighbours(nearest, train.menu, self.alphas)


@dataclass(frozen=True, eq=False)
class FittedNeighbours:
    nearest: NearestNeighbors
    menu: Menu
    alphas: tuple[float, ...]

    def choose(self, prompts: Prompts) -> Floats:
        at = self.nearest.kneighbors(prompts.features, return_distance=False)
        accuracy, cost = (np.asarray(table[at].mean(axis=1)) for table in (self.menu.accuracy, self.menu.cost))
        between = settings.cost_range(self.menu)
        return settings.choose_best(settings.scores(accuracy, cost, alphas=self.alphas, between=between))
