"""Routers that profile every arm on groups of prompts: clusters of their embeddings, data sets, lengths."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.cluster import KMeans

from analysis.arrays import Array, Floats
from analysis.policies import settings
from analysis.policies.menu import Menu
from analysis.policies.policy import Prompts, Train

EMBEDDING, LENGTH = "embedding", "length"
# Fewer training prompts a cluster, and the best arm of a cluster is a matter of luck.
MIN_CLUSTER_PROMPTS = 20


@dataclass(frozen=True, eq=False)
class Profile:
    """Scores of every arm in G groups, at each setting, (L, G, A)."""

    scores: Floats

    def choose(self, membership: ArrayLike) -> Floats:
        """The arm of the best score summed over each prompt's groups; (P, G) -> (L, P, A)."""
        return settings.choose_best(np.einsum("pg,lga->lpa", np.asarray(membership, dtype=float), self.scores))


def profile(labels: ArrayLike, menu: Menu, *, num_groups: int, alphas: ArrayLike) -> Profile:
    """Every arm's mean accuracy and cost on the training prompts of each group,
    scored; an empty group is all prompts'.

    labels (P,) in 0..num_groups - 1.
    """
    member = np.arange(num_groups)[:, None] == np.asarray(labels)
    member[~member.any(axis=1)] = True
    share = member / member.sum(axis=1, keepdims=True)
    between = settings.cost_range(menu)
    return Profile(settings.scores(share @ menu.accuracy, share @ menu.cost, alphas=alphas, between=between))


@dataclass(frozen=True)
class ClusterRouter:
    """k-means on embeddings; a prompt takes the arm that scores best over its nearest clusters (Avengers-Pro).

    At most num_clusters, and MIN_CLUSTER_PROMPTS training prompts in each on average.
    """

    num_clusters: int = 60
    num_nearest: int = 2
    alphas: tuple[float, ...] = settings.ALPHAS
    name: str = "clusters"
    reads: tuple[str, ...] = (EMBEDDING,)

    def fit(self, train: Train, rng: np.random.Generator) -> "FittedClusters":
        placed = train.prompts.features
        # Prompts without a text of their own share one place, and no two clusters can.
        num_places = len(np.unique(placed.round(9), axis=0))
        num_clusters = max(1, min(self.num_clusters, len(placed) // MIN_CLUSTER_PROMPTS, num_places))
        means = KMeans(num_clusters, n_init=1, random_state=int(rng.integers(2**31))).fit(placed)
        found = profile(means.labels_, train.menu, num_groups=num_clusters, alphas=self.alphas)
        return FittedClusters(means, found, min(self.num_nearest, num_clusters))


@dataclass(frozen=True, eq=False)
class FittedClusters:
    means: KMeans
    profile: Profile
    num_nearest: int

    def choose(self, prompts: Prompts) -> Floats:
        distance = self.means.transform(prompts.features)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : self.num_nearest]
        membership = np.zeros(distance.shape)
        np.put_along_axis(membership, nearest, 1.0, axis=1)
        return self.profile.choose(membership)


@dataclass(frozen=True)
class DatasetRouter:
    """The best arm of each data set, which knows nothing of a prompt but
    where it comes from; of a new one, of all.
    """

    alphas: tuple[float, ...] = settings.ALPHAS
    name: str = "best of data set"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> "FittedDatasets":
        names, labels = np.unique(train.prompts.datasets, return_inverse=True)
        # The last group has no prompts, so it is all prompts'.
        found = profile(labels, train.menu, num_groups=len(names) + 1, alphas=self.alphas)
        return FittedDatasets(names, found)


@dataclass(frozen=True, eq=False)
class FittedDatasets:
    names: Array
    profile: Profile

    def choose(self, prompts: Prompts) -> Floats:
        member = prompts.datasets[:, None] == self.names
        return self.profile.choose(np.column_stack([member, ~member.any(axis=1)]))


@dataclass(frozen=True)
class LengthRouter:
    """The best arm for prompts of about this length, in equal shares of the training prompts."""

    num_bins: int = 5
    alphas: tuple[float, ...] = settings.ALPHAS
    name: str = "prompt length"
    reads: tuple[str, ...] = (LENGTH,)

    def fit(self, train: Train, rng: np.random.Generator) -> "FittedLengths":
        edges = np.unique(np.quantile(train.prompts.features[:, 0], np.arange(1, self.num_bins) / self.num_bins))
        labels = np.searchsorted(edges, train.prompts.features[:, 0], side="right")
        return FittedLengths(edges, profile(labels, train.menu, num_groups=len(edges) + 1, alphas=self.alphas))


@dataclass(frozen=True, eq=False)
class FittedLengths:
    edges: Floats
    profile: Profile

    def choose(self, prompts: Prompts) -> Floats:
        label = np.searchsorted(self.edges, prompts.features[:, 0], side="right")
        return self.profile.choose(label[:, None] == np.arange(len(self.edges) + 1))
