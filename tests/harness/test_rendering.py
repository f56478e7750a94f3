"""Rendering: what a model is given, and what is refused before its weights are loaded."""

import shutil
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


def test_the_plain_tokenizer_is_the_one_that_transformers_would_choose() -> None:
    from transformers import AutoTokenizer

    path = "ladder/checkpoints/countdown-33k"
    own, chosen = load_tokenizer(path), AutoTokenizer.from_pretrained(path)
    assert type(own) is type(chosen)
    assert own.backend_tokenizer.to_str() == chosen.backend_tokenizer.to_str()
    assert own.special_tokens_map == chosen.special_tokens_map


def test_a_tokenizer_of_a_models_own_class_is_left_to_transformers(tmp_path: Path) -> None:
    shutil.copytree("ladder/checkpoints/countdown-33k", tmp_path, dirs_exist_ok=True)
    config = tmp_path / "tokenizer_config.json"
    config.write_text(config.read_text().replace("TokenizersBackend", "Qwen2Tokenizer"))
    assert type(load_tokenizer(str(tmp_path))).__name__ == "Qwen2Tokenizer"
