"""Knobs of a backend: what is asked of a server beside the usual, and what that does to the cost of a token."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from harness.tools.calculator import FUNCTIONS, work_out
from harness.tools.protocol import ToolFailedError
from harness.types import Model

NAME = re.compile(r"[A-Za-z_]\w*")
# Of an expression the numbers and the names: 1e-3 is the first, and no name.
TERM = re.compile(rf"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|{NAME.pattern}")
PLAIN = (bool, int, float, str)


def check_knobs(model: Model) -> None:
    """Raise ValueError where a knob is no plain value, or the cost is none."""
    for name, value in model.knobs.items():
        if not NAME.fullmatch(str(name)) or not isinstance(value, PLAIN):
            raise ValueError(
                f"model.knobs are names with a number, a text or true or false each; got {name!r}: {value!r}."
            )
    _ = cost_multiplier(model)


def cost_multiplier(model: Model) -> float:
    """What the knobs multiply the FLOPs of a token by; raises ValueError where `cost` is no such number.

    Worked out exactly, over the grammar of the calculator: nothing is evaluated as code.
    """
    written = TERM.sub(lambda term: _write(term, model.knobs), str(model.cost))
    try:
        number = work_out(written).value
    except ToolFailedError as error:
        raise ValueError(f"model.cost {model.cost!r} cannot be worked out: {error}") from None
    if not 0 < number < 10**6:
        raise ValueError(
            f"model.cost {model.cost!r} is {float(number):g}; it must be above 0 and below a million."
        )
    return float(number)


def _write(term: re.Match[str], knobs: Mapping[str, Any]) -> str:
    """A number of an expression, or what one of its names stands for, as the calculator reads it."""
    if term["number"]:
        return _plain(term[0])
    if term[0] in FUNCTIONS and term[0] not in knobs:
        return term[0]
    value = knobs.get(term[0])
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        numbers = [known for known, each in knobs.items() if isinstance(each, int | float)]
        raise ValueError(
            f"model.cost names {term[0]}, which is no knob with a number; there is {', '.join(numbers) or 'none'}."
        )
    return f"({_plain(str(value))})"


def _plain(number: str) -> str:
    """The same without an exponent."""
    if "e" not in number.lower():
        return number
    if not math.isfinite(float(number)):
        raise ValueError(f"model.cost holds {number}, which is too large.")
    return format(Decimal(repr(float(number))), "f")
