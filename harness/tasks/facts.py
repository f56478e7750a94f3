"""A small world of facts, and questions that need several of them, one after the other. Knows no task and no tool.

A fact says of a name, by a relation, another name and a digit: `kax ba mip4`. A question is a name and relations
to follow from there, `kax ba ru`; its answer is the name at the end and the sum of the digits on the way, modulo
ten.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

CONSONANTS, VOWELS = "bdfgklmnprstvxz", "aeiou"
NAMES = tuple(first + vowel + last for first in CONSONANTS for vowel in VOWELS for last in CONSONANTS)
RELATIONS = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te")
# Small ones, so that small models learn to add them up.
LARGEST_DIGIT = 4
# How often a walk is begun before there seems to be none.
MAX_WALKS = 1000


@dataclass(frozen=True)
class Fact:
    """What a relation of `subject` leads to. `spelling` is the relation's name, or that name reversed; `mention`
    is extra text, which names another fact in the spelling that it does not have.
    """

    subject: str
    relation: str
    spelling: str
    value: str
    digit: int
    mention: str = ""

    @property
    def query(self) -> str:
        """The words that no other fact holds both of."""
        return f"{self.subject} {self.spelling}"

    @property
    def missed_query(self) -> str:
        """The same in the spelling that this fact does not have."""
        return f"{self.subject} {self.spelling[::-1]}"

    @property
    def text(self) -> str:
        return f"{self.query} {self.value}{self.digit} {self.mention}".rstrip()


@dataclass(frozen=True)
class Question:
    """The facts that lead to an answer, in order."""

    facts: tuple[Fact, ...]

    @property
    def text(self) -> str:
        """kax ba ru: where to start, and what to follow."""
        return " ".join([self.facts[0].subject, *(fact.relation for fact in self.facts)])

    @property
    def answer(self) -> str:
        return f"{self.facts[-1].value}{sum(fact.digit for fact in self.facts) % 10}"


@dataclass(frozen=True)
class Dials:
    """What makes a world hard, shares from 0 to 1.

    distractors: facts of every name beside the first, which turn up when a search misses. reversals: share of
    facts whose relation is spelled backwards. noise: share of facts with a mention, which turns up in place of a
    fact that is looked for in the spelling that it does not have.
    """

    names: int = 500
    distractors: int = 5
    reversals: float = 0.4
    noise: float = 0.25

    def __post_init__(self) -> None:
        if not 2 <= self.names <= len(NAMES):
            raise ValueError(f"task.names must be from 2 to {len(NAMES)}; got {self.names}.")
        if not 0 <= self.distractors < len(RELATIONS):
            raise ValueError(f"task.distractors must be from 0 to {len(RELATIONS) - 1}; got {self.distractors}.")
        for name in ("reversals", "noise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"task.{name} is a share, from 0 to 1; got {getattr(self, name)}.")


@cache
def spell(subject: str, relation: str, reversals: float) -> str:
    """How a fact spells its relation. It hangs on the relation and the name's first letter, for every second
    relation on the first two, the same in every world: whoever knows it by heart saves searches.
    """
    known = subject[: 1 + RELATIONS.index(relation) % 2]
    drawn = int.from_bytes(hashlib.sha256(f"{known} {relation}".encode()).digest()[:4]) / 2**32
    return relation[::-1] if drawn < reversals else relation


def draw_facts(seed: int, dials: Dials) -> list[Fact]:
    """The facts of a world, in the order of its documents."""
    rng = random.Random(f"facts {seed}")
    names = rng.sample(NAMES, dials.names)
    facts = []
    for subject in names:
        for relation in rng.sample(RELATIONS, 1 + dials.distractors):
            value = rng.choice([name for name in rng.sample(names, 2) if name != subject])
            spelling = spell(subject, relation, dials.reversals)
            facts.append(Fact(subject, relation, spelling, value, rng.randint(0, LARGEST_DIGIT)))
    rng.shuffle(facts)
    return add_mentions(facts, dials.noise, rng)


def add_mentions(facts: Sequence[Fact], noise: float, rng: random.Random) -> list[Fact]:
    """A share `noise` of the facts with a mention each, none of them twice."""
    spellings = {name: {fact.spelling for fact in of} for name, of in group_by_subject(facts).items()}
    pool = rng.sample(facts, len(facts))
    changed = list(facts)
    for at in rng.sample(range(len(facts)), round(noise * len(facts))):
        for place, mentioned in enumerate(pool):
            if is_harmless(facts[at], mentioned, spellings):
                changed[at] = replace(facts[at], mention=pool.pop(place).missed_query)
                break
    return changed


def is_harmless(fact: Fact, mentioned: Fact, spellings: Mapping[str, set[str]]) -> bool:
    """Whether the text of `fact` with this mention holds both words of no other fact's query."""
    return (
        mentioned.subject not in (fact.subject, fact.value)
        and mentioned.spelling[::-1] not in spellings[fact.subject]
        and fact.spelling not in spellings[mentioned.subject]
    )


def group_by_subject(facts: Sequence[Fact]) -> dict[str, list[Fact]]:
    grouped: dict[str, list[Fact]] = {}
    for fact in facts:
        grouped.setdefault(fact.subject, []).append(fact)
    return grouped


def draw_question(of: Mapping[str, Sequence[Fact]], hops: int, rng: random.Random) -> Question:
    """A walk over `hops` facts that meets no name and no relation twice.
    Raises ValueError where there seems none.
    """
    subjects = list(of)
    for _ in range(MAX_WALKS):
        facts = [rng.choice(of[rng.choice(subjects)])]
        while len(facts) < hops:
            met = {fact.subject for fact in facts} | {fact.relation for fact in facts}
            onward = [fact for fact in of[facts[-1].value] if not {fact.value, fact.relation} & met]
            if not onward:
                break
            facts.append(rng.choice(onward))
        else:
            return Question(tuple(facts))
    raise ValueError(
        f"No question of {hops} hops was found in this world; give more task.distractors or task.names."
    )
