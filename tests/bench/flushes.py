"""make bench PART=flushes: a flush after many, a writer's files, and commands on ten times the shards or rows.

Rows of a job's log are appended one at a time through the store's own functions, and the CPU seconds of some
flushes are taken after 300, 3,000 and 30,000. Then a run is drawn (scale.py), its rows are split over few shards
and over ten times as many, and commands read each, and the same of ten times the rows, in a process of its own.
"""

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from results import store
from results.names import writer_of
from results.schema import TABLES, THROUGHPUT
from results.shards import list_shards, named_shards, write_shard
from tests.bench.scale import RUNS, Spent, count_shards, list_commands, list_words, watch

TABLE = Path("results/bench/flushes.md")
WRITER = "bench"
MARKS, WINDOW = (300, 3_000, 30_000), 200
COMMANDS = ("plan", "health", "summary", "report")
# A run is compared with one of ten times the shards, of so many a table and writer, and one of ten times the rows.
PERCENT, PARTS, TIMES = 1, 8, 10
LARGER = "ten times the rows"


class Flushed(NamedTuple):
    """The mean of WINDOW flushes after so many; most_files: the most that the writer had until then."""

    num_flushes: int
    cpu_ms: float
    wall_ms: float
    most_files: int


class Read(NamedTuple):
    """What a command took of a run with so many shards."""

    run: str
    num_shards: int
    command: str
    spent: Spent


def flush_many(root: Path, marks: Sequence[int]) -> Iterator[Flushed]:
    """Append a row and merge what is due, over and over: what each mark tells."""
    cpu = wall = 0.0
    most = 0
    with store.lock(root, WRITER):
        for number in range(marks[-1] + WINDOW):
            if number in marks:
                cpu, wall = time.process_time(), time.perf_counter()
            log = {"identity": "0123456789abcdef", "job": "bench", "elapsed_seconds": float(number)}
            row = log | {"seconds": 1.0, "num_samples": 1, "num_tokens": number % 97}
            store.append(root, THROUGHPUT, [row], writer=WRITER)
            store.keep_few(root, [THROUGHPUT], WRITER)
            most = max(most, len(named_shards(root / THROUGHPUT.name)))
            if (mark := number + 1 - WINDOW) in marks:
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                yield Flushed(mark, 1000 * cpu / WINDOW, 1000 * wall / WINDOW, most)


def split(run: Path, root: Path, num_parts: int) -> None:
    """Write the rows of a run into so many shards for each that it has, in their order."""
    if root.exists():
        return
    shutil.copytree(run, root, ignore=shutil.ignore_patterns(*TABLES, "manifest", "locks", "figures"))
    for table in TABLES.values():
        for path in list_shards(run / table.name):
            rows = store.scan(run, table, shards=[path])
            parts = min(num_parts, rows.num_rows)
            for part in range(parts):
                start, end = (rows.num_rows * each // parts for each in (part, part + 1))
                write_shard(root / table.name, rows.slice(start, end - start), writer=writer_of(path))


def draw(folder: Path, percent: int) -> Path:
    """A run of scale.py, drawn and graded; what the folder has already is not drawn again."""
    root = folder / f"{RUNS[0].name}-{percent}"
    for name, command in list_commands(list_words(RUNS[0], percent, root), root).items():
        if name.startswith("draw") or name == "grade":
            watch(command, log=folder / f"{root.name}.{name.replace(' ', '-')}.log")
    return root


def read_all(folder: Path, commands: Sequence[str], *, is_larger: bool) -> Iterator[Read]:
    """Each command on each run."""
    run = draw(folder, PERCENT)
    few, many = (folder / f"split-{parts}" for parts in (PARTS, TIMES * PARTS))
    split(run, few, PARTS)
    split(run, many, TIMES * PARTS)
    roots = {"few shards": (few, PERCENT), "ten times the shards": (many, PERCENT)}
    if is_larger:
        larger = folder / "larger"
        split(draw(folder, TIMES * PERCENT), larger, PARTS)
        roots[LARGER] = larger, TIMES * PERCENT
    for command in commands:
        for name, (root, percent) in roots.items():
            words = list_commands(list_words(RUNS[0], percent, root), root)[command]
            spent = watch(words, log=folder / f"{root.name}.{command}.log")
            yield Read(name, count_shards(root), command, spent)


def render(flushed: Sequence[Flushed], read: Sequence[Read]) -> str:
    """The page: a row a mark, and a row a run and command."""
    first = {each.command: each.spent for each in reversed(read)}
    flushes = [
        f"| {each.num_flushes:,} | {each.cpu_ms:.1f} | {each.cpu_ms / flushed[0].cpu_ms:.2f} | {each.wall_ms:.0f} "
        f"| {each.most_files} |"
        for each in flushed
    ]
    reads = [
        f"| {each.command} | {each.run} | {each.num_shards:,} | {each.spent.cpu_seconds:.1f} | "
        f"{each.spent.cpu_seconds / first[each.command].cpu_seconds:.2f} | {each.spent.peak_gib:.2f} | "
        f"{each.spent.peak_gib / first[each.command].peak_gib:.2f} |"
        for each in read
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "pyarrow"))
    num_prompts = RUNS[0].num_prompts * PERCENT // 100
    return "\n".join(
        [
            "# A flush after many, and commands on many shards",
            "",
            "A flush appends a row of a job's log, a shard on disk, and merges what is due; a job's own flush "
            "does so",
            f"with three tables. The mean of {WINDOW} flushes after so many. Files: the most that the writer had.",
            "`make bench PART=flushes` writes this page.",
            "",
            "| flushes before | CPU ms | ratio | wall ms | most files |",
            "|" + 5 * "---|",
            *flushes,
            "",
            f"Two models on {num_prompts:,} sums, {RUNS[0].num_samples} samples, two budgets: the rows of each",
            f"table and writer in up to {PARTS} shards, in up to ten times as many, and ten times the rows in as "
            "few.",
            "Ratios are to the few shards; some seconds of each command go into imports.",
            "",
            "| command | run | shards | CPU seconds | ratio | peak GiB | ratio |",
            "|" + 7 * "---|",
            *reads,
            "",
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, "
            f"{versions}.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.flushes", description=__doc__)
    parser.add_argument(
        "--marks", nargs="+", type=int, default=list(MARKS), help="flushes before each measurement"
    )
    parser.add_argument("--commands", nargs="*", choices=COMMANDS, default=COMMANDS)
    parser.add_argument(
        "--no-larger", action="store_true", help="leave out ten times the rows, which are long to draw"
    )
    parser.add_argument("--folder", type=Path, help="keep the runs here; what is stored there is not drawn again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        flushed = []
        for each in flush_many(Path(made) / "flushed", options.marks) if options.marks else ():
            print(each, flush=True)
            flushed.append(each)
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        read = []
        for found in read_all(folder, options.commands, is_larger=not options.no_larger):
            print(found, flush=True)
            read.append(found)
    TABLE.write_text(render(flushed, read))


if __name__ == "__main__":
    main()
