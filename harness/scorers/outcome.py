"""An outcome reward model: one number an answer, from the last token of prompt and answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.checkpoint import Checkpoint
from harness.engines.pooling import Head
from harness.fingerprint import digest_code
from harness.scorers.checked import architecture_of, count_labels
from harness.scorers.pooled import PooledScorer, prepare_pooled
from harness.scorers.protocol import Item, Kind, Read
from harness.scorers.reading import Layout, Reader, place
from harness.types import EngineSettings

ENDING = "ForSequenceClassification"


@dataclass(frozen=True)
class Outcome(Layout):
    """A sequence-classification checkpoint with one label. The score is raw: no sigmoid."""

    @property
    def kind(self) -> Kind:
        return "outcome"

    @property
    def layout(self) -> Layout:
        return self

    @property
    def rules(self) -> dict[str, Any]:
        return {"code": digest_code(Reader, read_outcome, judge_outcome)}

    def prepare(self, engine: EngineSettings) -> PooledScorer:
        return prepare_pooled(self, engine)

    def head(self, checkpoint: Checkpoint, tokenizer: Any) -> Head:
        name = architecture_of(checkpoint)
        if not name.endswith(ENDING):
            raise ValueError(
                f"{self.path} is a {name}, and an outcome reward model is a *{ENDING}. scorer=process reads token "
                "heads and step tags, scorer=generative asks a model that writes."
            )
        if (num_labels := count_labels(checkpoint)) != 1:
            raise ValueError(
                f"{self.path} has {num_labels} labels, and an outcome reward model has one. Set num_labels in its "
                "config.json if its head has one row."
            )
        return Head("classify", num_labels)

    def reader(self, checkpoint: Checkpoint, tokenizer: Any) -> Reader:
        return Reader(tokenizer, self, context=checkpoint.context)

    def read(self, reader: Reader, item: Item) -> Read:
        return read_outcome(reader, item)

    def judge(self, labels: Sequence[Sequence[float]], read: Read) -> tuple[float, ...]:
        return judge_outcome(labels)


def read_outcome(reader: Reader, item: Item) -> Read:
    """Prompt, thinking where it is read, and answer."""
    turns, texts = reader.prompt_turns(item)
    thinking, answer = reader.thinking_and_answer(item)
    thought = (*reader.open_ids, *reader.encode_text(thinking), *reader.close_ids) if thinking else ()
    answer_ids = (*thought, *reader.encode_text(answer))
    if turns[-1][0] == "assistant":
        # A task may give the first words of the answer.
        return reader.assemble(turns, [*texts[:-1], (*texts[-1], *answer_ids)])
    return reader.assemble((*turns, ("assistant", place(len(texts)))), [*texts, answer_ids])


def judge_outcome(labels: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return (float(labels[-1][0]),)
