"""make bench PART=axes: a grid of budgets, calls and extensions against its largest cell and against every cell
anew.

The smallest rung of the embedded search ladder on one engine; the three ways take turns, each round with noise of
its own and an empty prefix cache.
"""

import argparse
import asyncio
import itertools
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from harness.calling import Calling
from harness.checkpoint import read_checkpoint
from harness.engines.vllm import Vllm
from harness.rendering import Renderer, load_tokenizer
from harness.rollouts import Rollout
from harness.samples import Pending, Sampled
from harness.tasks.world import World
from harness.tools.calls import CallStyle
from harness.tools.search import Search
from harness.tools.worker import start_workers
from harness.traces import Context, SampleKey, follow
from harness.types import Model, Sampling, Thinking
from results.cuts import Caps
from sweeps.launchers.plan import print_table
from sweeps.provenance import describe_device, describe_environment
from tests.bench.workload import Workload, reset_cache, warm_up

TABLE = Path("results/bench/axes.json")
SEARCHER = Model("ladder/checkpoints/search-33k")
BUDGETS, EXTENSIONS, CALLS = (0, 16, 32, 64, 128), (0, 1), (0, 1, 2, 3, 4)
CELLS = tuple(itertools.starmap(Caps, itertools.product(BUDGETS, EXTENSIONS, CALLS)))
WAYS = ("nested", "largest", "anew")


class Drawn(NamedTuple):
    """What a way took: seconds, and tokens that the engine wrote."""

    seconds: float
    num_tokens: int
    sampled: Sequence[Sampled]


def ask(workload: Workload, way: str, num_samples: int) -> list[list[Pending]]:
    """What a way draws of every prompt; every cell anew has samples of its own."""
    ways: dict[str, list[tuple[Caps, ...]]] = {
        "nested": [CELLS],
        "largest": [CELLS[-1:]],
        "anew": [(cell,) for cell in CELLS],
    }
    return [
        [
            Pending(
                SampleKey(
                    prompt,
                    workload.context.renderer.prompt_ids(prompt),
                    "evaluation",
                    first * num_samples + number,
                ),
                cells,
            )
            for first, cells in enumerate(ways[way])
            for number in range(num_samples)
        ]
        for prompt in workload.prompts
    ]


async def draw(workload: Workload, way: str, *, num_samples: int) -> Drawn:
    await reset_cache(workload)
    started = time.perf_counter()
    sampled = await workload.finish(ask(workload, way, num_samples), tell=lambda: None)
    seconds = time.perf_counter() - started
    return Drawn(seconds, sum(each.num_tokens for each in sampled), sampled)


def predict(drawn: Drawn, renderer: Renderer) -> tuple[float, float]:
    """Tokens of the nested grid over its largest cell, and of every cell anew over the nested grid, by arithmetic.

    From where the nested grid's own cuts stand and how long its answers are: the longest trace and an answer a
    cut, against that trace and one answer, against a trace to its own cut and an answer a cell.
    """
    answer = sum(a.num_answer_tokens for each in drawn.sampled for a in each.answers) / sum(
        len(each.answers) for each in drawn.sampled
    )
    nested = largest = anew = 0.0
    for each in drawn.sampled:
        rollout = Rollout()
        for trace in each.traces:
            rollout = follow(rollout, trace, close_id=renderer.close_id)
        places = [rollout.closes[0] if place < 0 else place for place in rollout.places(CELLS)]
        longest = len(rollout.written)
        nested += longest + answer * len(set(rollout.places(CELLS)))
        largest += longest + answer
        anew += sum(places) + answer * len(CELLS)
    return nested / largest, anew / nested


async def measure(*, num_prompts: int, num_samples: int, rounds: int) -> dict[str, list[float]]:
    """By figure its value in each round."""
    task = World(seed=3_000_000, size=num_prompts)
    settings = Vllm(dtype="float32", enforce_eager=True, max_num_seqs=32, cpu_threads=1)
    thinking = Thinking(open="<think>", close="</think>", force="</think>", extend=";")
    renderer = Renderer(load_tokenizer(SEARCHER.path), thinking, read_checkpoint(SEARCHER).eos_ids)
    style = CallStyle(open="{", close="}", before="[", after="]", tool="search")
    search = Search(k=1, max_tokens=64, passage="{text}", untitled="{text}", nothing="").attach(task)
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        tool = search.prepare(Path(folder), lambda line: None)
        async with (
            start_workers({"search": tool}) as workers,
            settings.start(SEARCHER, max_model_len=read_checkpoint(SEARCHER).context) as engine,
        ):
            context = Context("bench", renderer, Sampling(), calling=Calling(style, workers, renderer))
            workload = Workload(SEARCHER.path, engine, context, task.load(), settings)
            await warm_up(workload)
            for number in range(rounds):
                asked = replace(workload, context=replace(context, identity=f"round-{number}"))
                found = {way: await draw(asked, way, num_samples=num_samples) for way in WAYS}
                for name, value in compare(found, renderer).items():
                    figures.setdefault(name, []).append(value)
    return figures


def compare(found: dict[str, Drawn], renderer: Renderer) -> dict[str, float]:
    nested, largest, anew = (found[way] for way in WAYS)
    over_largest, anew_over = predict(nested, renderer)
    return {
        "nested grid over its largest cell, by token arithmetic": over_largest,
        "nested grid over its largest cell, tokens": nested.num_tokens / largest.num_tokens,
        "nested grid over its largest cell, seconds": nested.seconds / largest.seconds,
        "every cell anew over nested grid, by token arithmetic": anew_over,
        "every cell anew over nested grid, tokens": anew.num_tokens / nested.num_tokens,
        "every cell anew over nested grid, seconds": anew.seconds / nested.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    environment: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2), **describe_environment()}
    found = asyncio.run(measure(num_prompts=options.prompts, num_samples=options.samples, rounds=options.rounds))
    rows = [(name, f"{median(each):.3f} ({min(each):.3f} to {max(each):.3f})") for name, each in found.items()]
    print_table([("what", "value"), *rows])
    record = {
        "device": describe_device(num_devices=1).name,
        "options": vars(options),
        "budgets": BUDGETS,
        "extensions": EXTENSIONS,
        "calls": CALLS,
        **environment,
        "figures": [{"what": name, "value": value} for name, value in rows],
    }
    TABLE.write_text(json.dumps(record, indent=2) + "\n")
    print(f"Kept in {TABLE}.")


if __name__ == "__main__":
    main()
