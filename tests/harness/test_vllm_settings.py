"""vLLM in this process: what its settings pass on, what they refuse, and what its failures are told as."""

import asyncio
import dataclasses
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.checkpoint import read_checkpoint
from harness.engines.cpu import CACHE_ROOM, CACHE_SHARE, GIB
from harness.engines.vllm import KILLED, OWNED_OPTIONS, Vllm, VllmEngine, explain_start
from harness.engines.weights import choose_formats, fetch_weights
from harness.types import EngineFailedError, Model, Request, RequestFailedError, Sampling
from sweeps.provenance import list_gpus
from tests.conftest import RUNG, run_engine

# One with the attention of a model of 1.5 billion parameters.
SHAPE = dataclasses.replace(read_checkpoint(RUNG).architecture, num_layers=28, cached_width=512)
REQUEST = Request((5, 6, 7), 200, 1, Sampling())


def start(settings: Vllm) -> None:
    async def run() -> None:
        async with settings.start(RUNG, max_model_len=64):
            pass

    asyncio.run(run())


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The engine arguments of every engine that is started, none of which is."""
    from vllm.v1.engine.async_llm import AsyncLLM

    given: list[Any] = []

    def catch(passed: Any) -> Any:
        given.append(passed)
        return SimpleNamespace(shutdown=lambda: None)

    monkeypatch.setattr(AsyncLLM, "from_engine_args", catch)
    return given


def test_settings_pass_through_by_vllms_names(arguments: list[Any]) -> None:
    own = {"tensor_parallel_size": 2, "pipeline_parallel_size": 3, "data_parallel_size": 4, "max_num_seqs": 7}
    own |= {"gpu_memory_utilization": 0.5, "dtype": "bfloat16", "quantization": "fp8", "enforce_eager": True}
    settings = Vllm(**own, options={"kv_cache_dtype": "fp8", "enable_prefix_caching": False})
    start(settings)
    passed = vars(arguments[0])
    assert own.items() <= passed.items()
    assert (passed["model"], passed["max_model_len"]) == (RUNG.path, 64)
    assert (passed["kv_cache_dtype"], passed["enable_prefix_caching"]) == ("fp8", False)
    assert settings.num_devices == 24
    # Of a model that reads pictures too, the rest is left alone: it would ask for the tokenizer.
    assert passed["language_model_only"] and passed["skip_tokenizer_init"]


def test_one_worker_shares_the_engines_process_and_several_do_not(arguments: list[Any]) -> None:
    start(Vllm())
    start(Vllm(tensor_parallel_size=2))
    backends = [passed.distributed_executor_backend for passed in arguments]
    assert backends == ([None, None] if list_gpus() else ["uni", None])


@pytest.mark.parametrize("name", sorted(OWNED_OPTIONS))
def test_an_option_that_a_field_owns_is_refused_with_the_field(name: str) -> None:
    with pytest.raises(ValueError, match=rf"engine.options.{name} is refused; set {OWNED_OPTIONS[name]}"):
        Vllm(options={name: 1})


def test_every_owned_option_is_one_of_vllms() -> None:
    from vllm.engine.arg_utils import AsyncEngineArgs

    assert set(OWNED_OPTIONS) <= {argument.name for argument in dataclasses.fields(AsyncEngineArgs)}


@pytest.mark.parametrize(
    ("name", "hint"), [("kv_cache_dtyp", "did you mean kv_cache_dtype"), ("zzzz", "vllm serve --help")]
)
def test_an_unknown_option_is_refused_with_the_nearest_names(name: str, hint: str) -> None:
    with pytest.raises(
        ValueError, match=rf"engine.options.{name}: this vLLM has no such engine argument; .*{hint}"
    ):
        start(Vllm(options={name: 1}))


def test_a_value_that_vllm_refuses_is_told_in_its_words() -> None:
    with pytest.raises(EngineFailedError, match="^vLLM could not start: .*valid integer") as error:
        start(Vllm(options={"block_size": "small"}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        "tensor_parallel_size",
        "pipeline_parallel_size",
        "data_parallel_size",
        "max_num_seqs",
        "cpu_kv_cache_gib",
        "cpu_threads",
    ],
)
def test_a_size_below_one_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"engine.{name} must be at least 1; got 0"):
        Vllm(**{name: 0})


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_share_of_memory_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"engine.gpu_memory_utilization must be above 0 and at most 1"):
        Vllm(gpu_memory_utilization=share)


class Failing:
    """What AsyncLLM is to the engine, with nothing but an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def generate(self, *request: Any) -> AsyncIterator[None]:
        raise self.error
        yield


def fail(error: Exception, printed: str = "") -> Exception:
    with tempfile.TemporaryFile() as log:
        log.write(printed.encode())
        log.flush()
        with pytest.raises((EngineFailedError, RequestFailedError)) as failed:
            asyncio.run(VllmEngine(Failing(error), log).complete(REQUEST))
        return failed.value


