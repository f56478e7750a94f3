"""A scorer that reads an answer once: vLLM's pooling runner, and what is made of the labels that come out."""

import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from harness.checkpoint import Checkpoint, read_checkpoint
from harness.engines.pooling import Head, Pooling
from harness.foreign import check_tokenizer_files
from harness.rendering import load_tokenizer
from harness.scorers.protocol import Described, Item, Kind, Read, Score
from harness.scorers.reading import Layout, Reader
from harness.trial import check_tokenizer
from harness.types import EngineSettings, Model

Labels = Sequence[Sequence[float]]


class Settings(Protocol):
    """What sets one pooled scorer apart from another."""

    @property
    def kind(self) -> Kind: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def rules(self) -> dict[str, Any]:
        """All that its numbers hang on beside weights and layout, code included."""

    def head(self, checkpoint: Checkpoint, tokenizer: Any) -> Head:
        """What to load; raises ValueError where the checkpoint is none of the kind."""

    def reader(self, checkpoint: Checkpoint, tokenizer: Any) -> Reader: ...

    def read(self, reader: Reader, item: Item) -> Read: ...

    def judge(self, labels: Labels, read: Read) -> tuple[float, ...]:
        """A score for each step, or of an outcome the one; the last is the answer's."""


@dataclass(frozen=True)
class PooledScorer:
    """A checked scorer. As harness.scorers.protocol.Scorer."""

    settings: Settings
    engine: EngineSettings
    checkpoint: Checkpoint
    reader: Reader
    head: Head
    dtype: str
    num_verdicts: int = 1
    draws: bool = False

    @property
    def name(self) -> str:
        return self.settings.layout.name

    @property
    def kind(self) -> Kind:
        return self.settings.kind

    @property
    def reads_thinking(self) -> bool:
        return self.settings.layout.reads_thinking

    @property
    def samples_in_flight(self) -> int:
        return self.engine.samples_in_flight

    @property
    def described(self) -> Described:
        layout, architecture = self.settings.layout, self.checkpoint.architecture
        if self.head.of_tokens:
            # Of its output head the rows of a few tokens are read.
            unread = self.checkpoint.config["vocab_size"] * architecture.hidden_size
            architecture = dataclasses.replace(
                architecture, num_matmul_params=architecture.num_matmul_params - unread
            )
        return Described(
            layout.path,
            layout.revision,
            self.checkpoint.weights_digest,
            self.dtype,
            self.engine.quantization,
            architecture,
            describe_parts(self.settings, self.checkpoint, self.reader, dtype=self.dtype, engine=self.engine),
        )

    def read(self, item: Item) -> Read:
        return self.settings.read(self.reader, item)

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

    settings: Settings
    pooling: Pooling

    async def score(self, read: Read, *, seed: int) -> Score:
        started = time.monotonic()
        pooled = await self.pooling.pool(read.token_ids)
        scores = self.settings.judge(pooled.labels, read)
        return Score(
            scores[-1],
            step_scores=scores if read.step_ends else None,
            step_ends=read.step_ends or None,
            num_read_tokens=len(read.token_ids),
            num_written_tokens=0,
            seconds=time.monotonic() - started,
        )


def prepare_pooled(settings: Settings, engine: EngineSettings) -> PooledScorer:
    """Check a scorer's checkpoint, tokenizer and engine; raises ValueError with the way on. Loads no weights."""
    model = model_of(settings.layout)
    if not hasattr(engine, "start_pooling"):
        raise ValueError(f"{model.name} scores in this process; leave out engine=, or give engine=vllm.")
    checkpoint = read_checkpoint(model)
    check_tokenizer_files(model.path)
    tokenizer = load_tokenizer(model.path, model.revision)
    check_tokenizer(tokenizer, [])
    head = settings.head(checkpoint, tokenizer)
    reader = settings.reader(checkpoint, tokenizer)
    dtype = engine.settle(model, checkpoint.architecture, max_model_len=1).dtype
    return PooledScorer(settings, engine, checkpoint, reader, head, dtype)


def describe_parts(
    settings: Settings, checkpoint: Checkpoint, reader: Reader, *, dtype: str, engine: EngineSettings
) -> dict[str, Any]:
    """All that a scorer's version is the hash of."""
    layout = settings.layout
    return {
        "kind": settings.kind,
        "weights": checkpoint.weights_digest,
        "dtype": dtype,
        "quantization": engine.quantization,
        "engine_options": dict(engine.options),
        "template": reader.template if reader.chat else None,
        "layout": {
            "system": layout.system,
            "between": None if reader.chat else layout.between,
            "thinking": (layout.open, layout.close) if layout.reads_thinking else None,
        },
        **settings.rules,
    }


def model_of(layout: Layout) -> Model:
    return Model(layout.path, layout.name, layout.revision)


def architecture_of(checkpoint: Checkpoint) -> str:
    """The class that config.json names."""
    return str((checkpoint.config.get("architectures") or [""])[0])


def count_labels(checkpoint: Checkpoint) -> int:
    """How many labels its head gives; transformers' default where config.json is silent."""
    return int(checkpoint.config.get("num_labels") or len(checkpoint.config.get("id2label") or ()) or 2)
