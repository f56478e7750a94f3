"""What a policy is: fitted on prompts whose outcomes it sees,
it chooses arms for prompts of which it sees features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Array, Floats, Ints
from analysis.policies.menu import Menu


class Known(NamedTuple):
    """A set of features known before an arm is chosen: values (P, F), and what knowing them costs a prompt (P,).

    Values that are fitted to the prompts of the other folds are a table a fold, in order of the folds. The cost is
    in the menu's unit: 0 for a prompt's length, a probe's samples for what they say, an embedding's FLOPs.
    """

    values: Floats | tuple[Floats, ...]
    cost: Floats


@dataclass(frozen=True, eq=False)
class Prompts:
    """Prompts as a policy sees them: places in the run (P,), the features that it reads (P, F), data sets (P,)."""

    at: Ints
    features: Floats
    datasets: Array


class Train(NamedTuple):
    """Prompts to learn from, and the outcomes of every arm on them."""

    prompts: Prompts
    menu: Menu


class Fitted(Protocol):
    """A policy that has learned what it can."""

    def choose(self, prompts: Prompts) -> Floats:
        """A distribution over the menu's arms for each prompt, (P, A); (L, P, A) for a policy with L settings.

        Settings are points of one curve, such as levels of mean cost. Random mixing is a choice too: rows sum to
        1.
        """


class Policy(Protocol):
    """How arms are chosen. `reads` names the sets of features it is shown, and pays for; it never sees others."""

    @property
    def name(self) -> str: ...

    @property
    def reads(self) -> tuple[str, ...]: ...

    def fit(self, train: Train, rng: np.random.Generator) -> Fitted:
        """The policy fitted to the outcomes of these prompts."""


def shown(
    known: Mapping[str, Known], reads: Sequence[str], datasets: Array, *, fold: int = 0
) -> tuple[Prompts, Floats]:
    """All prompts with the features that a policy reads in a fold,
    counted from 0, and what those cost on each, (P,).

    Raises ValueError that lists what is known where something else is read.
    """
    if unknown := sorted(set(reads) - set(known)):
        raise ValueError(f"No features {unknown}; known of these prompts: {sorted(known)}.")
    num_prompts = len(datasets)
    tables = [known[name].values for name in reads]
    values = [table[fold] if isinstance(table, tuple) else table for table in tables]
    features = np.concatenate([np.zeros((num_prompts, 0)), *values], axis=1, dtype=float)
    cost = np.sum([np.zeros(num_prompts), *(known[name].cost for name in reads)], axis=0)
    return Prompts(np.arange(num_prompts), features, np.asarray(datasets)), cost


def take(prompts: Prompts, which: ArrayLike) -> Prompts:
    """The prompts at these places, or where a mask holds."""
    at = np.asarray(which)
    return Prompts(prompts.at[at], prompts.features[at], prompts.datasets[at])
