"""Rendering: what a model is given, and what is refused before its weights are loaded."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from harness.forms import FORMS
from harness.rendering import Renderer, load_tokenizer
from harness.types import Prompt, Thinking
from ladder.tokenizer import build_tokenizer
from tests.harness.byte_tokenizer import BOS, EOS, build_byte_tokenizer

PROMPT = Prompt("p/0", "1 2 3=6", {})


def test_a_prompt_ends_with_thinking_opened() -> None:
    renderer = Renderer(build_tokenizer(), Thinking(open="<think>", close="</think>", force="</think>"))
    assert renderer.decode(renderer.prompt_ids(PROMPT)) == "1 2 3=6<think>"
    assert renderer.force_ids == (renderer.close_id,)


def test_a_chat_template_is_rendered_with_its_options() -> None:
    tokenizer = build_tokenizer()
    tokenizer.chat_template = "{{ messages[0].content }}{% if add_generation_prompt and deep %}={% endif %}"
    thinking = Thinking(
        open="<think>", close="</think>", force="</think>", chat=True, template_options={"deep": True}
    )
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


def add_bos(tokenizer: Any) -> Any:
    """As the tokenizers of Llama, Gemma and Mistral do."""
    bos_id = tokenizer.convert_tokens_to_ids(BOS)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, bos_id)]
    )
    return tokenizer


def test_a_plain_prompt_begins_with_what_its_tokenizer_puts_before_text_and_a_chat_prompt_does_not() -> None:
    tokenizer = add_bos(build_byte_tokenizer())
    bos_id = tokenizer.convert_tokens_to_ids(BOS)
    plain = Renderer(tokenizer, Thinking(close=None, force="\n"))
    assert plain.prompt_ids(PROMPT) == tuple(tokenizer.encode(PROMPT.text)) and plain.bos_ids == (bos_id,)
    assert not plain.lacks_bos
    chat = Renderer(tokenizer, Thinking(close=None, force="\n", chat=True))
    assert chat.bos_ids == () and bos_id not in chat.prompt_ids(PROMPT) and not chat.lacks_bos


def test_a_beginning_of_text_can_be_asked_for_and_left_out() -> None:
    tokenizer = build_byte_tokenizer()
    bos_id = tokenizer.convert_tokens_to_ids(BOS)
    by_itself = Renderer(tokenizer, Thinking(close=None, force="\n"))
    assert by_itself.bos_ids == () and by_itself.lacks_bos
    asked = Renderer(tokenizer, Thinking(close=None, force="\n", bos=True))
    assert asked.prompt_ids(PROMPT)[0] == bos_id and asked.prompt_ids(PROMPT)[1:] == by_itself.prompt_ids(PROMPT)
    assert Renderer(add_bos(tokenizer), Thinking(close=None, force="\n", bos=False)).bos_ids == ()
    with pytest.raises(
        ValueError, match="thinking.bos=true needs a beginning-of-text token, and the tokenizer names none"
    ):
        Renderer(build_tokenizer(), Thinking(close=None, force="=", bos=True))


def test_an_end_of_text_that_a_tokenizer_adds_is_no_beginning() -> None:
    tokenizer = build_byte_tokenizer()
    eos_id = tokenizer.convert_tokens_to_ids(EOS)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"$A {EOS}", special_tokens=[(EOS, eos_id)]
    )
    assert Renderer(tokenizer, Thinking(close=None, force="\n")).bos_ids == ()


@pytest.mark.parametrize(("close", "ends"), [(None, "The answer is"), ("</think>", "</think>The answer is")])
def test_a_cut_trace_is_closed_and_led_to_the_tasks_form(close: str | None, ends: str) -> None:
    renderer = Renderer(build_byte_tokenizer(), Thinking(close=close, force=close or ""), form=FORMS["number"])
    assert renderer.tokenizer.decode(list(renderer.force_ids)) == ends
    assert renderer.holds_answer == (close is None)
    alone = Renderer(build_byte_tokenizer(), Thinking(close=close, force=close or "\n"), form=FORMS["whole"])
    assert not alone.holds_answer


def test_a_style_that_opens_with_a_lone_space_is_refused() -> None:
    with pytest.raises(ValueError, match="ends with a space. The space would be a separate token"):
        Thinking(close=None, force="x", open="Let's think. ")


def test_what_closes_a_trace_brings_no_space_of_the_tokenizers_own() -> None:
    vocab = {"<unk>": 0, "\N{LOWER ONE EIGHTH BLOCK}": 1} | {f"<0x{byte:02X}>": byte + 2 for byte in range(256)}
    model = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", byte_fallback=True))
    space = "\N{LOWER ONE EIGHTH BLOCK}"
    model.normalizer = normalizers.Sequence([normalizers.Prepend(space), normalizers.Replace(" ", space)])
    model.decoder = decoders.Sequence([decoders.Replace(space, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=model, unk_token="<unk>")
    renderer = Renderer(tokenizer, Thinking(None, "\n\n", extend="Wait"), form=FORMS["number"])
    assert tokenizer.decode(tokenizer.encode("Wait")) == " Wait"
    assert tokenizer.decode(list(renderer.force_ids)) == "\n\nThe answer is"
    assert tokenizer.decode(list(renderer.extend_ids)) == "Wait"
