"""How a model is asked: what is left to its checkpoint resolved, and every setting with where it came from."""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.checkpoint import Checkpoint
from harness.engines.support import check_architecture, check_heads, check_quantization
from harness.recognition import (
    GENERATION,
    AutoSampling,
    AutoThinking,
    choose_sampling,
    choose_thinking,
    find_ends,
    read_template,
    render,
)
from harness.rendering import Renderer
from harness.types import EngineSettings, Prompt, Sampling, Thinking
from sweeps.lines import LINE, filled, in_two

if TYPE_CHECKING:
    from sweeps.job import Job

SHOWN_CHARS = 40
# Columns of the table of settings: the names', and the least of the values' where both do not fit in a line.
NAME_WIDTH, VALUE_WIDTH = 10, 62
CONFIG = "config.json"
TEMPLATE = "chat_template.jinja"
# Of a task, what its answers' form comes from.
SAY_FORM = ("name", "form", "instructions", "render", "include_path")


class Setting(NamedTuple):
    """One line of what a model is asked with: its name, its value in words, and where it came from."""

    name: str
    value: str
    source: str


@dataclass(frozen=True)
class Origins:
    """Which option of conf/ each room took, and which values were given as words of the command line."""

    choices: Mapping[str, str] = field(default_factory=dict)
    words: Sequence[str] = ()

    def of(self, room: str, *names: str) -> str:
        """Where a room's values came from; `names` are the fields that are meant,
        all of them where none is given.
        """
        choice = f"{room}={self.choices[room]}" if room in self.choices else "the job's config"
        return ", ".join([choice, *self.given(*(f"{room}.{name}" for name in names or ("",)))])

    def given(self, *beginnings: str) -> list[str]:
        """The words of the command line that begin so."""
        return sorted(word for word in self.words if word.lstrip("+").startswith(beginnings))


class Asked(NamedTuple):
    """How the model is asked. further_ends: those of `stop_ids` that the checkpoint's settings do not tell."""

    thinking: Thinking
    sampling: Sampling
    stop_ids: tuple[int, ...]
    further_ends: tuple[int, ...]
    style: Setting
    drawn: Sequence[Setting]


def check_servable(checkpoint: Checkpoint, engine: EngineSettings, *, is_here: bool) -> None:
    """Raise ValueError where the engine of this process cannot load such a checkpoint."""
    # A server has loaded it already.
    if engine.num_devices:
        runs_own_code = bool(engine.options.get("trust_remote_code"))
        check_architecture(checkpoint.config, runs_own_code=runs_own_code)
        has_gpu = shutil.which("nvidia-smi") is not None or not is_here
        check_quantization(checkpoint.config, has_gpu=has_gpu)
        check_heads(checkpoint.architecture.head_dim, has_gpu=has_gpu)


def resolve(job: "Job", checkpoint: Checkpoint, tokenizer: Any, prompt: Prompt) -> Asked:
    """What the job leaves to the checkpoint, resolved;
    raises ValueError where that asks for what cannot be done.
    """
    thinking, style = _resolve_thinking(job, tokenizer, prompt)
    sampling, drawn = _resolve_sampling(job, checkpoint)
    further = find_ends(checkpoint, tokenizer)
    return Asked(thinking, sampling, (*checkpoint.eos_ids, *further), further, style, drawn)


def describe_settings(
    job: "Job", asked: Asked, checkpoint: Checkpoint, renderer: Renderer, *, dtype: str
) -> tuple[Setting, ...]:
    """Every setting that shapes what the model writes, with where it came from.
    dtype: what the engine settled on.
    """
    tokenizer = renderer.tokenizer
    markers = _origin_of_markers(job, asked.style.value)
    forced = Setting(
        "forced by", _short(renderer.decode(renderer.force_ids)), f"{markers}; {job.origins.of('task', *SAY_FORM)}"
    )
    return (
        asked.style,
        Setting("markers", show_markers(asked.thinking, tokenizer), markers),
        forced,
        _describe_template(job, asked.thinking, renderer),
        _describe_ends(checkpoint, tokenizer, asked.further_ends),
        *asked.drawn,
        _describe_dtype(job, checkpoint, dtype),
        Setting("context", f"{checkpoint.context:,} tokens", CONFIG),
        *_describe_tools(job),
        _describe_grid(job),
        *_describe_own_code(job, checkpoint, tokenizer),
    )


