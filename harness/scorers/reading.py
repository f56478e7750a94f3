"""An answer as the tokens that a scorer reads. What an answer holds becomes text, never a token that steers.

The scorer's chat template is applied to places that stand for the texts, and each text is encoded by itself and
put there, so that no template runs on it. A text that holds a control token, a step tag or a role of the scorer is
refused, whatever its normalizer made of it: what counts are the ids that the scorer would read.
"""

import bisect
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.rendering import BEFORE, encode, encode_behind, find_bos
from harness.scorers.protocol import Item, Read, RefusedError
from harness.scorers.steps import split_steps
from harness.types import Model

Ids = tuple[int, ...]
# Each a role and a content, in which places stand for texts.
Turns = tuple[tuple[str, str], ...]
PLACE = "isoquant-text-{}-here"
PLACES = re.compile(PLACE.format(r"(\d+)"))


@dataclass(frozen=True)
class Layout:
    """A scorer's checkpoint, and how an answer is laid out for it.

    reads_thinking: it reads the trace, cut where the answer begins, in front of the answer, between `open` and
    `close`. chat: whether prompt and answer are turns of its chat template, with `template_options` and behind a
    `system` turn; null where the tokenizer has one. Without, `between` stands between prompt and answer. tasks: it
    knows the answers to these alone; empty for all.
    """

    path: str
    name: str = ""
    revision: str | None = None
    reads_thinking: bool = False
    chat: bool | None = None
    template_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    system: str | None = None
    between: str = ""
    open: str = ""
    close: str = "\n\n"
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # One rule for what a model and a scorer are called.
        object.__setattr__(self, "name", Model(self.path, self.name).name)
        if self.chat is False and self.system is not None:
            raise ValueError("scorer.system is a turn of a chat template; leave scorer.chat to the tokenizer.")


class Pieces(NamedTuple):
    """What a template writes around N texts (N + 1,): as tokens, and as text without the space around it."""

    ids: tuple[Ids, ...]
    texts: tuple[str, ...]


