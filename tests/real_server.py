"""vLLM's own server on a free port of this machine, for the tests and the bench."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.engines.children import bound_python
from harness.engines.vllm import CPU_OPTIONS
from sweeps.provenance import list_gpus

SERVER_SECONDS = 300


@contextlib.contextmanager
def serve_model(path: str, *, log: Path, max_num_seqs: int, options: Sequence[str] = ()) -> Iterator[str]:
    """The address of a server started with the options that the engine in process has; it ends with the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = ["--dtype=float32", "--enforce-eager", f"--max-num-seqs={max_num_seqs}", "--generation-config=vllm"]
    flags += ["--enable-prefix-caching", "--enable-prompt-tokens-details", *options]
    flags += ["--gpu-memory-utilization=0.3"] if list_gpus() else spell_flags(CPU_OPTIONS)
    command = ["-m", "vllm.entrypoints.openai.api_server", f"--model={path}", *flags, "--host=127.0.0.1"]
    environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1"}
    with (
        log.open("w") as output,
        # Told to end, it takes its own engine along.
        bound_python(signal.SIGTERM) as python,
        subprocess.Popen([python, *command, f"--port={port}"], stdout=output, stderr=output, env=environment) as server,
    ):
        try:
            wait_for_server(server, port=port, log=log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            # A server that is still starting does not listen.
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(20)
            server.kill()


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
