"""Policies replayed on stored outcomes: fitted once a fold, read on the prompts that they have not seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Array, Floats, Ints
from analysis.policies import policy as protocol
from analysis.policies.menu import Menu
from analysis.policies.policy import Known, Policy, Train
from analysis.stats.bootstrap import weighted_means
from analysis.stats.frontier import draw_folds

# Data sets beyond so many share folds: each is a fit of every policy, and leaves the others almost all prompts.
MAX_FOLDS = 10
# Is told what comes next, and does not say what becomes of it.
Tell = Callable[[str], None]


def untold(step: str) -> None:
    """Tells nobody."""


class Point(NamedTuple):
    """A policy at one of its settings, counted from 0."""

    policy: str
    setting: int


@dataclass(frozen=True, eq=False)
class Replayed:
    """What J points (policies at their settings) yield and cost on each held-out prompt, (P, J) each.

    shares (J, A): how often each arm is chosen, by name in `arms`. The cost holds what the policy read beforehand.
    """

    points: tuple[Point, ...]
    arms: tuple[str, ...]
    accuracy: Floats
    cost: Floats
    serial_tokens: Floats
    shares: Floats

    def columns(self, policy: str) -> Ints:
        """Positions of a policy's points, in order of its settings. Raises ValueError where there is none."""
        at = [place for place, point in enumerate(self.points) if point.policy == policy]
        if not at:
            raise ValueError(
                f"No policy {policy!r} was replayed; choose from {sorted({p.policy for p in self.points})}."
            )
        return np.asarray(at)


class Means(NamedTuple):
    """Mean accuracy, cost and serial tokens of J points under each weighting of the prompts; (1 + R, J) each."""

    accuracy: Floats
    cost: Floats
    serial_tokens: Floats


def replay(
    menu: Menu,
    policies: Sequence[Policy],
    *,
    folds: ArrayLike,
    known: Mapping[str, Known],
    datasets: ArrayLike | None = None,
    rng: np.random.Generator,
    tell: Tell = untold,
) -> Replayed:
    """Every policy on every prompt, fitted on the prompts of the other folds;
    `tell` is given each one's name before.

    folds (P,) from `prompt_folds` or `dataset_folds`; known: sets of features by name; datasets (P,) labels. Each
    policy's randomness is its own, so that adding one changes no other. Raises ValueError where a choice is not a
    distribution over the menu's arms, naming the policy.
    """
    folds = np.asarray(folds)
    labels = np.zeros(len(folds)) if datasets is None else np.asarray(datasets)
    seed = int(rng.integers(2**63))
    parts = []
    for policy in policies:
        tell(policy.name)
        own = np.random.default_rng([seed, *policy.name.encode()])
        parts.append(_replay_one(menu, policy, folds, known, labels, own))
    return join(parts)


def join(parts: Sequence[Replayed]) -> Replayed:
    """What was replayed on the same prompts as one; arms are those of all parts, in order of appearance."""
    arms = tuple(dict.fromkeys(arm for part in parts for arm in part.arms))
    shares = [np.zeros((len(part.points), len(arms))) for part in parts]
    for table, part in zip(shares, parts, strict=True):
        table[:, [arms.index(arm) for arm in part.arms]] = part.shares
    return Replayed(
        tuple(point for part in parts for point in part.points),
        arms,
        np.concatenate([part.accuracy for part in parts], axis=1),
        np.concatenate([part.cost for part in parts], axis=1),
        np.concatenate([part.serial_tokens for part in parts], axis=1),
        np.concatenate(shares),
    )


def resample(replayed: Replayed, weights: Floats) -> Means:
    """Means under each weighting, (1 + R, P) from `bootstrap.prompt_weights`; policies are not fitted again."""
    tables = (replayed.accuracy, replayed.cost, replayed.serial_tokens)
    return Means(*np.split(weighted_means(weights, np.concatenate(tables, axis=1)), 3, axis=1))


def prompt_folds(
    num_prompts: int, *, num_folds: int = 5, rng: np.random.Generator, clusters: ArrayLike | None = None
) -> Ints:
    """A fold of each prompt (P,), prompts of one cluster together. Raises ValueError where there are too few."""
    return draw_folds(num_prompts, num_folds=num_folds, rng=rng, clusters=clusters)


def dataset_folds(datasets: ArrayLike, *, rng: np.random.Generator) -> Ints:
    """Leave one data set out: a fold each; of more than MAX_FOLDS sets,
    about as many in each fold, drawn at random.

    Raises ValueError where there is one alone.
    """
    labels, codes = np.unique(np.asarray(datasets), return_inverse=True)
    if len(labels) < 2:
        raise ValueError(f"At least two data sets are needed to hold one out; got {len(labels)}.")
    return (
        codes if len(labels) <= MAX_FOLDS else draw_folds(len(codes), num_folds=MAX_FOLDS, rng=rng, clusters=codes)
    )


def _replay_one(
    menu: Menu,
    policy: Policy,
    folds: Ints,
    known: Mapping[str, Known],
    datasets: Array,
    rng: np.random.Generator,
) -> Replayed:
    """One policy: what its choices yield and cost in expectation over the arms that they mix."""
    tables: list[tuple[Ints, Floats]] = []
    shares = []
    for place, fold in enumerate(np.unique(folds)):
        prompts, cost_of_knowing = protocol.shown(known, policy.reads, datasets, fold=place)
        held_out = np.flatnonzero(folds == fold)
        rest = np.flatnonzero(folds != fold)
        fitted = policy.fit(Train(protocol.take(prompts, rest), menu.take(rest)), rng)
        choice = _checked(fitted.choose(protocol.take(prompts, held_out)), policy.name, len(held_out), menu)
        here = menu.take(held_out)
        read = [np.einsum("lpa,pa->pl", choice, table) for table in (here.accuracy, here.cost, here.serial_tokens)]
        tables.append((held_out, np.stack(read)))
        shares.append(choice.sum(axis=1))
    whole = np.empty((3, len(folds), len(shares[0])))
    for held_out, part in tables:
        whole[:, held_out] = part
    points = tuple(Point(policy.name, setting) for setting in range(whole.shape[2]))
    cost = whole[1] + cost_of_knowing[:, None]
    return Replayed(points, menu.names, whole[0], cost, whole[2], np.sum(shares, axis=0) / len(folds))


def _checked(choice: ArrayLike, name: str, num_prompts: int, menu: Menu) -> Floats:
    """The choice with its settings first, (L, P, A)."""
    given = np.asarray(choice, dtype=float)
    settings = given[None] if given.ndim == 2 else given
    wanted = (num_prompts, len(menu.cells))
    if settings.ndim != 3 or settings.shape[1:] != wanted:
        raise ValueError(f"Policy {name!r} must choose with shape {wanted}, prompts by arms, not {given.shape}.")
    if settings.min(initial=0) < -1e-9 or not np.allclose(settings.sum(axis=2), 1, atol=1e-6):
        raise ValueError(
            f"Policy {name!r} must give each prompt shares of the arms that sum to 1 and are not negative."
        )
    return settings
