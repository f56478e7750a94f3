"""What an answer's text may look like before a scorer of others sees it. Knows no scorer and evaluates nothing."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from harness.brackets import count_open

# Longer than this and four times as long as gold is no answer but text around one.
MAX_CHARS, GOLD_LENGTHS = 2000, 4
MAX_BRACKETS = 20
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What int() and float() read as digits, and no person writes.
_ODD_DIGITS = re.compile(r"[0-9]_[0-9]|[0-9]{100}")
_LISTS = re.compile(r"""[\[\](),.\s0-9A-Za-z_'"-]*""")


def is_plain(text: str, entry: Mapping[str, Any]) -> bool:
    """Whether it is short and in ASCII, but for characters that the entry itself holds."""
    gold = str(entry["answer"])
    if len(text) > max(MAX_CHARS, GOLD_LENGTHS * len(gold)) or _CONTROL.search(text):
        return False
    if (odd := _ODD_DIGITS.search(text)) and odd.group() not in gold:
        return False
    return text.isascii() or {letter for letter in text if not letter.isascii()} <= set(
        f"{entry['question']}{gold}{entry['metadata']}"
    )


def read_json(text: str) -> Any:
    """What a text in JSON holds. Raises ValueError where it is none,
    names a key twice, or holds NaN or Infinity.
    """
    if count_open(text) > MAX_BRACKETS:
        raise ValueError("Nested too deeply.")
    return json.loads(text, object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant)


def is_json(text: str) -> bool:
    try:
        read_json(text)
    except ValueError:
        return False
    return True


def is_list(text: str) -> bool:
    """Whether it is a Python list of plain values, so that evaluating it can give nothing else."""
    if not _LISTS.fullmatch(text) or count_open(text) > MAX_BRACKETS:
        return False
    try:
        return isinstance(ast.literal_eval(text), list | tuple)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False


def same_json(one: Any, other: Any) -> bool:
    """Equal values of the same kind: 1 is 1.0, but neither true nor "1"."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return type(one) is type(other) and one == other or _are_numbers(one, other) and one == other


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("A key is there twice.")
    return values


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number.")
