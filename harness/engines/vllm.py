"""vLLM in this process. The only file of the project that imports it."""

import contextlib
import gc
import itertools
import os
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.types import Completion, EngineFailedError, Model, Request

# vLLM and torch tell at every start what they cannot use on this machine.
QUIET = {"VLLM_LOGGING_LEVEL": "ERROR", "TORCH_CPP_LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
CPU_OPTIONS = {
    # Forced answers find floor((len - 1) / block) * block tokens of their prefix cached, so small blocks pay;
    # 32 is the smallest that vLLM's CPU attention takes.
    "block_size": 32,
    # A request with a seed that is prefilled in chunks makes vLLM rewind its generator, which CPU generators cannot.
    "enable_chunked_prefill": False,
    # With VLLM_ENABLE_V1_MULTIPROCESSING=0 the worker lives in the engine's process, one import and one hop less.
    "distributed_executor_backend": "uni",
}
CPU_MAX_PARAMS = 1_000_000_000


@dataclass(frozen=True)
class Vllm:
    """Settings of an engine, by vLLM's names; `options` passes any other of its engine arguments through."""

    dtype: str = "auto"
    quantization: str | None = None
    max_num_seqs: int = 256
    gpu_memory_utilization: float = 0.9
    tensor_parallel_size: int = 1
    enforce_eager: bool = False
    cpu_kv_cache_gib: int = 2
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def num_devices(self) -> int:
        """GPUs that one job needs."""
        return self.tensor_parallel_size

    def check(self, model: Model, num_params: int) -> None:
        """Raise ValueError where a model is too large for a machine without an NVIDIA GPU."""
        if num_params > CPU_MAX_PARAMS and not shutil.which("nvidia-smi"):
            raise ValueError(
                f"{model.name} has {num_params / 1e9:.1f} billion parameters and this machine has no NVIDIA GPU "
                "(nvidia-smi is not on PATH). Use a GPU machine, or experiment=embedded, which needs none."
            )

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int) -> AsyncIterator["VllmEngine"]:
        """Load the weights and serve requests until the context ends."""
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        from vllm.platforms import current_platform

        on_cpu = current_platform.is_cpu()
        if on_cpu:
            os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
            os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(self.cpu_kv_cache_gib))
            # A core stays free for this process, which feeds the engine.
            os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) - 1)))
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        arguments = AsyncEngineArgs(
            model=model.path,
            revision=model.revision,
            dtype=self.dtype,
            quantization=self.quantization,
            max_model_len=max_model_len,
            max_num_seqs=self.max_num_seqs,
            gpu_memory_utilization=self.gpu_memory_utilization,
            tensor_parallel_size=self.tensor_parallel_size,
            enforce_eager=self.enforce_eager,
            enable_prefix_caching=True,
            skip_tokenizer_init=True,
            disable_log_stats=True,
            # The model's own generation config must not change how the sweep samples.
            generation_config="vllm",
            use_tqdm_on_load=False,
            **{**(CPU_OPTIONS if on_cpu else {}), **self.options},
        )
        try:
            engine = VllmEngine(AsyncLLM.from_engine_args(arguments))
        except (RuntimeError, ValueError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise EngineFailedError(f"vLLM could not start: {reason}") from error
        try:
            yield engine
        finally:
            engine.shutdown()


class VllmEngine:
    """Completes token ids with a running AsyncLLM."""

    def __init__(self, llm: Any) -> None:
        self._llm = llm
        self._request_numbers = itertools.count()

    def shutdown(self) -> None:
        self._llm.shutdown()
        # Its finaliser fails noisily when it is left to the interpreter's exit.
        del self._llm
        gc.collect()

    async def complete(self, request: Request) -> Completion:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        sampling = request.sampling
        params = SamplingParams(
            max_tokens=request.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            seed=request.seed,
            stop_token_ids=list(request.stop_ids),
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        started = time.monotonic()
        prompt = {"prompt_token_ids": list(request.prompt_ids)}
        try:
            async for output in self._llm.generate(prompt, params, str(next(self._request_numbers))):
                final = output
        except (EngineDeadError, EngineGenerateError) as error:
            raise EngineFailedError(f"vLLM stopped: {error}") from error
        written = final.outputs[0]
        return Completion(
            token_ids=tuple(written.token_ids),
            finish_reason=written.finish_reason,
            num_cached_tokens=final.num_cached_tokens,
            seconds=time.monotonic() - started,
        )
