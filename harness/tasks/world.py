"""Multi-hop questions over a small world of facts, as a task, and the documents to look them up in. Knows no model
and no tool.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from harness.answers import after_thoughts
from harness.fingerprint import digest_code
from harness.forms import FORMS, Form, FormName
from harness.tasks.facts import RELATIONS, Dials, Fact, Question, draw_facts, draw_question, group_by_subject
from harness.tasks.reasoning_gym import read_whole
from harness.tools.protocol import GOLD_IDS
from harness.types import Grade, Prompt

ANSWER = re.compile(r"[a-z]{3}[0-9]")
# How often a question is drawn that was asked before.
MAX_REPEATS = 1000


class Document(NamedTuple):
    """A text that a search tool indexes, its words split at spaces."""

    id: str
    text: str


@dataclass(frozen=True)
class World:
    """`size` questions of the world that `seed` draws; question i takes the i-th of `hops`, over and over.

    The other fields are dials of the world, see Dials. corpus() is what a search tool indexes.
    """

    seed: int
    size: int
    name: str = "world"
    hops: tuple[int, ...] = (1, 2, 3, 4)
    names: int = Dials.names
    distractors: int = Dials.distractors
    reversals: float = Dials.reversals
    noise: float = Dials.noise
    instructions: str = ""
    extract: Callable[[str], str | None] = read_whole
    form: FormName = "whole"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"task.size must be at least 1; got {self.size}.")
        # A yaml has a list here.
        object.__setattr__(self, "hops", tuple(self.hops))
        if not self.hops or not all(1 <= hops <= len(RELATIONS) for hops in self.hops):
            raise ValueError(f"task.hops must be numbers from 1 to {len(RELATIONS)}; got {list(self.hops)}.")
        # It raises for a dial that cannot be.
        _ = self.dials

    @property
    def dials(self) -> Dials:
        return Dials(self.names, self.distractors, self.reversals, self.noise)

    @property
    def grader(self) -> str:
        return f"world.{self.extract.__name__}"

    @property
    def grader_version(self) -> str:
        return digest_code(World.grade, self.extract)

    @property
    def evaluates(self) -> bool:
        return False

    @property
    def until(self) -> tuple[str, ...]:
        return ()

    @property
    def answer_form(self) -> Form:
        return FORMS[self.form]

    @property
    def identity(self) -> Mapping[str, Any]:
        """What shapes a prompt. Size is left out: more prompts of one task are the same run's rows."""
        return {
            "source": "world",
            "seed": self.seed,
            "hops": list(self.hops),
            **vars(self.dials),
            "instructions": self.instructions,
        }

    def corpus(self) -> list[Document]:
        return [Document(document_id, fact.text) for fact, document_id in self._ids.items()]

    def load(self) -> list[Prompt]:
        of, asked, prompts = group_by_subject(list(self._ids)), set(), []
        for index in range(self.size):
            rng = random.Random(f"question {self.seed} {index}")
            for _ in range(MAX_REPEATS):
                question = draw_question(of, self.hops[index % len(self.hops)], rng)
                if question.text not in asked:
                    break
            else:
                raise ValueError(f"This world has no {self.size} questions; ask for a smaller task.size.")
            asked.add(question.text)
            prompts.append(self._prompt(index, question))
        return prompts

    def grade(self, prompt: Prompt, text: str) -> Grade:
        """Correct where the answer is the gold one, character by character."""
        text = after_thoughts(text)
        if not text.strip():
            return Grade(None, None, False, 0.0, "unanswered")
        extracted = self.extract(text)
        if extracted is None or not ANSWER.fullmatch(extracted):
            return Grade(extracted, None, False, 0.0, "unparsed")
        correct = extracted == prompt.reference["answer"]
        return Grade(extracted, extracted, correct, float(correct), "correct" if correct else "wrong")

    def write_gold(self, prompt: Prompt) -> str:
        return self.answer_form.write(prompt.reference["answer"])

    @cached_property
    def _ids(self) -> dict[Fact, str]:
        return {fact: f"fact/{at:05d}" for at, fact in enumerate(draw_facts(self.seed, self.dials))}

    def _prompt(self, index: int, question: Question) -> Prompt:
        dials = {
            "hops": len(question.facts),
            "reversed": sum(fact.spelling != fact.relation for fact in question.facts),
            "distractors": self.distractors,
            "noise": self.noise,
        }
        reference = {"answer": question.answer, GOLD_IDS: [self._ids[fact] for fact in question.facts]}
        return Prompt(f"{self.name}/{index:05d}", question.text + self.instructions, reference, dials)
