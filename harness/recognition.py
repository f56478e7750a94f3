"""How a checkpoint asks to be asked: thinking by its chat template,
what ends its text, sampling by its own defaults.

Reads a tokenizer and a checkpoint's settings; renders no prompt of a task, opens no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from harness.checkpoint import Checkpoint
from harness.types import Prompt, Sampling, Thinking

# How families write their thinking: what opens it, what closes it.
MARKERS = (
    *(("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")),
    *(("<reasoning>", "</reasoning>"), ("<seed:think>", "</seed:think>"), ("[THINK]", "[/THINK]")),
    *(("<|START_THINKING|>", "<|END_THINKING|>"), ("<|begin_of_thought|>", "<|end_of_thought|>")),
)
# Thinking in channels is closed by a whole header, and answers come in a message of their own.
CHANNELS = ("<|channel|>", "<|channel>")
# By what name a template takes whether to think.
SWITCHES = ("enable_thinking", "thinking")
# What ends a turn or a text by the names that families give it.
ENDS = (
    *("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|end_of_turn|>", "<turn|>", "<|endoftext|>"),
    *("<|end_of_text|>", "<|eos|>", "<｜end▁of▁sentence｜>"),
)
# What is asked to see how a template renders.
QUESTION = "1 + 1?"
FROM_GENERATION, GIVEN = ("temperature", "top_p", "top_k", "min_p"), ("max_answer_tokens", "logprobs")
GENERATION = "generation_config.json"


@dataclass(frozen=True)
class AutoThinking:
    """The presets that one is chosen from for a checkpoint, each under its own name.

    extend: what takes the place of the marker where thinking is extended, in place of the preset's own.
    """

    qwen3: Thinking
    opened: Thinking
    chain_of_thought: Thinking
    chain_of_thought_base: Thinking
    few_shot: Thinking
    think_tags: Thinking
    extend: str | None = None


@dataclass(frozen=True)
class AutoSampling:
    """What generation_config.json says, else the model's own distribution. What is given here wins."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    max_answer_tokens: int = 512
    logprobs: bool = False


class Style(NamedTuple):
    """A way of thinking, the preset it comes from, and what of the checkpoint speaks for it."""

    thinking: Thinking
    preset: str
    reason: str


def choose_thinking(auto: AutoThinking, tokenizer: Any, prompt: Prompt) -> Style:
    """The preset that fits the tokenizer and its chat template; raises ValueError where none can."""
    style = _choose(auto, tokenizer, prompt)
    return style if auto.extend is None else style._replace(thinking=replace(style.thinking, extend=auto.extend))


def _choose(auto: AutoThinking, tokenizer: Any, prompt: Prompt) -> Style:
    template = read_template(tokenizer)
    if template is None:
        return _choose_without_template(auto, tokenizer, prompt)
    if channel := next((marker for marker in CHANNELS if marker in template), None):
        raise ValueError(
            f"Its chat template writes thoughts in channels ({channel}), which one token cannot close. Give "
            "thinking=<preset> with your own thinking.open, thinking.close and thinking.force, or another model."
        )
    switch = find_switch(tokenizer)
    ending = render(tokenizer, **({switch: True} if switch else {})).rstrip()
    for opening, closing in MARKERS:
        if ending.endswith(closing):
            return Style(auto.chain_of_thought, "chain_of_thought", f"the chat template closes {opening} itself")
        if ending.endswith(opening):
            thinking = _mark(auto.opened, opening, closing, switch, tokenizer)
            return Style(thinking, "opened", _with(f"the chat template opens {opening}", switch))
    for opening, closing in MARKERS:
        if closing in template:
            thinking = _mark(auto.qwen3, opening, closing, switch, tokenizer)
            return Style(thinking, "qwen3", _with(f"the chat template names {closing}", switch))
    return Style(auto.chain_of_thought, "chain_of_thought", "the chat template has no marker of thinking")


def read_template(tokenizer: Any) -> str | None:
    """The text of the chat template; None where there is none."""
    if not tokenizer.chat_template:
        return None
    try:
        return str(tokenizer.get_chat_template())
    except ValueError:
        raise ValueError(
            "The tokenizer has several chat templates, and none is called default. Keep one, as "
            "chat_template.jinja."
        ) from None


