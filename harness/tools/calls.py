"""How a call stands in what a model writes, and how a result stands behind it. Pure functions of texts.

A model's text and a tool's are both a stranger's: a call is data that is read strictly, and a result is made
harmless before it is wrapped (untrusted.py).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from harness.tools.protocol import MAX_CALL_CHARS, Described, Tool, storable
from harness.tools.untrusted import KNOWN_MARKERS, Guard, Markers

SHOWN_CHARS = 60
FIELDS = ("name", "arguments")
_TAG = re.compile(r"<[^<>\n]+>")


@dataclass(frozen=True)
class Call:
    """A query to the tool of this name. argument: what the query was called, where calls name it."""

    name: str
    query: str
    argument: str | None = None


@dataclass(frozen=True)
class Malformed:
    """What stood between the markers and is no call that can be carried out, in one line."""

    reason: str


@dataclass(frozen=True)
class CallStyle:
    """A call is written as open, what is called, close; its result as before, text, after.

    form: plain where the text between is the query to `tool`; json where it is {"name": ..., "arguments": {...}}
    with one argument, and tools are told to the model through its chat template.
    """

    open: str
    close: str
    before: str
    after: str
    form: Literal["plain", "json"] = "plain"
    tool: str | None = None

    def __post_init__(self) -> None:
        if not self.open.strip() or not self.close.strip():
            raise ValueError("calls.open and calls.close must be the texts that begin and end a call.")
        if not self.after.strip():
            raise ValueError(
                "calls.after must be a text that ends a result, so that the model can tell where it ends."
            )
        if (self.form == "plain") != (self.tool is not None):
            raise ValueError(
                "calls.tool is the tool that plain calls go to: give one where calls.form is plain, and null "
                "where it is json."
            )

    @property
    def identity(self) -> Mapping[str, Any]:
        """What shapes a rollout."""
        return asdict(self)

    @cached_property
    def markers(self) -> tuple[str, ...]:
        """What a result must not hold: the ends of calls and results, and the tags that results are wrapped in."""
        wrapped = [part for text in (self.before, self.after) for part in _TAG.findall(text) or [text]]
        return tuple(dict.fromkeys(part.strip() for part in (self.open, self.close, *wrapped) if part.strip()))

    def find_open(self, text: str, start: int = 0) -> int | None:
        """Where the first call opens at or behind `start`; None where none does."""
        at = text.find(self.open, start)
        return None if at < 0 else at

    def find_close(self, text: str, start: int = 0) -> int | None:
        """Where the first close marker begins at or behind `start`; None where there is none."""
        at = text.find(self.close, start)
        return None if at < 0 else at

    def parse(self, between: str) -> Call | Malformed:
        """The call that a text between the markers is."""
        if len(between) > MAX_CALL_CHARS:
            return Malformed(f"a call has at most {MAX_CALL_CHARS} characters")
        if self.open in between:
            return Malformed("a call holds the beginning of another")
        return _read_json(between) if self.tool is None else _check(self.tool, between)

    def write(self, text: str, guard: Guard, max_tokens: int) -> str:
        """A result as it is put behind the call of a model with this guard, cut to so many tokens of its own."""
        return self.wrap(guard.write(text, max_tokens, before=self.before, after=self.after))

    def wrap(self, text: str) -> str:
        """A result as it is put behind the call, made harmless in itself and between these two.

        A model's own tokenizer may have more control tokens: what its Guard wrote stays as it is here.
        """
        return f"{self.before}{self._known.neutralise(text, before=self.before, after=self.after)}{self.after}"

    @cached_property
    def _known(self) -> Markers:
        return Markers((*KNOWN_MARKERS, *self.markers))


def check_call(call: Call, tools: Mapping[str, Tool]) -> Malformed | None:
    """Why a call cannot be carried out with these tools; None where it can."""
    if call.name not in tools:
        return Malformed(f"there is no tool {_show(call.name)}; there is {', '.join(tools) or 'none'}")
    expected = tools[call.name].argument
    if call.argument not in (None, expected):
        return Malformed(f"{call.name} has no argument {_show(call.argument)}; it takes {expected!r}")
    return None


def explain(malformed: Malformed) -> str:
    """The line that the model gets in place of a result."""
    return f"This call was not carried out: {malformed.reason}."


def describe_tools(tools: Sequence[Described]) -> list[dict[str, Any]]:
    """The tools as chat templates take them (`tools=`): functions with a JSON schema of their one argument."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": {
                    "type": "object",
                    "properties": {tool.argument: {"type": "string"}},
                    "required": [tool.argument],
                },
            },
        }
        for tool in tools
    ]


def _read_json(between: str) -> Call | Malformed:
    try:
        called = json.loads(between, object_pairs_hook=_once, parse_constant=_refuse, parse_int=float)
    except RecursionError:
        return Malformed("the JSON of the call is nested too deep")
    except ValueError as error:
        reason = str(error) if isinstance(error, _RefusedError) else "it is not JSON"
        return Malformed(f"{reason}; a call is an object with {' and '.join(map(repr, FIELDS))}")
    if not isinstance(called, dict) or called.keys() != set(FIELDS):
        return Malformed(f"a call is an object with {' and '.join(map(repr, FIELDS))}, and nothing else")
    name, arguments = called["name"], called["arguments"]
    if not isinstance(name, str) or not isinstance(arguments, dict) or len(arguments) != 1:
        return Malformed("a call's name is a text, and its arguments an object with one of them")
    ((argument, query),) = arguments.items()
    if not isinstance(query, str):
        return Malformed(f"the argument {_show(argument)} must be a text")
    return _check(name, query, argument)


def _check(name: str, query: str, argument: str | None = None) -> Call | Malformed:
    call = Call(storable(name), storable(query.strip()), argument)
    return call if call.query else Malformed("the query is empty")


class _RefusedError(ValueError):
    """JSON that two readers could read differently."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _RefusedError("it has a key twice")
    return values


def _refuse(constant: str) -> Any:
    raise _RefusedError(f"it holds {constant}")


def _show(name: str | None) -> str:
    return ascii(name if name is None or len(name) <= SHOWN_CHARS else name[:SHOWN_CHARS] + "...")
