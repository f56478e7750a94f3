"""The plain values that pass between rooms. Knows nothing of engines, files or configs."""

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from harness.architecture import Architecture
from harness.certainty import Certainty
from harness.forms import Form
from results.cuts import Caps, every_cell

# evaluation, bins, probe, or what results.nodes names: samples with one purpose.
Pool = str
Outcome = Literal["correct", "wrong", "unparsed", "unanswered", "truncated", "timeout", "refused"]
# A setting's field that says False of this in its metadata is no part of what rows are stored under.
SHAPES_OUTPUTS = "shapes_outputs"
# Whole numbers of what is sampled go to engines as 32 bits.
MOST_WHOLE = 2**31
# What a server takes money for.
PRICED = {"prompt", "decoded"}


@dataclass(frozen=True)
class Prompt:
    """A problem: its stable id, its text, what the grader needs, and the dials that made it hard or easy.

    A text that is a JSON list of turns, each with a role and a content, is a conversation.
    """

    prompt_id: str
    text: str
    reference: Mapping[str, Any] = field(hash=False)
    dials: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def prompt_hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def turns(self) -> list[dict[str, str]] | None:
        """The conversation that the text holds; None where it is plain."""
        if not self.text.startswith('[{"role":'):
            return None
        try:
            turns = json.loads(self.text)
        except ValueError:
            return None
        is_conversation = isinstance(turns, list) and all(
            isinstance(turn, dict) and turn.keys() == {"role", "content"} for turn in turns
        )
        return turns if is_conversation else None


@dataclass(frozen=True)
class Model:
    """One rung of a ladder: a folder or a hub id. `pretraining_tokens` is null where no source was read.

    name: what its files in a run are named after, by default the last part of the path. knobs: what a server is
    asked beside the usual, by name, such as the steps of a model that recurs in depth; cost: what that multiplies
    the FLOPs of a token by, a number or an expression of the knobs ("(2 + 4 * recurrence) / 6"). price: dollars
    for a million tokens, of the `prompt` and `decoded`, where a server takes some; `cap.usd` counts by it.
    """

    path: str
    name: str = ""
    revision: str | None = None
    pretraining_tokens: int | None = None
    pretraining_source: str | None = None
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    cost: str = "1"
    price: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("model.path is empty; give a folder, or a hub id such as Qwen/Qwen3-8B.")
        if self.price and (
            set(self.price) != PRICED or not all(0 <= each < math.inf for each in self.price.values())
        ):
            raise ValueError(
                "model.price is dollars for a million tokens read and written, as in "
                f"model.price={{prompt:0.1,decoded:0.4}}; got {dict(self.price)}."
            )
        # A frozen dataclass has no other way to derive a default from another field.
        object.__setattr__(self, "name", self.name or self.path.rstrip("/").rsplit("/", 1)[-1])
        if not self.name.strip() or not self.name.isprintable() or "/" in self.name or self.name.startswith("."):
            raise ValueError(
                "model.name becomes part of file names: it must be printable, without / and without a dot at the "
                f"start; got {self.name!r}. Set another model.name."
            )


@dataclass(frozen=True)
class Thinking:
    """How a model opens, closes and is forced out of thinking, as text.

    open: appended to the rendered prompt, empty where the chat template opens thinking itself. close: the marker,
    one token, that the model writes when it has thought enough; null for a plain chain of thought, which ends with
    the text and holds its own answer. force: appended to a trace that is cut; behind it stands what leads to an
    answer in the task's form. chat: whether prompts go through the tokenizer's chat template, with
    `template_options`. bos: whether a prompt without a chat template begins with the tokenizer's beginning of
    text; null for what the tokenizer puts before plain text by itself. extend: what takes the place of the marker
    where thinking that closed is extended (Muennighoff et al. 2025, arXiv 2501.19393), as often as
    `grid.extensions` says; the answers before it do not depend on it.
    """

    close: str | None
    force: str
    open: str = ""
    chat: bool = False
    template_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extend: str = field(default="", metadata={SHAPES_OUTPUTS: False})
    bos: bool | None = None

    def __post_init__(self) -> None:
        if self.open.endswith(" "):
            raise ValueError(
                f"thinking.open {self.open!r} ends with a space. The space would be a separate token, but models "
                "join it to the next word. Leave it out."
            )
        if self.close == "":
            raise ValueError(
                "thinking.close is empty; give the text that closes thinking, such as </think>, "
                "or null for a plain chain of thought."
            )
        if not self.force and self.close:
            raise ValueError(
                f"thinking.force is empty; give the text that closes a cut trace, such as {self.close}."
            )


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn, by vLLM's names, and the longest answer.

    logprobs: whether the engine is asked for log-probabilities, which change no token.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_answer_tokens: int = 32
    logprobs: bool = field(default=False, metadata={SHAPES_OUTPUTS: False})

    def __post_init__(self) -> None:
        for name in ("temperature", "top_p", "top_k", "min_p", "max_answer_tokens"):
            _check_number(name, getattr(self, name), is_whole=name in ("top_k", "max_answer_tokens"))
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"sampling.temperature must be finite and not negative; got {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"sampling.top_p must be above 0 and at most 1; got {self.top_p}.")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"sampling.min_p must be from 0 to 1; got {self.min_p}.")
        if self.top_k < -1:
            raise ValueError(f"sampling.top_k must be 0 (off) or more; got {self.top_k}.")
        if self.max_answer_tokens < 1:
            raise ValueError(f"sampling.max_answer_tokens must be at least 1; got {self.max_answer_tokens}.")


