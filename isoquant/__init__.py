"""The door: the command `isoquant`, and `isoquant.load` for notebooks. Nothing imports it.

It imports a room only once a command, or a notebook, asks for it.
"""

from isoquant import early

if early.is_program():
    early.end_when_stopped()

from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from isoquant.notebook import Run, load

__all__ = ["VERSION", "Run", "load"]

VERSION = "0.1.0"


def __getattr__(name: str) -> Any:
    """`load` and `Run`, whose room takes a second to import."""
    if name not in ("load", "Run"):
        raise AttributeError(f"module 'isoquant' has no attribute {name!r}")
    from isoquant import notebook

    return getattr(notebook, name)
