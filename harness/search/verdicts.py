"""What a process verifier says of a path on its way, and of one that has its answer. Chooses nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from harness.rendering import Renderer
from harness.scorers.checked import count_labels
from harness.scorers.pooled import PooledScorer
from harness.scorers.process import Process, read_beginning
from harness.scorers.protocol import Item, Judge, Read, RefusedError, Scorer
from harness.search.strategy import Aggregate, Strategy, aggregated
from harness.types import Answer, EngineSettings, Prompt

# A verifier's tokenizer may write a text in more tokens than the model's own did.
SPARE = 2


class ScorerSettings(Protocol):
    """What a scorer is made of, as a yaml of conf/scorer has it."""

    def prepare(self, engine: EngineSettings) -> Scorer:
        """The checked scorer; raises ValueError with the way on."""


@dataclass(frozen=True)
class Judging:
    """Who is to judge the paths of a search, on which engine."""

    settings: ScorerSettings
    engine: EngineSettings


@dataclass(frozen=True)
class Verdict:
    """A path's score, and those of its steps; None where `refusal` says why."""

    score: float | None
    step_scores: tuple[float, ...] | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class Verifier:
    """A checked process scorer that reads paths of one model.

    renderer: how that model thinks. longest: the most tokens that a path is read in.
    """

    scorer: PooledScorer
    version: str
    renderer: Renderer
    aggregate: Aggregate
    longest: int

    def read_path(self, prompt: Prompt, token_ids: tuple[int, ...]) -> Read | Verdict:
        """What is read of a path without its answer, or why nothing is."""
        text = self.renderer.decode(without_end(token_ids, self.renderer))
        if self.renderer.holds_answer:
            return self._read(lambda: self.scorer.read(Item(prompt, "", text)))
        settings = cast(Process, self.scorer.settings)
        return self._read(lambda: read_beginning(settings, self.scorer.reader, Item(prompt, text, "")))

    def read_answered(self, prompt: Prompt, token_ids: tuple[int, ...], answer: Answer) -> Read | Verdict:
        """What is read of a path with its answer, as a scoring pass does."""
        is_own = not answer.forced and not answer.num_answer_tokens
        thought = without_end(token_ids, self.renderer) if answer.budget is None else token_ids
        thinking = "" if is_own else self.renderer.decode(thought)
        return self._read(lambda: self.scorer.read(Item(prompt, thinking, answer.text)))

    def judge(self, step_scores: Sequence[float]) -> Verdict:
        """The verdict that scores of steps come to."""
        return Verdict(aggregated(step_scores, self.aggregate), tuple(step_scores))

    def _read(self, read: Callable[[], Read]) -> Read | Verdict:
        try:
            found = read()
        except RefusedError as error:
            return Verdict(None, refusal=str(error))
        if len(found.token_ids) > self.longest:
            reason = f"{len(found.token_ids):,} tokens with its prompt, and the verifier reads {self.longest:,}"
            return Verdict(None, refusal=reason)
        return found if found.step_ends else Verdict(None, refusal="no step that is not blank")


async def ask(judge: Judge, verifier: Verifier, read: Read) -> Verdict:
    """What a loaded verifier says of what it reads; raises as `Judge.score`."""
    # It draws nothing, so that no seed matters.
    score = await judge.score(read, seed=0)
    if score.step_scores is None:
        return Verdict(None, refusal=score.refusal)
    return verifier.judge(score.step_scores)


def without_end(token_ids: tuple[int, ...], renderer: Renderer) -> tuple[int, ...]:
    """Thinking without the token that ended it."""
    return token_ids[:-1] if token_ids[-1:] and token_ids[-1] in renderer.end_ids else token_ids


def build_verifier(
    scorer: Scorer, *, version: str, strategy: Strategy, renderer: Renderer, longest_request: int
) -> Verifier:
    """The verifier of a search; raises ValueError where this scorer cannot judge the steps of these paths."""
    if not isinstance(scorer, PooledScorer) or scorer.kind != "process":
        raise ValueError(
            f"strategy.scorer={strategy.scorer} is a {scorer.kind} scorer, and a search needs a score a step: "
            "choose a process scorer, such as scorer=process."
        )
    if not renderer.holds_answer and not scorer.reads_thinking:
        raise ValueError(
            f"{scorer.name} reads no thinking, in which the steps of this search stand; add "
            f"scorer.reads_thinking=true, as in strategy.scorer='{strategy.scorer} scorer.reads_thinking=true'."
        )
    is_raw = not scorer.head.of_tokens and count_labels(scorer.checkpoint) == 1
    if strategy.aggregate == "product" and is_raw:
        raise ValueError(
            f"{scorer.name} gives raw values, and only chances from 0 to 1 have a product; set strategy.aggregate "
            "to last, min or mean."
        )
    longest = min(scorer.reader.context, SPARE * longest_request)
    return Verifier(scorer, version, renderer, strategy.aggregate, longest)
