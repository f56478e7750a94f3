"""How deep brackets stand in a text, and what stands outside them."""

import re

import pytest

from harness.brackets import count_open, is_wrapped, split_outside

COMMA = re.compile(",")


@pytest.mark.parametrize(
    ("text", "deepest"),
    [("", 0), ("()", 1), ("([{}])", 3), ("()()", 1), (")(", 0), ("((", 2), (r"\{1\}", 1), ("[1, 2)", 1)],
)
def test_the_deepest_bracket_is_counted(text: str, deepest: int) -> None:
    assert count_open(text) == deepest


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b", ["a", " b"]),
        ("(1, 2), 3", ["(1, 2)", " 3"]),
        ("[1, 2), (3, 4]", ["[1, 2)", " (3, 4]"]),
        (r"\{1, 2\}, f(x, y)", [r"\{1, 2\}", " f(x, y)"]),
        ("none", ["none"]),
    ],
)
def test_what_is_in_brackets_is_not_parted(text: str, parts: list[str]) -> None:
    assert split_outside(COMMA, text) == parts


@pytest.mark.parametrize(
    ("text", "wraps"), [("(1)", True), ("(1)(2)", False), ("(1", False), ("1", False), ("[1)", True)]
)
def test_a_text_is_wrapped_by_the_bracket_that_it_begins_with(text: str, wraps: bool) -> None:
    assert is_wrapped(text) == wraps
