"""Rendering: what a model is given, and what is refused before its weights are loaded."""

from pathlib import Path

import pytest

from harness.rendering import Renderer, load_tokenizer
from harness.types import Prompt, Thinking
from ladder.tokenizer import build_tokenizer

PROMPT = Prompt("p/0", "1 2 3=6", {})


def test_a_prompt_ends_with_thinking_opened() -> None:
    renderer = Renderer(build_tokenizer(), Thinking(open="<think>", close="</think>", force="</think>"))
    assert renderer.decode(renderer.prompt_ids(PROMPT)) == "1 2 3=6<think>"
    assert renderer.force_ids == (renderer.close_id,)


def test_a_chat_template_is_rendered_with_its_options() -> None:
    tokenizer = build_tokenizer()
    tokenizer.chat_template = "{{ messages[0].content }}{% if add_generation_prompt and deep %}={% endif %}"
    thinking = Thinking(open="<think>", close="</think>", force="</think>", chat=True, template_options={"deep": True})
    renderer = Renderer(tokenizer, thinking)
    assert renderer.decode(renderer.prompt_ids(PROMPT)) == "1 2 3=6=<think>"


def test_a_close_marker_of_several_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="is 2 tokens for this tokenizer; it must be one"):
        Renderer(build_tokenizer(), Thinking(close="==", force="=="))


def test_a_folder_without_a_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No tokenizer in"):
        load_tokenizer(str(tmp_path))
