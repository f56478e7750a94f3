"""What a reader of outside logs hands over: samples or counts, what is known of models and prompts, what it dropped."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OLDER = "in an older log of the same model and task"


@dataclass(frozen=True)
class Tokens:
    """Tokens of one request and dollars charged for it; None where the source does not say.

    decoded holds thinking and answer together, thinking the part that is thinking.
    """

    prompt: float | None = None
    decoded: float | None = None
    thinking: float | None = None
    usd: float | None = None


@dataclass(frozen=True)
class Sample:
    """One graded answer. answer is what votes are counted on, None where the source holds none or it was unreadable.

    number is its index within the prompt, None to count them as they come; budget is in thinking tokens, None where
    thinking had no limit.
    """

    model: str
    task: str
    prompt: str
    correct: bool
    number: int | None = None
    answer: str | None = None
    outcome: str | None = None
    score: float | None = None
    text: str | None = None
    budget: int | None = None
    truncated: bool = False
    tokens: Tokens = Tokens()


@dataclass(frozen=True)
class Count:
    """How many of a prompt's samples were correct; tokens are the mean of a sample."""

    model: str
    task: str
    prompt: str
    num_samples: int
    num_correct: int
    budget: int | None = None
    tokens: Tokens = Tokens()


@dataclass(frozen=True)
class Known:
    """What is known of a model beside its outcomes."""

    num_params: float | None = None
    pretraining_tokens: float | None = None


@dataclass
class Ingested:
    """Everything read from one source. prompts: text and dials by task and prompt. dropped: rows by the reason why."""

    samples: list[Sample] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    prompts: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    models: dict[str, Known] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def outcomes(self) -> list[Sample | Count]:
        """Samples and counts together."""
        return [*self.samples, *self.counts]


def grade(value: Any, *, correct_at: float) -> tuple[bool, float]:
    """Whether a score counts as correct, and the score; raises ValueError for what is no score.

    True, 'C' (Inspect's correct), 'correct' and 'true' are 1; False, 'I', 'N', 'incorrect', 'wrong' and 'false' are 0;
    'P' is a half; numbers are themselves.
    """
    words = {"c": 1.0, "correct": 1.0, "true": 1.0, "p": 0.5, "i": 0.0, "n": 0.0, "incorrect": 0.0, "wrong": 0.0}
    words["false"] = 0.0
    text = str(value).strip().lower()
    try:
        score = words[text] if text in words else float(text)
    except ValueError:
        raise ValueError(f"{value!r} is no score; expected a number, true or false, or C, P, I, N.") from None
    if score != score:
        raise ValueError("a score is missing")
    return score >= correct_at, score


def choose(noun: str, names: list[str], wanted: str | None, *, option: str) -> str:
    """The wanted name, or the only one there is; raises ValueError that lists them."""
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        raise ValueError(
            f"Choose one {noun} of {', '.join(names) or 'none'} with {option}" + f", not {wanted!r}." * bool(wanted)
        )
    return wanted
