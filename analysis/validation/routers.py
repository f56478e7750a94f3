"""Routers over arms that are all alike, through the functions that replay a run's:
none may seem to beat the hull.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from analysis.arrays import Floats, Ints
from analysis.policies import measures, replay
from analysis.policies.groups import Profile, profile
from analysis.policies.measures import COSTLIEST, VERTICES, Seed
from analysis.policies.menu import Cell, Menu
from analysis.policies.mixtures import CostliestSingle, Vertices
from analysis.policies.policy import Policy, Prompts, Train
from analysis.stats import bootstrap
from analysis.stats.bootstrap import MIN_REPLICATES
from analysis.stats.frontier import draw_folds
from analysis.validation import worlds
from analysis.validation.checks import PLACEBO, Check, placebo
from analysis.validation.worlds import Model

ARM = Model(0.0, 400_000_000)
NUM_ARMS, NUM_CLUSTERS = 4, 8
CELLS = tuple(Cell(name, name, 0, 1) for name in "abcd")


@dataclass(frozen=True)
class Coin:
    """Each prompt to an arm of equal chances."""

    name: str = "random routing"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> "Coin.Thrown":
        return Coin.Thrown(len(train.menu.cells), rng)

    @dataclass(frozen=True)
    class Thrown:
        num_arms: int
        rng: np.random.Generator

        def choose(self, prompts: Prompts) -> Floats:
            return np.asarray(np.eye(self.num_arms)[self.rng.integers(self.num_arms, size=len(prompts.at))])


@dataclass(frozen=True, eq=False)
class Labelled:
    """The cluster router's choice of the best arm a cluster,
    where labels (P,) have nothing to do with the prompts.
    """

    labels: Ints
    name: str = "clusters of permuted labels"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> "Labelled.Profiled":
        labels = self.labels[train.prompts.at]
        return Labelled.Profiled(self.labels, profile(labels, train.menu, num_groups=NUM_CLUSTERS, alphas=[1.0]))

    @dataclass(frozen=True, eq=False)
    class Profiled:
        labels: Ints
        profile: Profile

        def choose(self, prompts: Prompts) -> Floats:
            return np.asarray(self.profile.choose(self.labels[prompts.at][:, None] == np.arange(NUM_CLUSTERS))[0])


def over_equal_arms(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """How often placebos beat the hull where all arms have one accuracy and cost, drawn for each prompt.

    Hull and policy are chosen on one half of the prompts and read on the other, both ways; last, both are chosen
    and read on the same prompts, which must be found out.
    """
    wins: dict[str, list[bool]] = {"random routing": [], "clusters of permuted labels": []}
    in_sample: list[bool] = []
    for _ in range(num_datasets):
        menu = draw_menu(num_prompts, rng)
        labelled = Labelled(rng.permutation(np.arange(num_prompts) % NUM_CLUSTERS))
        policies: list[Policy] = [Vertices(VERTICES), CostliestSingle(COSTLIEST), Coin(), labelled]
        folds = draw_folds(num_prompts, rng=rng)
        replayed = replay.replay(menu, policies, folds=folds, known={}, rng=rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        won = beats(Seed(replayed, folds), weights, list(wins))
        for name, is_won in zip(wins, won, strict=True):
            wins[name].append(is_won)
        seen = read_where_fitted(menu, [Vertices(VERTICES), CostliestSingle(COSTLIEST), labelled], rng)
        in_sample += beats(Seed(seen, np.zeros(num_prompts, dtype=np.int64)), weights, [labelled.name])
    case = f"{NUM_ARMS} arms of one accuracy and cost, {num_prompts} prompts"
    checks = [placebo("A placebo beats the hull", f"{name}; {case}", won) for name, won in wins.items()]
    allowed = float(binom.isf(0.01, num_datasets, PLACEBO) / num_datasets)
    share, claim = float(np.mean(in_sample)), "Chosen and read on the same prompts (wrong), it beats the hull"
    return [*checks, Check(claim, f"{labelled.name}; {case}", share, allowed, 1.0, num_datasets)]


def draw_menu(num_prompts: int, rng: np.random.Generator) -> Menu:
    """One answer of each of four models that are drawn alike;
    what it costs is its tokens, more where it is hard.
    """
    hardness = worlds.draw_hardness(num_prompts, rng)
    drawn = [worlds.draw(ARM, hardness, 1, rng) for _ in range(NUM_ARMS)]
    correct = np.concatenate([part.correct for part in drawn], axis=1).astype(float)
    tokens = np.concatenate([part.tokens for part in drawn], axis=1)
    return Menu(CELLS, correct, tokens, tokens)


def read_where_fitted(
    menu: Menu, policies: list[Vertices | CostliestSingle | Labelled], rng: np.random.Generator
) -> replay.Replayed:
    """Policies on the very prompts that they were fitted on."""
    num_prompts = len(menu.cost)
    prompts = Prompts(np.arange(num_prompts), np.zeros((num_prompts, 0)), np.zeros(num_prompts))
    parts = []
    for policy in policies:
        chosen = policy.fit(Train(prompts, menu), rng).choose(prompts)
        chosen = chosen if chosen.ndim == 3 else chosen[None]
        accuracy, cost = (np.einsum("lpa,pa->pl", chosen, table) for table in (menu.accuracy, menu.cost))
        points = tuple(replay.Point(policy.name, setting) for setting in range(len(chosen)))
        parts.append(replay.Replayed(points, menu.names, accuracy, cost, cost, chosen.mean(axis=1)))
    return replay.join(parts)


def beats(seed: Seed, weights: Floats, names: list[str]) -> list[bool]:
    """Whether the paired 95% interval of each policy's gain over the hull lies above 0."""
    columns = np.array([seed.replayed.columns(name)[0] for name in names])
    found = measures.matched([seed], weights, columns)
    low = bootstrap.percentile_interval(found.gain).low
    return [bool(end > 0) for end in low]
