"""The order of prompts, which their ids carry. Knows names, no tables."""

import re

DIGITS = re.compile(r"(\d+)")


def in_order(prompt_id: str) -> tuple[str | int, ...]:
    """What ids are sorted by so that sums/99999 comes before sums/100000, as the task has them."""
    return tuple(int(part) if at % 2 else part for at, part in enumerate(DIGITS.split(prompt_id)))