def test_a_request_fails_alone_where_the_engine_goes_on() -> None:
    from vllm.exceptions import VLLMValidationError
    from vllm.v1.engine.exceptions import EngineGenerateError

    unexpected = EngineGenerateError()
    unexpected.__cause__ = KeyError("pixel")
    for error, reason in (
        (unexpected, "'pixel'"),
        (VLLMValidationError("long"), "long"),
        (ValueError("bad"), "bad"),
    ):
        failed = fail(error)
        assert type(failed) is RequestFailedError
        assert str(failed) == f"vLLM refused a request: {reason}"


def test_an_engine_that_died_is_told_with_the_last_error_it_printed() -> None:
    from vllm.v1.engine.exceptions import EngineDeadError

    printed = (
        "(EngineCore pid=7) ERROR 11-22 07:25:47 [core.py:1510] torch.OutOfMemoryError: CUDA out of memory.\n"
    )
    failed = fail(EngineDeadError(), printed)
    assert type(failed) is EngineFailedError
    assert str(failed) == "vLLM stopped: torch.OutOfMemoryError: CUDA out of memory."
    assert str(fail(EngineDeadError())).startswith("vLLM stopped: Its process ended without an error message")


def test_an_engine_that_did_not_start_is_told_with_what_its_error_points_to() -> None:
    pointer = RuntimeError("Engine core initialization failed. See root cause above. Failed core proc(s): {}")
    with tempfile.TemporaryFile() as log:
        assert KILLED in explain_start(pointer, log)
        log.write(b"ValueError: no room\n")
        log.flush()
        assert explain_start(pointer, log).startswith("ValueError: no room (VLLM_LOGGING_LEVEL=INFO")
        assert explain_start(ImportError("install bits"), log).startswith("install bits (VLLM")
        assert "make setup" in explain_start(ModuleNotFoundError("No module", name="vllm"), log)


