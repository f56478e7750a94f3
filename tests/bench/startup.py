"""Where the time to a model's first token goes: python -m tests.bench.startup --model FOLDER [--compile].

Each part is measured in this process, one after the other; a sweep pays the first twice, once in its launcher.
"""

import argparse
import asyncio
import importlib
import time
from collections.abc import Iterator
from typing import NamedTuple

# Of ours, each is imported where its time is taken.
LONGEST = 1024


class Part(NamedTuple):
    """A step of the start and what it took."""

    what: str
    seconds: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ladder/checkpoints/countdown-1.1m")
    parser.add_argument("--compile", action="store_true", help="as engine.enforce_eager=false does")
    given = parser.parse_args()
    parts = [*measure_imports(), *asyncio.run(measure_engine(given.model, compiles=given.compile))]
    from sweeps.launchers.plan import print_table

    print_table([Part._fields, *parts])


def measure_imports() -> Iterator[Part]:
    for what, name in (
        ("the sweeps", "sweeps.start"),
        ("vLLM's platform, with torch", "vllm.platforms"),
        ("vLLM's arguments", "vllm.engine.arg_utils"),
        ("vLLM's engine", "vllm.v1.engine.async_llm"),
    ):
        started = time.monotonic()
        # Which platform this is, is found out when it is asked for.
        getattr(importlib.import_module(name), "current_platform", None)
        yield Part(f"import {what}", f"{time.monotonic() - started:.1f}")


async def measure_engine(path: str, *, compiles: bool) -> list[Part]:
    """From the settings to an engine that has written two tokens, and its end."""
    from harness.checkpoint import read_checkpoint
    from harness.engines.vllm import Vllm
    from harness.types import Model, Request, Sampling

    marks = [("", time.monotonic())]
    model = Model(path)
    asked = Vllm(enforce_eager=False if compiles else None)
    checkpoint = read_checkpoint(model)
    context = min(LONGEST, checkpoint.context)
    settings = asked.settle(model, checkpoint.architecture, max_model_len=context)
    marks.append(("read the checkpoint, its digest too", time.monotonic()))
    async with settings.start(model, max_model_len=context) as engine:
        marks.append(("start the engine: its process, weights, cache", time.monotonic()))
        for what, seed in (("first token", 1), ("second", 2)):
            await engine.complete(Request((1, 2, 3), 1, seed, Sampling()))
            marks.append((what, time.monotonic()))
    marks.append(("end the engine", time.monotonic()))
    return [Part(what, f"{now - before:.1f}") for (_, before), (what, now) in zip(marks, marks[1:], strict=False)]


if __name__ == "__main__":
    main()
