"""A job on the engine of the session: its rows are those of a real engine, and none is started for them."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass

from harness.engines.vllm import Vllm
from harness.types import Completion, Engine, Model, Request
from sweeps.job import Job
from tests.conftest import RUNG, Running


def lend(job: Job, running: Running) -> Job:
    """The same job, whose rows keep their identity."""
    settings = {field.name: getattr(job.engine, field.name) for field in dataclasses.fields(Vllm)}
    return dataclasses.replace(job, engine=Borrowed(**settings, running=running))


@dataclass(frozen=True)
class Borrowed(Vllm):
    """The session's running engine in place of one that a job would start for itself."""

    running: Running | None = None

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int, reads_text: bool = False) -> AsyncIterator[Engine]:  # type: ignore[override]
        assert self.running is not None and model.path == RUNG.path
        yield Elsewhere(self.running)


@dataclass(frozen=True)
class Elsewhere:
    """An engine that runs on another loop."""

    running: Running

    async def complete(self, request: Request) -> Completion:
        work = asyncio.run_coroutine_threadsafe(self.running.engine.complete(request), self.running.loop)
        return await asyncio.wrap_future(work)
