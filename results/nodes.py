"""The pools that a strategy's samples are stored in, by name. Knows no strategy and opens no file."""

from typing import NamedTuple

FREE_TEXT = "text"
SEPARATOR = ":"


class NodePool(NamedTuple):
    """What one node of a strategy wrote in one round, at one thinking budget.

    is_text: what it wrote answers no prompt, and is not graded.
    """

    strategy: str
    version: str
    round: int
    node: str
    budget: int
    is_text: bool = False

    def __str__(self) -> str:
        told = (self.strategy, self.version, str(self.round), self.node, str(self.budget))
        return SEPARATOR.join((*told, FREE_TEXT) if self.is_text else told)


def read_pool(name: str) -> NodePool | None:
    """What a pool's name tells; None for one of samples as they come, such as `evaluation`."""
    parts = name.split(SEPARATOR)
    is_text = parts[5:] == [FREE_TEXT]
    if len(parts) != 5 + is_text or not (parts[2].isdecimal() and parts[4].isdecimal()):
        return None
    return NodePool(parts[0], parts[1], int(parts[2]), parts[3], int(parts[4]), is_text)


def is_free_text(pool: str) -> bool:
    """Whether what is stored there is no answer."""
    found = read_pool(pool)
    return found is not None and found.is_text
