"""An engine of a real sweep that is scripted:
engine._target_=tests.scripted_settings.Scripted on its command line.
"""

import asyncio
import contextlib
import os
import resource
import signal
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from harness.engines.pooling import Head, Pooled
from harness.engines.vllm import Vllm
from harness.types import Completion, Model, Request, RequestFailedError
from tests.harness.heads import build_tokenizer
from tests.harness.scripted_engine import ScriptedEngine


@dataclass(frozen=True)
class Scripted(Vllm):
    """Vllm's settings, with nothing behind them but arithmetic.

    After `num_sound` requests of the model `victim`, its process is killed, or where `max_file_bytes` is given can
    write no file that is larger, as on a disk that fills up. After so many of any model, the file `tells` is made.
    A head that reads has `num_labels`, and with any victim refuses what comes after `num_sound` texts.
    """

    victim: str = ""
    num_sound: int = 0
    max_file_bytes: int | None = None
    tells: str = ""
    seconds_a_request: float = 0.0
    seconds_to_start: float = 0.0
    num_labels: int = 1

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int, reads_text: bool = False) -> AsyncIterator["Frail"]:  # type: ignore[override]
        await asyncio.sleep(self.seconds_to_start)
        yield Frail(self, is_victim=model.name == self.victim)

    @contextlib.asynccontextmanager
    async def start_pooling(self, model: Model, *, max_model_len: int, head: Head) -> AsyncIterator["Pooling"]:  # type: ignore[override]
        await asyncio.sleep(self.seconds_to_start)
        yield Pooling(self, max_model_len, head)


@dataclass(frozen=True)
class Answering(Scripted):
    """A model of the byte tokenizer that says Yes, No or neither, as its seed has it."""

    @contextlib.asynccontextmanager
    async def start(
        self, model: Model, *, max_model_len: int, reads_text: bool = False
    ) -> AsyncIterator["Speaker"]:  # type: ignore[override]
        yield Speaker(max_model_len)


class Speaker:
    """Answers by the seed alone."""

    def __init__(self, max_model_len: int) -> None:
        self.max_model_len, self.tokenizer = max_model_len, build_tokenizer()

    async def complete(self, request: Request) -> Completion:
        assert len(request.prompt_ids) + request.max_tokens <= self.max_model_len
        said = ("So: Yes", "So: No", "Who can say")[request.seed % 3]
        ids = (*self.tokenizer.encode(said, add_special_tokens=False), request.stop_ids[0])[: request.max_tokens]
        return Completion(ids, "stop" if ids[-1] in request.stop_ids else "length", 0, 0.0)


class Pooling:
    """What a head would say of token ids, as a hash says it. Refuses what is longer than it was started for."""

    def __init__(self, settings: Scripted, max_model_len: int, head: Head) -> None:
        self.settings, self.max_model_len, self.head = settings, max_model_len, head
        self.num_read = 0

    async def pool(self, token_ids: tuple[int, ...]) -> Pooled:
        await asyncio.sleep(self.settings.seconds_a_request)
        self.num_read += 1
        if self.num_read > self.settings.num_sound and self.settings.victim:
            raise RequestFailedError("scripted refusal")
        assert len(token_ids) <= self.max_model_len
        ends = range(len(token_ids)) if self.head.task == "token_classify" else [len(token_ids) - 1]
        return Pooled(
            [[label_of(token_ids[: end + 1], label) for label in range(self.settings.num_labels)] for end in ends],
            0,
        )


def label_of(token_ids: tuple[int, ...], label: int) -> float:
    """What the scripted head says of a text at its last token."""
    return zlib.crc32(repr((label, token_ids)).encode()) / 2**30 - 2


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
