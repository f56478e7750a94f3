"""How calls are written: strict reading, a reason for all that is no call,
and wrappers that are the template's own.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.rendering import load_tokenizer
from harness.tools.calculator import Calculator
from harness.tools.calls import Call, CallStyle, Malformed, check_call, describe_tools, explain
from harness.tools.protocol import MAX_CALL_CHARS
from tests.harness.tools.hostile import list_calls
from tests.harness.tools.test_untrusted import STYLES, style_of

TOOLS = {"calculator": Calculator()}


def test_a_plain_call_is_found_parsed_and_answered() -> None:
    style = style_of("search_r1")
    text = "<think> I need it. </think>\n<search> capital of France </search>"
    opened, closed = style.find_open(text), style.find_close(text)
    assert opened is not None and closed is not None
    assert text[opened:].startswith("<search>") and text[closed:] == "</search>"
    assert style.parse(text[opened + len(style.open) : closed]) == Call("search", "capital of France")
    assert style.wrap("Doc 1") == "\n\n<information>Doc 1</information>\n\n"
    assert style.find_open("no call") is None and style.find_close("<search>") is None
    assert style.find_open(text, opened + 1) is None


def test_a_call_of_single_characters() -> None:
    style = style_of("embedded")
    assert style.find_open("a{b}") == 1 and style.parse("b") == Call("search", "b")
    assert style.wrap("b=1") == "[b=1]" and style.wrap("]{c}[") == "[)(c)(]"
    assert isinstance(style.parse("b{c"), Malformed)


def test_a_call_in_json() -> None:
    style = style_of("qwen3")
    called = '\n{"name": "calculator", "arguments": {"expression": " 1+1 "}}\n'
    call = style.parse(called)
    assert call == Call("calculator", "1+1", "expression") and check_call(call, TOOLS) is None


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        ("", "not JSON"),
        ("capital of France", "not JSON"),
        ('{"name": "calculator"}', "'name' and 'arguments', and nothing else"),
        ('{"name": "calculator", "arguments": {}, "id": 1}', "nothing else"),
        ('{"name": "calculator", "arguments": "1+1"}', "an object with one of them"),
        ('{"name": "calculator", "arguments": {}}', "one of them"),
        ('{"name": "calculator", "arguments": {"a": "1", "b": "2"}}', "one of them"),
        ('{"name": 1, "arguments": {"expression": "1"}}', "name is a text"),
        ('{"name": "calculator", "arguments": {"expression": 1}}', "'expression' must be a text"),
        ('{"name": "calculator", "arguments": {"expression": ["1"]}}', "must be a text"),
        ('{"name": "calculator", "arguments": {"expression": "  "}}', "query is empty"),
        ('{"name": "a", "name": "b", "arguments": {"expression": "1"}}', "a key twice"),
        ('{"name": "a", "arguments": {"expression": NaN}}', "holds NaN"),
        ("[" * 1_900, "not JSON|nested too deep"),
        ('{"name": "a", "arguments": {"expression": ' + "9" * 1_900 + "}}", "must be a text"),
        ("x" * (MAX_CALL_CHARS + 1), f"at most {MAX_CALL_CHARS} characters"),
        ('{"name": "a", "arguments": {"expression": "<tool_call>"}}', "beginning of another"),
    ],
)
def test_what_is_no_call_is_told_in_one_line(between: str, reason: str) -> None:
    malformed = style_of("qwen3").parse(between)
    assert isinstance(malformed, Malformed)
    pytest.raises(ValueError, _raise, malformed.reason).match(reason)
    assert "\n" not in explain(malformed)


def _raise(text: str) -> None:
    raise ValueError(text)


def test_an_unknown_tool_and_a_wrong_argument_are_told() -> None:
    unknown = check_call(Call("shell", "rm"), TOOLS)
    assert unknown and unknown.reason == "there is no tool 'shell'; there is calculator"
    wrong = check_call(Call("calculator", "1", "query"), TOOLS)
    assert wrong and wrong.reason == "calculator has no argument 'query'; it takes 'expression'"
    assert check_call(Call("calculator", "1"), TOOLS) is None
    nothing = check_call(Call("a\n\ud800" * 100, "1"), {})
    assert nothing and nothing.reason.isascii() and "\n" not in nothing.reason and len(nothing.reason) < 1000


@pytest.mark.parametrize("name", STYLES)
def test_no_hostile_call_is_more_than_a_query_or_a_reason(name: str, tmp_path: Path) -> None:
    style = style_of(name)
    parsed = [style.parse(between) for between in list_calls(tmp_path / "canary")]
    assert len(parsed) >= 300
    calls = [call for call in parsed if isinstance(call, Call)]
    assert calls and len(calls) < len(parsed)
    for call in calls:
        assert call.query.strip() == call.query != "" and len(call.query) <= MAX_CALL_CHARS
        call.query.encode()
    for malformed in (one for one in parsed if isinstance(one, Malformed)):
        line = explain(malformed)
        assert "\n" not in line and len(line) < 400 and line in style.wrap(line)


def test_a_result_is_a_turn_as_the_models_own_template_writes_it(real_model: Callable[[str], Path]) -> None:
    tokenizer: Any = load_tokenizer(str(real_model("Qwen2.5-Coder-0.5B-Instruct")))
    style = style_of("qwen3")
    arguments = {"expression": "1+1"}
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "What is 1+1?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "calculator", "arguments": arguments}}],
        },
        {"role": "tool", "content": "2"},
    ]
    tools = describe_tools(list(TOOLS.values()))
    rendered = tokenizer.apply_chat_template(turns, tools=tools, tokenize=False, add_generation_prompt=True)
    prompt = tokenizer.apply_chat_template(turns[:1], tools=tools, tokenize=False, add_generation_prompt=True)
    called = json.dumps({"name": "calculator", "arguments": arguments})
    written = f"\n{called}\n"
    # The template writes no end of line where a model begins its turn with a call.
    assert rendered == prompt.rstrip("\n") + f"\n{style.open}{written}{style.close}" + style.wrap("2")
    assert style.parse(written) == Call("calculator", "1+1", "expression")
    assert '"expression"' in prompt and Calculator.description in prompt


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"open": ""}, "calls.open and calls.close"),
        ({"close": " "}, "calls.open and calls.close"),
        ({"after": "\n"}, "calls.after"),
        ({"tool": None}, "calls.tool"),
        ({"form": "json"}, "calls.tool"),
    ],
)
def test_a_style_that_cannot_work_is_refused(change: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"open": "<a>", "close": "</a>", "before": "<b>", "after": "</b>", "tool": "search"}
    with pytest.raises(ValueError, match=message):
        CallStyle(**fields | change)


def test_every_field_is_part_of_a_styles_identity() -> None:
    identities = [style_of(name).identity for name in STYLES]
    assert len({json.dumps(identity) for identity in identities}) == len(STYLES)
    assert set(identities[0]) == {"open", "close", "before", "after", "form", "tool"}