def _check_number(name: str, value: Any, *, is_whole: bool) -> None:
    """Raise ValueError for what is no number, or a whole one beyond what engines take."""
    if type(value) not in ((int,) if is_whole else (int, float)) or (
        type(value) is int and abs(value) >= MOST_WHOLE
    ):
        what = "whole number" if is_whole else "number"
        raise ValueError(f"sampling.{name} must be a {what} below {MOST_WHOLE:,}; got {str(value)[:40]}.")


@dataclass(frozen=True)
class Grid:
    """Widths, thinking budgets, extensions, tool calls and rounds to measure, and the pool that bins are read
    from.

    extensions: how often thinking that closes before its budget is made to go on. calls: how many calls of tools
    are carried out at most; samples for difficulty may make the most. rounds: how often a strategy answers, a
    sample as it comes being its first round.
    """

    widths: tuple[int, ...]
    budgets: tuple[int, ...]
    extensions: tuple[int, ...] = (0,)
    calls: tuple[int, ...] = (0,)
    rounds: tuple[int, ...] = (1,)
    anchor: str | None = None
    bin_samples: int = 8
    reference_budget: int | None = None

    def __post_init__(self) -> None:
        for name in ("widths", "budgets", "extensions", "calls", "rounds"):
            values = tuple(sorted(set(getattr(self, name))))
            if not values or any(not isinstance(v, int) or v < 0 for v in values):
                raise ValueError(
                    f"grid.{name} must be whole numbers, at least one, none negative; got {list(values)}."
                )
            object.__setattr__(self, name, values)
        for name in ("widths", "rounds"):
            if getattr(self, name)[0] < 1:
                raise ValueError(f"grid.{name} start at 1; got {list(getattr(self, name))}.")
        if self.bin_samples < 1:
            raise ValueError(f"grid.bin_samples must be at least 1; got {self.bin_samples}.")
        if self.reference_budget is not None and self.reference_budget < 0:
            raise ValueError(f"grid.reference_budget must not be negative; got {self.reference_budget}.")
        if self.reference_budget is None:
            object.__setattr__(self, "reference_budget", self.budgets[-1])

    @property
    def cells(self) -> tuple[Caps, ...]:
        """What a sample is read at, widths and rounds aside."""
        return every_cell(self.budgets, self.extensions, self.calls)

    @property
    def reference(self) -> Caps:
        """The cell that difficulty is read at."""
        assert self.reference_budget is not None
        return Caps(self.reference_budget, calls=self.calls[-1])


@dataclass(frozen=True)
class Request:
    """Token ids to complete, up to `max_tokens`, the first of `stop_ids`, or a text that holds one of `stop`."""

    prompt_ids: tuple[int, ...]
    max_tokens: int
    seed: int
    sampling: Sampling
    stop_ids: tuple[int, ...] = ()
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Completion:
    """What an engine returned: the ids it wrote (what stopped it included) and why it stopped.

    certainty: of each of them, where the request asked for log-probabilities.
    """

    token_ids: tuple[int, ...]
    finish_reason: Literal["stop", "length"]
    num_cached_tokens: int | None
    seconds: float
    certainty: Certainty | None = None


class EngineFailedError(RuntimeError):
    """The engine is gone or refuses to go on; what was drawn before is kept."""


class RequestFailedError(RuntimeError):
    """One request failed; the engine goes on."""


class CapReachedError(RuntimeError):
    """A request was not sent, since the job has spent what it may; what was drawn before is kept."""


class Engine(Protocol):
    """Completes token ids; raises RequestFailedError for one request, EngineFailedError for all."""

    async def complete(self, request: Request) -> Completion: ...


class EngineSettings(Protocol):
    """How an engine is started. dtype, quantization and options may shape outputs; the rest shapes speed only."""

    @property
    def dtype(self) -> str: ...

    @property
    def quantization(self) -> str | None: ...

    @property
    def options(self) -> Mapping[str, Any]: ...

    @property
    def samples_in_flight(self) -> int:
        """Samples that are drawn at once, enough to keep the engine busy."""

    @property
    def num_devices(self) -> int:
        """GPUs of this machine that one job needs; 0 where the engine runs elsewhere."""

    def settle(self, model: Model, architecture: Architecture, *, max_model_len: int) -> "EngineSettings":
        """The settings with all that was left to the machine;
        raises ValueError where it cannot serve the model.
        """

    def start(
        self, model: Model, *, max_model_len: int, reads_text: bool = False
    ) -> AbstractAsyncContextManager[Engine]:
        """reads_text: whether requests will have strings to stop at."""


