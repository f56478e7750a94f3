"""make bench: every ratio in one run, printed as a table and kept in results/bench/.

On a GPU with a model's shape and no weights: make bench ARGS="--model tests/bench/shapes/qwen3-8b --dummy"
Parts: grid (a), loop (b), lm_eval (c), asking, disk (d, e).
"""

import argparse
import asyncio
import json
import os
import re
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from harness.engines.vllm import Vllm
from harness.types import Model
from sweeps.launchers.plan import print_table
from sweeps.provenance import describe_device, describe_environment, list_gpus
from tests.bench import asking, memory, nested, overhead, peer, rows
from tests.bench.slices import Pair, Setup, start_pair
from tests.bench.workload import BUDGETS, WIDTHS, serve

FOLDER = Path("results/bench")
PARTS = ("grid", "loop", "lm_eval", "asking", "disk")


class Figure(NamedTuple):
    """One line of the table; `target` is what the figure is held to, empty where it is only told."""

    what: str
    value: str
    target: str = ""


def main() -> None:
    # Told to end, it ends its workers' groups: what an engine has started stands still with it, and hears of
    # nothing.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = parse()
    # Of the beginning: what is kept would count as a change.
    environment = {"load_average_before": round(os.getloadavg()[0], 2), **describe_environment()}
    figures: list[Figure] = []
    # Kept as far as it is, since the whole takes long.
    for found in measure(given):
        figures += found
        path = keep(figures, given, environment)
    print_table([Figure._fields, *figures])
    print(f"Kept in {path}.")


def measure(given: argparse.Namespace) -> Iterator[list[Figure]]:
    """Part after part, those that were asked for."""
    gpus = list_gpus()
    settings = Vllm(
        dtype="bfloat16" if gpus else "float32",
        enforce_eager=not gpus,
        max_num_seqs=given.samples_in_flight,
        cpu_threads=1,
    )
    setup = Setup(Model(given.model), settings, given.prompts, given.dummy)
    paired = {"grid", "loop"} if given.dummy else {"grid", "loop", "lm_eval"}
    if asked := paired & set(given.parts):
        with start_pair(setup) as pair:
            yield from measure_paired(pair, asked, given)
    if "asking" in given.parts:
        yield asyncio.run(cost_of_asking(setup))
    if "disk" in given.parts:
        yield on_disk(given)


def measure_paired(pair: Pair, asked: Collection[str], given: argparse.Namespace) -> Iterator[list[Figure]]:
    """The parts in which two ways of doing the same work take turns."""
    if "grid" in asked:
        yield _grid_figures(nested.measure(pair, rounds=given.rounds), dummy=given.dummy)
    if "loop" in asked:
        beside_loop = overhead.measure(pair, rounds=given.loop_rounds or 3 * given.rounds)
        yield [_spread("(b) harness over a bare AsyncLLM loop, seconds", beside_loop, "<= 1.05")]
    if "lm_eval" in asked:
        yield beside_lm_eval(pair, rounds=given.rounds)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ladder/checkpoints/countdown-1.1m")
    parser.add_argument("--dummy", action="store_true", help="read the model's config alone; weights are random")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument(
        "--rounds", type=int, default=4, help="an even number, since the two engines of a pair swap"
    )
    parser.add_argument("--loop-rounds", type=int, help="of (b), an even number; by default three times as many")
    parser.add_argument("--samples-in-flight", type=int, default=16)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=" ".join(PARTS))
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the table is kept")
    return parser.parse_args()


async def cost_of_asking(setup: Setup) -> list[Figure]:
    async with serve(setup.model, setup.settings, num_prompts=setup.num_prompts, dummy=setup.dummy) as workload:
        found = await asking.measure(workload.engine, num_requests=min(256, workload.samples_in_flight), rounds=3)
    return [
        _spread(f"    tokens a second {name}, over the usual", list(ratios[:, 0]))
        for name, ratios in found.items()
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


def beside_lm_eval(pair: Pair, *, rounds: int) -> list[Figure]:
    """(c)"""
    figures = []
    for other, how in (
        (peer.lm_eval, "as it comes"),
        (peer.lm_eval_unseeded, "told to send no seed"),
    ):
        speeds = peer.measure(pair, other, rounds=rounds)
        slower = [theirs.seconds / own.seconds for own, theirs in speeds]
        faster = [own.tokens_a_second / theirs.tokens_a_second for own, theirs in speeds]
        distinct = [
            f"{side[0].num_distinct} and {side[1].num_distinct} of {side[0].num_samples}" for side in speeds
        ]
        figures += [
            _spread(f"(c) lm_eval, {how}, over harness, seconds for as many samples", slower, ">= 1"),
            _spread("    harness over lm_eval, tokens a second", faster),
            Figure("    distinct samples of the harness and of lm_eval", distinct[0]),
        ]
    return figures


def on_disk(given: argparse.Namespace) -> list[Figure]:
    """(d), (e)"""
    figures = []
    for rates in rows.measure(given.rows):
        figures.append(
            Figure(f"(d) {rates.table} appended a second", f"{rates.appended_a_second:,.0f}", ">= 200,000")
        )
        figures.append(
            Figure(f"(d) {rates.table} scanned a second", f"{rates.scanned_a_second:,.0f}", ">= 200,000")
        )
        figures.append(
            Figure(f"(d) {rates.table}, bytes a row beside text", f"{rates.bytes_a_row_beside_text:.1f}", "<= 100")
        )
    small, large = memory.measure(200)
    return [
        *figures,
        Figure("(e) MiB of a job on a run, and on one ten times as large", f"{small:.0f}, {large:.0f}", "flat"),
    ]


def _spread(what: str, values: Sequence[float], target: str = "") -> Figure:
    return Figure(what, f"{median(values):.3f} ({min(values):.3f} to {max(values):.3f})", target)


def keep(figures: Sequence[Figure], given: argparse.Namespace, environment: Mapping[str, Any]) -> Path:
    """Write the table beside where, when and with which versions it was measured; return where."""
    device = describe_device(num_devices=1).name
    name = re.sub(r"[^a-z0-9]+", "-", f"{device} {Path(given.model).name}".lower()).strip("-")
    record = {
        "device": device,
        "options": {**vars(given), "folder": str(given.folder)},
        "widths": WIDTHS,
        "budgets": BUDGETS,
        **environment,
        "figures": [figure._asdict() for figure in figures],
    }
    given.folder.mkdir(parents=True, exist_ok=True)
    path: Path = given.folder / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    return path


if __name__ == "__main__":
    main()
