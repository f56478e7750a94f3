"""Shared by all tests: one real engine a session here and one behind a real server,
and the way to outside data.
"""

import asyncio
import contextlib
import gc
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from harness.checkpoint import read_checkpoint
from harness.engines.server import Server
from harness.engines.vllm import Vllm
from harness.pages import collapse_pages
from harness.rendering import Renderer, load_tokenizer
from harness.traces import Context
from harness.types import Engine, EngineSettings, Model, Sampling, Thinking
from tests.real_server import serve_model

DATA_VARIABLE, NO_DATA = "ISOQUANT_DATA", "no outside data:"
MODELS_VARIABLE, NO_MODELS = "ISOQUANT_MODELS", "no real models:"
# What a script starts in the background ignores these, and so would everything that the tests start and stop.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
# Two workers share the cores, and threads of small products wait for each other longer than they multiply. What is
# loaded or started later reads the variable.
os.environ.setdefault("OMP_NUM_THREADS", "1")
threadpool_limits(1, user_api="blas")

STARTS_ENGINES = {
    "test_vllm.py",
    "test_axes_engine.py",
    "test_calls_engine.py",
    "test_engines.py",
    "test_rounds_engine.py",
    "test_caps_engine.py",
    "test_search_engine.py",
    "test_probe.py",
    "test_sweep.py",
    "test_tasks_end_to_end.py",
    "test_tokens.py",
    "test_gsm8k.py",
}
# What takes most processor time, here or in the long tests.
TAKE_LONG = {
    "test_bad_input.py",
    "test_barrage.py",
    "test_configs.py",
    "test_escapes.py",
    "test_figures.py",
    "test_going_on.py",
    "test_grading.py",
    "test_hands.py",
    "test_hostile_checkpoints.py",
    "test_hostile_runs.py",
    "test_kills.py",
    "test_output.py",
    "test_pooling.py",
    "test_score.py",
    "test_search_sweep.py",
    "test_searches.py",
    "test_stops.py",
    "test_union.py",
    "test_validation.py",
}
RUNG = Model("ladder/checkpoints/countdown-125k")
SETTINGS = Vllm(dtype="float32", enforce_eager=True, max_num_seqs=64, gpu_memory_utilization=0.3, cpu_threads=1)


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
def run_engine(settings: EngineSettings, model: Model = RUNG) -> Iterator[Running]:
    """An engine that serves a model until the context ends."""
    checkpoint = read_checkpoint(model)
    thinking = Thinking(open="<think>", close="</think>", force="</think>")
    renderer = Renderer(load_tokenizer(model.path), thinking, checkpoint.eos_ids)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    # With strings to stop at, both engines keep the tokenizer; no other request is read as text.
    starting = settings.start(model, max_model_len=checkpoint.context, reads_text=True)
    try:
        engine = asyncio.run_coroutine_threadsafe(starting.__aenter__(), loop).result(timeout=300)
        # vLLM fills another gigabyte.
        collapse_pages()
        try:
            yield Running(settings, engine, loop, renderer)
        finally:
            asyncio.run_coroutine_threadsafe(starting.__aexit__(None, None, None), loop).result(timeout=60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with run_engine(SETTINGS) as running:
        yield running


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with serve_model(RUNG.path, log=log, settings=SETTINGS) as url:
        yield url


@pytest.fixture(scope="session")
def serving(server_url: str) -> Iterator[Running]:
    with run_engine(Server(server_url, dtype="float32", max_num_seqs=64, retries=1)) as running:
        yield running


@pytest.fixture(scope="session")
def outside_data() -> Callable[[str], Path]:
    """outside_data("gsm8k/test.jsonl"): that path below the folder ISOQUANT_DATA names;
    the test skips where it is not.

    Published data that may not be redistributed is never part of this repository.
    """

    return lambda name: find_outside(name, DATA_VARIABLE, NO_DATA)


@pytest.fixture(scope="session")
def real_model() -> Callable[[str], Path]:
    """real_model("SmolLM2-135M-Instruct"): that model's folder below the folder ISOQUANT_MODELS names, or skip.

    Weights of others are never part of this repository.
    """
    return lambda name: find_outside(name, MODELS_VARIABLE, NO_MODELS)


def find_outside(name: str, variable: str, reason: str) -> Path:
    root = os.environ.get(variable)
    if not root:
        pytest.skip(f"{reason} {variable} is not set")
    path = Path(root).expanduser().resolve() / name
    if not path.exists():
        pytest.skip(f"{reason} {name} is not in {variable}")
    return path


# What the tests import is there to stay: looking through it for what is not takes a fifth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
    # What is imported fills a gigabyte, whose table of pages every forked grader and command would copy.
    collapse_pages()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def on_large_pages() -> None:
    """What the modules before have filled is quickly forked too."""
    collapse_pages()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left with it at the end."""
    items.sort(key=lambda item: (item.path.name not in STARTS_ENGINES, item.path.name not in TAKE_LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Side by side, a file's tests stay together, and all that start real engines are one worker's."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return "engines" if Path(file).name in STARTS_ENGINES else file

    return ByFile(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lines that count what was skipped for want of data and of models, so that a green run does not hide it."""
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    for told, variable, what in (
        (NO_DATA, DATA_VARIABLE, "published data"),
        (NO_MODELS, MODELS_VARIABLE, "Hugging Face models"),
    ):
        if num_without := sum(told in reason for reason in reasons):
            terminalreporter.write_line(
                f"{num_without} skipped with {told.rstrip(':')}; {variable}=<folder of {what}> runs them."
            )
