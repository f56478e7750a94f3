"""(b) The harness against a bare AsyncLLM loop on the identical requests."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from harness.samples import Pending, finish_sample
from harness.types import Completion, Engine, Request
from tests.bench.slices import Job, Pair, draw, measure_pair
from tests.bench.workload import BUDGETS, Workload

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


def measure(pair: Pair, *, rounds: int) -> list[float]:
    """Seconds of the harness over seconds of the bare loop, round by round."""
    return [own.seconds / loop.seconds for own, loop in measure_pair(pair, (harness, bare), rounds=rounds)]


async def harness(workload: Workload) -> Job:
    return draw(workload, workload.pending(WIDTH, BUDGETS))


async def bare(workload: Workload) -> Job:
    chains = await _record(
        workload, [sample for samples in workload.pending(WIDTH, BUDGETS) for sample in samples]
    )

    async def run(tell: Callable[[], None]) -> None:
        await _run_bare(workload.engine._llm, chains, samples_in_flight=workload.samples_in_flight, tell=tell)  # type: ignore[attr-defined]

    return Job(len(chains), run)


async def _record(workload: Workload, pending: Sequence[Pending]) -> list[Chain]:
    """Each sample's requests, its trace first."""
    in_flight = asyncio.Semaphore(workload.samples_in_flight)

    async def record(sample: Pending) -> Chain:
        recorder = Recorder(workload.engine)
        async with in_flight:
            await finish_sample(recorder, workload.context, sample)
        return recorder.requests

    return list(await asyncio.gather(*map(record, pending)))


async def _run_bare(
    llm: Any, chains: Sequence[Chain], *, samples_in_flight: int, tell: Callable[[], None]
) -> None:
    """What one would write without a harness: a trace, then its answers, so many samples at once."""
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    numbers, in_flight = itertools.count(), asyncio.Semaphore(samples_in_flight)

    async def complete(request: Request) -> None:
        params = SamplingParams(
            max_tokens=request.max_tokens,
            temperature=request.sampling.temperature,
            seed=request.seed,
            stop_token_ids=list(request.stop_ids),
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
            skip_clone=True,
        )
        prompt = {"type": "token", "prompt_token_ids": list(request.prompt_ids)}
        async for _ in llm.generate(prompt, params, f"bare-{next(numbers)}"):
            pass

    async def sample(chain: Chain) -> None:
        async with in_flight:
            await complete(chain[0])
            await asyncio.gather(*map(complete, chain[1:]))
        tell()

    await asyncio.gather(*map(sample, chains))