def test_weights_are_fetched_from_the_hub_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []

    def download(path: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((path, revision))
        assert allow_patterns == ["*.json", "*.safetensors"]
        return "fetched"

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert fetch_weights(RUNG) == Path(RUNG.path)
    assert fetch_weights(Model("some/model", revision="main")) == Path("fetched")
    assert asked == [("some/model", "main")]


def test_weights_are_read_from_safetensors_alone_and_by_the_config_that_describes_them(tmp_path: Path) -> None:
    plain = {"load_format": "safetensors", "config_format": "hf"}
    assert choose_formats(Path(RUNG.path)) == plain
    (tmp_path / "pytorch_model.bin").touch()
    assert choose_formats(tmp_path) == plain
    (tmp_path / "consolidated.safetensors").touch()
    assert choose_formats(tmp_path) == {"load_format": "mistral"}
    (tmp_path / "model.safetensors").touch()
    assert choose_formats(tmp_path) == plain


@pytest.mark.parametrize("load_format", ["auto", "hf", "pt", "npcache", "tensorizer", "their_own"])
def test_a_format_that_may_be_pickled_is_refused(load_format: str) -> None:
    with pytest.raises(
        ValueError, match=rf"engine.options.load_format={load_format} is refused.*pickled.*safetensors"
    ):
        Vllm(options={"load_format": load_format})
    assert Vllm(options={"load_format": "dummy"})


@pytest.mark.server
def test_an_engine_whose_process_is_killed_fails_every_request() -> None:
    others = set(multiprocessing.active_children())
    settings = Vllm(dtype="float32", enforce_eager=True, max_num_seqs=8, gpu_memory_utilization=0.2)
    with run_engine(settings) as running:
        (core,) = set(multiprocessing.active_children()) - others

        async def kill_in_flight() -> list[Any]:
            under_way = [asyncio.create_task(running.engine.complete(REQUEST)) for _ in range(4)]
            await asyncio.sleep(0.05)
            os.kill(core.pid or 0, signal.SIGKILL)
            late = await asyncio.gather(*under_way, return_exceptions=True)
            return [*late, *await asyncio.gather(running.engine.complete(REQUEST), return_exceptions=True)]

        failures = running.run(kill_in_flight())
    assert [type(failure) for failure in failures] == [EngineFailedError] * 5


@pytest.mark.server
def test_an_engine_without_the_memory_it_wants_is_told_in_a_line(tmp_path: Path) -> None:
    greedy = "engine.gpu_memory_utilization=0.001" if list_gpus() else "engine.cpu_kv_cache_gib=4096"
    small = ["model=countdown-33k", "task.size=1", "grid.widths=[1]", "grid.budgets=[0]", f"run={tmp_path}/run"]
    command = [sys.executable, "-m", "sweeps", *small, greedy, f"hydra.sweep.dir={tmp_path}/hydra"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VLLM_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode != 0
    told = "vLLM could not start: ValueError: " if list_gpus() else "countdown-33k needs "
    assert f"countdown-33k: {told}" in done.stderr and "emory" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine of 2 cores and 24 GiB without a GPU; a test may take something away."""
    has = {"count_cores": 2, "available_bytes": 24 * GIB, "has_bfloat16": True}
    monkeypatch.setattr("shutil.which", lambda name: None)
    for name in has:
        monkeypatch.setattr(f"harness.engines.machine.{name}", lambda name=name: has[name])
    return has


def settle(settings: Vllm, *, billions: float = 0.5) -> Vllm:
    shape = dataclasses.replace(SHAPE, num_params=int(billions * 1e9))
    return settings.settle(Model("some/model"), shape, max_model_len=4096)


def test_a_dtype_of_auto_is_what_the_processor_multiplies_fastest(small_machine: dict[str, Any]) -> None:
    assert settle(Vllm()).dtype == "bfloat16"
    assert settle(Vllm(dtype="float16")).dtype == "float16"
    # Narrow matrices end vLLM's process.
    assert settle(Vllm(), billions=0.001).dtype == "float32"
    small_machine["has_bfloat16"] = False
    assert settle(Vllm()).dtype == "float32"


def test_a_gpu_leaves_the_dtype_to_the_checkpoint_and_takes_many_sequences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi")
    settled = settle(Vllm(), billions=1000)
    assert (settled.dtype, settled.max_num_seqs, settled.cpu_kv_cache_gib) == ("auto", 256, None)
    assert settled.enforce_eager is False
    assert settle(Vllm(max_num_seqs=7)).max_num_seqs == 7


def test_few_sequences_are_in_flight_without_a_gpu(small_machine: dict[str, Any]) -> None:
    assert settle(Vllm()).samples_in_flight == 32
    small_machine["available_bytes"] = 512 * GIB
    for num_cores, num_samples in ((16, 128), (192, 256)):
        small_machine["count_cores"] = num_cores
        assert settle(Vllm()).samples_in_flight == num_samples
    assert settle(Vllm(max_num_seqs=512)).samples_in_flight == 512


def test_the_cache_holds_what_is_in_flight_and_leaves_memory(small_machine: dict[str, Any]) -> None:
    # Keys and values of 28 layers, 2 x 128 wide, in two bytes each: 112 MiB a sequence of 4,096 tokens.
    settled = settle(Vllm(max_num_seqs=16), billions=1.5)
    assert settled.cpu_kv_cache_gib == math.ceil(CACHE_ROOM * 16 * 112 / 1024)
    assert settle(Vllm(max_num_seqs=512), billions=1.5).cpu_kv_cache_gib == int(CACHE_SHARE * (22 - 3e9 / GIB))
    small_machine["available_bytes"] = 7 * GIB
    tight = settle(Vllm(), billions=1.5)
    assert (tight.cpu_kv_cache_gib, tight.max_num_seqs) == (1, 1024 // 112)


def test_memory_decides_whether_a_model_is_refused_without_a_gpu(small_machine: dict[str, Any]) -> None:
    assert settle(Vllm(), billions=1.5).dtype == "bfloat16"
    assert settle(Vllm(), billions=8).dtype == "bfloat16"
    with pytest.raises(ValueError) as refused:
        settle(Vllm(), billions=14)
    assert str(refused.value) == (
        "model needs 29.1 GiB of memory (weights in bfloat16 26.1, cache 1.0, programs 2.0); this machine has "
        "24.0 GiB free, and no NVIDIA GPU (nvidia-smi is not on PATH). Close other programs, use a smaller "
        "model, or use a server that has the model: engine=server engine.url=http://HOST:8000/v1."
    )
    with pytest.raises(ValueError, match="use a smaller model, engine.dtype=bfloat16, or use a server"):
        settle(Vllm(dtype="float32"), billions=8)
    with pytest.raises(ValueError, match="cache 30.0.* a lower engine.cpu_kv_cache_gib, or use a server"):
        settle(Vllm(cpu_kv_cache_gib=30))


def test_a_quantized_model_weighs_what_its_files_say(small_machine: dict[str, Any]) -> None:
    shape = dataclasses.replace(SHAPE, num_params=30 * 10**9, quantized_bytes=15 * 10**9)
    assert Vllm().settle(Model("some/model"), shape, max_model_len=4096).dtype == "bfloat16"


def test_without_a_gpu_nothing_is_compiled_unless_it_is_asked_for(small_machine: dict[str, Any]) -> None:
    assert settle(Vllm()).enforce_eager is True
    assert settle(Vllm(enforce_eager=False)).enforce_eager is False


def test_every_core_takes_part_and_a_thread_that_waits_sleeps(small_machine: dict[str, Any]) -> None:
    environment = settle(Vllm()).cpu_environment
    assert (environment["OMP_NUM_THREADS"], environment["OMP_WAIT_POLICY"]) == ("2", "PASSIVE")
    assert settle(Vllm(cpu_threads=1)).cpu_environment["OMP_NUM_THREADS"] == "1"


def test_what_is_set_is_kept(small_machine: dict[str, Any]) -> None:
    given = Vllm(dtype="float32", max_num_seqs=512, cpu_kv_cache_gib=2, cpu_threads=1, enforce_eager=True)
    assert settle(given, billions=0.001) == given
