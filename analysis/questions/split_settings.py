"""Every way to an answer at the full budget: whose samples, how many, how one is chosen, by which verifier or
none.

What each yields on each prompt, costs, and spends on the verifier; the best of some at a budget.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.reading import cells, curves
from analysis.reading.bins import Bin
from analysis.reading.curves import CHOSEN_RULES, VOTING_RULES, Rule
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.runs.arms import Arm
from analysis.stats import frontier
from analysis.stats.frontier import Frontier

NONE, ANY = "no verifier", "any"
NUM_LEVELS = 25


class Setting(NamedTuple):
    """One way to an answer at the full budget: whose samples, how many, who reads them (NONE),
    how one is chosen.
    """

    model: str
    verifier: str
    rule: Rule
    width: int


@dataclass(frozen=True, eq=False)
class Splits:
    """J settings on each prompt: expected accuracy, cost, and the part of it that is the verifier's; (P, J) each.

    reading: the run without a verifier, whose bins, folds and weights are those of all; sizes: parameters of each
    verifier, NaN where not known, smallest first.
    """

    reading: Reading
    settings: tuple[Setting, ...]
    accuracy: Floats
    cost: Floats
    verifying: Floats
    sizes: dict[str, float] = field(default_factory=dict)

    @cached_property
    def levels(self) -> Floats:
        """Compute levels (Q,) from the cheapest setting to the most expensive, in even steps of its logarithm."""
        means = self.cost.mean(axis=0)
        return np.geomspace(means.min(), means.max(), NUM_LEVELS)

    @property
    def verifiers(self) -> tuple[str, ...]:
        """NONE, and the verifiers by size."""
        return (NONE, *self.sizes)

    @property
    def parts(self) -> list[Bin]:
        """Bins that have prompts in both folds."""
        folds = self.reading.folds
        return [part for part in self.reading.bins if len(np.unique(folds[part.weights[0] > 0])) > 1]

    def which(self, *, verifier: str = ANY, model: str = ANY) -> Ints:
        """Positions of the settings of a verifier and a model; one sample, which nobody reads, is of every one."""
        return np.asarray(
            [
                at
                for at, each in enumerate(self.settings)
                if model in (ANY, each.model) and (each.width == 1 or verifier in (ANY, each.verifier))
            ]
        )

    def best(self, part: Bin, which: Ints) -> "Best":
        """What the best of these settings reaches at each level in a bin."""
        halves = {"weights": part.weights, "folds": self.reading.folds}
        found = frontier.cross_fit(self.accuracy[:, which], self.cost[:, which], self.levels, **halves)
        verifying = frontier.read_at(self.verifying[:, which], found.cell, **halves)
        return Best(found._replace(cell=which[found.cell]), verifying / found.cost)


class Best(NamedTuple):
    """The frontier of some settings, cells by their position among all, and the verifier's share of its cost."""

    frontier: Frontier
    share: Floats


def measure(base: Reading, verified: Sequence[Reading]) -> Splits:
    """Every setting of a run at its full budget: each model's one sample, its votes, and what each verifier
    chooses.

    base: by a rule that reads no scores; verified: by one that does, a reading a verifier, of the same prompts,
    choices and seed, each with the models that it scored whole. Raises UntoldError below two prompts and where
    what a verifier reads is not counted.
    """
    if len(base.outcomes.prompt_ids) < 2:
        raise UntoldError("Too few prompts: a split is chosen on one half of them and read on the other half.")
    found = [part for at in range(len(base.arms)) for part in _of_model(base, at, NONE, ("maj_at_k",))]
    sizes = {}
    for reading in verified:
        verifier = reading.arms[0].verifier
        assert verifier is not None and np.array_equal(reading.outcomes.prompt_ids, base.outcomes.prompt_ids)
        if not (verifier.is_counted or verifier.is_free):
            raise UntoldError(f"What {verifier.name} reads is not counted, so that no cost can be split.")
        sizes[verifier.name] = float(verifier.shape.num_matmul_params)
        every = range(len(reading.arms))
        found += [part for at in every for part in _of_model(reading, at, verifier.name, CHOSEN_RULES)]
    settings = [setting for part in found for setting in part.settings]
    accuracy, cost, verifying = (
        np.concatenate([getattr(part, name) for part in found], axis=1)
        for name in ("accuracy", "cost", "verifying")
    )
    by_size = dict(sorted(sizes.items(), key=lambda pair: (np.nan_to_num(pair[1], nan=-1.0), pair[0])))
    return Splits(base, tuple(settings), accuracy, cost, verifying, by_size)


class _Part(NamedTuple):
    """The settings of one model under one rule, and their tables, (P, K) each."""

    settings: list[Setting]
    accuracy: Floats
    cost: Floats
    verifying: Floats


def _of_model(reading: Reading, at: int, verifier: str, rules: Sequence[Rule]) -> Iterator[_Part]:
    """The settings of one model with one verifier, a rule at a time; one sample stands among those without."""
    arm, last = reading.arms[at], np.array([len(reading.outcomes.budgets) - 1])
    for rule in rules:
        if not (widths := _widths(arm, rule)):
            continue
        rule = rule if arm.rung.has_votes or rule in CHOSEN_RULES else "pass_at_k"
        accuracy = reading.read_by(rule).accuracy(at, widths, budgets=last.tolist()).mean[0]
        cost, plain = (
            curves.cell_cost(arm, reading.cost, widths, rule=each, budgets=last)[0] for each in (rule, "pass_at_k")
        )
        settings = [Setting(arm.rung.name, verifier, rule, width) for width in widths]
        yield _Part(
            settings, *(np.broadcast_to(table, accuracy.shape) for table in (accuracy, cost, cost - plain))
        )


def _widths(arm: Arm, rule: Rule) -> tuple[int, ...]:
    """A few of a rule's widths: with one sample where nobody reads it; that alone where there are no votes."""
    if rule in VOTING_RULES and not arm.rung.has_votes:
        return () if rule in CHOSEN_RULES else (1,)
    return cells.spaced(curves.own_path(arm, rule).widths[int(rule in CHOSEN_RULES) :] or (1,))
