"""An engine whose every completion is a pure function of its request. Lives under tests only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from harness.certainty import Certainty
from harness.types import Completion, EngineFailedError, Request, RequestFailedError


@dataclass
class ScriptedEngine:
    """Draws ids from the request's seed; writes a stop id with probability `stop_chance` a token."""

    vocab: int = 20
    stop_chance: float = 0.05
    fail_after: int | None = None
    fail_seeds: Callable[[int], bool] = lambda seed: False
    requests: list[Request] = field(default_factory=list)
    keep_requests: bool = True
    num_tokens: int = 0

    async def complete(self, request: Request) -> Completion:
        if self.keep_requests:
            self.requests.append(request)
        if self.fail_after is not None and len(self.requests) > self.fail_after:
            raise EngineFailedError("scripted failure")
        if self.fail_seeds(request.seed):
            raise RequestFailedError("scripted refusal")
        rng = np.random.default_rng(request.seed)
        ids: list[int] = []
        reason: Literal["stop", "length"] = "length"
        while len(ids) < request.max_tokens and reason == "length":
            stops = rng.random() < self.stop_chance
            ids.append(request.stop_ids[0] if stops else int(rng.integers(3, self.vocab)))
            reason = "stop" if stops else "length"
        self.num_tokens += len(ids)
        certainty = certainty_of(tuple(ids)) if request.sampling.logprobs else None
        return Completion(tuple(ids), reason, 0, 0.0, certainty)


def certainty_of(token_ids: tuple[int, ...]) -> Certainty:
    """How sure the engine says that it was: by the tokens alone, in numbers that 16 bits hold exactly."""
    return Certainty(tuple(-each / 8 for each in token_ids), tuple(each % 7 / 4 for each in token_ids))
