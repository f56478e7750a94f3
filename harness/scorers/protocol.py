"""What every scorer takes and gives: an answer to a prompt in, its score out, or why it has none."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from harness.architecture import Architecture
from harness.certainty import Certainty
from harness.types import Prompt

Kind = Literal["outcome", "process", "generative", "generator"]


class RefusedError(ValueError):
    """An answer that a scorer cannot read as it stands. It is never cut to fit."""


@dataclass(frozen=True)
class Item:
    """An answer and what it answers; `thinking` is empty where the scorer does not read it, or there is none.

    trace_certainty, answer_certainty: of the tokens in front of the answer and of its own, where the scorer reads
    them and they are stored.
    """

    prompt: Prompt
    thinking: str
    answer: str
    trace_certainty: Certainty | None = None
    answer_certainty: Certainty | None = None


@dataclass(frozen=True)
class Read:
    """What a scorer is given of an item: token ids, and of each step the number of tokens up to its end."""

    token_ids: tuple[int, ...]
    step_ends: tuple[int, ...] = ()


@dataclass(frozen=True)
class Score:
    """What a scorer makes of an answer, raw. `refusal` says why `score` is None.

    step_ends: of each step, how many of the tokens that were read stand before its score, the last one included.
    text: what a generative scorer wrote.
    """

    score: float | None
    step_scores: tuple[float, ...] | None = None
    step_ends: tuple[int, ...] | None = None
    num_read_tokens: int | None = None
    num_written_tokens: int | None = None
    seconds: float | None = None
    text: str | None = None
    refusal: str | None = None


class Judge(Protocol):
    """A scorer whose weights are loaded. Raises RequestFailedError for one answer, EngineFailedError for all."""

    async def score(self, read: Read, *, seed: int) -> Score: ...


@dataclass(frozen=True)
class Described:
    """What a scorer is stored as: where it lies, what it is and costs, and all that its version is the hash of.

    All but the last is None of a scorer without weights, which costs nothing.
    """

    path: str | None
    revision: str | None
    weights_digest: str | None
    dtype: str | None
    quantization: str | None
    architecture: Architecture | None
    parts: Mapping[str, Any]


class Scorer(Protocol):
    """A checked scorer, without its weights.

    num_verdicts: how many an answer is given. draws: each by a seed of its own, so that two readings of one text
    may differ.
    reads_thinking, reads_certainty: what of an item is wanted beside its answer. tasks: whose answers it knows;
    empty for all.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def reads_thinking(self) -> bool: ...

    @property
    def reads_certainty(self) -> bool: ...

    @property
    def tasks(self) -> tuple[str, ...]: ...

    @property
    def num_verdicts(self) -> int: ...

    @property
    def draws(self) -> bool: ...

    @property
    def samples_in_flight(self) -> int: ...

    @property
    def described(self) -> Described: ...

    def read(self, item: Item) -> Read | Score:
        """The tokens of an item, or its score where no weights are needed for it; raises RefusedError."""

    def start(self, *, longest: int) -> AbstractAsyncContextManager[Judge]:
        """Load the weights, for items of at most `longest` tokens; raises ValueError or EngineFailedError."""
