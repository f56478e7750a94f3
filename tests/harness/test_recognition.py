"""What is recognised of a checkpoint, on templates written after the ways of well-known families."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tokenizers import AddedToken

from harness.architecture import Architecture
from harness.checkpoint import Checkpoint
from harness.recognition import AutoSampling, AutoThinking, choose_sampling, choose_thinking, find_ends
from harness.types import Prompt, Sampling, Thinking
from ladder.tokenizer import build_tokenizer

AUTO = AutoThinking(
    qwen3=Thinking(
        "</think>", "\n</think>\n\n", "<think>\n", chat=True, template_options={"enable_thinking": True}
    ),
    opened=Thinking("</think>", "\n</think>\n\n", chat=True, template_options={"enable_thinking": True}),
    chain_of_thought=Thinking(None, "\n\n", "Let's think.\n", chat=True),
    chain_of_thought_base=Thinking(None, "\n", "\nLet's think."),
    few_shot=Thinking(None, "\n"),
    think_tags=Thinking("</think>", "</think>", "<think>"),
)
PROMPT = Prompt("p/0", "1 + 1?", {})
TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
CHATML = TURNS + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
SWITCHED = CHATML + "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
OPENED = "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}[A]<think>\n"
SWITCHED_AND_OPENED = CHATML + "<think>\n{% if enable_thinking is false %}\n</think>\n\n{% endif %}"
STRIPPED = "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}[A]"
LLAMA = (
    "{% for m in messages %}<|start|>{{ m.role }}\n\n{{ m.content }}<|eot_id|>{% endfor %}<|start|>assistant\n\n"
)
GEMMA = "{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}<end_of_turn>\n{% endfor %}"
MISTRAL = "{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}"
CHANNELS = "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}{% endfor %}<|channel|>analysis"


def tokenizer_with(template: str | None, *tokens: str) -> Any:
    tokenizer = build_tokenizer()
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in tokens])
    tokenizer.chat_template = template
    return tokenizer


@pytest.mark.parametrize("template", [CHATML, LLAMA, GEMMA, MISTRAL], ids=["chatml", "llama", "gemma", "mistral"])
def test_a_template_without_markers_reasons_in_plain_text(template: str) -> None:
    style = choose_thinking(AUTO, tokenizer_with(template), PROMPT)
    assert (style.thinking, style.preset) == (AUTO.chain_of_thought, "chain_of_thought")


def test_a_template_with_a_switch_thinks_with_it_on() -> None:
    style = choose_thinking(AUTO, tokenizer_with(SWITCHED), PROMPT)
    assert (style.thinking, style.preset) == (AUTO.qwen3, "qwen3")
    assert style.reason == "the chat template names </think>, its switch enable_thinking is on"


@pytest.mark.parametrize("template", [OPENED, SWITCHED_AND_OPENED])
def test_a_template_that_opens_thinking_is_not_opened_again(template: str) -> None:
    style = choose_thinking(AUTO, tokenizer_with(template), PROMPT)
    assert (style.thinking, style.preset) == (AUTO.opened, "opened")


def test_a_template_that_only_strips_thoughts_is_of_a_model_that_writes_both_tags() -> None:
    assert choose_thinking(AUTO, tokenizer_with(STRIPPED), PROMPT).thinking.open == "<think>\n"


def test_a_switch_by_another_name_is_found() -> None:
    template = SWITCHED.replace("enable_thinking", "thinking")
    thinking = choose_thinking(AUTO, tokenizer_with(template), PROMPT).thinking
    assert thinking == replace(AUTO.qwen3, template_options={"thinking": True})


def test_other_markers_take_the_place_of_the_presets() -> None:
    template = SWITCHED.replace("think>", "seed:think>")
    tokenizer = tokenizer_with(template, "<seed:think>", "</seed:think>")
    thinking = choose_thinking(AUTO, tokenizer, PROMPT).thinking
    assert (thinking.open, thinking.close) == ("<seed:think>\n", "</seed:think>")
    assert thinking.force == "\n</seed:think>\n\n"


def test_a_template_that_closes_thinking_itself_is_of_a_model_that_does_not_think() -> None:
    style = choose_thinking(AUTO, tokenizer_with(CHATML + "<think>\n\n</think>\n\n"), PROMPT)
    assert (style.thinking, style.reason) == (AUTO.chain_of_thought, "the chat template closes <think> itself")


@pytest.mark.parametrize("template", ["{% for m in messages %}{{ m.content[0].text }}{% endfor %}[A]", "{{ '' }}"])
def test_a_template_that_leaves_out_the_question_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="leaves out the user's message"):
        choose_thinking(AUTO, tokenizer_with(template), PROMPT)


def test_a_marker_of_several_tokens_is_refused_with_the_way_on() -> None:
    tokenizer = tokenizer_with(OPENED.replace("think>", "thought>"))
    message = r"closed by '</thought>', which is \d+ tokens .* thinking=chain_of_thought treats the thoughts"
    with pytest.raises(ValueError, match=message):
        choose_thinking(AUTO, tokenizer, PROMPT)


def test_thinking_in_channels_is_refused_with_the_way_on() -> None:
    with pytest.raises(
        ValueError,
        match=r"thoughts in channels \(<\|channel\|>\).*thinking.open, thinking.close and thinking.force",
    ):
        choose_thinking(AUTO, tokenizer_with(CHANNELS), PROMPT)


def test_a_template_that_cannot_be_rendered_is_told() -> None:
    broken = "{{ raise_exception('no system prompt') }}"
    with pytest.raises(ValueError, match=r"chat template cannot be rendered \(no system prompt\)\. Correct"):
        choose_thinking(AUTO, tokenizer_with(broken), PROMPT)


def test_several_templates_without_a_default_are_told() -> None:
    tokenizer = tokenizer_with(None)
    tokenizer.chat_template = {"tools": CHATML, "rag": CHATML}
    with pytest.raises(ValueError, match="several chat templates, and none is called default"):
        choose_thinking(AUTO, tokenizer, PROMPT)
    tokenizer.chat_template = {"default": CHATML, "rag": SWITCHED}
    assert choose_thinking(AUTO, tokenizer, PROMPT).preset == "chain_of_thought"


@pytest.mark.parametrize(("text", "preset"), [("1 + 1?", "chain_of_thought_base"), ("Q: 1 + 1?\nA: ", "few_shot")])
def test_a_base_model_goes_on_where_the_prompt_leads_to_an_answer(text: str, preset: str) -> None:
    tokenizer = cast(Any, SimpleNamespace(chat_template=None, get_added_vocab=dict, get_vocab=dict))
    style = choose_thinking(AUTO, tokenizer, Prompt("p/0", text, {}))
    assert (style.preset, style.thinking) == (preset, getattr(AUTO, preset))


def test_a_base_model_whose_tokenizer_has_the_tags_thinks_in_them() -> None:
    style = choose_thinking(AUTO, tokenizer_with(None), PROMPT)
    assert (style.thinking, style.preset) == (AUTO.think_tags, "think_tags")


def test_sampling_is_the_checkpoints_and_what_is_given_wins() -> None:
    generation = {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "do_sample": True, "repetition_penalty": 1.1}
    drawn = choose_sampling(AutoSampling(top_p=0.5), generation)
    assert drawn.sampling == Sampling(0.6, 0.5, 20, 0.0, 512)
    assert drawn.sources["temperature"] == "generation_config.json" and drawn.sources["top_p"] == "given"
    assert drawn.sources["min_p"] == "default" and drawn.unused == {"repetition_penalty": 1.1}


@pytest.mark.parametrize("generation", [{}, {"temperature": None, "do_sample": False}, {"temperature": 0}])
def test_a_checkpoint_that_says_nothing_is_drawn_from_its_own_distribution(generation: dict[str, Any]) -> None:
    drawn = choose_sampling(AutoSampling(), generation)
    assert drawn.sampling == Sampling(max_answer_tokens=512) and not drawn.unused


NO_SAMPLING: tuple[dict[str, Any], ...] = (
    *(
        {"top_p": 3},
        {"temperature": "hot"},
        {"temperature": "0.5"},
        {"temperature": True},
        {"temperature": 10**400},
    ),
    *({"top_k": 1.5}, {"top_k": True}, {"top_k": 10**30}, {"min_p": [0]}),
)


@pytest.mark.parametrize("generation", NO_SAMPLING)
def test_sampling_that_cannot_be_is_told_with_its_file(generation: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"settings that cannot be sampled: sampling\.[a-z_]+ must be .*; got"):
        choose_sampling(AutoSampling(), generation)


def checkpoint_with(*eos_ids: int) -> Checkpoint:
    return Checkpoint("sha256:0", cast(Architecture, None), context=64, eos_ids=eos_ids)


def test_ends_of_a_turn_that_no_config_tells_are_found_in_the_tokenizer() -> None:
    tokenizer = tokenizer_with(CHATML, "<|im_end|>", "<|im_start|>")
    turn_end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert find_ends(checkpoint_with(), tokenizer) == (0, turn_end)
    assert find_ends(checkpoint_with(0), tokenizer) == (turn_end,)
    assert find_ends(checkpoint_with(0, turn_end), tokenizer) == ()
