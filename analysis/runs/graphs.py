"""The strategies of a run on the prompts of its samples: what was answered in each round,
and what every call took.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Array, Ints
from analysis.costs.graphs import Asked, Spent
from analysis.runs import samples
from analysis.runs.along import Along
from analysis.runs.outcomes import Outcomes
from analysis.runs.rounds import count_spent
from analysis.runs.samples import Samples
from analysis.runs.strategies import Call, Strategy, read_strategies
from analysis.runs.verifiers import EVALUATION
from results import schema, store
from results.cuts import Caps
from results.nodes import NodePool, read_pool

# A node of a round; "" in round 1, samples as they come.
Place = tuple[int, str]


class Layer(NamedTuple):
    """What one node did in one round, or samples as they come; (P, G, C) each, of G groups and C calls of each.

    votes are numbered alike in all layers of a model. read: before the call wrote anything.
    """

    votes: Ints
    worth: Array
    read: Ints
    given: Ints
    written: Ints


@dataclass(frozen=True, eq=False)
class Played:
    """A strategy as one of the outcomes' models played it at one of their budgets, on all of their prompts.

    of: the arm's position, at: the budget's. num_groups: by round how many groups every prompt has there and in
    all rounds before; round 1 are the samples as they come.
    """

    name: str
    strategy: Strategy
    of: int
    at: int
    num_groups: Mapping[int, int]
    layers: Mapping[Place, Layer]

    @property
    def rounds(self) -> tuple[int, ...]:
        """Those behind the first."""
        return tuple(number for number in self.num_groups if number > 1)

    def votes(self, calls: Sequence[Call], num_groups: int) -> Ints:
        """What these calls voted for; (P, G, C)."""
        return np.stack([self._of(call).votes[:, :num_groups, call.member] for call in calls], axis=-1)

    def worth(self, calls: Sequence[Call], num_groups: int) -> Array:
        """What their answers count for; (P, G, C)."""
        return np.stack([self._of(call).worth[:, :num_groups, call.member] for call in calls], axis=-1)

    def asked(self, calls: Iterable[Call], num_groups: int) -> list[Asked]:
        """Everything that the answers of these calls depend on, as it is paid for."""
        texts: dict[tuple[object, ...], list[Call]] = {}
        for call in self.strategy.needed(calls):
            texts.setdefault(self.strategy.prompt(call), []).append(call)

        def of(call: Call, name: str) -> Ints:
            values: Ints = getattr(self._of(call), name)[:, :num_groups, call.member]
            return values

        return [
            Asked(
                of(own[0], "read"),
                [Spent(of(call, "given"), of(call, "written")) for call in own],
                self.strategy.is_shared(own[0]),
            )
            for own in texts.values()
        ]

    def _of(self, call: Call) -> Layer:
        return self.layers[call.round, call.node]


class Found(NamedTuple):
    """The strategies that can be read beside samples, and why rounds of others cannot, a line each."""

    played: list[Played]
    notes: list[str]


def are_drawn(root: Path) -> bool:
    """Whether a run holds rounds behind the first."""
    pools = store.scan(root, schema.CELLS, columns=["pool"])["pool"].unique().to_pylist()
    return any(read_pool(str(pool)) is not None for pool in pools)


def check(root: Path, wanted: str = "") -> dict[str, Strategy]:
    """The strategies of a run by name, or the one that is wanted.

    Raises ValueError where the run holds none, or none of that name.
    """
    if not are_drawn(root):
        raise ValueError(
            f"{root} holds no rounds of a strategy. `isoquant sweep RUN strategy=think_twice grid.rounds=[1,2,3]` "
            "draws some."
        )
    strategies = {name: each for name, each in read_strategies(root).items() if each.nodes}
    if wanted and wanted not in strategies:
        raise ValueError(f"{root} has no strategy {wanted!r}; choose from {', '.join(sorted(strategies))}.")
    return {name: each for name, each in strategies.items() if not wanted or name == wanted}


def read(root: Path, outcomes: Outcomes, wanted: str = "") -> Found:
    """Every strategy of the outcomes' models, or the one of that name, at each of their budgets.

    Raises ValueError as `check`.
    """
    strategies, played, notes = check(root, wanted), list[Played](), list[str]()
    for of in range(len(outcomes.arms)):
        model = _Model(root, outcomes, of)
        for name, strategy in strategies.items():
            for at in range(len(outcomes.budgets)):
                found = model.play(name, strategy, at)
                played += found.played
                notes += found.notes
    return Found(played, notes)


class _Model:
    """One model's stored rows, read once for all strategies and budgets."""

    def __init__(self, root: Path, outcomes: Outcomes, of: int) -> None:
        self._root, self._outcomes, self._of, self._arm = root, outcomes, of, outcomes.arms[of]
        cells = store.scan(root, schema.CELLS).to_pandas()
        self._goes_on = bool(cells[["extensions", "calls"]].notna().any(axis=None))
        own = cells[cells["identity"] == self._arm.rung.identity].astype({"pool": str})
        self._pools = {name: pool for name in own["pool"].unique() if (pool := read_pool(name)) is not None}
        # A node that writes free text at once thinks less than its pool's name tells.
        self._thinks = own.groupby("pool")["budget"].max().to_dict()
        grader = (outcomes.grader, outcomes.grader_version)
        self._stored = samples.scan(root, self._arm.rung.identity, grader)
        self._keys = samples.vote_keys(self._stored)
        self._firsts: dict[int, Samples] = {}

    def play(self, name: str, strategy: Strategy, at: int) -> Found:
        """The strategy at a budget, as far as every prompt has its rounds."""
        budget, prompts = int(self._outcomes.budgets[at]), len(self._outcomes.prompt_ids)
        last = max((pool.round for pool in self._drawn(strategy, budget)), default=1)
        if last < 2:
            return Found([], [])
        first = self._first(budget)
        ready, layers = first.num_ready()[0] // strategy.agents, {(1, ""): first}
        num_groups, notes = {1: int(ready.min())}, list[str]()
        for number in range(2, last + 1):
            for node in strategy.nodes:
                layers[number, node] = self._read(
                    strategy.pool(number, node, budget), budget, strategy.is_text(node)
                )
                ready = np.minimum(ready, layers[number, node].num_ready()[0] // strategy.size(node))
            if not ready.min():
                notes.append(self._lacking(number, name, budget, f"{(ready == 0).sum():,} of {prompts:,}"))
                break
            num_groups[number] = int(ready.min())
        if len(num_groups) < 2:
            return Found([], notes)
        closing = int(first.closing_tokens.max(initial=0))
        made = {
            place: _layer(
                each,
                num_groups[place[0]],
                strategy.size(place[1]),
                closing=closing,
                prompts=self._arm.prompt_tokens,
            )
            for place, each in layers.items()
            if place[0] in num_groups
        }
        return Found([Played(name, strategy, self._of, at, num_groups, made)], notes)

    def _drawn(self, strategy: Strategy, budget: int) -> list[NodePool]:
        return [pool for pool in self._pools.values() if pool[:2] == strategy[:2] and pool.budget == budget]

    def _first(self, budget: int) -> Samples:
        """Samples as they come, whose votes are numbered as those of rounds are."""
        if budget not in self._firsts:
            self._firsts[budget] = self._read(EVALUATION, budget, is_text=False)
        return self._firsts[budget]

    def _read(self, pool: str, budget: int, is_text: bool) -> Samples:
        along = self._outcomes.along
        assert isinstance(along, Along)
        caps = along.caps(budget)
        return samples.read(
            self._root,
            identity=self._arm.rung.identity,
            pool=pool,
            settings=[
                Caps(budget if pool == EVALUATION else self._thinks.get(pool, budget), caps.extensions, caps.calls)
            ],
            prompt_ids=pd.Index(self._outcomes.prompt_ids),
            prompt_tokens=self._arm.prompt_tokens,
            grader=(self._outcomes.grader, self._outcomes.grader_version),
            goes_on=self._goes_on,
            keeps_asked=pool != EVALUATION,
            is_graded=not is_text,
            stored=self._stored,
            votes=self._keys,
        )

    def _lacking(self, number: int, name: str, budget: int, lacking: str) -> str:
        where = self._outcomes.along.words.alone(budget)
        return (
            f"Round {number} of {name} by {self._arm.rung.name} {where} is left out: {lacking} prompts lack it; "
            "run the sweep to its end."
        )


def _layer(of: Samples, num_groups: int, size: int, *, closing: int, prompts: Ints) -> Layer:
    """Samples of one setting (1, P, S) as calls of groups."""
    if of.asked_tokens is None:
        read = np.broadcast_to(prompts[:, None], of.present.shape[1:])
        written = (of.thinking_tokens + of.closing_tokens + of.answer_tokens)[0]
    else:
        read, written = (each[0] for each in count_spent(of, closing))
    given = np.zeros_like(written) if of.given_tokens is None else of.given_tokens[0]

    def grouped(values: Array) -> Array:
        return values[:, : num_groups * size].reshape(len(values), num_groups, size)

    return Layer(*(grouped(each) for each in (of.votes[0], of.worth[0], read, given, written)))
