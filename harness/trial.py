"""A tokenizer and its chat template, tried under limits before they are used: a stranger may have written both."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.limits import try_within
from harness.types import Prompt

LOAD_SECONDS, LOAD_MEBIBYTES = 120, 4096
SECONDS, MEBIBYTES = 10, 512
# So many prompts, spread over all, and what a template may make of one beside its text.
NUM_PROMPTS, MAX_RENDERED = 16, 1_000_000
PROBE = Prompt("probe", "1 + 1?", {})
SWITCHES: tuple[dict[str, bool], ...] = (
    {},
    {"enable_thinking": True},
    {"enable_thinking": False},
    {"thinking": True},
)


def check_loading(path: str, load: Callable[[], Any]) -> None:
    """Raise ValueError where loading the tokenizer of a local folder fails, runs on or takes too much memory."""
    if Path(path).is_dir() and (reason := try_within(load, seconds=LOAD_SECONDS, mebibytes=LOAD_MEBIBYTES)):
        raise ValueError(
            f"No tokenizer in {path!r} that can be read (it {reason}); copy tokenizer.json and its config there."
        )


def check_tokenizer(tokenizer: Any, prompts: Sequence[Prompt]) -> None:
    """Raise ValueError where the chat template or the tokenizer runs on,
    or writes without end, on some of the prompts.

    What a template cannot render is told where it is used.
    """
    step = max(1, len(prompts) // NUM_PROMPTS)
    some = [PROBE, *itertools.islice(prompts, 0, None, step)]
    for what, work in (("chat template", _render), ("tokenizer", _encode)):
        if reason := try_within(partial(work, tokenizer, some), seconds=SECONDS, mebibytes=MEBIBYTES):
            raise ValueError(
                f"The model's {what} is refused: on a prompt of this task it {reason}. Read its code before you "
                "change it, or give another model."
            )


def _render(tokenizer: Any, prompts: Sequence[Prompt]) -> None:
    for prompt in prompts:
        for text in _iterate_rendered(tokenizer, prompt):
            if len(text) > MAX_RENDERED + 8 * len(prompt.text):
                raise ValueError(f"writes {len(text):,} characters for a prompt of {len(prompt.text):,}")


def _encode(tokenizer: Any, prompts: Sequence[Prompt]) -> None:
    for prompt in prompts:
        for text in {prompt.text, *_iterate_rendered(tokenizer, prompt)}:
            tokenizer.encode(text, add_special_tokens=False)


def _iterate_rendered(tokenizer: Any, prompt: Prompt) -> Iterator[str]:
    if not tokenizer.chat_template:
        return
    turns = prompt.turns or [{"role": "user", "content": prompt.text}]
    render = partial(tokenizer.apply_chat_template, turns, tokenize=False, add_generation_prompt=True)
    for options in SWITCHES:
        yield _rendered(partial(render, **options))


def _rendered(render: Callable[[], Any]) -> str:
    """What a template makes, empty where it fails for another reason than memory."""
    try:
        return str(render())
    except MemoryError:
        raise
    except Exception:  # a template's own code may raise anything; where it is used, that is told
        return ""
