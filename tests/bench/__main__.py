"""make bench: every ratio in one run, printed as a table and kept in results/bench/.

On a GPU with a model's shape and no weights: make bench ARGS="--model tests/bench/shapes/qwen3-8b --dummy"
"""

import argparse
import asyncio
import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from harness.engines.vllm import Vllm
from harness.types import Model
from sweeps.launchers.plan import print_table
from sweeps.provenance import describe_device, describe_environment, list_gpus
from tests.bench import memory, nested, overhead, peer, rows, seeds
from tests.bench.workload import BUDGETS, WIDTHS, Workload, serve

FOLDER = Path("results/bench")


class Figure(NamedTuple):
    """One line of the table; `target` is what the figure is held to, empty where it is only told."""

    what: str
    value: str
    target: str = ""


def main() -> None:
    given = parse()
    gpus = list_gpus()
    settings = Vllm(
        dtype="bfloat16" if gpus else "float32", enforce_eager=not gpus, max_num_seqs=given.samples_in_flight
    )
    model = Model(given.model)
    load = os.getloadavg()[0]
    figures = asyncio.run(on_engine(model, settings, given))
    if not given.dummy:
        figures += beside_lm_eval(model, settings, given)
    figures += on_disk(given)
    print_table([Figure._fields, *figures])
    keep(figures, given, load=load)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ladder/checkpoints/countdown-1.1m")
    parser.add_argument("--dummy", action="store_true", help="read the model's config alone; weights are random")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples-in-flight", type=int, default=16)
    parser.add_argument("--rows", type=int, default=1_000_000)
    return parser.parse_args()


async def on_engine(model: Model, settings: Vllm, given: argparse.Namespace) -> list[Figure]:
    """(a), (b) and the cost of seeds."""
    async with serve(model, settings, num_prompts=given.prompts, dummy=given.dummy) as workload:
        grids = [await nested.measure(workload, name=f"round-{number}") for number in range(given.rounds)]
        loops = await overhead.measure(workload, rounds=2 * given.rounds + 1)
        seeding = await seeds.measure(workload.engine, num_requests=min(256, given.samples_in_flight), rounds=3)
    return [
        *_grid_figures(grids, dummy=given.dummy),
        _spread("(b) harness over a bare AsyncLLM loop, seconds", loops, "<= 1.05"),
        seeding_figure(seeding),
    ]


def _grid_figures(grids: Sequence[nested.Ratios], *, dummy: bool) -> list[Figure]:
    """(a); random weights close no thinking, so that their grid is held to its arithmetic alone."""
    columns = {name: [getattr(grid, name) for grid in grids] for name in nested.Ratios._fields}
    against = {
        "largest": ("nested grid over its largest cell", "<= 1.3"),
        "anew": ("every cell anew over nested grid", ">= 4"),
    }
    figures = [
        Figure(
            "(a) thinking and answer tokens, mean",
            f"{median(columns['mean_thinking_tokens']):.0f} and {median(columns['mean_answer_tokens']):.1f}",
        )
    ]
    for kind, (what, target) in against.items():
        predicted = median(columns[f"{kind}_predicted"])
        near = f"within 10% of {predicted:.3f}"
        figures.append(Figure(f"(a) {what}, by token arithmetic", f"{predicted:.3f}"))
        figures.append(_spread(f"(a) {what}, tokens", columns[f"{kind}_tokens"], near if dummy else target))
        figures.append(
            _spread(f"(a) {what}, seconds", columns[f"{kind}_seconds"], near if dummy else f"{target}, {near}")
        )
    return figures


def seeding_figure(rates: Any) -> Figure:
    return _spread("    tokens a second without seeds over with", list(rates[:, 1, 0] / rates[:, 0, 0]), "")


def beside_lm_eval(model: Model, settings: Vllm, given: argparse.Namespace) -> list[Figure]:
    """(c)"""

    async def ours(settings: Vllm) -> tuple[peer.Speed, Workload]:
        async with serve(model, settings, num_prompts=given.prompts, dummy=False) as workload:
            return await peer.measure_harness(workload), workload

    in_flight = min(given.samples_in_flight, peer.WIDTH * given.prompts)
    own, workload = asyncio.run(ours(replace(settings, max_num_seqs=in_flight)))
    other = peer.measure_lm_eval(model.path, workload.prompts, samples_in_flight=in_flight)
    faster = own.tokens_a_second / other.tokens_a_second
    return [
        Figure("(c) lm_eval over harness, seconds for as many samples", f"{other.seconds / own.seconds:.2f}", ">= 1"),
        Figure("    harness over lm_eval, tokens a second", f"{faster:.2f}"),
        Figure("    distinct samples of lm_eval", f"{other.num_distinct} of {other.num_samples}"),
        Figure("    distinct samples of the harness", f"{own.num_distinct} of {own.num_samples}"),
    ]


def on_disk(given: argparse.Namespace) -> list[Figure]:
    """(d), (e)"""
    figures = []
    for rates in rows.measure(given.rows):
        figures.append(Figure(f"(d) {rates.table} appended a second", f"{rates.appended_a_second:,.0f}", ">= 200,000"))
        figures.append(Figure(f"(d) {rates.table} scanned a second", f"{rates.scanned_a_second:,.0f}", ">= 200,000"))
        figures.append(
            Figure(f"(d) {rates.table}, bytes a row beside text", f"{rates.bytes_a_row_beside_text:.1f}", "<= 100")
        )
    small, large = memory.measure(200)
    return [
        *figures,
        Figure("(e) MiB of a job on a run, and on one ten times as large", f"{small:.0f}, {large:.0f}", "flat"),
    ]


def _spread(what: str, values: Sequence[float], target: str) -> Figure:
    return Figure(what, f"{median(values):.3f} ({min(values):.3f} to {max(values):.3f})", target)


def keep(figures: Sequence[Figure], given: argparse.Namespace, *, load: float) -> None:
    """Write the table beside where, when and with which versions it was measured."""
    environment = describe_environment()
    device = describe_device(num_devices=1).name
    name = re.sub(r"[^a-z0-9]+", "-", f"{device} {Path(given.model).name}".lower()).strip("-")
    record = {
        "device": device,
        "options": vars(given),
        "widths": WIDTHS,
        "budgets": BUDGETS,
        "load_average_before": round(load, 2),
        **environment,
        "figures": [figure._asdict() for figure in figures],
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(f"Kept in {path}.")


if __name__ == "__main__":
    main()
