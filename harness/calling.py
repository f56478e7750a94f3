"""Calls that a model writes while it thinks: where they stand in what it wrote, and what comes back.

Knows how calls are written and who carries them out, no engine.
"""

import bisect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple, Protocol

from harness.rendering import Renderer, encode
from harness.rollouts import Ids, Rollout
from harness.tools.calls import Call, CallStyle, Malformed, check_call, explain
from harness.tools.protocol import Result, Tool
from harness.tools.untrusted import Guard, guard_for
from harness.types import ToolCall

MALFORMED = "malformed"


class Caller(Protocol):
    """Carries out calls of its tools; whatever goes wrong is told in the result."""

    @property
    def tools(self) -> Mapping[str, Tool]: ...

    async def call(self, name: str, query: str) -> Result: ...


class Stops(NamedTuple):
    """What an engine is to stop at: tokens, and strings."""

    ids: Ids = ()
    texts: tuple[str, ...] = ()


class Cut(NamedTuple):
    """What counts of a segment. opened: after how many tokens of the trace the call begins whose marker is whole
    in it, and opened_by: after how many that is; between: the text of the call that ends it, None where none does.
    """

    token_ids: Ids
    opened: int | None = None
    opened_by: int | None = None
    between: str | None = None


class Called(NamedTuple):
    """What counts of a segment, where the call begins that begins in it, and the call that was carried out at its
    end with what that put behind it.
    """

    token_ids: Ids
    opened: int | None = None
    opened_by: int | None = None
    call: ToolCall | None = None
    observed_ids: Ids | None = None


@dataclass(frozen=True)
class Calling:
    """How a model with this tokenizer calls these tools."""

    style: CallStyle
    caller: Caller
    renderer: Renderer

    @cached_property
    def guard(self) -> Guard:
        thinking, tokenizer = self.renderer.thinking, self.renderer.tokenizer
        markers = (*self.style.markers, *filter(None, (thinking.open.strip(), thinking.close)))
        return guard_for(tokenizer, markers, partial(encode, tokenizer))

    def stops(self, *, may_close: bool) -> Stops:
        """Where an engine is to stop: behind a call, or behind the beginning of one that is not carried out.

        At the marker's token where it has one of its own, and at any other way to spell it that there is.
        """
        return self._stops_at[may_close]

    @cached_property
    def _stops_at(self) -> tuple[Stops, Stops]:
        return self._stop_at(self.style.open), self._stop_at(self.style.close)

    def _stop_at(self, marker: str) -> Stops:
        ids = self.renderer.encode_behind(marker)
        single = ids if len(ids) == 1 else ()
        # A single character that no other token holds, as of a model that reads one at a time, is spelt one way.
        is_alone = len(marker) == 1 and sum(marker in token for token in self.renderer.tokenizer.get_vocab()) == 1
        return Stops(single, () if single and is_alone else (marker,))

    def cut(self, rollout: Rollout, token_ids: Ids, *, may_close: bool) -> Cut:
        """What counts of what was written next: up to where a call is closed, or, where that is not to be,
        opened.
        """
        since = rollout.since + token_ids
        text = self.renderer.decode_whole(since)
        if (at := self.style.find_open(text)) is None:
            return Cut(token_ids)
        behind, before = at + len(self.style.open), len(rollout.written) - len(rollout.since)
        opened = opened_by = None
        if not rollout.is_calling:
            opened, opened_by = (before + self._reach(since, text[:end]) for end in (at + 1, behind))
            opened -= 1
        closes = self.style.find_close(text, behind) if may_close else None
        if may_close and closes is None:
            return Cut(token_ids, opened, opened_by)
        end = behind if closes is None else closes + len(self.style.close)
        kept = token_ids[: self._reach(since, text[:end]) - len(rollout.since)]
        return Cut(kept, opened, opened_by, None if closes is None else text[behind:closes])

    def _reach(self, ids: Ids, text: str) -> int:
        """The least number of tokens whose text begins with this one."""

        def num_alike(number: int) -> int:
            # Of a character that lacks some of its bytes stands something else, which may be longer than it.
            return len(os.path.commonprefix([self.renderer.decode_whole(ids[:number]), text]))

        return bisect.bisect_left(range(len(ids) + 1), len(text), key=num_alike)

    async def follow(self, rollout: Rollout, token_ids: Ids, *, may_close: bool) -> Called:
        """What was written next, up to a call, which is carried out where it may be closed."""
        cut = self.cut(rollout, token_ids, may_close=may_close)
        if cut.between is None:
            return Called(cut.token_ids, cut.opened, cut.opened_by)
        observed_ids, call = await self.carry_out(cut.between)
        return Called(cut.token_ids, cut.opened, cut.opened_by, call, observed_ids)

    async def carry_out(self, between: str) -> tuple[Ids, ToolCall]:
        """What a call brings, as tokens behind it, and what it was. Malformed ones bring the reason."""
        tools = self.caller.tools
        call = self.style.parse(between)
        wrong = call if isinstance(call, Malformed) else check_call(call, tools)
        if isinstance(wrong, Malformed):
            longest = max(tool.max_tokens for tool in tools.values())
            ids = self._write(explain(wrong), longest)
            return ids, ToolCall(None, between, (), 0.0, MALFORMED)
        assert isinstance(call, Call)
        result = await self.caller.call(call.name, call.query)
        ids = self._write(result.text, tools[call.name].max_tokens)
        return ids, ToolCall(call.name, call.query, result.ids, result.seconds, result.trouble)

    def _write(self, text: str, max_tokens: int) -> Ids:
        return self.renderer.encode_behind(self.style.write(text, self.guard, max_tokens))
