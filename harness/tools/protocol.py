"""What a tool is to those who call it. Knows no model, no call style and no process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

Trouble = Literal["timeout", "failed"]
# Under which name a task with documents keeps, in the reference of a prompt, the ids of those that hold its
# answer.
GOLD_IDS = "gold_ids"
# Longer calls are refused, so that none costs more than others; as JSON, one passes through a pipe that nobody
# reads.
MAX_CALL_CHARS = 2000
# Of what one call may give; what the model reads of it is far shorter. A line of all of it, every character
# escaped, is shorter than messages.LONGEST_LINE.
LONGEST_CHARS, MAX_IDS, LONGEST_ID = 1 << 16, 256, 256


class ToolFailedError(RuntimeError):
    """A tool, or what it runs in, has no result, for the reason that is said. Of a call it is trouble "failed"."""


@dataclass(frozen=True)
class Result:
    """What a call gave: a text for the model, and the ids of what was found, best first.

    seconds: by the wall, without waiting for a worker. trouble: why there is no result; the text then says so.
    """

    text: str
    ids: tuple[str, ...] = ()
    seconds: float = 0.0
    trouble: Trouble | None = None

    @property
    def num_found(self) -> int:
        return len(self.ids)


class Described(Protocol):
    """What a model is told of a tool.

    argument: what its one argument is called where calls are JSON. max_tokens: what a result is cut to, in the
    model's tokens.
    """

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def argument(self) -> str: ...

    @property
    def max_tokens(self) -> int: ...


class Tool(Described, Protocol):
    """Answers queries one by one, the same query always alike. It raises ToolFailedError where it cannot.

    identity: what shapes results, as plain values.
    """

    @property
    def identity(self) -> Mapping[str, Any]: ...

    def call(self, query: str) -> Result: ...


class ToolSettings(Described, Protocol):
    """A tool as conf/tools describes it. identity: that of the tool, which is not built for it."""

    @property
    def identity(self) -> Mapping[str, Any]: ...

    def attach(self, task: object) -> "ToolSettings":
        """With what a task brings for its tools, such as documents to search."""

    def prepare(self, folder: Path, tell: Callable[[str], object]) -> Tool:
        """The tool, ready for calls. What it has to build is kept in `folder`; `tell` gets a line where it is
        said.

        Raises ValueError where the tool cannot be had.
        """


def storable(text: str) -> str:
    """The text with a question mark for half a surrogate pair, which no encoding has."""
    return text.encode(errors="replace").decode()
