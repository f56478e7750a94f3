"""A process reward model: a number a step. By a head on every token, or by a tag that stands behind each step.

vLLM has these shapes. A token-classification head: read at the last token of a step. A head that is trained on
step tags (Qwen2.5-Math-PRM): read at the tag. A causal model whose next-token logits of two tokens are read at the
tag (Math-Shepherd, Wang et al. 2312.08935) or in front of its verdict in a conversation of steps (RLHFlow): vLLM
makes a head of the two rows of its output head. Other classes are refused by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.checkpoint import Checkpoint
from harness.engines.pooling import Head
from harness.fingerprint import digest_code
from harness.rendering import encode_behind
from harness.scorers.checked import architecture_of, count_labels
from harness.scorers.pooled import PooledScorer, prepare_pooled
from harness.scorers.protocol import Item, Kind, Read, RefusedError
from harness.scorers.reading import Ids, Layout, Reader, Turns, place
from harness.scorers.steps import split_steps
from harness.types import EngineSettings

TOKEN_HEAD, TAG_HEAD, CAUSAL = "ForTokenClassification", "ForProcessRewardModel", "ForCausalLM"
# A causal model is read as one with this head, whose rows are those of its tokens.
AS_HEAD = "ForSequenceClassification"


@dataclass(frozen=True)
class Process(Layout):
    """A checkpoint that scores steps, which `step` stands between.

    tag: one token behind each step, at which its score is read; null for a head on every token, which is read at
    the last token of a step. after_tag: what stands between a tag and the next step. good, bad: of a causal model,
    the tokens whose logits are compared. asks: each step is a turn of the user's that the model answers with
    `good`, in front of which the score is read. label: of several labels the good one; the score is then its
    probability among them, and of one label its raw value.
    """

    step: str = "\n\n"
    tag: str | None = None
    after_tag: str = ""
    good: str | None = None
    bad: str | None = None
    asks: bool = False
    label: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.step:
            raise ValueError("scorer.step is empty; give the text that stands between two steps.")
        if (self.good is None) != (self.bad is None):
            raise ValueError("scorer.good and scorer.bad are a pair; give both, or none.")
        if self.asks and (self.tag is not None or self.good is None or self.chat is False):
            raise ValueError(
                "scorer.asks needs scorer.good, scorer.bad and a chat template, and takes no scorer.tag."
            )

    @property
    def kind(self) -> Kind:
        return "process"

    @property
    def layout(self) -> Layout:
        return self

    @property
    def rules(self) -> dict[str, Any]:
        names = ("step", "tag", "after_tag", "good", "bad", "asks", "label")
        code = digest_code(Reader, read_tokens, read_tags, read_turns, judge_steps)
        return {"steps": {name: getattr(self, name) for name in names}, "code": code}

    def prepare(self, engine: EngineSettings) -> PooledScorer:
        return prepare_pooled(self, engine)

    def head(self, checkpoint: Checkpoint, tokenizer: Any) -> Head:
        name = architecture_of(checkpoint)
        if name.endswith(CAUSAL):
            if self.good is None or self.bad is None or not (self.tag is not None or self.asks):
                raise ValueError(
                    f"{self.path} is a {name}: it scores a step by two tokens. Give scorer.good and scorer.bad, "
                    "with scorer.tag, or scorer.asks=true where each step is a turn."
                )
            pair = [find_single(tokenizer, "bad", self.bad), find_single(tokenizer, "good", self.good)]
            tokens = tuple(tokenizer.convert_ids_to_tokens(pair))
            return Head("token_classify", len(pair), tokens, name.replace(CAUSAL, AS_HEAD))
        if not name.endswith((TOKEN_HEAD, TAG_HEAD)):
            raise ValueError(
                f"{self.path} is a {name}. As a process reward model vLLM reads *{TOKEN_HEAD}, *{TAG_HEAD}, and "
                f"*{CAUSAL} with scorer.good and scorer.bad."
            )
        if name.endswith(TAG_HEAD) and self.tag is None:
            raise ValueError(f"{self.path} is a {name}, which is read at step tags: give scorer.tag.")
        if self.good is not None:
            raise ValueError(f"{self.path} is a {name}, which has labels: leave out scorer.good and scorer.bad.")
        if self.label >= (num_labels := count_labels(checkpoint)) > 1:
            raise ValueError(f"scorer.label is {self.label}, and {self.path} has labels 0 to {num_labels - 1}.")
        return Head("token_classify", num_labels)

    def reader(self, checkpoint: Checkpoint, tokenizer: Any) -> Reader:
        tags = () if self.tag is None else (find_single(tokenizer, "tag", self.tag),)
        return Reader(tokenizer, self, context=checkpoint.context, tags=tags)

    def read(self, reader: Reader, item: Item) -> Read:
        if self.asks:
            return read_turns(self, reader, item)
        return read_tokens(self, reader, item) if self.tag is None else read_tags(self, reader, item)

    def judge(self, labels: Sequence[Sequence[float]], read: Read) -> tuple[float, ...]:
        return judge_steps(labels, read.step_ends, label=self.label)


def find_single(tokenizer: Any, name: str, text: str) -> int:
    ids = encode_behind(tokenizer, text)
    if len(ids) != 1:
        raise ValueError(f"scorer.{name} {text!r} is {len(ids)} tokens for this tokenizer; it must be one.")
    return ids[0]


def read_tokens(settings: Process, reader: Reader, item: Item) -> Read:
    """Prompt and answer as an outcome reward model reads them, with the end of each step."""
    turns, texts = _answered(reader, item)
    thinking, answer = reader.thinking_and_answer(item)
    ids, ends = reader.encode_steps(answer, settings.step)
    if thinking:
        thought, thought_ends = reader.encode_steps(thinking, settings.step)
        before = (*reader.open_ids, *thought, *reader.close_ids)
        opened = [len(reader.open_ids) + end for end in thought_ends]
        ids, ends = (*before, *ids), [*opened, *(len(before) + end for end in ends)]
    return reader.assemble(turns, [*texts, ids], step_ends=[(len(texts), end) for end in ends])


def read_tags(settings: Process, reader: Reader, item: Item) -> Read:
    """Each step with the tag behind it."""
    turns, texts = _answered(reader, item)
    assert settings.tag is not None
    tag, after = (
        encode_behind(reader.tokenizer, text) if text else () for text in (settings.tag, settings.after_tag)
    )
    ids: list[int] = []
    ends: list[int] = []
    for step in _steps(settings, reader, item):
        ids += (*(after if ends else ()), *reader.encode_text(step), *tag)
        ends.append(len(ids))
    return reader.assemble(turns, [*texts, tuple(ids)], step_ends=[(len(texts), end) for end in ends])


def read_turns(settings: Process, reader: Reader, item: Item) -> Read:
    """Each step as a turn, the first behind the prompt, and `good` as the answer to each."""
    turns, texts = reader.prompt_turns(item)
    assert settings.good is not None
    verdict = encode_behind(reader.tokenizer, settings.good)
    asked, ends = list(turns), list[tuple[int, int]]()
    for step in _steps(settings, reader, item):
        before = f"{asked.pop()[1]} " if not ends else ""
        asked += [("user", f"{before}{place(len(texts))}"), ("assistant", place(len(texts) + 1))]
        texts += [reader.encode_text(step), verdict]
        # What predicts a token stands in front of it.
        ends.append((len(texts) - 1, 0))
    return reader.assemble(tuple(asked), texts, step_ends=ends)


def _answered(reader: Reader, item: Item) -> tuple[Turns, list[Ids]]:
    """The prompt's turns with one for the answer; raises RefusedError where the prompt has begun it."""
    turns, texts = reader.prompt_turns(item)
    if turns[-1][0] == "assistant":
        raise RefusedError("the prompt begins the answer, so that its first step is not known")
    return (*turns, ("assistant", place(len(texts)))), texts


