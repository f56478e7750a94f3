"""A generative verifier: a model that is asked whether an answer is right,
and its verdicts or first word's odds.
"""

import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.checkpoint import Checkpoint
from harness.engines.pooling import Head
from harness.fingerprint import digest_code
from harness.recognition import find_ends
from harness.scorers.checked import Checked, architecture_of, model_of, open_checkpoint, settle_dtype
from harness.scorers.pooled import PooledScorer, prepare_pooled
from harness.scorers.process import AS_HEAD, CAUSAL, find_single, judge_steps
from harness.scorers.protocol import Item, Kind, Read, RefusedError, Score
from harness.scorers.reading import Layout, Reader, place
from harness.types import Engine, EngineSettings, Request, Sampling

ASKED = ("{prompt}", "{answer}")
# Behind a word that is part of no sentence: a sign, or the end of its line.
ALONE = r"(?=[^\S\n]*[*_`\"'”’)\]}]{0,6}[^\S\n]*(?:[.,;:!\n]|(?<=\s)[-–—]|$))"
ASK = (
    "Problem:\n{prompt}\n\nProposed solution:\n{answer}\n\nIs the final answer of the solution right? Check it, "
    "and end with one word: Yes or No."
)


@dataclass(frozen=True)
class Generative(Layout):
    """A model that writes, asked by `ask`, in which {prompt} and {answer} stand for the texts.

    verdicts: how many it is asked for, each drawn with temperature, top_p and top_k, of at most `max_tokens`. The
    score of one is 1 where the last of the words `good` and `bad` in it is the good one, and 0 where it is the
    bad. probability: nothing is drawn; the score is the probability that it begins with `good`, among `good` and
    `bad`.
    """

    ask: str = ASK
    good: str = "Yes"
    bad: str = "No"
    probability: bool = False
    verdicts: int = 1
    max_tokens: int = 1024
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if sorted(re.findall(r"\{\w+\}", self.ask)) != sorted(ASKED):
            raise ValueError(f"scorer.ask must hold {' and '.join(ASKED)}, each once; got {self.ask!r}.")
        if self.verdicts < 1 or self.max_tokens < 1:
            raise ValueError("scorer.verdicts and scorer.max_tokens must be at least 1.")
        if self.probability and self.verdicts > 1:
            raise ValueError("scorer.probability=true draws nothing, so that one verdict is as good as many.")
        _ = self.sampling

    @property
    def kind(self) -> Kind:
        return "generative"

    @property
    def layout(self) -> Layout:
        return self

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.top_k, max_answer_tokens=self.max_tokens)

    @property
    def rules(self) -> dict[str, Any]:
        # How many are drawn is no part of it: further ones join those that are stored.
        drawn = ("max_tokens", "temperature", "top_p", "top_k")
        names = ("ask", "good", "bad", "probability", *(() if self.probability else drawn))
        code = digest_code(Reader, read_question, judge_steps, read_verdict)
        return {"asked": {name: getattr(self, name) for name in names}, "code": code}

    def prepare(self, engine: EngineSettings) -> "PooledScorer | AskedScorer":
        """The checked scorer; raises ValueError with the way on."""
        if self.probability:
            return prepare_pooled(self, engine)
        checkpoint, tokenizer = open_checkpoint(self)
        check_causal(self, checkpoint)
        reader = self._reader(checkpoint, tokenizer, num_written=self.max_tokens)
        dtype = settle_dtype(self, checkpoint, engine)
        ends = (*checkpoint.eos_ids, *find_ends(checkpoint, tokenizer))
        return AskedScorer(self, engine, checkpoint, reader, dtype, ends)

    def head(self, checkpoint: Checkpoint, tokenizer: Any) -> Head:
        check_causal(self, checkpoint)
        pair = [find_single(tokenizer, "bad", self.bad), find_single(tokenizer, "good", self.good)]
        made = architecture_of(checkpoint).replace(CAUSAL, AS_HEAD)
        return Head("classify", len(pair), tuple(tokenizer.convert_ids_to_tokens(pair)), made)

    def reader(self, checkpoint: Checkpoint, tokenizer: Any) -> Reader:
        return self._reader(checkpoint, tokenizer, num_written=0)

    def read(self, reader: Reader, item: Item) -> Read:
        return read_question(reader, item, ask=self.ask)

    def judge(self, labels: Sequence[Sequence[float]], read: Read) -> tuple[float, ...]:
        return judge_steps(labels, [len(labels)], label=1)

    def _reader(self, checkpoint: Checkpoint, tokenizer: Any, *, num_written: int) -> Reader:
        asked = (("user", ask_with_places(self.ask)),)
        return Reader(tokenizer, self, context=checkpoint.context - num_written, usual=asked)


