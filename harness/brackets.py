"""Brackets in a text: how deep they stand, and what stands outside all of them. Knows no task."""

import re
from collections.abc import Iterator

OPENING, CLOSING = "([{", ")]}"


def count_open(text: str) -> int:
    """How many brackets are open at once at most; those in quotes count, too."""
    depth = deepest = 0
    for character in text:
        depth += (character in OPENING) - (character in CLOSING)
        deepest = max(deepest, depth)
    return deepest


def find_outside(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Where the pattern stands outside all brackets; a bracket closes any other kind, as in [1, 2)."""
    depth = at = 0
    for found in pattern.finditer(text):
        between = text[at : found.start()]
        depth += sum(between.count(bracket) for bracket in OPENING)
        depth -= sum(between.count(bracket) for bracket in CLOSING)
        inside = found.group()
        if depth == 0:
            yield found
        depth += sum(inside.count(bracket) for bracket in OPENING) - sum(
            inside.count(bracket) for bracket in CLOSING
        )
        at = found.end()


def split_outside(pattern: re.Pattern[str], text: str) -> list[str]:
    """The text's parts between what the pattern matches outside all brackets."""
    parts, at = [], 0
    for found in find_outside(pattern, text):
        parts.append(text[at : found.start()])
        at = found.end()
    return [*parts, text[at:]]


def is_wrapped(text: str) -> bool:
    """Whether the text's first bracket is closed by its last character and not before."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character in OPENING) - (character in CLOSING)
        if depth <= 0:
            return position == len(text) - 1 > 0
    return False