@dataclass(frozen=True)
class ToolCall:
    """A call that was carried out. query: what stood between its markers where it was malformed, and no tool then.

    result_ids: what was found, best first; trouble: why there is no result, timeout, failed or malformed.
    """

    tool: str | None
    query: str
    result_ids: tuple[str, ...]
    tool_seconds: float
    trouble: str | None


@dataclass(frozen=True)
class Trace:
    """A segment of one sampled thinking sequence, from `start_token` on.

    `ended`: the model stopped by itself; its close marker, or what else ended it, is then the last of `token_ids`
    and is counted. extend_ids: what was put in place of the marker that the segment before this one ended with;
    None where this goes on from a cut, or from the prompt. opened: after how many tokens of the trace the call
    begins whose marker is whole here, and opened_by: after how many that is; call: what it was, where it was
    carried out here, and observed_ids: what that put behind this segment. Only `token_ids` count as thinking.
    """

    prompt_id: str
    pool: Pool
    sample: int
    start_token: int
    token_ids: tuple[int, ...]
    ended: bool
    num_prompt_tokens: int
    num_cached_tokens: int | None
    finish_reason: str
    seed: int
    seconds: float
    text: str
    certainty: Certainty | None = None
    extend_ids: tuple[int, ...] | None = None
    opened: int | None = None
    opened_by: int | None = None
    call: ToolCall | None = None
    observed_ids: tuple[int, ...] | None = None

    @property
    def num_thinking_tokens(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True)
class Answer:
    """The text that follows a trace cut after `budget` thinking tokens; None is the answer of one that ended by
    itself.

    extension: of the answer of a trace that was extended and ended by itself, how often it was extended before; it
    stands at `budget`. num_given_tokens: those between the prompt and the answer that the model read and did not
    write, less the markers that were taken back; what closed its thinking for it is not among them. text: what is
    graded. Where the answer was led to, it begins with the lead; a plain chain of thought that ended by itself is
    its own answer, which took no request: num_answer_tokens is then 0 and seed None.
    """

    prompt_id: str
    pool: Pool
    sample: int
    budget: int | None
    num_thinking_tokens: int
    num_answer_tokens: int
    forced: bool
    num_prompt_tokens: int
    num_cached_tokens: int | None
    finish_reason: str
    seed: int | None
    seconds: float
    text: str
    certainty: Certainty | None = None
    extension: int | None = None
    num_given_tokens: int = 0


@dataclass(frozen=True)
class Search:
    """What a path of a search cost, and what its verifier says of it once it has its answer, of key `budget`.

    Every way on that was drawn from this path's number counts, whether it stayed or not: of each the step it was
    drawn in, where it starts behind the prompt, and the tokens that the engine wrote for it. reading_tokens: of
    each text that the verifier read, in its own tokens, the beginning that it had read before included. refusal:
    why there is no score.
    """

    prompt_id: str
    pool: Pool
    sample: int
    budget: int | None
    scorer: str
    scorer_version: str
    num_steps: int
    num_expansions: int
    num_written_tokens: int
    num_read_tokens: int
    expansion_steps: tuple[int, ...]
    expansion_starts: tuple[int, ...]
    expansion_tokens: tuple[int, ...]
    reading_tokens: tuple[int, ...]
    score: float | None
    step_scores: tuple[float, ...] | None
    refusal: str | None
    seconds: float


@dataclass(frozen=True)
class Grade:
    """What a grader made of an answer. `vote_key` is a canonical form of it,
    never its worth; None does not vote.
    """

    extracted: str | None
    vote_key: str | None
    correct: bool
    score: float
    outcome: Outcome


class Task(Protocol):
    """Loads prompts and grades text. `grader` and `grader_version` name what grades.

    until: strings that end an answer, which the grader cuts off there. answer_form: what its prompts ask for.
    evaluates: whether grading may evaluate what an answer holds, by eval, sympy or code of others, so that each is
    graded in a process of its own. A task may have write_gold(prompt), the text of a right answer.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def grader(self) -> str: ...

    @property
    def grader_version(self) -> str: ...

    @property
    def evaluates(self) -> bool: ...

    @property
    def until(self) -> tuple[str, ...]: ...

    @property
    def answer_form(self) -> Form: ...

    def load(self) -> list[Prompt]: ...

    def grade(self, prompt: Prompt, text: str) -> Grade: ...

    @property
    def identity(self) -> Mapping[str, Any]: ...
