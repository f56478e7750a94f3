"""vLLM in this process: its settings, and what starts it. No file outside this room imports it."""

import contextlib
import dataclasses
import difflib
import functools
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from harness.architecture import Architecture
from harness.certainty import NUM_LIKELIEST, Certainty, confidence
from harness.children import bind_children
from harness.engines import cpu, machine
from harness.engines.output import POINTER, divert_output, first_line, last_error, way_on
from harness.engines.pooling import Head, VllmPooling
from harness.engines.serving import KILLED, Serving
from harness.engines.weights import check_load_format, choose_formats, fetch_weights
from harness.types import Completion, EngineFailedError, Model, Request, RequestFailedError

# vLLM and torch tell at every start what they cannot use on this machine.
# Its processes are spawned, not forked, so that they can be bound to this one.
SPAWN = {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
QUIET = {"VLLM_LOGGING_LEVEL": "ERROR", "TORCH_CPP_LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
CPU_OPTIONS = {
    # Forced answers find floor((len - 1) / block) * block tokens of their prefix cached, so small blocks pay;
    # 32 is the smallest that vLLM's CPU attention takes.
    "block_size": 32,
    # A request with a seed that is prefilled in chunks makes vLLM rewind its generator, which CPU generators
    # cannot.
    "enable_chunked_prefill": False,
}
# What `options` must not say twice, and the field that says it.
OWNED_OPTIONS = {
    **{
        name: f"engine.{name}"
        for name in (
            "dtype",
            "quantization",
            "max_num_seqs",
            "gpu_memory_utilization",
            "tensor_parallel_size",
            "pipeline_parallel_size",
            "data_parallel_size",
            "enforce_eager",
        )
    },
    "model": "model.path",
    "tokenizer": "model.path",
    "revision": "model.revision",
    "max_model_len": "grid.budgets, which determine it",
    "seed": "seed, from which the seed of every request is computed",
    "generation_config": "sampling",
    "override_generation_config": "sampling",
}
GPU_NUM_SEQS = 256


@dataclass(frozen=True)
class Vllm:
    """Settings of an engine, by vLLM's names; `options` passes any other of its engine arguments through.

    max_num_seqs: sequences at once on each data-parallel replica. cpu_kv_cache_gib, cpu_threads: without a GPU.
    What is null, and without a GPU a dtype of auto, `settle` chooses by the machine and the model.
    """

    dtype: str = "auto"
    quantization: str | None = None
    max_num_seqs: int | None = None
    gpu_memory_utilization: float = 0.9
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    data_parallel_size: int = 1
    enforce_eager: bool | None = None
    cpu_kv_cache_gib: int | None = None
    cpu_threads: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        sizes = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
        for name in (*sizes, "max_num_seqs", "cpu_kv_cache_gib", "cpu_threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"engine.{name} must be at least 1; got {value}.")
        if not 0 < self.gpu_memory_utilization <= 1:
            raise ValueError(
                f"engine.gpu_memory_utilization must be above 0 and at most 1; got {self.gpu_memory_utilization}."
            )
        for name in self.options:
            if name in OWNED_OPTIONS:
                raise ValueError(f"engine.options.{name} is refused; set {OWNED_OPTIONS[name]}.")
        check_load_format(self.options)

    @property
    def num_devices(self) -> int:
        """GPUs that one job needs."""
        return self.tensor_parallel_size * self.pipeline_parallel_size * self.data_parallel_size

    @property
    def samples_in_flight(self) -> int:
        """As many sequences as all data-parallel replicas take at once."""
        return (self.max_num_seqs or GPU_NUM_SEQS) * self.data_parallel_size

    @property
    def cpu_environment(self) -> dict[str, str]:
        """What vLLM reads of the environment on a machine without a GPU, unless it says otherwise already."""
        return {
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "VLLM_CPU_KVCACHE_SPACE": str(self.cpu_kv_cache_gib or 2),
            "OMP_NUM_THREADS": str(self.cpu_threads or machine.count_cores()),
            # Threads that spin while they wait for one that has lost its core to another program keep the rest of
            # it: two on two busy cores wrote 2 tokens a second by spinning, and 60 by sleeping.
            "OMP_WAIT_POLICY": "PASSIVE",
        }

    def settle(self, model: Model, architecture: Architecture, *, max_model_len: int) -> Self:
        """These settings with all that was left to the machine chosen for it and for the model.

        Raises ValueError where there is no NVIDIA GPU and the memory does not hold the model, and for knobs, which
        are a server's.
        """
        if model.knobs:
            raise ValueError(
                f"model.knobs ({', '.join(model.knobs)}) are asked of a server with every request: engine=server "
                "engine.url=http://HOST:8000/v1. vLLM in this process has no such knobs."
            )
        if shutil.which("nvidia-smi"):
            return dataclasses.replace(
                self, max_num_seqs=self.max_num_seqs or GPU_NUM_SEQS, enforce_eager=bool(self.enforce_eager)
            )
        dtype = cpu.choose_dtype(self.dtype, architecture, has_bfloat16=machine.has_bfloat16())
        needs = cpu.read_needs(architecture, dtype, max_model_len=max_model_len)
        num_cores, free_bytes = machine.count_cores(), machine.available_bytes()
        sizes = cpu.choose_sizes(
            needs,
            num_cores=num_cores,
            free_bytes=free_bytes,
            max_num_seqs=self.max_num_seqs,
            cache_gib=self.cpu_kv_cache_gib,
        )
        if sizes is None:
            raise ValueError(
                cpu.explain_refusal(
                    model.name, needs, dtype, free_bytes=free_bytes, cache_gib=self.cpu_kv_cache_gib
                )
            )
        return dataclasses.replace(
            self,
            dtype=dtype,
            max_num_seqs=sizes.max_num_seqs,
            cpu_kv_cache_gib=sizes.cache_gib,
            cpu_threads=self.cpu_threads or num_cores,
            # Compiling needs a C++ compiler and took 72 seconds for half a billion parameters, which were then a
            # seventh faster: it pays after eight minutes of drawing.
            enforce_eager=True if self.enforce_eager is None else self.enforce_eager,
        )

    def import_early(self) -> None:
        """Import what starting takes, so that processes forked from this one start at once; without vLLM nothing,
        since starting says so.
        """
        for name, value in {**QUIET, **SPAWN}.items():
            os.environ.setdefault(name, value)
        with (
            contextlib.suppress(ModuleNotFoundError),
            tempfile.TemporaryFile() as log,
            divert_output(log) if os.environ["VLLM_LOGGING_LEVEL"] == "ERROR" else contextlib.nullcontext(),
        ):
            from vllm.engine import arg_utils  # noqa: F401
            from vllm.v1.engine import async_llm  # noqa: F401

    @contextlib.asynccontextmanager
    async def start(
        self, model: Model, *, max_model_len: int, reads_text: bool = False
    ) -> AsyncIterator["VllmEngine"]:
        """Load the weights and serve requests until the context ends; raises as `launch`."""
        with tempfile.TemporaryFile() as log:
            # Only strings to stop at are looked for in text.
            arguments = {"max_model_len": max_model_len, "skip_tokenizer_init": not reads_text}
            engine = VllmEngine(*self.launch(model, log, **arguments))
            try:
                yield engine
            finally:
                engine.shutdown()

    @contextlib.asynccontextmanager
    async def start_pooling(self, model: Model, *, max_model_len: int, head: Head) -> AsyncIterator[VllmPooling]:
        """Load weights that end in a head, and read token ids until the context ends; raises as `launch`."""
        with tempfile.TemporaryFile() as log:
            arguments = {"runner": "pooling", "skip_tokenizer_init": True, **head.arguments}
            engine = VllmPooling(*self.launch(model, log, max_model_len=max_model_len, **arguments), head)
            try:
                yield engine
            finally:
                engine.shutdown()

    def launch(self, model: Model, log: IO[bytes], **arguments: Any) -> tuple[Any, IO[bytes] | None]:
        """A running AsyncLLM, and the log of what its processes print, None where that is shown.

        arguments: vLLM's own, beside those that are the same for every engine. Raises ValueError for an option
        that vLLM does not know, EngineFailedError with vLLM's reason for all else. What vLLM prints is kept for
        that reason alone, unless VLLM_LOGGING_LEVEL asks for more than errors.
        """
        for name, value in {**QUIET, **SPAWN}.items():
            os.environ.setdefault(name, value)
        quiet = os.environ["VLLM_LOGGING_LEVEL"] == QUIET["VLLM_LOGGING_LEVEL"]
        try:
            folder = fetch_weights(model)
            with divert_output(log) if quiet else contextlib.nullcontext(), bind_children():
                return self._load(model, folder, **arguments), log if quiet else None
        except UnknownOptionError:
            raise
        except Exception as error:  # whatever vLLM, torch or a driver raise, the engine has not started
            raise EngineFailedError(f"vLLM could not start: {explain_start(error, log)}") from error

    def _load(self, model: Model, folder: Path, **given: Any) -> Any:
        """A running AsyncLLM with the weights of `model`, which lie in `folder`."""
        from vllm.platforms import current_platform

        on_cpu = current_platform.is_cpu()
        for name, value in self.cpu_environment.items() if on_cpu else ():
            os.environ.setdefault(name, value)
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        check_options(self.options, known=[argument.name for argument in dataclasses.fields(AsyncEngineArgs)])
        arguments: dict[str, Any] = {
            "enable_prefix_caching": True,
            # What else than text a model reads would ask for the tokenizer.
            "language_model_only": True,
            "disable_log_stats": True,
            # The model's own generation config must not change how the sweep samples.
            "generation_config": "vllm",
            "use_tqdm_on_load": False,
            # No code of the checkpoint's is run, and none is asked for at a terminal.
            "trust_remote_code": False,
            **choose_formats(folder),
            **(CPU_OPTIONS if on_cpu else {}),
            # With VLLM_ENABLE_V1_MULTIPROCESSING=0 one worker lives in the engine's process, one hop less.
            **({"distributed_executor_backend": "uni"} if on_cpu and self.num_devices == 1 else {}),
            **given,
            **self.options,
        }
        own = {name: getattr(self, name) for name in OWNED_OPTIONS if hasattr(self, name)}
        own["max_num_seqs"] = self.max_num_seqs or GPU_NUM_SEQS
        own["enforce_eager"] = on_cpu if self.enforce_eager is None else self.enforce_eager
        return AsyncLLM.from_engine_args(
            AsyncEngineArgs(model=model.path, revision=model.revision, **own, **arguments)
        )


class UnknownOptionError(ValueError):
    """An engine option that this vLLM does not have."""


def check_options(options: Mapping[str, Any], known: list[str]) -> None:
    """Raise UnknownOptionError with the nearest names for an option that is not among `known`."""
    for name in options:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=3)
            hint = f" did you mean {' or '.join(nearest)}?" if nearest else " `vllm serve --help` lists the names."
            raise UnknownOptionError(f"engine.options.{name}: this vLLM has no such engine argument;{hint}")


def explain_start(error: Exception, log: IO[bytes]) -> str:
    """Why an engine did not start, in a line: the error's own words, or what they point to in the log."""
    if isinstance(error, ModuleNotFoundError) and error.name == "vllm":
        return "it is not installed. Run `make setup`."
    reason = first_line(error)
    if POINTER.search(reason):
        reason = last_error(log) or f"{reason} {KILLED}"
    if (told := way_on(reason)) is not None:
        return f"{told} ({reason})"
    return f"{reason} (VLLM_LOGGING_LEVEL=INFO shows all that it says)"


class VllmEngine(Serving):
    """Completes token ids with a running AsyncLLM."""

    @property
    def num_tokens_under_way(self) -> int:
        """Tokens written for requests that still run: vLLM's front end holds them until a request ends."""
        states = list(self._llm.output_processor.request_states.values())
        return sum(state.detokenizer.num_output_tokens() for state in states if state.detokenizer is not None)

    async def complete(self, request: Request) -> Completion:
        from vllm.sampling_params import RequestOutputKind, SamplingParams

        sampling = request.sampling
        params = SamplingParams(
            max_tokens=request.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            seed=request.seed,
            stop_token_ids=list(request.stop_ids),
            # Of the ends of text, those count that are among the stop ids.
            ignore_eos=True,
            stop=list(request.stop),
            detokenize=bool(request.stop),
            skip_special_tokens=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
            # Nobody else holds it, so vLLM need not copy it deeply.
            skip_clone=True,
            logprobs=self._num_logprobs if sampling.logprobs else None,
            flat_logprobs=sampling.logprobs,
        )
        started = time.monotonic()
        # With its type, vLLM takes it as it is; else it hands it to a thread that would tokenize it.
        prompt = {"type": "token", "prompt_token_ids": list(request.prompt_ids)}
        with self._telling_failures():
            async for output in self._llm.generate(prompt, params, str(next(self._request_numbers))):
                final = output
        written = final.outputs[0]
        if written.finish_reason not in ("stop", "length"):
            raise RequestFailedError(f"vLLM ended a request with {written.finish_reason!r}.")
        return Completion(
            token_ids=tuple(written.token_ids),
            finish_reason=written.finish_reason,
            num_cached_tokens=final.num_cached_tokens,
            seconds=time.monotonic() - started,
            certainty=read_certainty(written.logprobs) if sampling.logprobs else None,
        )

    @functools.cached_property
    def _num_logprobs(self) -> int:
        """As many tokens as a confidence is the mean of, or as the model knows."""
        return min(NUM_LIKELIEST, int(self._llm.model_config.get_vocab_size()))


def read_certainty(flat: Any) -> Certainty:
    """Of vLLM's FlatLogprobs, in which the token that was drawn stands in front of the likeliest ones."""
    places = list(zip(flat.start_indices, flat.end_indices, strict=True))
    return Certainty(
        tuple(flat.logprobs[start] for start, _ in places),
        tuple(confidence(flat.logprobs[start + 1 : end]) for start, end in places),
    )
