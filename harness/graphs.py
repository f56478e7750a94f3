"""Strategies as graphs of calls: in every round the model reads what was written before. Knows texts, no engine.

Round one is a sample as it comes. Each later round calls the model once for each node, in order; what a node is
asked is a template over the prompt and the texts of the nodes before it.
"""

import hashlib
import json
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal, get_args

from harness.types import Prompt

By = Literal["each", "one"]
# What a template may hold: the prompt; the answer of this agent in the round before, and its last few; those of
# the other agents and of all in the round before; a wrong answer to the prompt; what was chosen last, and in all
# rounds.
FIELDS = ("prompt", "answer", "answers", "others", "all", "wrong", "chosen", "thoughts")
# Those that differ between agents.
OF_AGENT = frozenset({"answer", "answers", "others", "wrong"})
OF_CHOICE = frozenset({"chosen", "thoughts"})
DIGEST_DIGITS = 8


@dataclass(frozen=True)
class Node:
    """One call of a round.

    prompt: the template of what the model is asked. by: whether each agent makes it, or one for all. text_tokens:
    it writes free text of at most so many tokens; null where it answers the prompt in the task's form. chooses:
    the node among whose texts its own names one by number; votes: how often it is drawn, of which the most named
    is chosen.
    """

    name: str
    prompt: str
    by: By = "each"
    text_tokens: int | None = None
    chooses: str | None = None
    votes: int = 1

    @property
    def answers(self) -> bool:
        """Whether it answers the prompt, so that what it writes is graded."""
        return self.text_tokens is None

    @cached_property
    def fields(self) -> frozenset[str]:
        """What its template reads; raises ValueError for a template that cannot be filled."""
        try:
            parts = list(string.Formatter().parse(self.prompt))
        except ValueError as error:
            raise ValueError(
                f"strategy.round.{self.name}.prompt: {error}; write {{{{ and }}}} for braces."
            ) from None
        for _, name, form, conversion in parts:
            if name is not None and (not name.isidentifier() or form or conversion):
                raise ValueError(
                    f"strategy.round.{self.name}.prompt: {{{name}}} is no field; write {{{{ and }}}} for braces."
                )
        return frozenset(name for _, name, _, _ in parts if name is not None)


@dataclass(frozen=True)
class Seen:
    """What a node may read beside the prompt: texts, oldest first or agent by agent.

    own: this agent's answers so far. everyone: the answer of each agent in the round before, of which this one is
    number `agent`. texts: by node what it wrote in this round. thoughts: what was chosen in each round.
    """

    own: Sequence[str] = ()
    everyone: Sequence[str] = ()
    agent: int = 0
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wrong: str = ""
    thoughts: Sequence[str] = ()


