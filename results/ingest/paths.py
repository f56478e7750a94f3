"""Paths into nested cells: names, positions, all of a list, the one of a list that is so called, and how many."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
LENGTH = re.compile(r"len\((.+)\)")
# stats[name=accuracy][split=test]: of the list stats the first whose name is accuracy and whose split is test.
CHOICE = re.compile(r"(?P<list>[^\[\]]+)(?P<conditions>(\[[^\[\]=]+=[^\]]*\])+)")
CONDITION = re.compile(r"\[(?P<path>[^\[\]=]+)=(?P<value>[^\]]*)\]")
STEPS = re.compile(r"\.(?![^\[\]]*\])")
ALL = "*"


def find(row: Row, path: str) -> Any:
    """The cell of a column, or of a path of names and positions into nested cells; None where there is none.

    a.*.b is the list of b in all of the list a, a[b.c=x].d is of the first whose b.c is x, and len(PATH) is how
    many a list there holds, as of token ids.
    """
    if path in row:
        return row[path]
    if (counted := LENGTH.fullmatch(path)) is not None:
        listed = parsed(find(row, counted[1]))
        return str(len(listed)) if isinstance(listed, list) else None
    steps = STEPS.split(path)
    # Names themselves may hold points and brackets: the longest that fits is meant.
    for cut in range(len(steps), 0, -1):
        name, rest = ".".join(steps[:cut]), ".".join(steps[cut:])
        cell = row[name] if name in row else _chosen(row, name)
        if cell is not None:
            return within(cell, rest) if rest else cell
    return None


def within(cell: Any, path: str) -> Any:
    """What a cell holds at a path, also where it is text of JSON or Python; None where there is nothing."""
    cell = parsed(cell)
    if isinstance(cell, Mapping):
        return find(cell, path)
    if not isinstance(cell, list):
        return None
    first, _, rest = path.partition(".")
    if first == ALL:
        return [within(each, rest) if rest else each for each in cell]
    if first.isdigit() and int(first) < len(cell):
        return within(cell[int(first)], rest) if rest else cell[int(first)]
    return None


def parsed(cell: Any) -> Any:
    """The list or mapping that a cell holds as text of JSON or Python,
    numbers as written; any other cell as it is.
    """
    if not isinstance(cell, str) or (cell[:1], cell[-1:]) not in (("[", "]"), ("{", "}")):
        return cell
    try:
        return json.loads(cell, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return cell


def is_of(path: str, name: str) -> bool:
    """Whether a path begins in the column of a name."""
    counted = LENGTH.fullmatch(path)
    path = counted[1] if counted else path
    return path == name or path.startswith((f"{name}.", f"{name}["))


def _chosen(row: Row, step: str) -> Any:
    """Of a list in the row, the first object that holds a value at a path; None where none does."""
    choice = CHOICE.fullmatch(step)
    listed = None if choice is None else parsed(row.get(choice["list"]))
    if choice is None or not isinstance(listed, list):
        return None
    conditions = [
        (condition["path"], condition["value"]) for condition in CONDITION.finditer(choice["conditions"])
    ]
    return next(
        (each for each in listed if all(str(within(each, path)) == value for path, value in conditions)), None
    )