def find_switch(tokenizer: Any) -> str | None:
    """The name of the template's switch for thinking: one that changes what is rendered;
    None where there is none.
    """
    for name in SWITCHES:
        if render(tokenizer, **{name: True}) != render(tokenizer, **{name: False}):
            return name
    return None


def render(tokenizer: Any, **options: bool) -> str:
    """A short conversation by the chat template; raises ValueError where that cannot render it."""
    turns = [{"role": "user", "content": QUESTION}]
    try:
        rendered = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, **options))
    except Exception as error:  # the template's own code may raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"Its chat template cannot be rendered ({reason}). Correct chat_template.jinja, or use "
            "thinking=chain_of_thought_base, which needs none."
        ) from error
    if QUESTION not in rendered:
        raise ValueError(
            "Its chat template leaves out the user's message. It may expect content in parts, or another kind of "
            "message. Correct chat_template.jinja, or use thinking=chain_of_thought_base, which needs none."
        )
    return rendered


def _with(reason: str, switch: str | None) -> str:
    return f"{reason}, its switch {switch} is on" if switch else reason


def _mark(preset: Thinking, opening: str, closing: str, switch: str | None, tokenizer: Any) -> Thinking:
    """The preset with this checkpoint's markers and switch; raises ValueError for a marker of several tokens."""
    if (num_tokens := len(tokenizer.encode(closing, add_special_tokens=False))) != 1:
        raise ValueError(
            f"Thinking is closed by {closing!r}, which is {num_tokens} tokens for this tokenizer; it must be one. "
            "thinking=chain_of_thought treats the thoughts as plain text."
        )
    own = preset.close or closing
    opened = preset.open.replace(own.replace("/", ""), opening)
    is_new = switch is not None and switch not in preset.template_options
    options = {str(switch): True} if is_new else preset.template_options
    return replace(
        preset, open=opened, close=closing, force=preset.force.replace(own, closing), template_options=options
    )


def _choose_without_template(auto: AutoThinking, tokenizer: Any, prompt: Prompt) -> Style:
    tags = auto.think_tags
    known = tokenizer.get_added_vocab().keys() | tokenizer.get_vocab().keys()
    if {tags.open, tags.close} <= known:
        return Style(tags, "think_tags", f"no chat template, and {tags.open} and {tags.close} are tokens")
    if prompt.text.rstrip().endswith(":"):
        return Style(auto.few_shot, "few_shot", "no chat template, and prompts end where the answer begins")
    return Style(auto.chain_of_thought_base, "chain_of_thought_base", "no chat template")


class Drawn(NamedTuple):
    """Sampling, and for each field whether it is given, a default, or said by a file."""

    sampling: Sampling
    sources: Mapping[str, str]
    unused: Mapping[str, Any]


def choose_sampling(auto: AutoSampling, generation: Mapping[str, Any]) -> Drawn:
    """Sampling by generation_config.json where nothing else is given; raises ValueError where it says nonsense."""
    values: dict[str, Any] = {name: getattr(auto, name) for name in GIVEN}
    sources = dict.fromkeys(GIVEN, "given")
    defaults = {field.name: field.default for field in fields(Sampling)}
    for name in FROM_GENERATION:
        given, said = getattr(auto, name), generation.get(name)
        # Greedy decoding would draw one text over and over.
        is_said = said is not None and not (name == "temperature" and said == 0)
        values[name] = given if given is not None else said if is_said else defaults[name]
        sources[name] = "given" if given is not None else GENERATION if is_said else "default"
    try:
        sampling = Sampling(**values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{GENERATION} has settings that cannot be sampled: {error}") from None
    penalty = generation.get("repetition_penalty")
    return Drawn(sampling, sources, {"repetition_penalty": penalty} if penalty not in (None, 1, 1.0) else {})


def find_ends(checkpoint: Checkpoint, tokenizer: Any) -> tuple[int, ...]:
    """Tokens that end a text by the tokenizer, and that the checkpoint's settings do not tell."""
    added = tokenizer.get_added_vocab()
    told = [tokenizer.eos_token_id, *(added.get(name) for name in ENDS)]
    return tuple(sorted({end for end in told if end is not None} - set(checkpoint.eos_ids)))
