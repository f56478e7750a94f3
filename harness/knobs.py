"""Knobs of a backend: what is asked of a server beside the usual, and what that does to the cost of a token."""

import re
from collections.abc import Mapping
from typing import Any

from harness.tools.calculator import work_out
from harness.tools.protocol import ToolFailedError
from harness.types import Model

NAME = re.compile(r"[A-Za-z_]\w*")
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
    written = NAME.sub(lambda name: _value(name[0], model.knobs), str(model.cost))
    try:
        number = work_out(written).value
    except ToolFailedError as error:
        raise ValueError(f"model.cost {model.cost!r} cannot be worked out: {error}") from None
    if not 0 < number < 10**6:
        raise ValueError(
            f"model.cost {model.cost!r} is {float(number):g}; it must be above 0 and below a million."
        )
    return float(number)


def _value(name: str, knobs: Mapping[str, Any]) -> str:
    value = knobs.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        numbers = [known for known, each in knobs.items() if isinstance(each, int | float)]
        raise ValueError(
            f"model.cost names {name}, which is no knob with a number; there is {', '.join(numbers) or 'none'}."
        )
    return f"({value})"