class Reader:
    """A tokenizer and a layout. tags: tokens that only the layout may write. usual: the turns of most items."""

    def __init__(
        self, tokenizer: Any, layout: Layout, *, context: int, tags: Ids = (), usual: Turns | None = None
    ) -> None:
        self.tokenizer, self.layout, self.context = tokenizer, layout, context
        self.chat = tokenizer.chat_template is not None if layout.chat is None else layout.chat
        if self.chat and tokenizer.chat_template is None:
            raise ValueError("The scorer's tokenizer has no chat template; set scorer.chat=false.")
        self.open_ids, self.close_ids = (encode_behind(tokenizer, text) for text in (layout.open, layout.close))
        # Most prompts share one shape, and an answer a budget shares its prompt.
        self.pieces = functools.lru_cache(maxsize=64)(self._pieces)
        self._prompt_ids = functools.lru_cache(maxsize=1024)(self._encode_text)
        self._usual = usual or (("user", place(0)), ("assistant", place(1)))
        around = self.pieces(self.place(self._usual))
        added = tokenizer.added_tokens_decoder
        written = {*self.open_ids, *self.close_ids, *(token for piece in around.ids for token in piece)}
        steering = {token for token, content in added.items() if content.special or token in written}
        self.control_ids = frozenset({*steering, *tags})
        # A role that is plain text is told by its text.
        plain = (text for ids, text in zip(around.ids, around.texts, strict=True) if not self.control_ids & {*ids})
        self._roles = tuple(text for text in plain if any(map(str.isalnum, text)))

    @property
    def template(self) -> list[str]:
        """What stands around a prompt and an answer, as it is part of a scorer's version."""
        return list(self.pieces(self.place(self._usual)).texts)

    def place(self, turns: Turns) -> Turns:
        """The turns behind the system's, where there is one."""
        return turns if self.layout.system is None else (("system", self.layout.system), *turns)

    def prompt_turns(self, item: Item) -> tuple[Turns, list[Ids]]:
        """The turns of an item's prompt and their texts; the last is the user's."""
        given = item.prompt.turns or [{"role": "user", "content": item.prompt.text}]
        if len(given) > 1 and not self.chat:
            raise RefusedError("the prompt is a conversation, and the scorer has no chat template")
        if not "".join(turn["content"] for turn in given).strip():
            raise RefusedError("the prompt has no text")
        texts = [self._prompt_ids(self._trim(turn["content"]), "the prompt") for turn in given]
        return tuple((turn["role"], place(number)) for number, turn in enumerate(given)), texts

    def thinking_and_answer(self, item: Item) -> tuple[str, str]:
        """What is read of an item's answer; raises RefusedError where there is none."""
        thinking = self._trim(item.thinking) if self.layout.reads_thinking else ""
        if not item.answer.strip():
            raise RefusedError("no text")
        return thinking, self._trim(item.answer)

    def encode_text(self, text: str) -> Ids:
        """A text of an answer; raises RefusedError where it holds what steers the scorer."""
        return self._encode_text(text, "the answer")

    def encode_steps(self, text: str, delimiter: str) -> tuple[Ids, list[int]]:
        """The same as one text, and of each of its steps the number of tokens up to its last character."""
        ids = self.encode_text(text)
        shift = len(BEFORE) if ids != encode(self.tokenizer, text) else 0
        behind = self.tokenizer(BEFORE[:shift] + text, add_special_tokens=False, return_offsets_mapping=True)
        starts = [start - shift for start, _ in behind["offset_mapping"][len(behind["input_ids"]) - len(ids) :]]
        return ids, [bisect.bisect_left(starts, span.end) for span in split_steps(text, delimiter)]

    def assemble(self, turns: Turns, texts: Sequence[Ids], *, step_ends: Sequence[tuple[int, int]] = ()) -> Read:
        """The texts at their places. step_ends: of each step the number of its text, and the tokens up to its end
        in that text. Raises RefusedError where the scorer cannot read so much.
        """
        pieces = self.pieces(self.place(turns)).ids
        ids, starts = list(pieces[0]), []
        for text, piece in zip(texts, pieces[1:], strict=True):
            starts.append(len(ids))
            ids += (*text, *piece)
        if len(ids) > self.context:
            raise RefusedError(f"{len(ids):,} tokens with its prompt, and the scorer reads {self.context:,}")
        return Read(tuple(ids), tuple(starts[number] + end for number, end in step_ends))

    def _trim(self, text: str) -> str:
        """Templates trim what they are given, or were written for texts that are."""
        return text.strip() if self.chat else text

    def _encode_text(self, text: str, what: str) -> Ids:
        for role in self._roles:
            if role in text:
                raise RefusedError(f"{what} holds {role!r}, by which the scorer tells who speaks")
        try:
            ids = encode_behind(self.tokenizer, text)
        except (ValueError, TypeError):  # of half a surrogate pair it says that it is no text
            raise RefusedError(f"the scorer's tokenizer fails on {what}") from None
        # Small tokenizers put one of these in place of what they lack.
        stand_ins = {self.tokenizer.unk_token_id, self.tokenizer.eos_token_id} - {None}
        for token in (self.control_ids | stand_ins) & {*ids}:
            name = self.tokenizer.convert_ids_to_tokens(token)
            if token in stand_ins and name not in text:
                raise RefusedError(f"{what} holds characters that the scorer has no token for")
            raise RefusedError(f"{what} holds {name}, a control token of the scorer")
        return ids

    def _pieces(self, turns: Turns) -> Pieces:
        """What stands before, between and behind the places of some turns; raises ValueError where one is lost."""
        rendered = self._render(turns) if self.chat else self.layout.between.join(content for _, content in turns)
        parts = PLACES.split(rendered)
        if parts[1::2] != [number for _, content in turns for number in PLACES.findall(content)]:
            raise ValueError("The scorer's chat template leaves out or repeats turns; set scorer.chat=false.")
        first, *texts = parts[::2]
        begun = (*(() if self.chat else find_bos(self.tokenizer)), *encode(self.tokenizer, first))
        ids = (begun, *(encode_behind(self.tokenizer, text) for text in texts))
        return Pieces(ids, tuple(text.strip() for text in (first, *texts)))

    def _render(self, turns: Turns) -> str:
        """What the chat template makes of turns, and what begins an answer where they end with the user's."""
        messages = [{"role": role, "content": content} for role, content in turns]
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    messages,
                    tokenize=False,
                    add_generation_prompt=turns[-1][0] != "assistant",
                    **self.layout.template_options,
                )
            )
        except Exception as error:  # a template's own code may raise anything
            raise ValueError(
                f"The scorer's chat template fails ({error}); set scorer.system=null or scorer.chat=false."
            ) from None


def place(number: int) -> str:
    """What stands for a text in a turn."""
    return PLACE.format(number)
