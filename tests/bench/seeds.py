"""python -m tests.bench.seeds: what a seed of its own for every request costs vLLM on this machine.

The same requests with seeds and without, turn and turn about in one engine, so that neither has the cooler machine.
"""

import argparse
import asyncio
import time
from dataclasses import replace

import numpy as np

from harness.engines.vllm import Vllm
from harness.types import Engine, Model, Request, Sampling

CONTEXT = 320


def make_requests(num_requests: int, num_tokens: int, sampling: Sampling) -> list[Request]:
    """Requests that stop at nothing, with prompts of eight tokens that differ."""
    rng = np.random.default_rng(0)
    prompts = rng.integers(3, 20, (num_requests, 8)).tolist()
    return [Request(tuple(prompt), num_tokens, seed, sampling) for seed, prompt in enumerate(prompts)]


async def time_requests(engine: Engine, requests: list[Request]) -> float:
    """Tokens a second of all requests at once."""
    started = time.perf_counter()
    completions = await asyncio.gather(*map(engine.complete, requests))
    return sum(len(completion.token_ids) for completion in completions) / (time.perf_counter() - started)


async def measure(path: str, *, num_requests: int, num_tokens: int, rounds: int, sampling: Sampling) -> np.ndarray:
    """Tokens a second: a row a round, with seeds in the first column and without in the second."""
    settings = Vllm(dtype="float32", enforce_eager=True, max_num_seqs=num_requests)
    seeded = make_requests(num_requests, num_tokens, sampling)
    # vLLM draws a request without a seed from the generator that all of them share.
    variants = seeded, [replace(request, seed=None) for request in seeded]  # type: ignore[arg-type]
    async with settings.start(Model(path), max_model_len=CONTEXT) as engine:
        for requests in variants:
            await time_requests(engine, requests)
        return np.array([[await time_requests(engine, requests) for requests in variants] for _ in range(rounds)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="ladder/checkpoints/countdown-1.1m")
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--top-k", type=int, default=0)
    parser.add_argument("--top-p", type=float, default=1.0)
    given = parser.parse_args()
    rates = asyncio.run(
        measure(
            given.model,
            num_requests=given.requests,
            num_tokens=given.tokens,
            rounds=given.rounds,
            sampling=Sampling(top_k=given.top_k, top_p=given.top_p),
        )
    )
    for with_seeds, without in rates:
        ratio = without / with_seeds
        print(f"with seeds {with_seeds:8,.0f} tokens/s   without {without:8,.0f} tokens/s   ratio {ratio:.3f}")
    ratios = rates[:, 1] / rates[:, 0]
    print(f"without seeds {np.median(ratios):.3f} times as fast (median; {ratios.min():.3f} to {ratios.max():.3f})")


if __name__ == "__main__":
    main()