def check_causal(layout: Layout, checkpoint: Checkpoint) -> None:
    """Raise ValueError where the checkpoint writes no text."""
    if not (name := architecture_of(checkpoint)).endswith((CAUSAL, "ForConditionalGeneration")):
        raise ValueError(
            f"{layout.path} is a {name}, which cannot be asked; scorer=outcome and scorer=process read heads."
        )


def ask_with_places(ask: str) -> str:
    """The question with places for the texts, numbered in their order."""
    found = sorted(ASKED, key=ask.index)
    return ask.replace(found[0], place(0)).replace(found[1], place(1))


def read_question(reader: Reader, item: Item, *, ask: str) -> Read:
    """The question with prompt, thinking where it is read, and answer in it."""
    given = item.prompt.turns
    asked = (
        item.prompt.text if given is None else "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in given)
    )
    if not asked.strip():
        raise RefusedError("the prompt has no text")
    thinking, answer = reader.thinking_and_answer(item)
    thought = (*reader.open_ids, *reader.encode_text(thinking), *reader.close_ids) if thinking else ()
    texts = {"{prompt}": reader.encode_text(asked), "{answer}": (*thought, *reader.encode_text(answer))}
    return reader.assemble(
        (("user", ask_with_places(ask)),), [texts[name] for name in sorted(ASKED, key=ask.index)]
    )


def read_verdict(text: str, *, good: str, bad: str) -> float | None:
    """1 or 0 by the last of two words in a text, in capitals or not; None where neither is in it.

    One that stands by itself counts before others: "Yes, there are no mistakes" says yes.
    """
    word = rf"\b({re.escape(good.strip())}|{re.escape(bad.strip())})\b"
    words = re.findall(word + ALONE, text, re.IGNORECASE) or re.findall(word, text, re.IGNORECASE)
    return float(words[-1].lower() == good.strip().lower()) if words else None


@dataclass(frozen=True)
class AskedScorer(Checked):
    """A checked generative scorer. As harness.scorers.protocol.Scorer. ends: tokens that end what it writes."""

    settings: Generative
    ends: tuple[int, ...]
    draws: bool = True

    @property
    def num_verdicts(self) -> int:
        return self.settings.verdicts

    @contextlib.asynccontextmanager
    async def start(self, *, longest: int) -> AsyncIterator["AskedJudge"]:
        """Load the weights for questions of at most `longest` tokens."""
        model, most = model_of(self.settings), longest + self.settings.max_tokens
        engine = self.engine.settle(model, self.checkpoint.architecture, max_model_len=most)
        async with engine.start(model, max_model_len=most) as started:
            yield AskedJudge(self, started)


@dataclass(frozen=True)
class AskedJudge:
    """A generative scorer whose weights are loaded."""

    scorer: AskedScorer
    engine: Engine

    async def score(self, read: Read, *, seed: int) -> Score:
        settings, started = self.scorer.settings, time.monotonic()
        request = Request(read.token_ids, settings.max_tokens, seed, settings.sampling, self.scorer.ends)
        done = await self.engine.complete(request)
        text = str(self.scorer.reader.tokenizer.decode(list(done.token_ids), skip_special_tokens=True))
        verdict = refusal = None
        if done.finish_reason == "length":
            refusal = f"its verdict was cut at {settings.max_tokens:,} tokens"
        elif (verdict := read_verdict(text, good=settings.good, bad=settings.bad)) is None:
            refusal = f"it wrote neither {settings.good} nor {settings.bad}"
        return Score(
            verdict,
            num_read_tokens=len(read.token_ids),
            num_written_tokens=len(done.token_ids),
            seconds=time.monotonic() - started,
            text=text,
            refusal=refusal,
        )
