"""The strategies that a run has drawn: their nodes, what each call reads, and what an outcome depends on."""

import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from results import schema, store
from results.folder import read_object
from results.nodes import NodePool

# What a template may read beside the texts of other nodes, as harness.graphs fills it in.
OWN, OF_ALL, OF_CHOICE = ("answer", "answers"), ("others", "all"), ("chosen", "thoughts")
WRONG = "wrong"
MOST_REMEMBERED = 4


class Call(NamedTuple):
    """One call for a group of samples: of a node in a round, by its agent's or its vote's number.

    Round 1 has no node: it is an agent's sample as it comes.
    """

    round: int
    node: str
    member: int


class Strategy(NamedTuple):
    """A strategy that a run has drawn: its nodes in the order of a round, as they were told.

    agents: how many samples work on a prompt together. remembers: the most earlier answers that an agent reads.
    """

    name: str
    version: str
    agents: int
    nodes: Mapping[str, Mapping[str, Any]]
    remembers: int = MOST_REMEMBERED

    @property
    def last(self) -> str:
        """The node that answers at the end of a round."""
        return list(self.nodes)[-1]

    @property
    def chained(self) -> str | None:
        """The node by which a sample goes on from its own answers, None where rounds are
        no chain of one sample.
        """
        is_chain = bool(self.nodes) and self.agents == 1 and self._is_by_each(self.last)
        return self.last if is_chain else None

    @property
    def renewing(self) -> str | None:
        """The node by which each agent answers anew in every round, None where agents answer once."""
        return next(
            (name for name in reversed(list(self.nodes)) if self._is_by_each(name) and not self.is_text(name)),
            None,
        )

    @property
    def reads_nothing(self) -> bool:
        """Whether every answer is given to the prompt alone, so that it is a sample."""
        return all(node.get("prompt") == "{prompt}" for node in self.nodes.values())

    @property
    def reads_wrong(self) -> bool:
        """Whether a wrong answer is put before the model."""
        return any(WRONG in self.fields(name) for name in self.nodes)

    def pool(self, number: int, node: str, budget: int) -> str:
        """Where a node's samples of one round and budget are stored."""
        return str(NodePool(self.name, self.version, number, node, budget, self.is_text(node)))

    def is_text(self, node: str) -> bool:
        """Whether what a node writes is no answer."""
        return self.nodes[node].get("text_tokens") is not None

    def size(self, node: str) -> int:
        """How many calls of a node a group makes in a round; of "", its samples as they come."""
        return self.agents if not node or self._is_by_each(node) else int(self.nodes[node].get("votes", 1))

    def fields(self, node: str) -> frozenset[str]:
        """What a node's template reads."""
        parsed = string.Formatter().parse(str(self.nodes[node].get("prompt", "")))
        return frozenset(name for _, name, _, _ in parsed if name is not None)

    def answers(self, number: int) -> tuple[Call, ...]:
        """The calls whose answers a group gives in a round: one, or one an agent."""
        return self._calls(number, self.last) if number > 1 else self._calls(1, "")

    def answer(self, number: int, agent: int) -> Call:
        """The call by which an agent last answered up to a round."""
        return Call(1, "", agent) if number == 1 or self.renewing is None else Call(number, self.renewing, agent)

    def reads(self, call: Call) -> tuple[Call, ...]:
        """What a call reads of other calls, in order."""
        if call.round == 1:
            return ()
        fields = self.fields(call.node)
        own = [self.answer(each, call.member) for each in (range(1, call.round) if self.renewing else (1,))]
        found = [
            *(own[-1:] if "answer" in fields else ()),
            *(own[-self.remembers :] if "answers" in fields else ()),
        ]
        for agent in range(self.agents if fields & set(OF_ALL) else 0):
            if "all" in fields or agent != call.member:
                found.append(self.answer(call.round - 1, agent))
        for name in self.nodes:
            if name in fields:
                found += self._seen(call, name)
        return (*found, *self._choices(call, fields))

    def needed(self, calls: Iterable[Call]) -> tuple[Call, ...]:
        """These calls and all that they depend on, in order."""
        found, waiting = set[Call](), list(calls)
        while waiting:
            if (call := waiting.pop()) not in found:
                found.add(call)
                waiting += self.reads(call)
        return tuple(sorted(found))

    def prompt(self, call: Call) -> tuple[object, ...]:
        """What tells one prompt of a group from another: calls for which it is the same read the same text."""
        is_own = bool(call.node) and WRONG in self.fields(call.node)
        return call.node, self.reads(call), call.member if is_own else None

    def is_shared(self, call: Call) -> bool:
        """Whether every group reads the same prompt there."""
        return not self.reads(call) and not (call.node and WRONG in self.fields(call.node))

    def _is_by_each(self, node: str) -> bool:
        return bool(self.nodes[node].get("by", "each") == "each")

    def _calls(self, number: int, node: str) -> tuple[Call, ...]:
        return tuple(Call(number, node, member) for member in range(self.size(node)))

    def _seen(self, call: Call, name: str) -> tuple[Call, ...]:
        """What a call reads of a node before it: an agent its own text, one for all those of all."""
        calls = self._calls(call.round, name)
        return (calls[call.member % len(calls)],) if self._is_by_each(call.node) else calls

    def _choices(self, call: Call, fields: frozenset[str]) -> tuple[Call, ...]:
        """The texts and votes behind what was chosen, last or in every round."""
        if not fields & set(OF_CHOICE):
            return ()
        names = list(self.nodes)
        chooser = next(name for name in names if self.nodes[name].get("chooses"))
        last = call.round - (names.index(call.node) <= names.index(chooser))
        first = 2 if "thoughts" in fields else max(last, 2)
        among = str(self.nodes[chooser]["chooses"])
        rounds = range(first, last + 1)
        return tuple(each for number in rounds for name in (among, chooser) for each in self._calls(number, name))


def read_strategies(root: Path) -> dict[str, Strategy]:
    """Every strategy of a run by its name; of several versions the name goes on with the version.

    Raises ValueError where one cannot be read.
    """
    rows = store.scan(root, schema.STRATEGIES).to_pylist()
    told = [row["strategy"] for row in rows]
    found = {}
    for row in rows:
        name, version = row["strategy"], row["strategy_version"]
        try:
            strategy = _read(name, version, read_object(row["strategy_parts"] or "{}", where="strategy_parts"))
        except (ValueError, TypeError, KeyError):
            raise ValueError(
                f"{root} is damaged: its row of strategy {name} does not say what its rounds are."
            ) from None
        found[f"{name}-{version}" if told.count(name) > 1 else name] = strategy
    return found


def _read(name: str, version: str, parts: Mapping[str, Any]) -> Strategy:
    told = parts["round"]
    counts = [parts["agents"], parts.get("remembers", MOST_REMEMBERED)]
    strategy = Strategy(name, version, counts[0], {str(node["name"]): node for node in told}, counts[1])
    if not all(isinstance(count, int) and count > 0 for count in counts):
        raise ValueError
    for node in strategy.nodes:
        if strategy.size(node) < 1 or (strategy.nodes[node].get("chooses") or node) not in strategy.nodes:
            raise ValueError
        strategy.fields(node)
    return strategy
