"""Which cases of a product of two run: each value of either one once, or with ISOQUANT_BARRAGE=all every pair."""

import os
from collections.abc import Sequence
from itertools import product
from typing import TypeVar

First, Second = TypeVar("First"), TypeVar("Second")
EVERY = os.environ.get("ISOQUANT_BARRAGE") == "all"


def pair(first: Sequence[First], second: Sequence[Second]) -> list[tuple[First, Second]]:
    """As many pairs as the longer one has values, the shorter one's going around; or all."""
    if EVERY:
        return list(product(first, second))
    num = max(len(first), len(second))
    return [(first[index % len(first)], second[index % len(second)]) for index in range(num)]
