"""What the model that wrote an answer knew of it itself: from stored log-probabilities,
with nothing read again.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, get_args

from harness.certainty import Certainty, confidence, lowest_mean
from harness.fingerprint import digest_code
from harness.scorers.protocol import Described, Item, Judge, Kind, RefusedError, Score
from harness.types import EngineSettings

Measure = Literal["logprob", "confidence"]
Part = Literal["trace", "answer", "both"]


@dataclass(frozen=True)
class Generator:
    """How the certainty of an answer's tokens becomes its score. As harness.scorers.protocol.Scorer.

    measure: the log-probability of each token, or the confidence (harness.certainty). over: the tokens of the
    trace up to where the answer begins, of the answer, or of both. window: the lowest mean of so many tokens in a
    row (DeepConf's lowest group confidence; Fu et al. 2025, arXiv 2508.15260); null for the mean of all.
    """

    name: str
    measure: Measure = "logprob"
    over: Part = "both"
    window: int | None = None
    tasks: tuple[str, ...] = ()
    reads_thinking: bool = False
    reads_certainty: bool = True
    num_verdicts: int = 1
    draws: bool = False
    samples_in_flight: int = 1

    def __post_init__(self) -> None:
        for name, kinds in (("measure", get_args(Measure)), ("over", get_args(Part))):
            if getattr(self, name) not in kinds:
                raise ValueError(f"scorer.{name} is one of {', '.join(kinds)}; got {getattr(self, name)!r}.")
        if self.window is not None and self.window < 1:
            raise ValueError(f"scorer.window must be at least 1, or null for all tokens; got {self.window}.")

    @property
    def kind(self) -> Kind:
        return "generator"

    @property
    def described(self) -> Described:
        named = {"kind": self.kind, "measure": self.measure, "over": self.over, "window": self.window}
        code = digest_code(Generator.read, Certainty, confidence, lowest_mean)
        return Described(None, None, None, None, None, None, {**named, "code": code})

    def prepare(self, engine: EngineSettings) -> "Generator":
        """Itself: no weights are needed."""
        return self

    def read(self, item: Item) -> Score:
        """Raises RefusedError where the tokens have no log-probabilities."""
        certainties = {"trace": item.trace_certainty, "answer": item.answer_certainty}
        parts = list(certainties.values()) if self.over == "both" else [certainties[self.over]]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            raise RefusedError("no log-probabilities are stored with it")
        values = [
            value for part in known for value in (part.logprobs if self.measure == "logprob" else part.confidences)
        ]
        if (score := lowest_mean(values, self.window)) is None:
            raise RefusedError("the model wrote no token of it")
        return Score(score, num_read_tokens=0, num_written_tokens=0)

    def start(self, *, longest: int) -> AbstractAsyncContextManager[Judge]:
        raise AssertionError("Every answer is scored, or refused, by what is stored of it.")
