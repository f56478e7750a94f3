"""python -m tests.bench.asking: what a seed of its own, and log-probabilities, cost vLLM on this machine.

The same requests as they usually are and otherwise, turn and turn about in one engine, so that neither has the
cooler machine. Processor time is told beside tokens a second, since other work on the machine shows less in it.
"""

import argparse
import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from harness.engines.vllm import Vllm
from harness.types import Engine, Model, Request, Sampling

CONTEXT = 320
PLAIN = Sampling()
# vLLM draws a request without a seed from the generator that all of them share.
OTHERWISE: dict[str, Callable[[Request], Request]] = {
    "without seeds": lambda request: replace(request, seed=None),  # type: ignore[arg-type]
    "with log-probabilities": lambda request: replace(request, sampling=replace(request.sampling, logprobs=True)),
}


def make_requests(num_requests: int, num_tokens: int, sampling: Sampling) -> list[Request]:
    """Requests that stop at nothing, with prompts of eight tokens that differ."""
    rng = np.random.default_rng(0)
    prompts = rng.integers(3, 20, (num_requests, 8)).tolist()
    return [Request(tuple(prompt), num_tokens, seed, sampling) for seed, prompt in enumerate(prompts)]


def processor_seconds() -> float:
    """Processor time that this process and the engine's have taken so far."""
    import psutil

    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


async def time_requests(engine: Engine, requests: list[Request]) -> tuple[float, float]:
    """Tokens a second of all requests at once, and tokens a second of processor time."""
    started, taken = time.perf_counter(), processor_seconds()
    completions = await asyncio.gather(*map(engine.complete, requests))
    num_tokens = sum(len(completion.token_ids) for completion in completions)
    return num_tokens / (time.perf_counter() - started), num_tokens / (processor_seconds() - taken)


async def measure(
    engine: Engine, *, num_requests: int, rounds: int, num_tokens: int = 256, sampling: Sampling = PLAIN
) -> dict[str, np.ndarray]:
    """By name of what is otherwise: its tokens a second over the usual ones; (rounds, wall or processor) each."""
    usual = make_requests(num_requests, num_tokens, sampling)
    variants = {"": usual} | {name: [change(each) for each in usual] for name, change in OTHERWISE.items()}
    # The first of each kind compiles.
    for requests in variants.values():
        await time_requests(engine, requests)
    rates = [[await time_requests(engine, requests) for requests in variants.values()] for _ in range(rounds)]
    plain, *others = np.moveaxis(np.array(rates), 1, 0)
    return {name: rates / plain for name, rates in zip(OTHERWISE, others, strict=True)}


async def start_and_measure(given: argparse.Namespace) -> dict[str, np.ndarray]:
    settings = Vllm(dtype="float32", enforce_eager=True, max_num_seqs=given.requests)
    sampling = Sampling(top_k=given.top_k, top_p=given.top_p)
    async with settings.start(Model(given.model), max_model_len=CONTEXT) as engine:
        return await measure(
            engine, num_requests=given.requests, rounds=given.rounds, num_tokens=given.tokens, sampling=sampling
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="ladder/checkpoints/countdown-1.1m")
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--top-k", type=int, default=0)
    parser.add_argument("--top-p", type=float, default=1.0)
    given = parser.parse_args()
    for name, ratios in asyncio.run(start_and_measure(given)).items():
        wall, processor = np.median(ratios, axis=0)
        low, high = ratios[:, 0].min(), ratios[:, 0].max()
        print(
            f"{name} {wall:.3f} times as fast ({low:.3f} to {high:.3f}), and {processor:.3f} times by processor "
            "time (medians)"
        )


if __name__ == "__main__":
    main()