def tell_settings(told: Sequence[tuple[str, Sequence[Setting]]]) -> list[str]:
    """A small table for every group of models that are asked alike."""
    groups: dict[tuple[Setting, ...], list[str]] = defaultdict(list)
    for name, settings in told:
        if name not in (names := groups[tuple(settings)]):
            names.append(name)
    lines = []
    for group, names in groups.items():
        lines.append(filled(f"Settings of {', '.join(names)}:"))
        lines += _side_by_side(group)
    return lines


def _side_by_side(settings: Sequence[Setting]) -> Iterator[str]:
    """Lines of what each is and where it came from; what is too long for its column goes over several."""
    longest_value, longest_source = (
        max((len(text) for text in column), default=0)
        for column in zip(*((value, source) for _, value, source in settings), strict=True)
    )
    room = LINE - len("  ") * 2 - NAME_WIDTH - 1
    value_width = min(longest_value, max(room - longest_source, VALUE_WIDTH))
    for name, value, source in settings:
        head = f"  {name:<{NAME_WIDTH}} "
        for line in in_two(value, source, left_width=value_width, right_width=room - value_width):
            yield head + line
            head = " " * len(head)


def show_markers(thinking: Thinking, tokenizer: Any) -> str:
    """How thinking opens and closes, in words."""
    opened = f"opened by {_short(thinking.open)}" if thinking.open else "opened by the prompt"
    if thinking.close is None:
        return f"{opened}, ends with the text"
    ids = tokenizer.encode(thinking.close, add_special_tokens=False)
    return (
        f"{opened}, closed by {_short(thinking.close)} ({'token ' + str(ids[0]) if len(ids) == 1 else len(ids)})"
    )


def _describe_grid(job: "Job") -> Setting:
    """How often a prompt is drawn, and where its thinking is cut."""
    grid = job.grid
    budgets = ", ".join(f"{budget:,}" for budget in grid.budgets)
    more = f"; {grid.bin_samples} more of {grid.anchor} for difficulty bins" if grid.anchor else ""
    extended = f"; thinking extended {', '.join(map(str, grid.extensions))} times" if any(grid.extensions) else ""
    called = f"; tool calls {', '.join(map(str, grid.calls))}" if any(grid.calls) else ""
    of = f" of {', '.join(graph.name for graph in job.graphs)}" if job.graphs else ""
    rounds = f"; rounds {', '.join(map(str, grid.rounds))}{of}" if max(grid.rounds) > 1 else ""
    told = f"1 to {grid.widths[-1]} samples a prompt; thinking budgets {budgets}{extended}{called}{rounds}{more}"
    return Setting("grid", told, job.origins.of("grid"))


def _describe_tools(job: "Job") -> list[Setting]:
    """What the model may call while it thinks, and how a call is written; nothing where it may not."""
    if not job.tools or job.calls is None:
        return []
    names = ", ".join(job.tools)
    written = f"{_short(job.calls.open)} to {_short(job.calls.close)}"
    return [
        Setting(
            "tools",
            f"{names}; a call stands from {written}",
            f"{job.origins.of('tools')}; {job.origins.of('calls')}",
        )
    ]


def _resolve_thinking(job: "Job", tokenizer: Any, prompt: Prompt) -> tuple[Thinking, Setting]:
    if isinstance(job.thinking, AutoThinking):
        style = choose_thinking(job.thinking, tokenizer, prompt)
        return style.thinking, Setting("thinking", style.preset, f"the checkpoint: {style.reason}")
    check_thinking(job.thinking, tokenizer)
    return job.thinking, Setting(
        "thinking", job.origins.choices.get("thinking", "its own"), job.origins.of("thinking")
    )


def check_thinking(thinking: Thinking, tokenizer: Any) -> None:
    """Raise ValueError where a preset does not go with the tokenizer."""
    auto = "thinking=auto uses the settings of the checkpoint."
    if thinking.chat and not tokenizer.chat_template:
        raise ValueError(
            "The tokenizer has no chat template; choose a thinking option for base models, such as "
            f"thinking=chain_of_thought_base, or put a chat_template.jinja there. {auto}"
        )
    if thinking.chat:
        render(tokenizer, **thinking.template_options)
    ids = () if thinking.close is None else tokenizer.encode(thinking.close, add_special_tokens=False)
    if thinking.close is not None and len(ids) != 1:
        raise ValueError(
            f"thinking.close {thinking.close!r} is {len(ids)} tokens for this tokenizer; it must be one. {auto}"
        )


