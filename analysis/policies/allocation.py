"""Policies that split a mean cost among prompts: uniform, oracle,
planned from features, and what each must beat.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from analysis.arrays import Floats, Ints
from analysis.policies.menu import Menu
from analysis.policies.policy import Fitted, Policy, Prompts, Train
from analysis.policies.spending import spend

# A fitted model's guess of accuracy and of cost for every arm, (P, A) each.
Guess = Callable[[Prompts], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Each:
    """Every arm by itself, the same for all prompts: one setting an arm.
    Uniform allocation where arms are widths.
    """

    name: str = "uniform"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> "Each._Fitted":
        return self._Fitted(len(train.menu.cells))

    @dataclass(frozen=True)
    class _Fitted:
        num_arms: int

        def choose(self, prompts: Prompts) -> Floats:
            one_each = np.eye(self.num_arms)[:, None, :]
            return np.broadcast_to(one_each, (self.num_arms, len(prompts.at), self.num_arms))


@dataclass(frozen=True, eq=False)
class Oracle:
    """Knows what each arm yields on each prompt of `truth`, the menu of all prompts; spends each mean cost best.

    With the menu that it is read on it sees the very samples: an upper bound. With one built from other samples of
    the same prompts it is what knowing prompts, not samples, is worth.
    """

    truth: Menu
    levels: tuple[float, ...]
    name: str = "oracle"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> "Oracle":
        return self

    def choose(self, prompts: Prompts) -> Floats:
        here = self.truth.take(prompts.at)
        return spend(here.accuracy, here.cost, self.levels)


@dataclass(frozen=True)
class Planned:
    """Guesses each arm's accuracy and cost from features, and spends each mean cost best by the guesses.

    model: any scikit-learn regressor of several outputs, or None for the train prompts' means: one mixture of arms
    for all prompts, on their hull. Costs are guessed as multiples of each arm's mean cost.
    """

    name: str
    levels: tuple[float, ...]
    model: Any = None
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> "Planned._Fitted":
        return self._Fitted(guesser(self.model, train, rng), self.levels)

    @dataclass(frozen=True)
    class _Fitted:
        guess: Guess
        levels: tuple[float, ...]

        def choose(self, prompts: Prompts) -> Floats:
            return spend(*self.guess(prompts), self.levels)


class Once:
    """A policy that is fitted once to the same prompts, however many of its placebos ask."""

    def __init__(self, policy: Policy):
        self.name, self.reads = policy.name, policy.reads
        self._policy = policy
        self._fitted: dict[bytes, Fitted] = {}

    def fit(self, train: Train, rng: np.random.Generator) -> Fitted:
        prompts = train.prompts.at.tobytes()
        if prompts not in self._fitted:
            self._fitted[prompts] = self._policy.fit(train, rng)
        return self._fitted[prompts]


@dataclass(frozen=True)
class Shuffled:
    """Placebo: another policy's choices dealt out to the prompts at random, so with the same histogram."""

    policy: Policy
    prefix: str = "shuffled "

    @property
    def name(self) -> str:
        return self.prefix + self.policy.name

    @property
    def reads(self) -> tuple[str, ...]:
        return self.policy.reads

    def fit(self, train: Train, rng: np.random.Generator) -> "Shuffled._Fitted":
        return self._Fitted(self.policy.fit(train, rng), rng)

    @dataclass(frozen=True)
    class _Fitted:
        fitted: Fitted
        rng: np.random.Generator

        def choose(self, prompts: Prompts) -> Floats:
            choice = self.fitted.choose(prompts)
            order: Ints = self.rng.permutation(len(prompts.at))
            return choice[..., order, :]


@dataclass(frozen=True)
class Mixed:
    """Random mixing at the rates of another policy: the mean of all placebos with its histogram."""

    policy: Policy
    prefix: str = "mixed as "

    @property
    def name(self) -> str:
        return self.prefix + self.policy.name

    @property
    def reads(self) -> tuple[str, ...]:
        return self.policy.reads

    def fit(self, train: Train, rng: np.random.Generator) -> "Mixed._Fitted":
        return self._Fitted(self.policy.fit(train, rng))

    @dataclass(frozen=True)
    class _Fitted:
        fitted: Fitted

        def choose(self, prompts: Prompts) -> Floats:
            choice = self.fitted.choose(prompts)
            return np.broadcast_to(choice.mean(axis=-2, keepdims=True), choice.shape)


def linear() -> Pipeline:
    """The default model of guesses: ridge regression, its penalty chosen on the train prompts."""
    return make_pipeline(StandardScaler(), RidgeCV(np.geomspace(1, 1000, 7)))


def forest(num_trees: int = 32, *, leaf: int = 10) -> RandomForestRegressor:
    """A forest whose leaves average at least so many prompts:
    for features that act together, several times as slow.
    """
    return RandomForestRegressor(num_trees, min_samples_leaf=leaf, max_features=0.7)


def bins(num_bins: int) -> DecisionTreeRegressor:
    """Difficulty bins whose edges are chosen on the train prompts: a policy a bin."""
    return DecisionTreeRegressor(max_leaf_nodes=num_bins, min_samples_leaf=5)


def guesser(model: Any, train: Train, rng: np.random.Generator) -> Guess:
    """A regressor fitted to the accuracy and cost of every arm; the means where there is none or nothing to read.

    Guesses are kept to what can be: accuracy in 0..1, cost not below 0.
    """
    accuracy, cost = train.menu.accuracy, train.menu.cost
    mean_cost = cost.mean(axis=0)
    if model is None or not train.prompts.features.shape[1]:
        means = accuracy.mean(axis=0), mean_cost
        return lambda prompts: tuple(np.tile(mean, (len(prompts.at), 1)) for mean in means)  # type: ignore[return-value]
    fitted = clone(model)
    if "random_state" in fitted.get_params():
        fitted.set_params(random_state=int(rng.integers(2**31)))
    unit = np.where(mean_cost > 0, mean_cost, 1.0)
    fitted.fit(train.prompts.features, np.concatenate([accuracy, cost / unit], axis=1))

    def guess(prompts: Prompts) -> tuple[Floats, Floats]:
        guessed = fitted.predict(prompts.features)
        return np.clip(guessed[:, : len(unit)], 0, 1), np.maximum(guessed[:, len(unit) :], 0) * unit

    return guess
