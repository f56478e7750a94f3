"""Prompts to token ids and back, with a model's own tokenizer and thinking markers. Samples nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from harness.files import read_json
from harness.forms import Form
from harness.trial import check_loading
from harness.types import Prompt, Thinking

# Reads tokenizer.json as it is; the name that transformers writes into a config of no model's own class.
PLAIN_CLASS = "TokenizersBackend"
PANIC = "PanicException"

# How tokenizers after SentencePiece write a space; and what never joins with what stands behind it.
SPACE, BEFORE = "\N{LOWER ONE EIGHTH BLOCK}", "0"


@dataclass(frozen=True)
class Renderer:
    """A tokenizer together with how its model opens, closes and is forced out of thinking, and into which form.

    tools: what the chat template tells the model of tools, none by default.
    """

    tokenizer: Any
    thinking: Thinking
    eos_ids: tuple[int, ...] = ()
    form: Form = field(default_factory=Form)
    tools: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        # Raises before any weight is loaded where the close marker is not one token, or there is no beginning of
        # text.
        _ = self.close_id, self.bos_ids
        if not self.force_ids:
            raise ValueError(
                "thinking.force is empty, and the task has no text that starts an answer. Set "
                "thinking.force to a text that ends a cut trace."
            )

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """The rendered prompt with thinking opened;
        raises ValueError where it needs a chat template and has none.
        """
        turns = prompt.turns
        if not self.thinking.chat:
            if turns is not None:
                raise ValueError(
                    "The task's prompts are conversations. Choose a thinking option with thinking.chat=true, or "
                    "set task.turns=false."
                )
            return self.bos_ids + self._encode_known(prompt.text + self.thinking.open)
        if self.tokenizer.chat_template is None:
            raise ValueError(
                "The tokenizer has no chat template; choose a thinking option for base models, such as "
                "thinking=chain_of_thought_base, or set thinking.chat=false."
            )
        turns = turns or [{"role": "user", "content": prompt.text}]
        # A task may give the first words of the answer.
        is_begun = turns[-1]["role"] == "assistant"
        rendered = self.tokenizer.apply_chat_template(
            turns,
            tokenize=False,
            add_generation_prompt=not is_begun,
            continue_final_message=is_begun,
            **({"tools": list(self.tools)} if self.tools else {}),
            **self.thinking.template_options,
        )
        return self._encode_known(rendered + self.thinking.open)

    @cached_property
    def close_id(self) -> int | None:
        """The token that closes thinking, None without a marker; raises ValueError where it is not one token."""
        if self.thinking.close is None:
            return None
        ids = self._encode(self.thinking.close)
        if len(ids) != 1:
            raise ValueError(
                f"thinking.close {self.thinking.close!r} is {len(ids)} tokens for this tokenizer; it must be one."
            )
        return ids[0]

    @cached_property
    def bos_ids(self) -> tuple[int, ...]:
        """What the tokenizer puts before plain text; none where a chat template writes it. Raises ValueError."""
        if self.thinking.chat or self.thinking.bos is False:
            return ()
        if self.thinking.bos is None:
            return find_bos(self.tokenizer)
        if self.tokenizer.bos_token_id is None:
            raise ValueError(
                "thinking.bos=true needs a beginning-of-text token, and the tokenizer names none. Set its "
                "bos_token."
            )
        return (int(self.tokenizer.bos_token_id),)

    @property
    def lacks_bos(self) -> bool:
        """Whether the tokenizer names a beginning of text, and prompts do not begin with it."""
        bos = self.tokenizer.bos_token_id
        return bos is not None and not self.thinking.chat and self.bos_ids[:1] != (bos,)

    @cached_property
    def end_ids(self) -> tuple[int, ...]:
        """The tokens that end thinking: the close marker and end-of-text."""
        return self.eos_ids if self.close_id is None else (self.close_id, *self.eos_ids)

    @cached_property
    def extend_ids(self) -> tuple[int, ...]:
        return self.encode_behind(self.thinking.extend)

    @cached_property
    def force_ids(self) -> tuple[int, ...]:
        """What follows a cut trace: the end of its thinking, and the lead to an answer in the task's form."""
        cue = self.form.cue if self.thinking.close is None else ""
        return self.encode_behind(self.thinking.force + cue + self.form.lead)

    @property
    def holds_answer(self) -> bool:
        """Whether a trace that ended by itself is its own answer: its text, which the task finds its form in."""
        return self.thinking.close is None and not self.form.cue

    def decode(self, token_ids: tuple[int, ...]) -> str:
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=True))

    def decode_whole(self, token_ids: tuple[int, ...]) -> str:
        """The text with the names of special tokens and every space, as engines look through it."""
        whole = self.tokenizer.decode(
            list(token_ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return str(whole)

    def _encode_known(self, text: str) -> tuple[int, ...]:
        """Raises ValueError where a small tokenizer puts its end of text in place of characters that it lacks."""
        ids = self._encode(text)
        for stand_in in {self.tokenizer.unk_token_id, *self.eos_ids} & set(ids):
            if self.tokenizer.convert_ids_to_tokens(stand_in) not in text:
                unknown = [character for character in dict.fromkeys(text) if stand_in in self._encode(character)]
                raise ValueError(
                    f"The model's tokenizer has no tokens for {' '.join(map(repr, unknown[:8]))} in the prompt "
                    f"{text[:60]!r}. Choose a task, or a task.render, whose prompts it can encode."
                )
        return ids

    def encode_behind(self, text: str) -> tuple[int, ...]:
        """Text as it is written behind other text."""
        return encode_behind(self.tokenizer, text)

    def _encode(self, text: str) -> tuple[int, ...]:
        return encode(self.tokenizer, text)


def encode(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Text as tokens, without those that begin or end one; raises ValueError where the tokenizer fails on it."""
    try:
        return tuple(tokenizer.encode(text, add_special_tokens=False))
    except BaseException as error:
        # What Rust panics with is no Exception, and has no class to import.
        if type(error).__name__ != PANIC:
            raise
        reason = (str(error) or PANIC).splitlines()[0]
        raise ValueError(f"The model's tokenizer fails on {text[:60]!r} ({reason}).") from None


def encode_behind(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Text as it is written behind other text: without the space that some tokenizers put before all text."""
    alone = encode(tokenizer, text)
    begun = "".join(tokenizer.convert_ids_to_tokens(list(alone[:1])))
    if not begun.startswith(SPACE) or text.startswith(" "):
        return alone
    before, both = encode(tokenizer, BEFORE), encode(tokenizer, BEFORE + text)
    return both[len(before) :] if both[: len(before)] == before else alone


def find_bos(tokenizer: Any) -> tuple[int, ...]:
    """What the tokenizer puts before plain text by itself."""
    with_special = tuple(tokenizer.encode("0"))
    plain = encode(tokenizer, "0")
    starts = range(len(with_special) - len(plain) + 1)
    return next((with_special[:i] for i in starts if with_special[i : i + len(plain)] == plain), ())


def load_tokenizer(path: str, revision: str | None = None) -> Any:
    """The tokenizer of a local folder or a hub id; raises ValueError where there is none.
    No code of its own is run.
    """
    kind = _tokenizer_class(path)
    load = partial(kind.from_pretrained, path, revision=revision, trust_remote_code=False)
    check_loading(path, load)
    try:
        tokenizer = load()
        # Where there are no files of one, an empty one is made up.
        if len(tokenizer) <= len(tokenizer.all_special_ids):
            raise ValueError("it has no vocabulary")
    except Exception as error:  # the tokenizers' own parser raises Exception itself
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"No tokenizer in {path!r} that can be read ({reason}); copy tokenizer.json and its config there."
        ) from error
    return tokenizer


def _tokenizer_class(path: str) -> Any:
    """What reads the tokenizer of a folder:
    transformers' plain class where its config names that, else its choice.
    """
    config = Path(path) / "tokenizer_config.json"
    settings = read_json(config) if config.is_file() else {}
    if isinstance(settings, dict) and settings.get("tokenizer_class") == PLAIN_CLASS:
        from transformers import TokenizersBackend

        return TokenizersBackend
    # Takes ten seconds of processor time to import, with torch and every model's config.
    from transformers import AutoTokenizer

    return AutoTokenizer
