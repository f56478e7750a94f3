"""Any generator of reasoning-gym as a task: seeded prompts, its own score_answer. Knows no model."""

import contextlib
import difflib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib.metadata import version
from typing import Any

from harness.answers import after_thoughts
from harness.fingerprint import digest_code
from harness.forms import FORMS, Form, FormName
from harness.readers import is_plain
from harness.sandbox import close_sandbox
from harness.tasks.rules import FREE, FULL_SCORE, RULES, Rule, score_entry
from harness.tasks.scorers import EVALUATED, UNTRUSTED
from harness.types import Grade, Outcome, Prompt

# Every generator has these; they are fields of the task.
OWN_PARAMS = ("seed", "size")
OPENING, CLOSING = "<answer>", "</answer>"


def render_question(entry: Mapping[str, Any]) -> str:
    """The generator's own question."""
    return str(entry["question"])


def render_expression(entry: Mapping[str, Any]) -> str:
    """An arithmetic entry in as few characters as carry it: 57+87-70=.
    Raises ValueError for any other generator's.
    """
    if "expression" not in entry["metadata"]:
        raise ValueError(
            "task.render: the entries of this generator have no expression. Leave task.render out, so that the "
            "generator's question is used."
        )
    return str(entry["metadata"]["expression"]).replace(" ", "") + "="


def read_whole(text: str) -> str | None:
    """The whole answer text, stripped; None where it is empty."""
    return text.strip() or None


def read_tagged(text: str) -> str | None:
    """What stands in the last <answer> tag that is closed, stripped; None where there is none.

    The opening tag next to it counts: "in <answer> tags, as asked: <answer>5</answer>" holds 5.
    """
    start = text.rfind(OPENING, 0, max(text.rfind(CLOSING), 0))
    return None if start < 0 else text[start + len(OPENING) :].partition(CLOSING)[0].strip()


def identical(extracted: str) -> str | None:
    """Votes on the answer as written, white space folded."""
    return " ".join(extracted.split()) or None


def read_dials(entry: Mapping[str, Any], params: Mapping[str, Any]) -> Mapping[str, float]:
    """What the generator says makes an entry hard, or else its parameters; of a range its ends.

    A dial that has a value of this very entry in its metadata, such as num_terms, is that value.
    """
    metadata = entry["metadata"]
    difficulty = metadata.get("difficulty")
    named = difficulty if isinstance(difficulty, Mapping) else {"difficulty": difficulty}
    own = {name: metadata.get(f"num_{name}", metadata.get(name)) for name in named if name != "difficulty"}
    dials = spread({name: own[name] if is_number(own.get(name)) else value for name, value in named.items()})
    return dials or spread({name: value for name, value in params.items() if name not in OWN_PARAMS})


