"""Shared by all tests: one real engine a session."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.checkpoint import read_checkpoint
from harness.engines.vllm import Vllm
from harness.rendering import Renderer, load_tokenizer
from harness.traces import Context
from harness.types import Engine, Model, Sampling, Thinking

RUNG = Model("ladder/checkpoints/countdown-125k")


@dataclass(frozen=True)
class Running:
    """A real vLLM engine on a loop of its own, and the model it serves."""

    engine: Engine
    loop: asyncio.AbstractEventLoop
    renderer: Renderer

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=300)

    def context(self, *, temperature: float, identity: str = "test") -> Context:
        return Context(identity, self.renderer, Sampling(temperature=temperature))


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    checkpoint = read_checkpoint(RUNG)
    thinking = Thinking(open="<think>", close="</think>", force="</think>")
    renderer = Renderer(load_tokenizer(RUNG.path), thinking, checkpoint.eos_ids)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    settings = Vllm(dtype="float32", enforce_eager=True, max_num_seqs=64, gpu_memory_utilization=0.3)
    starting = settings.start(RUNG, max_model_len=checkpoint.context)
    engine = asyncio.run_coroutine_threadsafe(starting.__aenter__(), loop).result(timeout=300)
    yield Running(engine, loop, renderer)
    asyncio.run_coroutine_threadsafe(starting.__aexit__(None, None, None), loop).result(timeout=60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