@dataclass(frozen=True)
class Graph:
    """Samples that work on a prompt together, `agents` at a time, round by round.

    round: by name the nodes of every round behind the first, in order, each as the fields of a Node. remembers:
    the most earlier answers of an agent that {answers} holds. each: how one of several texts is written, with
    {number} and {text}. read_tokens: the most tokens of a text that is read; what is longer is cut.
    """

    name: str
    round: Mapping[str, Mapping[str, Any]] = field(hash=False)
    agents: int = 1
    remembers: int = 4
    each: str = "{number}. {text}\n"
    read_tokens: int = 256

    def __post_init__(self) -> None:
        for name in ("agents", "remembers", "read_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"strategy.{name} must be at least 1; got {getattr(self, name)}.")
        for name in (self.name, *self.round):
            if not (name.isascii() and name.isidentifier() and name == name.lower()):
                raise ValueError(f"strategy: {name!r} must be a name of small letters, digits and _.")
        if not set(Node("each", self.each).fields) <= {"number", "text"}:
            raise ValueError(f"strategy.each may hold {{number}} and {{text}}; got {self.each!r}.")
        if self.nodes and not self.nodes[-1].answers:
            raise ValueError(
                f"The last node of a round answers the prompt, but {self.nodes[-1].name} writes text."
            )
        for at, node in enumerate(self.nodes):
            self._check(node, self.nodes[:at])

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The calls of a round; raises ValueError for what is no field of one."""
        known = {each.name for each in fields(Node)} - {"name"}
        for name, told in self.round.items():
            if not isinstance(told, Mapping) or not set(told) <= known or not isinstance(told.get("prompt"), str):
                raise ValueError(f"strategy.round.{name} needs prompt, and may have {', '.join(sorted(known))}.")
        return tuple(Node(name, **told) for name, told in self.round.items())

    @cached_property
    def renewing(self) -> Node | None:
        """The node by which each agent answers anew in every round, None where agents answer once."""
        return next((node for node in reversed(self.nodes) if node.answers and node.by == "each"), None)

    def _check(self, node: Node, before: Sequence[Node]) -> None:
        """Raise ValueError where a node cannot be called as it is told."""
        where, names = f"strategy.round.{node.name}", [each.name for each in before]
        if node.name in FIELDS or node.by not in get_args(By):
            raise ValueError(f"{where}: another name is needed than {', '.join(FIELDS)}; by is each or one.")
        for name, least in (("text_tokens", 1), ("votes", 1)):
            if (value := getattr(node, name)) is not None and (not isinstance(value, int) or value < least):
                raise ValueError(f"{where}.{name} must be at least {least}; got {value!r}.")
        if unknown := sorted(node.fields - {*FIELDS, *names}):
            raise ValueError(
                f"{where}.prompt: nothing is called {{{unknown[0]}}}; there are {', '.join((*FIELDS, *names))}."
            )
        if node.by == "one" and (wrong := sorted(node.fields & OF_AGENT)):
            raise ValueError(f"{where}: {{{wrong[0]}}} is an agent's own, and one node for all reads {{all}}.")
        is_choice = node.chooses is not None
        if is_choice and (node.chooses not in names or node.by != "one" or node.answers):
            raise ValueError(f"{where}.chooses names a node before it, and needs by: one and text_tokens.")
        if node.votes > 1 and not is_choice:
            raise ValueError(f"{where}.votes belongs to a node that chooses.")
        if node.fields & OF_CHOICE and not any(each.chooses for each in self.nodes):
            raise ValueError(f"{where}: {{chosen}} and {{thoughts}} need a node with chooses.")
        if self.agents == 1 and "others" in node.fields:
            raise ValueError(f"{where}: {{others}} needs strategy.agents of 2 or more.")

    @cached_property
    def version(self) -> str:
        """The digest of everything that shapes what its nodes read and write."""
        told = json.dumps(self.parts, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:DIGEST_DIGITS]

    @property
    def parts(self) -> dict[str, Any]:
        """The same as plain values; nodes as a list, as a mapping may be stored in another order."""
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "name"}
        return {**told, "round": [{"name": name, **node} for name, node in self.round.items()]}

    @property
    def needs_wrong(self) -> bool:
        """Whether a node reads an answer that is known to be wrong, so that answers are
        graded before it is drawn.
        """
        return any("wrong" in node.fields for node in self.nodes)

    def fill(self, node: Node, prompt: Prompt, seen: Seen) -> Prompt:
        """What a node is asked: the prompt with its template's text;
        of a conversation its last turn of the user.
        """
        if (turns := prompt.turns) is None:
            return Prompt(prompt.prompt_id, self._fill(node, prompt.text, seen), {})
        last = max(at for at, turn in enumerate(turns) if turn["role"] == "user")
        turns[last] = {**turns[last], "content": self._fill(node, turns[last]["content"], seen)}
        return Prompt(prompt.prompt_id, json.dumps(turns), {})

    def _fill(self, node: Node, text: str, seen: Seen) -> str:
        others = [answer for at, answer in enumerate(seen.everyone) if at != seen.agent]
        told = {
            "prompt": text,
            "answer": "".join(seen.own[-1:]),
            "answers": self._list(seen.own[-self.remembers :]),
            "others": self._list(others),
            "all": self._list(seen.everyone),
            "wrong": seen.wrong,
            "chosen": "".join(seen.thoughts[-1:]),
            "thoughts": self._list(seen.thoughts),
        }
        # An agent reads its own text of another node; one for all reads those of every agent.
        for name, texts in seen.texts.items():
            told[name] = texts[seen.agent % len(texts)] if node.by == "each" else self._list(texts)
        return node.prompt.format_map(told)

    def _list(self, texts: Iterable[str]) -> str:
        return "".join(self.each.format(number=at + 1, text=text) for at, text in enumerate(texts))

    def longest_seen(self, rounds: int) -> Iterator[tuple[Node, Seen, int]]:
        """Of each node in its last round, what it reads with every text empty, and how many texts that are."""
        own, thoughts = [""] * min(self.remembers, rounds - 1), [""] * (rounds - 1)
        for at, node in enumerate(self.nodes):
            num_texts = {each.name: self.agents if each.by == "each" else 1 for each in self.nodes[:at]}
            seen = Seen(
                own, [""] * self.agents, 0, {name: [""] * num for name, num in num_texts.items()}, "", thoughts
            )
            reads = {
                **{"answer": 1, "answers": len(own), "others": self.agents - 1, "all": self.agents},
                **{"wrong": 1, "chosen": 1, "thoughts": len(thoughts)},
                **{name: num if node.by == "one" else 1 for name, num in num_texts.items()},
            }
            yield node, seen, sum(reads.get(name, 0) for name in node.fields)


def read_choice(texts: Sequence[str], num_choices: int) -> int:
    """Which of so many texts these votes name most often, by the last number in each; the first of equals, and the
    first where no vote names one.
    """
    named = [_last_number(text) for text in texts]
    counts = [named.count(number + 1) for number in range(num_choices)]
    return max(range(num_choices), key=lambda at: counts[at])


def _last_number(text: str) -> int | None:
    words = "".join(
        character if character.isascii() and character.isdigit() else " " for character in text
    ).split()
    return int(words[-1][:DIGEST_DIGITS]) if words else None
