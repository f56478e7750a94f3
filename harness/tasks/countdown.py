"""Countdown's compact character-level rendering and the canonical form its votes are counted on. Knows no model."""

from collections.abc import Sequence


def render_prompt(numbers: Sequence[int], target: int) -> str:
    """The problem in as few characters as carry it: 18 20 7 11=16."""
    return " ".join(map(str, numbers)) + f"={target}"
