"""An engine that counts what passes through it: requests that ended,
and tokens read and written, those under way with them.
"""

from harness.types import Completion, Engine, Request, RequestFailedError

# Models have rows for a few more tokens than there are, up to a round number, and may write one.
SPARE_IDS = 1024


class Counted:
    """`engine`, counted. An engine that tells `num_tokens_under_way` shows what no request has brought back yet.

    num_known: tokens that the tokenizer knows; a completion that holds others fails, since it is not of this
    model. num_read: tokens of prompts, each counted as it is sent.
    """

    def __init__(self, engine: Engine, *, num_known: int) -> None:
        self._engine, self._num_known = engine, num_known
        self._num_returned = 0
        self.num_requests = self.num_read = 0

    async def complete(self, request: Request) -> Completion:
        self.num_read += len(request.prompt_ids)
        completion = await self._engine.complete(request)
        # What is refused below was written all the same.
        self._num_returned += len(completion.token_ids)
        if (largest := max(completion.token_ids, default=0)) >= self._num_known + SPARE_IDS:
            raise RequestFailedError(
                f"The engine wrote token {largest:,}, but the tokenizer has only {self._num_known:,} tokens. Does "
                "the engine serve another model?"
            )
        self.num_requests += 1
        return completion

    @property
    def num_tokens(self) -> int:
        return self._num_returned + getattr(self._engine, "num_tokens_under_way", 0)
