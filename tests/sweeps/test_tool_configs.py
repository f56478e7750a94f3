"""Every yaml of tools and of call styles becomes what it names, alone and with others."""

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from harness.rendering import Renderer
from harness.tools.calculator import Calculator
from harness.tools.calls import Call, CallStyle
from harness.tools.corpus import Document
from harness.tools.search import Search
from harness.types import Prompt, Thinking
from ladder.tokenizer import build_tokenizer
from sweeps.compose import check_types
from sweeps.tools import Toolbox
from tests.harness.byte_tokenizer import TEMPLATE, build_byte_tokenizer

CONF = Path("conf").resolve()
TOOLS = sorted(path.stem for path in (CONF / "tools").glob("*.yaml"))
STYLES = sorted(path.stem for path in (CONF / "calls").glob("*.yaml"))


def tools_of(*names: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(None, [f"+tools=[{','.join(names)}]"])
    return dict(instantiate(config.get("tools") or {}, _convert_="all"))


def style_of(name: str) -> CallStyle:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        style = instantiate(compose(None, [f"+calls={name}"]).calls, _convert_="all")
    assert isinstance(style, CallStyle)
    return style


def test_no_tools_are_none() -> None:
    assert tools_of("none") == {}


@pytest.mark.parametrize(
    "names", [names for k in (1, 2) for names in itertools.combinations(TOOLS, k)], ids="+".join
)
def test_tools_are_built_by_their_names(names: tuple[str, ...], tmp_path: Path) -> None:
    made = tools_of(*names)
    # One that is for small models alone is a search like another.
    assert set(made) == {name.removeprefix("embedded_") for name in names} - {"none"}
    for name, settings in made.items():
        tool = settings.attach(Own()).prepare(tmp_path / "index", lambda line: None)
        assert tool.name == name and json.dumps(tool.identity) and tool.max_tokens > 0
        assert tool.call("1 + 1").text.endswith({"calculator": "2", "search": "1 word"}[name])


class Own:
    """A task that brings a document."""

    def corpus(self) -> list[Document]:
        return [Document("a", "1 word")]


def test_a_small_models_search_gives_a_bare_passage_or_nothing(tmp_path: Path) -> None:
    search = tools_of("embedded_search")["search"].attach(Own()).prepare(tmp_path, lambda line: None)
    assert [search.call(query).text for query in ("word", "other")] == ["1 word", ""]


def test_their_defaults_are_those_of_the_code() -> None:
    assert tools_of("search", "calculator") == {"search": Search(), "calculator": Calculator()}


@pytest.mark.parametrize("room", ["tools", "calls"])
def test_every_key_is_a_field_of_its_type(room: str) -> None:
    for path in (CONF / room).glob("*.yaml"):
        config = OmegaConf.to_container(OmegaConf.load(path))
        assert isinstance(config, dict)
        composed_of = config.pop("defaults", [])
        for part in [config] if "_target_" in config else config.values():
            kind = Search if composed_of else get_class(part.pop("_target_"))
            assert set(part) <= {field.name for field in dataclasses.fields(kind)}
            check_types(kind, part)


@pytest.mark.parametrize("name", STYLES)
def test_every_style_reads_the_call_that_it_writes(name: str) -> None:
    style = style_of(name)
    query = "1+1" if style.form == "plain" else '{"name": "search", "arguments": {"query": "1+1"}}'
    text = f"so {style.open}{query}{style.close}"
    opened, closed = style.find_open(text), style.find_close(text)
    assert opened == 3 and closed is not None
    call = style.parse(text[opened + len(style.open) : closed])
    assert isinstance(call, Call) and (call.name, call.query) == ("search", "1+1")


TELLS = "{% for tool in tools or [] %}{{ tool.function.name }}\n{% endfor %}" + TEMPLATE


@pytest.mark.parametrize(
    ("template", "chat", "style", "why"),
    [
        (TELLS, True, "qwen3", None),
        (TEMPLATE, True, "qwen3", "the model's chat template has no place for tools"),
        (TELLS, False, "qwen3", "thinking.chat is false"),
        (TEMPLATE, True, "search_r1", None),
    ],
)
def test_a_model_that_would_not_hear_of_its_tools_is_refused(
    template: str, chat: bool, style: str, why: str | None
) -> None:
    toolbox = Toolbox(tools_of("search"), style_of(style))
    tokenizer = build_byte_tokenizer()
    tokenizer.chat_template = template
    thinking = Thinking(close=None, force="So", chat=chat)
    renderer = Renderer(tokenizer, thinking, tools=toolbox.described)
    with pytest.raises(ValueError, match=why) if why else contextlib.nullcontext():
        toolbox.check_told(renderer, Prompt("sums/0", "Do you search?", {}))


@pytest.mark.parametrize(
    ("style", "build", "is_refused"),
    [
        ("search_r1", build_tokenizer, True),
        ("qwen3", build_tokenizer, True),
        ("search_r1", build_byte_tokenizer, False),
        ("embedded", build_byte_tokenizer, False),
        # It ends a turn between a call and its result.
        ("qwen3", build_byte_tokenizer, False),
    ],
)
def test_a_way_to_write_calls_that_a_tokenizer_cannot_write_is_refused(
    style: str, build: Callable[[], Any], is_refused: bool
) -> None:
    toolbox, tokenizer = Toolbox(tools_of("search"), style_of(style)), build()
    renderer = Renderer(tokenizer, Thinking(close=None, force="1"), eos_ids=(tokenizer.eos_token_id,))
    refusal = pytest.raises(ValueError, match="The model's tokenizer has no tokens for '")
    with refusal if is_refused else contextlib.nullcontext():
        toolbox.check_written(renderer)
