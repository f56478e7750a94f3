"""A scorer that reads an answer once: vLLM's pooling runner, and what is made of the labels that come out."""

import contextlib
import math
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from harness.architecture import Architecture
from harness.checkpoint import Checkpoint
from harness.engines.pooling import LARGEST_LABEL, Head, Pooling
from harness.scorers.checked import (
    Checked,
    Settings,
    model_of,
    open_checkpoint,
    settle_dtype,
    without_output_head,
)
from harness.scorers.protocol import Read, Score
from harness.scorers.reading import Reader
from harness.types import EngineSettings

Labels = Sequence[Sequence[float]]


class PooledSettings(Settings, Protocol):
    """What sets one pooled scorer apart from another."""

    def head(self, checkpoint: Checkpoint, tokenizer: Any) -> Head:
        """What to load; raises ValueError where the checkpoint is none of the kind."""

    def reader(self, checkpoint: Checkpoint, tokenizer: Any) -> Reader: ...

    def judge(self, labels: Labels, read: Read) -> tuple[float, ...]:
        """A score for each step, or of an outcome the one; the last is the answer's."""


@dataclass(frozen=True)
class PooledScorer(Checked):
    """A checked scorer of one reading. As harness.scorers.protocol.Scorer."""

    settings: PooledSettings
    head: Head
    num_verdicts: int = 1
    draws: bool = False

    @property
    def architecture(self) -> Architecture:
        whole = self.checkpoint.architecture
        return without_output_head(whole, self.checkpoint) if self.head.of_tokens else whole

    @contextlib.asynccontextmanager
    async def start(self, *, longest: int) -> AsyncIterator["PooledJudge"]:
        """Load the weights for items of at most `longest` tokens."""
        model = model_of(self.settings.layout)
        engine = self.engine.settle(model, self.checkpoint.architecture, max_model_len=longest)
        # Checked to be one that has it when the scorer was prepared.
        start = cast(Any, engine).start_pooling
        async with start(model, max_model_len=longest, head=self.head) as pooling:
            yield PooledJudge(self.settings, pooling)


@dataclass(frozen=True)
class PooledJudge:
    """A scorer whose weights are loaded. It samples nothing, so that a seed changes nothing."""

    settings: PooledSettings
    pooling: Pooling

    async def score(self, read: Read, *, seed: int) -> Score:
        started = time.monotonic()
        pooled = await self.pooling.pool(read.token_ids)
        scores, refusal = judge_labels(self.settings, pooled.labels, read)
        is_of_steps = bool(read.step_ends and scores)
        return Score(
            scores[-1] if scores else None,
            step_scores=scores if is_of_steps else None,
            step_ends=read.step_ends if is_of_steps else None,
            num_read_tokens=len(read.token_ids),
            num_written_tokens=0,
            seconds=time.monotonic() - started,
            refusal=refusal,
        )


def judge_labels(settings: PooledSettings, labels: Labels, read: Read) -> tuple[tuple[float, ...], str | None]:
    """The scores of labels; none, and the reason, where one is no number: a text that drives a head of half
    precision beyond its range would otherwise be the best there is.
    """
    with np.errstate(all="ignore"):
        scores = settings.judge(labels, read)
    odd = next((score for score in scores if not math.isfinite(score) or abs(score) > LARGEST_LABEL), None)
    return (scores, None) if odd is None else ((), f"its score is {odd:g}")


def prepare_pooled(settings: PooledSettings, engine: EngineSettings) -> PooledScorer:
    """Check a scorer's checkpoint, tokenizer and engine; raises ValueError with the way on. Loads no weights."""
    layout = settings.layout
    if not hasattr(engine, "start_pooling"):
        raise ValueError(f"{layout.name} cannot be read by this engine; give engine=vllm or engine=server.")
    checkpoint, tokenizer = open_checkpoint(layout)
    head, reader = settings.head(checkpoint, tokenizer), settings.reader(checkpoint, tokenizer)
    return PooledScorer(settings, engine, checkpoint, reader, settle_dtype(layout, checkpoint, engine), head)
