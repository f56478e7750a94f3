"""Shared by all tests: one real engine a session in this process, and one behind a real server."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.checkpoint import read_checkpoint
from harness.engines.server import Server
from harness.engines.vllm import CPU_OPTIONS, Vllm
from harness.rendering import Renderer, load_tokenizer
from harness.traces import Context
from harness.types import Engine, EngineSettings, Model, Sampling, Thinking
from sweeps.provenance import list_gpus

RUNG = Model("ladder/checkpoints/countdown-125k")
SERVER_SECONDS = 300


@dataclass(frozen=True)
class Running:
    """A real engine on a loop of its own, and the model it serves."""

    settings: EngineSettings
    engine: Engine
    loop: asyncio.AbstractEventLoop
    renderer: Renderer

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=300)

    def context(self, *, temperature: float, identity: str = "test") -> Context:
        return Context(identity, self.renderer, Sampling(temperature=temperature))


@contextlib.contextmanager
def run_engine(settings: EngineSettings) -> Iterator[Running]:
    """An engine that serves RUNG until the context ends."""
    checkpoint = read_checkpoint(RUNG)
    thinking = Thinking(open="<think>", close="</think>", force="</think>")
    renderer = Renderer(load_tokenizer(RUNG.path), thinking, checkpoint.eos_ids)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = settings.start(RUNG, max_model_len=checkpoint.context)
    try:
        engine = asyncio.run_coroutine_threadsafe(starting.__aenter__(), loop).result(timeout=300)
        yield Running(settings, engine, loop, renderer)
        asyncio.run_coroutine_threadsafe(starting.__aexit__(None, None, None), loop).result(timeout=60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with run_engine(Vllm(dtype="float32", enforce_eager=True, max_num_seqs=64, gpu_memory_utilization=0.3)) as running:
        yield running


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """vLLM's own server on a free port of this machine, started as `running` is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    options = ["--dtype=float32", "--enforce-eager", "--max-num-seqs=64", "--generation-config=vllm"]
    options += ["--enable-prefix-caching", "--enable-prompt-tokens-details", "--skip-tokenizer-init"]
    options += ["--gpu-memory-utilization=0.3"] if list_gpus() else spell_flags(CPU_OPTIONS)
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", f"--model={RUNG.path}", *options]
    environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1"}
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, "--host=127.0.0.1", f"--port={port}"], stdout=output, stderr=output, env=environment
        ) as server,
    ):
        try:
            wait_for_server(server, port=port, log=log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def spell_flags(options: dict[str, Any]) -> list[str]:
    """Engine options as flags of the server's command line."""
    names = {name: name.replace("_", "-") for name in options}
    return [
        ("--" if value else "--no-") + names[name] if isinstance(value, bool) else f"--{names[name]}={value}"
        for name, value in options.items()
    ]


def wait_for_server(server: subprocess.Popen[Any], *, port: int, log: Path) -> None:
    deadline = time.monotonic() + SERVER_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return
        time.sleep(0.5)
    raise AssertionError(f"The server did not start within {SERVER_SECONDS} seconds: {log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def serving(server_url: str) -> Iterator[Running]:
    with run_engine(Server(server_url, dtype="float32", max_num_seqs=64, retries=1)) as running:
        yield running
