"""(b) The harness against a bare AsyncLLM loop on the identical requests."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.samples import Pending, finish_sample
from harness.types import Completion, Engine, Request
from tests.bench.workload import BUDGETS, Workload, reset_cache

WIDTH = 16
Chain = Sequence[Request]


class Recorder:
    """An engine that notes the requests it passes on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.requests: list[Request] = []

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        return await self._engine.complete(request)


async def measure(workload: Workload, *, rounds: int) -> list[float]:
    """Seconds of the harness over seconds of the bare loop, round by round, each beginning with the other one."""
    pending = [[Pending(key, BUDGETS) for key in keys] for keys in workload.keys(WIDTH)]
    chains = await _record(workload, [sample for samples in pending for sample in samples])
    ratios = []
    for number in range(rounds):
        seconds = {}
        for kind in ("bare", "harness") if number % 2 else ("harness", "bare"):
            await reset_cache(workload)
            started = time.perf_counter()
            if kind == "bare":
                await _run_bare(workload.engine._llm, chains, samples_in_flight=workload.samples_in_flight)  # type: ignore[attr-defined]
            else:
                with tempfile.TemporaryDirectory() as root:
                    await workload.finish(pending, root=Path(root))
            seconds[kind] = time.perf_counter() - started
        ratios.append(seconds["harness"] / seconds["bare"])
    return ratios


async def _record(workload: Workload, pending: Sequence[Pending]) -> list[Chain]:
    """Each sample's requests, its trace first."""
    in_flight = asyncio.Semaphore(workload.samples_in_flight)

    async def record(sample: Pending) -> Chain:
        recorder = Recorder(workload.engine)
        async with in_flight:
            await finish_sample(recorder, workload.context, sample)
        return recorder.requests

    return list(await asyncio.gather(*map(record, pending)))


async def _run_bare(llm: Any, chains: Sequence[Chain], *, samples_in_flight: int) -> None:
    """What one would write without a harness: a trace, then its answers, so many samples at once."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    numbers, in_flight = itertools.count(), asyncio.Semaphore(samples_in_flight)

    async def complete(request: Request) -> None:
        params = SamplingParams(
            max_tokens=request.max_tokens,
            temperature=request.sampling.temperature,
            seed=request.seed,
            stop_token_ids=list(request.stop_ids),
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        prompt = {"type": "token", "prompt_token_ids": list(request.prompt_ids)}
        async for _ in llm.generate(prompt, params, f"bare-{next(numbers)}"):
            pass

    async def sample(chain: Chain) -> None:
        async with in_flight:
            await complete(chain[0])
            await asyncio.gather(*map(complete, chain[1:]))

    await asyncio.gather(*map(sample, chains))
