"""vLLM's own server on a free port of this machine, for the tests and the bench."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.children import bound_python
from harness.engines.vllm import CPU_OPTIONS, SPAWN, Vllm
from sweeps.provenance import list_gpus

SERVER_SECONDS = 300
# As `python -m` runs it, its own processes bound to it.
SERVE = """
import runpy
from harness.children import bind_children
with bind_children():
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__", alter_sys=True)
"""


@contextlib.contextmanager
def serve_model(path: str, *, log: Path, settings: Vllm, options: Sequence[str] = ()) -> Iterator[str]:
    """The address of a server started as the engine in process is;
    it ends with the context, and with this process.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = [f"--dtype={settings.dtype}", f"--max-num-seqs={settings.max_num_seqs}", "--generation-config=vllm"]
    flags += ["--enable-prefix-caching", "--enable-prompt-tokens-details", *options]
    flags += ["--enforce-eager"] if settings.enforce_eager else []
    if list_gpus():
        flags, environment = [*flags, f"--gpu-memory-utilization={settings.gpu_memory_utilization}"], {}
    else:
        flags, environment = [*flags, *spell_flags(CPU_OPTIONS)], settings.cpu_environment
    with (
        log.open("w") as output,
        bound_python() as python,
        subprocess.Popen(
            [python, "-c", SERVE, f"--model={path}", *flags, "--host=127.0.0.1", f"--port={port}"],
            stdout=output,
            stderr=output,
            env={**environment, **SPAWN, **os.environ},
        ) as server,
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
