"""An engine of a real sweep that is scripted:
engine._target_=tests.scripted_settings.Scripted on its command line.
"""

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from harness.engines.vllm import Vllm
from harness.types import Completion, Model, Request
from tests.harness.scripted_engine import ScriptedEngine


@dataclass(frozen=True)
class Scripted(Vllm):
    """Vllm's settings, with nothing behind them but arithmetic.

    After `num_sound` requests of the model `victim`, its process is killed, or where `max_file_bytes` is given can
    write no file that is larger, as on a disk that fills up. After so many of any model, the file `tells` is made.
    """

    victim: str = ""
    num_sound: int = 0
    max_file_bytes: int | None = None
    tells: str = ""
    seconds_a_request: float = 0.0
    seconds_to_start: float = 0.0

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int, reads_text: bool = False) -> AsyncIterator["Frail"]:  # type: ignore[override]
        await asyncio.sleep(self.seconds_to_start)
        yield Frail(self, is_victim=model.name == self.victim)


class Frail(ScriptedEngine):
    """A scripted engine that meets its fate."""

    def __init__(self, settings: Scripted, *, is_victim: bool) -> None:
        super().__init__(stop_chance=0.05)
        self.settings, self.is_victim = settings, is_victim

    async def complete(self, request: Request) -> Completion:
        await asyncio.sleep(self.settings.seconds_a_request)
        if self.settings.tells and len(self.requests) == self.settings.num_sound:
            Path(self.settings.tells).touch()
        if self.is_victim and len(self.requests) == self.settings.num_sound:
            if self.settings.max_file_bytes is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                resource.setrlimit(resource.RLIMIT_FSIZE, (self.settings.max_file_bytes, resource.RLIM_INFINITY))
        return await super().complete(request)
