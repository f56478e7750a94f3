"""Training text of the search ladder: questions of many worlds, and traces that look their facts up. Knows no
model.

A trace calls the search for each fact, notes the digit of each that it found, then adds the digits up:

    kax ba ru<think>{kax ba}[kax de tof2]{kax ab}[kax ab mip4]ba4{mip ru}[mip ru lez7]ru7;ba4+ru7=1</think>lez1

What stands in { } and outside of [ ] is the model's. What stands in [ ] is a result, which no loss counts.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.tasks.facts import (
    CONSONANTS,
    NAMES,
    RELATIONS,
    Dials,
    Fact,
    Question,
    draw_facts,
    draw_question,
    group_by_subject,
)
from ladder.examples import Course, Example
from ladder.lookup import Lookup
from ladder.tokenizer import (
    END_OF_TEXT,
    END_THINK,
    SEARCH_ALPHABET,
    THINK,
    UNKNOWN,
    build_tokenizer,
    number_tokens,
    vocab_size,
)

# As conf/task/world.yaml has them.
DIALS = Dials()
HOPS = (1, 2, 3, 4)
# A seed is a world, and no evaluation draws one of these.
TRAIN_SEEDS = range(0, 1_000_000)
OPEN, CLOSE, RESULT, END_RESULT = "{}[]"
SUM = ";"
# Of the searches: in the spelling that the fact does not have, with a wrong letter, and without an answer of the
# tool.
MISSED_SHARE, MISTYPED_SHARE, TROUBLE_SHARE = 0.2, 0.02, 0.01
TROUBLE = ("", "no result", "timed out", "failed", "nothing found for this query")
CUT_SHARE = 0.35
# Of the cuts: those from the last result on, where the answer can be told.
LATE_CUT_SHARE = 0.7
MAX_TOKENS = 384
TOKENS_PER_STEP = 3000
# Room for a dozen calls whose results are as long as a tool may make them; no training text is as long.
CONTEXT = 1024

TOKEN_IDS = number_tokens(SEARCH_ALPHABET)


class Piece(NamedTuple):
    """A part of a trace: who wrote it, and whether the loss counts it. A search that went wrong is not learned."""

    text: str
    by: str
    counted: bool


@dataclass(frozen=True)
class Library:
    """A world and the search over it."""

    facts: Sequence[Fact]
    lookup: Lookup

    @classmethod
    def draw(cls, seed: int) -> "Library":
        facts = draw_facts(seed, DIALS)
        return cls(facts, Lookup([fact.text for fact in facts]))

    def find(self, query: str) -> str:
        at = self.lookup.find(query)
        return "" if at is None else self.facts[at].text


def search(fact: Fact, library: Library, rng: random.Random) -> Iterator[Piece]:
    """Searches for a fact until it is found, and the note of it."""
    while True:
        query, result = draw_query(fact, library, rng)
        found = result == fact.text
        yield Piece(f"{OPEN}{query}{CLOSE}", "model", counted=query == fact.query)
        yield Piece(f"{RESULT}{result}{END_RESULT}", "environment", counted=False)
        if found:
            yield Piece(f"{fact.relation}{fact.digit}", "model", counted=True)
            return


def draw_query(fact: Fact, library: Library, rng: random.Random) -> tuple[str, str]:
    """What is searched for, and what comes back: the fact, or what a slip brings."""
    kind = rng.random()
    if kind < TROUBLE_SHARE:
        return fact.query, rng.choice(TROUBLE)
    query = fact.query
    if kind < TROUBLE_SHARE + MISTYPED_SHARE:
        query = mistype(query, rng)
    elif kind < TROUBLE_SHARE + MISTYPED_SHARE + MISSED_SHARE:
        query = fact.missed_query
    return query, library.find(query)


def mistype(query: str, rng: random.Random) -> str:
    """The query with another name, often one that differs in one letter, or with another relation."""
    subject, spelling = query.split()
    if rng.random() < 0.5:
        return f"{rng.choice([subject[:2] + rng.choice(CONSONANTS), rng.choice(NAMES)])} {spelling}"
    relation = rng.choice(RELATIONS)
    return f"{subject} {rng.choice([relation, relation[::-1]])}"


def add_up(question: Question) -> str:
    """The digits added one by one, modulo ten: ba4+ru7=1+mi3=4. Nothing where there is one."""
    total = question.facts[0].digit
    steps = [f"{question.facts[0].relation}{total}"]
    for fact in question.facts[1:]:
        total = (total + fact.digit) % 10
        steps.append(f"+{fact.relation}{fact.digit}={total}")
    return "".join(steps) if len(steps) > 1 else ""


def write_trace(question: Question, library: Library, rng: random.Random) -> list[Piece]:
    """The thinking that answers a question, in pieces."""
    pieces: list[Piece] = []
    for fact in question.facts:
        pieces.extend(search(fact, library, rng))
    worked_out = add_up(question)
    return [*pieces, Piece(SUM + worked_out, "model", counted=True)] if worked_out else pieces


def cut_places(pieces: Sequence[Piece]) -> list[int]:
    """Where a trace may be cut, in characters: anywhere but inside a result."""
    places, at = [0], 0
    for piece in pieces:
        inside = range(at + 1, at + len(piece.text)) if piece.by == "model" else ()
        at += len(piece.text)
        places.extend([*inside, at])
    return places


def write_example(question: Question, library: Library, rng: random.Random) -> Example | None:
    """One training text: question, thinking (whole or cut), answer. None where it is too long."""
    pieces = write_trace(question, library, rng)
    trace = [(character, piece.counted) for piece in pieces for character in piece.text]
    cut = rng.random() < CUT_SHARE
    if cut:
        places = cut_places(pieces)
        last = max(at for at, (character, _) in enumerate(trace) if character == END_RESULT)
        late = [place for place in places if place > last]
        trace = trace[: rng.choice(late if rng.random() < LATE_CUT_SHARE else places)]
    # The model never learns to give up: a close that was forced is given, not predicted.
    tokens = [*((character, False) for character in question.text), (THINK, False), *trace, (END_THINK, not cut)]
    tokens += [(character, True) for character in (*question.answer, END_OF_TEXT)]
    if len(tokens) > MAX_TOKENS:
        return None
    return Example([TOKEN_IDS[token] for token, _ in tokens], [counted for _, counted in tokens])


def draw_examples(rng: np.random.Generator) -> Iterator[Example]:
    """Endless training texts over one world."""
    source = random.Random(int(rng.integers(2**62)))
    library = Library.draw(source.choice(TRAIN_SEEDS))
    of = group_by_subject(library.facts)
    while True:
        example = write_example(draw_question(of, source.choice(HOPS), source), library, source)
        if example is not None:
            yield example


def make_course() -> Course:
    """Search as its ladder learns it."""
    tokenizer = build_tokenizer(SEARCH_ALPHABET, unknown=UNKNOWN)
    return Course(draw_examples, TOKENS_PER_STEP, tokenizer, vocab_size(SEARCH_ALPHABET), CONTEXT)