def spread(values: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among `values`, and the ends of its ranges as <name>_min and <name>_max."""
    dials = {name: float(value) for name, value in values.items() if is_number(value)}
    for name, value in values.items():
        if isinstance(value, list | tuple) and len(value) == 2 and all(map(is_number, value)):
            dials |= {f"{name}_min": float(value[0]), f"{name}_max": float(value[1])}
    return dials


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@contextlib.contextmanager
def ignoring_syntax_warnings() -> Iterator[None]:
    """What reasoning-gym needs warns of its own code where it is compiled, at the first start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        yield


def explain_refusal(name: str, params: Mapping[str, Any]) -> str | None:
    """What is wrong with the names that a generator was asked for by; None where they are known."""
    with ignoring_syntax_warnings():
        from reasoning_gym.factory import DATASETS

    if name not in DATASETS:
        nearest = difflib.get_close_matches(name, DATASETS, n=3)
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"it has {', '.join(sorted(DATASETS))}"
        return f"it has no generator of this name; {hint}"
    known = [field.name for field in fields(DATASETS[name][1]) if field.name not in OWN_PARAMS]
    if unknown := [parameter for parameter in params if parameter not in known]:
        return f"there is no task.params.{unknown[0]}; its parameters are {', '.join(known)}"
    return None


@dataclass(frozen=True)
class ReasoningGym:
    """`size` problems of the generator `name`; problem i is drawn from seed + i.

    render: entry -> prompt text. extract: answer text -> answer, None where unparsed.
    vote_key: answer -> canonical form, None where the answer is not well formed and does not vote.
    form: what the prompt asks an answer to look like, and what extract finds.
    dials: entry -> what makes it hard, null for what the generator itself says.
    """

    name: str
    seed: int
    size: int
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    instructions: str = ""
    render: Callable[[Mapping[str, Any]], str] = render_question
    extract: Callable[[str], str | None] = read_whole
    vote_key: Callable[[str], str | None] = identical
    form: FormName = "whole"
    dials: Callable[[Mapping[str, Any]], Mapping[str, float]] | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"task.size must be at least 1; got {self.size}.")
        if self.name in UNTRUSTED:
            raise ValueError(f"reasoning-gym's task {self.name!r} is refused: {UNTRUSTED[self.name]}.")

    @property
    def grader(self) -> str:
        return f"reasoning_gym.{self.name}.{self.extract.__name__}.{self.vote_key.__name__}"

    @property
    def grader_version(self) -> str:
        ours = (ReasoningGym.grade, close_sandbox, self.extract, self.vote_key, *self._rule.parts)
        return f"{version('reasoning-gym')}+{digest_code(*ours)}"

    @property
    def evaluates(self) -> bool:
        """Of a function that nobody here read it is taken that it does."""
        return self.name in EVALUATED or not is_plain(self.extract, self.vote_key)

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
            "source": "reasoning_gym",
            "name": self.name,
            "seed": self.seed,
            "params": dict(self.params),
            "instructions": self.instructions,
            "render": f"{self.render.__module__}.{self.render.__name__}",
        }

    @property
    def prompts_version(self) -> str:
        """Another for whatever changes a prompt beside what `identity` says."""
        ours = (ReasoningGym.load, ReasoningGym._prompt, self.render, read_dials, *filter(None, [self.dials]))
        return f"{version('reasoning-gym')}+{digest_code(*ours)}"

    def load(self) -> list[Prompt]:
        return [self._prompt(index, self._dataset[index]) for index in range(self.size)]

    def grade(self, prompt: Prompt, text: str) -> Grade:
        """Correct where the generator's own scorer gives full marks. Partial marks stay in `score`."""
        text = after_thoughts(text)
        if not text.strip():
            return Grade(None, None, False, 0.0, "unanswered")
        extracted = self.extract(text)
        score = None if extracted is None else score_entry(self._dataset, extracted, prompt.reference, self._rule)
        if extracted is None or score is None:
            return Grade(extracted, None, False, 0.0, "unparsed")
        vote_key = self.vote_key(extracted)
        correct = score >= FULL_SCORE
        outcome: Outcome = "correct" if correct else "unparsed" if vote_key is None else "wrong"
        return Grade(extracted, vote_key, correct, score, outcome)

    def write_gold(self, prompt: Prompt) -> str:
        """The generator's own answer, as the prompt asks for it."""
        return self.answer_form.write(str(prompt.reference["answer"]))

    @property
    def _rule(self) -> Rule:
        return RULES.get(self.name, FREE)

    @cached_property
    def _dataset(self) -> Any:
        with ignoring_syntax_warnings():
            import reasoning_gym

        try:
            return reasoning_gym.create_dataset(self.name, seed=self.seed, size=self.size, **self.params)
        except (ValueError, TypeError, AssertionError) as error:
            reason = explain_refusal(self.name, self.params)
            if reason is None:
                reason = (
                    f"task.params has a value of a wrong type, {error}"
                    if isinstance(error, TypeError)
                    else str(error)
                )
            raise ValueError(f"reasoning-gym cannot make task {self.name!r}: {reason}") from error

    def _prompt(self, index: int, entry: Mapping[str, Any]) -> Prompt:
        text = self.render(entry) + self.instructions
        dials = read_dials(entry, vars(self._dataset.config)) if self.dials is None else self.dials(entry)
        return Prompt(f"{self.name}/{index:05d}", text, entry, dials)
