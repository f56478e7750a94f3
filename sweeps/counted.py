"""An engine that counts what passes through it: requests that ended, and tokens written, those under way with them."""

from harness.types import Completion, Engine, Request


class Counted:
    """`engine`, counted. An engine that tells `num_tokens_under_way` shows what no request has brought back yet."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._num_returned = 0
        self.num_requests = 0

    async def complete(self, request: Request) -> Completion:
        completion = await self._engine.complete(request)
        self.num_requests += 1
        self._num_returned += len(completion.token_ids)
        return completion

    @property
    def num_tokens(self) -> int:
        return self._num_returned + getattr(self._engine, "num_tokens_under_way", 0)
