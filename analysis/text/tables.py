"""Tables and paragraphs in plain text that fit a terminal."""

import re
import textwrap
from collections.abc import Sequence
from functools import partial

LINE = 120
GAP = "  "
# With less room than this a last column goes to a block of its own, rather than over several lines.
LEAST_ROOM = 30
# Heads are cut no narrower.
LEAST_HEAD = 8

Rows = Sequence[Sequence[str]]


def filled(text: str) -> str:
    """The text with every line longer than LINE as several; shorter ones, such as those of tables, as they are."""
    lines = text.split("\n")
    fill = partial(textwrap.fill, width=LINE, break_long_words=False, break_on_hyphens=False)
    return "\n".join(line if len(line) <= LINE else fill(line) for line in lines)


def aligned(rows: Rows, *, num_text: int, is_last_text: bool = True) -> str:
    """Columns of equal width; the first `num_text` and a last one of text to the left, numbers to the right.

    A table wider than LINE gets a head of several lines, then a last column of several lines; one that still does
    not fit is cut into blocks of columns, one below the other, that repeat the first `num_text`.
    """
    last = len(rows[0]) - 1
    texts = [column < num_text or (is_last_text and column == last) for column in range(last + 1)]
    if _width(rows) <= LINE:
        return _block(rows, texts)
    rows = _with_stacked_head(rows)
    blocks = []
    for columns in _cut(rows, num_text):
        part = [[row[column] for column in columns] for row in rows]
        part = part[next(at for at, row in enumerate(part) if any(row)) :]
        blocks.append(
            _block(_with_folded_last(part) if texts[columns[-1]] else part, [texts[at] for at in columns])
        )
    return "\n\n".join(blocks)


def _block(rows: Rows, texts: Sequence[bool]) -> str:
    return "\n".join(
        GAP.join(
            cell.ljust(width) if text else cell.rjust(width)
            for cell, width, text in zip(row, _widths(rows), texts, strict=True)
        ).rstrip()
        for row in rows
    )


def _widths(rows: Rows) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _width(rows: Rows) -> int:
    return sum(_widths(rows)) + len(GAP) * (len(rows[0]) - 1)


def _with_stacked_head(rows: Rows) -> Rows:
    """The head over several lines, the last of them full, where its words are wider than what stands below."""
    head, *body = rows
    room = _widths(body) if body else [0] * len(head)
    words = [_folded(word, max(width, LEAST_HEAD)) for word, width in zip(head, room, strict=True)]
    depth = max(len(lines) for lines in words)
    return [*zip(*([""] * (depth - len(lines)) + lines for lines in words), strict=True), *body]


def _cut(rows: Rows, num_keys: int) -> list[list[int]]:
    """The columns of each block: the keys, and others, at least one. No more blocks than lines of LINE need, and
    as even as they can be: a column that stands alone is overlooked.
    """
    widths = _widths(rows)
    fewest = len(_fill(widths, num_keys, LINE))
    narrowest = next(line for line in range(1, LINE + 1) if len(_fill(widths, num_keys, line)) == fewest)
    return _fill(widths, num_keys, narrowest)


def _fill(widths: Sequence[int], num_keys: int, line: int) -> list[list[int]]:
    """Blocks of the keys and as many of the others, in order, as go on a line."""
    keys = list(range(num_keys))
    blocks: list[list[int]] = [[]]
    for column in range(num_keys, len(widths)):
        taken = sum(widths[at] + len(GAP) for at in (*keys, *blocks[-1]))
        needed = min(widths[column], LEAST_ROOM) if column == len(widths) - 1 else widths[column]
        if blocks[-1] and taken + needed > line:
            blocks.append([])
        blocks[-1].append(column)
    return [keys + block for block in blocks]


def _with_folded_last(rows: Rows) -> Rows:
    """The last column over several lines, where the others leave it less room than it has words."""
    room = LINE - sum(width + len(GAP) for width in _widths(rows)[:-1])
    folded = []
    for *others, last in rows:
        first, *more = _folded(last, max(room, LEAST_ROOM))
        folded += [[*others, first], *([*([""] * len(others)), line] for line in more)]
    return folded


def _folded(text: str, width: int) -> list[str]:
    """Lines of at most `width`, cut after commas, else between words; never within brackets or within a word."""
    phrases = [
        re.sub(" " if len(phrase) <= width else r" (?=\[)|(?<=,) (?=[^\[\]]*\])", "\0", phrase)
        for phrase in re.split(r"(?<=,) (?![^\[\]]*\])", text)
    ]
    lines = textwrap.wrap(" ".join(phrases), max(width, 1), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines] or [""]
