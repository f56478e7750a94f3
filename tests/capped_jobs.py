"""Jobs on a scripted engine that answers late and in no order, and keeps what was under
way as each request came.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from harness.types import Completion, Model, Request
from tests.scripted_settings import Scripted


@dataclass
class Log:
    """What engines were asked since `clear`. sent_at: the tokens that were paid as each request came; passed_by:
    the most that those under way brought from then on.
    """

    requests: list[Request] = field(default_factory=list)
    sent_at: list[int] = field(default_factory=list)
    under_way: dict[int, int] = field(default_factory=dict)
    num_paid: int = 0
    num_read: int = 0
    most_under_way: int = 0

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


LOG = Log()


@dataclass(frozen=True)
class Paced(Scripted):
    """tells_early: whether the engine says how many tokens are under way, as vLLM does; often:
    a token of its own.
    """

    tells_early: bool = False
    often: int | None = None

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int, reads_text: bool = False) -> AsyncIterator[Any]:  # type: ignore[override]
        await asyncio.sleep(self.seconds_to_start)
        yield (Telling if self.tells_early else Late)(self, max_model_len)


class Late:
    """Every completion is a function of its request; it comes after as many turns of the loop as it has tokens."""

    def __init__(self, settings: Paced, max_model_len: int) -> None:
        self.settings, self.max_model_len = settings, max_model_len

    async def complete(self, request: Request) -> Completion:
        assert len(request.prompt_ids) + request.max_tokens <= self.max_model_len
        number = len(LOG.requests)
        LOG.requests.append(request)
        LOG.sent_at.append(LOG.num_paid + sum(LOG.under_way.values()) * self.settings.tells_early)
        LOG.num_read += len(request.prompt_ids)
        token_ids, reason = write(request, self.settings.often)
        for written in range(len(token_ids)):
            LOG.under_way[number] = written
            LOG.most_under_way = max(LOG.most_under_way, len(LOG.under_way))
            await asyncio.sleep(self.settings.seconds_a_request)
        del LOG.under_way[number]
        LOG.num_paid += len(token_ids)
        return Completion(token_ids, reason, 0, 0.0)


class Telling(Late):
    @property
    def num_tokens_under_way(self) -> int:
        return sum(LOG.under_way.values())


def write(request: Request, often: int | None = None) -> tuple[tuple[int, ...], Literal["stop", "length"]]:
    """What the engine writes: any of the tokens that stop it, in the end; behind `often` the last of them."""
    rng = np.random.default_rng(request.seed)
    ids: list[int] = []
    while len(ids) < request.max_tokens:
        if rng.random() < 0.1:
            stop = -1 if often in ids else int(rng.integers(len(request.stop_ids)))
            return (*ids, request.stop_ids[stop]), "stop"
        ids.append(int(rng.integers(3, 20)) if often is None or rng.random() > 0.1 else often)
        if ids[-1] in request.stop_ids:
            return tuple(ids), "stop"
    return tuple(ids), "length"
