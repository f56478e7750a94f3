"""Lines of plain text that fit a terminal. Standard library only."""

import textwrap
from collections.abc import Iterator
from itertools import zip_longest

LINE = 120


def filled(line: str, *, indent: int = 0) -> str:
    """A line as several of at most LINE characters, all indented alike; words, such as paths, stay whole."""
    return "\n".join(" " * indent + part for part in _folded(line, LINE - indent))


def in_two(left: str, right: str, *, left_width: int, right_width: int) -> Iterator[str]:
    """Two texts side by side, each over as many lines as it needs; the left one is padded to its width."""
    for one, other in zip_longest(_folded(left, left_width), _folded(right, right_width), fillvalue=""):
        yield f"{one.ljust(left_width)}  {other}".rstrip()


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
