"""A scorer's checkpoint, tokenizer and layout once they are checked: what it is, costs and is versioned by."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

from harness.architecture import Architecture
from harness.checkpoint import Checkpoint, read_checkpoint
from harness.foreign import check_tokenizer_files
from harness.rendering import load_tokenizer
from harness.scorers.protocol import Described, Item, Kind, Read
from harness.scorers.reading import Layout, Reader
from harness.trial import check_tokenizer
from harness.types import EngineSettings, Model


class Settings(Protocol):
    """What sets one scorer apart from another."""

    @property
    def kind(self) -> Kind: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def rules(self) -> dict[str, Any]:
        """All that its numbers hang on beside weights and layout, code included."""

    def read(self, reader: Reader, item: Item) -> Read: ...


@dataclass(frozen=True)
class Checked:
    """What every scorer without its weights is. dtype: as the engine settled it, since scores hang on it."""

    settings: Settings
    engine: EngineSettings
    checkpoint: Checkpoint
    reader: Reader
    dtype: str

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
    def reads_certainty(self) -> bool:
        """Never: it reads text."""
        return False

    @property
    def tasks(self) -> tuple[str, ...]:
        return self.settings.layout.tasks

    @property
    def samples_in_flight(self) -> int:
        return self.engine.samples_in_flight

    @property
    def architecture(self) -> Architecture:
        """What reading costs."""
        return self.checkpoint.architecture

    @property
    def described(self) -> Described:
        layout = self.settings.layout
        return Described(
            layout.path,
            layout.revision,
            self.checkpoint.weights_digest,
            self.dtype,
            self.engine.quantization,
            self.architecture,
            self._describe_parts(),
        )

    def read(self, item: Item) -> Read:
        return self.settings.read(self.reader, item)

    def _describe_parts(self) -> dict[str, Any]:
        """All that its version is the hash of."""
        layout, reader = self.settings.layout, self.reader
        return {
            "kind": self.kind,
            "weights": self.checkpoint.weights_digest,
            "dtype": self.dtype,
            "quantization": self.engine.quantization,
            "engine_options": dict(self.engine.options),
            "template": reader.template if reader.chat else None,
            "layout": {
                "system": layout.system,
                "between": None if reader.chat else layout.between,
                "thinking": (layout.open, layout.close) if layout.reads_thinking else None,
            },
            **self.settings.rules,
        }


def open_checkpoint(layout: Layout) -> tuple[Checkpoint, Any]:
    """What a scorer's checkpoint says of itself, and its tokenizer; raises ValueError with the way on."""
    model = model_of(layout)
    checkpoint = read_checkpoint(model)
    check_tokenizer_files(model.path)
    tokenizer = load_tokenizer(model.path, model.revision)
    check_tokenizer(tokenizer, [])
    return checkpoint, tokenizer


def settle_dtype(layout: Layout, checkpoint: Checkpoint, engine: EngineSettings) -> str:
    """What the engine computes in; raises ValueError where it cannot serve the model."""
    return engine.settle(model_of(layout), checkpoint.architecture, max_model_len=1).dtype


def without_output_head(architecture: Architecture, checkpoint: Checkpoint) -> Architecture:
    """A causal model's costs where of its output head the rows of a few tokens are read."""
    unread = checkpoint.config["vocab_size"] * architecture.hidden_size
    return dataclasses.replace(architecture, num_matmul_params=architecture.num_matmul_params - unread)


def model_of(layout: Layout) -> Model:
    return Model(layout.path, layout.name, layout.revision)


def architecture_of(checkpoint: Checkpoint) -> str:
    """The class that config.json names."""
    return str((checkpoint.config.get("architectures") or [""])[0])


def count_labels(checkpoint: Checkpoint) -> int:
    """How many labels its head gives; transformers' default where config.json is silent."""
    return int(checkpoint.config.get("num_labels") or len(checkpoint.config.get("id2label") or ()) or 2)
