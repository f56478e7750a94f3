"""An engine whose every completion is a pure function of its request. Lives under tests only."""

from dataclasses import dataclass, field

import numpy as np

from harness.types import Completion, EngineFailedError, Request


@dataclass
class ScriptedEngine:
    """Draws ids from the request's seed; writes a stop id with probability `stop_chance` a token."""

    vocab: int = 20
    stop_chance: float = 0.05
    fail_after: int | None = None
    requests: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        if self.fail_after is not None and len(self.requests) > self.fail_after:
            raise EngineFailedError("scripted failure")
        rng = np.random.default_rng(request.seed)
        ids: list[int] = []
        while len(ids) < request.max_tokens:
            if rng.random() < self.stop_chance:
                return Completion((*ids, request.stop_ids[0]), "stop", 0, 0.0)
            ids.append(int(rng.integers(3, self.vocab)))
        return Completion(tuple(ids), "length", 0, 0.0)
