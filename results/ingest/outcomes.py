"""What a reader of outside logs hands over: samples, counts, models, prompts, and what it left out."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from results.schema import UNLIMITED

OLDER = "it is in an older log of the same model and task"
AGAIN = "it is the same sample again"


@dataclass(frozen=True)
class Tokens:
    """Tokens of one request and dollars charged for it; None where the source does not say.

    decoded holds thinking and answer together, thinking the part that is thinking.
    """

    prompt: float | None = None
    decoded: float | None = None
    thinking: float | None = None
    usd: float | None = None

    def __post_init__(self) -> None:
        for number in astuple(self):
            if number is not None and not 0 <= number < UNLIMITED:
                raise ValueError(f"{number} tokens or dollars of a sample are not possible")


@dataclass(frozen=True)
class Sample:
    """One graded answer. answer is what votes are counted on,
    None where the source holds none or it was unreadable.

    number tells it from the prompt's others, by an index or a label, None to count them as they come; budget is in
    thinking tokens, None where thinking had no limit; truncated is None where the source does not say whether a
    limit cut it. verifier, step_scores: what a verifier gave it and each of its steps, None where it gave nothing;
    not of the sample's own, so that identities do not depend on them.
    """

    model: str
    task: str
    prompt: str
    correct: bool
    number: int | str | None = None
    answer: str | None = None
    outcome: str | None = None
    score: float | None = None
    text: str | None = None
    budget: int | None = None
    truncated: bool | None = None
    tokens: Tokens = Tokens()
    verifier: float | None = field(default=None, repr=False)
    step_scores: tuple[float, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check_place(self)

    @property
    def is_scored(self) -> bool:
        """Whether a verifier gave it anything."""
        return self.verifier is not None or self.step_scores is not None


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

    def __post_init__(self) -> None:
        _check_place(self)
        if self.num_samples >= UNLIMITED:
            raise ValueError(f"{self.num_samples:g} samples of a prompt are more than can be counted")


@dataclass(frozen=True)
class Known:
    """What is known of a model beside its outcomes."""

    num_params: float | None = None
    pretraining_tokens: float | None = None


@dataclass
class Ingested:
    """Everything read from one source.

    prompts: text and dials by task and prompt. dropped: how many were left out by the reason why. odd: the places
    of what could not be read, by what was wrong with it. notes: further lines for the reader. scorer: the name of
    the verifier whose scores samples have, None where they have none.
    """

    samples: list[Sample] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    prompts: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    models: dict[str, Known] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    odd: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    scorer: str | None = None

    @property
    def outcomes(self) -> list[Sample | Count]:
        """Samples and counts together."""
        return [*self.samples, *self.counts]

    def skip(self, reason: object, place: str) -> None:
        """Leave out what cannot be read, and say where it stands."""
        self.odd.setdefault(" ".join(str(reason).split()), []).append(place)


def _check_place(outcome: Sample | Count) -> None:
    """Raise ValueError for names that no file can hold, and for a budget that is none."""
    for name in (outcome.model, outcome.task, outcome.prompt):
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise ValueError(f"the name {ascii(name[:40])} holds half a character")
    if outcome.budget is not None and not 0 <= outcome.budget < UNLIMITED:
        raise ValueError(f"a budget of {outcome.budget:g} tokens is not possible")


def tell_alike(samples: list[Sample]) -> list[str]:
    """A line where samples without a number are alike to the text,
    which a row that stands twice would be as well.
    """
    texts = [sample for sample in samples if sample.number is None and sample.text is not None]
    num_alike = len(texts) - len(set(texts))
    return (
        [
            f"{num_alike:,} samples have the same text as another sample, and each is counted. If they are "
            "copies, map sample=COLUMN, so that each sample counts once."
        ]
        if num_alike
        else []
    )


def without_twice(samples: list[Sample]) -> tuple[list[Sample], int]:
    """The samples, each numbered one once, and how many were there again.

    Raises ValueError where two that differ have one number on one prompt. Those without a number are told apart by
    nothing, and all stay.
    """
    first: dict[Hashable, Sample] = {}
    kept = []
    for sample in samples:
        key = (sample.model, sample.task, sample.prompt, sample.budget, sample.number)
        known = sample if sample.number is None else first.setdefault(key, sample)
        if known is sample:
            kept.append(sample)
        elif known != sample:
            raise ValueError(
                f"{sample.model} has two different samples with number {sample.number} on {sample.prompt}. Map "
                "the column that differs (task, budget, effort), or leave one run out if the source has two."
            )
    return kept, len(samples) - len(kept)


def choose(noun: str, names: list[str], wanted: Sequence[str], *, option: str) -> str:
    """The first of the wanted names that there is, or the only one; raises ValueError that lists them."""
    if not wanted and len(names) == 1:
        return names[0]
    for name in wanted:
        if name in names:
            return name
    told = f", not {', '.join(map(repr, wanted))}" if wanted else ""
    raise ValueError(f"Choose one {noun} of {', '.join(names[:8]) or 'none'} with {option}{told}.")