def _steps(settings: Process, reader: Reader, item: Item) -> list[str]:
    thinking, answer = reader.thinking_and_answer(item)
    return [
        text[span.start : span.end] for text in (thinking, answer) for span in split_steps(text, settings.step)
    ]


def judge_steps(labels: Sequence[Sequence[float]], step_ends: Sequence[int], *, label: int) -> tuple[float, ...]:
    """At the end of each step (S,): the probability of a label among several (T, L),
    or the value of the only one.
    """
    logits_SL = np.asarray(labels, dtype=np.float64)[np.asarray(step_ends, dtype=int) - 1]
    if logits_SL.shape[1] == 1:
        return tuple(logits_SL[:, 0].tolist())
    odds_SL = np.exp(logits_SL - logits_SL.max(axis=1, keepdims=True))
    return tuple((odds_SL[:, label] / odds_SL.sum(axis=1)).tolist())


def read_beginning(settings: Process, reader: Reader, item: Item) -> Read:
    """The thinking of an item that has no answer yet, laid out as in front of one, with the end of each step.

    Raises RefusedError where there is nothing to read, or what `Process.read` refuses.
    """
    if settings.asks or settings.tag is not None:
        # These read steps alone, wherever they stand.
        return settings.read(reader, Item(item.prompt, "", item.thinking))
    turns, texts = _answered(reader, item)
    thinking, _ = reader.thinking_and_answer(Item(item.prompt, item.thinking, item.thinking))
    ids, ends = reader.encode_steps(thinking, settings.step)
    begun = len(reader.open_ids)
    return reader.assemble(
        turns, [*texts, (*reader.open_ids, *ids)], step_ends=[(len(texts), begun + end) for end in ends]
    )
