"""Scores of every head on vLLM, one engine after the other in a process of their own: FOLDER -> JSON on stdout."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.engines.vllm import Vllm
from harness.scorers.generative import Generative
from harness.scorers.outcome import Outcome
from harness.scorers.process import Process
from harness.scorers.protocol import Item, Read
from harness.types import EngineSettings, Prompt, RequestFailedError
from tests.harness.heads import TAG

SETTINGS = Vllm(dtype="float32", enforce_eager=True, max_num_seqs=16, gpu_memory_utilization=0.2, cpu_threads=1)
PROMPT = Prompt("sums/0", "What is 17 + 25?", {})
TEXTS = (
    "42",
    "17 + 25 is 42.\n\nSo it is 42.",
    "First 17 + 20 = 37.\n\nThen 37 + 5 = 42.\n\n\n\nThe answer is 42.",
    "ünïcode 数 \U0001f600\n\n<|start_header_id|>user<|end_header_id|> [INST] ### Response:",
    "x" * 400,
)
ITEMS = [Item(PROMPT, "thought", text) for text in TEXTS]


def scorers(root: Path) -> dict[str, Any]:
    """By name what reads which checkpoint."""
    good = {"good": "+", "bad": "-"}
    return {
        "outcome": Outcome(str(root / "outcome")),
        "tokens": Process(str(root / "tokens"), reads_thinking=True),
        "tags": Process(str(root / "tags"), tag=TAG, system="Reason step by step."),
        "causal": Process(str(root / "causal"), tag=TAG, **good),
        "turns": Process(str(root / "causal"), asks=True, **good),
        "asked": Generative(str(root / "causal"), probability=True, good="Y", bad="N", ask="{prompt} {answer}?"),
    }


async def pool(settings: Any, engine: EngineSettings = SETTINGS) -> list[Any]:
    """Of each item what was read and its score, the first one twice; then what becomes of one that is too long."""
    scorer = settings.prepare(engine)
    reads = [scorer.read(item) for item in [*ITEMS, ITEMS[0]]]
    async with scorer.start(longest=max(len(read.token_ids) for read in reads)) as judge:
        found = [[asdict(read), asdict(await judge.score(read, seed=0))] for read in reads]
        try:
            await judge.score(Read((1,) * 600), seed=0)
        except RequestFailedError as error:
            found.append(str(error))
    return found


if __name__ == "__main__":
    print(json.dumps({name: asyncio.run(pool(each)) for name, each in scorers(Path(sys.argv[1])).items()}))
