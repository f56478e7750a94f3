"""Where the steps of a solution stand in its text."""

from typing import NamedTuple


class Span(NamedTuple):
    """From the first character of a step to the one behind its last, without the space around it."""

    start: int
    end: int


def split_steps(text: str, delimiter: str) -> list[Span]:
    """Every step of a text: what stands between delimiters and is not blank."""
    spans, start = [], 0
    for part in text.split(delimiter):
        first = start + len(part) - len(part.lstrip())
        if part.strip():
            spans.append(Span(first, first + len(part.strip())))
        start += len(part) + len(delimiter)
    return spans
