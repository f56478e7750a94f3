"""An engine without noise: what it writes next is a hash of all before it. Lives under tests only."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.types import Completion, Request, RequestFailedError


@dataclass
class Greedy:
    """Writes each of `often` with its chance a token, else one of `plain`, as a model at temperature 0 would.

    decode: reads what it writes, as an engine does that is to stop at strings.
    """

    plain: Sequence[int]
    often: dict[int, float]
    fails_from: int | None = None
    decode: Callable[[Sequence[int]], str] | None = None
    requests: list[Request] = field(default_factory=list)
    num_written: int = 0

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        if self.fails_from is not None and len(self.requests) > self.fails_from:
            raise RequestFailedError("scripted refusal")
        ids, written = list(request.prompt_ids), list[int]()
        reason: Literal["stop", "length"] = "length"
        while len(written) < request.max_tokens and reason == "length":
            written.append(self._next(ids + written))
            text = "" if self.decode is None else self.decode(written)
            has_stopped = written[-1] in request.stop_ids or any(stop in text for stop in request.stop)
            reason = "stop" if has_stopped else "length"
        self.num_written += len(written)
        return Completion(tuple(written), reason, None, 0.0)

    def _next(self, ids: Sequence[int]) -> int:
        draw = int.from_bytes(hashlib.sha256(str(ids).encode()).digest()[:8], "big")
        chance = draw % 1_000_003 / 1_000_003
        for token, share in self.often.items():
            if chance < share:
                return token
            chance -= share
        return self.plain[draw % len(self.plain)]