def _origin_of_markers(job: "Job", preset: str) -> str:
    if not isinstance(job.thinking, AutoThinking):
        return job.origins.of("thinking")
    return ", ".join([f"the preset {preset}", *job.origins.given("thinking.")])


def _resolve_sampling(job: "Job", checkpoint: Checkpoint) -> tuple[Sampling, list[Setting]]:
    if not isinstance(job.sampling, AutoSampling):
        return job.sampling, [Setting("sampling", _show_sampling(job.sampling), job.origins.of("sampling"))]
    drawn = choose_sampling(job.sampling, checkpoint.generation)
    said = [name for name, source in drawn.sources.items() if source == GENERATION]
    by_file = (
        f"{GENERATION} ({', '.join(said)})" if said else f"{GENERATION} gives none: the model's own distribution"
    )
    source = ", ".join([by_file, *job.origins.given("sampling.")])
    settings = [Setting("sampling", _show_sampling(drawn.sampling), source)]
    settings += [Setting("unused", f"{name} {value}", GENERATION) for name, value in drawn.unused.items()]
    return drawn.sampling, settings


def _show_sampling(sampling: Sampling) -> str:
    drawn = f"temperature {sampling.temperature:g}, top_p {sampling.top_p:g}, top_k {sampling.top_k}"
    return f"{drawn}, min_p {sampling.min_p:g}, answers to {sampling.max_answer_tokens} tokens"


def _describe_template(job: "Job", thinking: Thinking, renderer: Renderer) -> Setting:
    tokenizer = renderer.tokenizer
    if not thinking.chat or not tokenizer.chat_template:
        begun = "".join(map(str, tokenizer.convert_ids_to_tokens(list(renderer.bos_ids))))
        prefix = f"; prompts begin with {begun}" if begun else ""
        told = "there is one, but it is not used" if tokenizer.chat_template else "none"
        return Setting(
            "template", told + prefix, job.origins.of("thinking") if tokenizer.chat_template else "tokenizer"
        )
    has_file = Path(job.model.path, TEMPLATE).is_file()
    file = TEMPLATE if has_file else "tokenizer_config.json" if Path(job.model.path).is_dir() else "tokenizer"
    length = len(read_template(tokenizer) or "")
    options = "".join(f", {name}={value}" for name, value in thinking.template_options.items())
    return Setting("template", f"used ({length:,} characters){options}", file)


def _describe_ends(checkpoint: Checkpoint, tokenizer: Any, further: Sequence[int]) -> Setting:
    ids = (*checkpoint.eos_ids, *further)
    tokens = [tokenizer.convert_ids_to_tokens(end) or "no token of the tokenizer" for end in ids]
    names = ", ".join(f"{token} ({end})" for token, end in zip(tokens, ids, strict=True))
    file = GENERATION if checkpoint.generation.get("eos_token_id") is not None else CONFIG
    sources = ([file] if checkpoint.eos_ids else []) + (["tokenizer"] if further else [])
    return Setting("stop ids", names or "none: every text runs to its limit", " and ".join(sources) or CONFIG)


def _describe_dtype(job: "Job", checkpoint: Checkpoint, dtype: str) -> Setting:
    config = checkpoint.config
    text = config.get("text_config", {})
    own = next(
        (str(part[name]) for part in (config, text) for name in ("dtype", "torch_dtype") if part.get(name)), None
    )
    quantized = config.get("quantization_config") or text.get("quantization_config") or {}
    method = f", quantized by {quantized.get('quant_method')}" if quantized else ""
    weights = f" (weights are {own or 'of unknown type'}{method})"
    origin = job.origins.of("engine", "dtype") if dtype == job.engine.dtype else "chosen for this machine"
    return Setting("dtype", f"{dtype}{weights}", f"{origin}; {CONFIG}")


def _describe_own_code(job: "Job", checkpoint: Checkpoint, tokenizer: Any) -> list[Setting]:
    """That the checkpoint brings code of its own, where it does, and whether the user has it run."""
    files = {CONFIG: checkpoint.config, "tokenizer_config.json": getattr(tokenizer, "init_kwargs", {})}
    named = [name for name, settings in files.items() if settings.get("auto_map")]
    runs = "run by vLLM, as you asked" if job.engine.options.get("trust_remote_code") else "not run"
    return [Setting("own code", f"{runs} (auto_map)", " and ".join(named))] if named else []


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 3] + "...")
