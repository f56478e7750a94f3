"""make bench PART=scale: what every command takes of a long run and a wide one, at a tenth of the size and whole.

Two models of the embedded ladder with an engine that adds (adder.py) draw sums through a job's own code; then each
command runs in a process of its own, of which the processor seconds, wall seconds and peak memory are kept.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.adder import SKILLS

TABLE = Path("results/bench/scale.md")
PERCENTS = (10, 100)
BUDGETS = (0, 16)
BIN_SAMPLES = 4


class Run(NamedTuple):
    """How many prompts a whole run has, and how many samples each of them."""

    name: str
    num_prompts: int
    num_samples: int


class Spent(NamedTuple):
    """Of one command: what its processes used together, and the largest of them;
    load is the machine's at its end.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_gib: float
    load: float


RUNS = (Run("long", 200_000, 4), Run("wide", 5_000, 256))
FIRST = "draw"
# The last one reads what summary does, by DuckDB.
COMMANDS = ("plan", "grade", "health", "summary", "figures", "report", "scan")


def measure(run: Run, percent: int, folder: Path, commands: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A row a command: its run, size and what it spent, in the order a person types them."""
    root = folder / f"{run.name}-{percent}"
    words = list_words(run, percent, root)
    for name, command in list_commands(words, root).items():
        if name.split()[0] == FIRST or name in commands:
            spent = watch(command, log=folder / f"{root.name}.{name.replace(' ', '-')}.log")
            row = {"run": run.name, "percent": percent, "command": name} | spent._asdict()
            print(json.dumps(row), flush=True)
            yield row


def list_words(run: Run, percent: int, root: Path) -> list[str]:
    """What a sweep of the run is asked with, the models aside."""
    render = "harness.tasks.reasoning_gym.render_expression"
    return [
        *(
            "experiment=embedded",
            "task=reasoning_gym",
            f"task.size={run.num_prompts * percent // 100}",
            "task.instructions=''",
        ),
        f"+task.render={{_target_: hydra.utils.get_method, path: {render}}}",
        "task.extract={_target_: hydra.utils.get_method, path: harness.tasks.reasoning_gym.read_whole}",
        *(
            "task.form=whole",
            f"grid.widths=[1,{run.num_samples}]",
            f"grid.budgets=[{','.join(map(str, BUDGETS))}]",
        ),
        *(
            f"grid.bin_samples={BIN_SAMPLES}",
            f"grid.reference_budget={BUDGETS[-1]}",
            f"grid.anchor={list(SKILLS)[-1]}",
        ),
        *("engine._target_=tests.bench.adder.Adding", "probe=false", f"run={root}"),
    ]


def list_commands(words: Sequence[str], root: Path) -> dict[str, list[str]]:
    """By name; what draws is one job, as a sweep starts it, without the grading that follows."""
    isoquant, job = (sys.executable, "-m", "isoquant"), (sys.executable, "-m", "sweeps")
    draw = {f"{FIRST} {model}": [*job, *words, f"model={model}", "hydra.mode=RUN"] for model in SKILLS}
    return draw | {
        "plan": [*isoquant, "plan", *words, f"model={','.join(SKILLS)}"],
        "grade": [*isoquant, "grade", str(root)],
        **{name: [*isoquant, name, str(root)] for name in ("health", "summary", "figures", "report")},
        "scan": [sys.executable, "-m", "tests.bench.scan", str(root)],
    }


def watch(command: Sequence[str], *, log: Path) -> Spent:
    """Run a command, what it prints going into `log`; raises ValueError with the end of it where it fails."""
    started = time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise ValueError(f"{' '.join(command)} ended with {code}: {log.read_text()[-1000:]}")
    cpu_seconds = used.ru_utime + used.ru_stime
    return Spent(cpu_seconds, time.perf_counter() - started, used.ru_maxrss / 2**20, os.getloadavg()[0])


def count_shards(root: Path) -> int:
    """Of all tables of a run."""
    return len(list(root.glob("*/*.parquet")))


def render(rows: Sequence[dict[str, Any]], folder: Path) -> str:
    """The page: a row a run, size and command, and by how much more the CPU seconds grew than the run."""
    first = {(row["run"], row["command"]): row for row in reversed(rows)}
    lines = []
    for row in rows:
        least = first[row["run"], row["command"]]
        growth = row["cpu_seconds"] / least["cpu_seconds"] / (row["percent"] / least["percent"])
        shape = next(run for run in RUNS if run.name == row["run"])
        lines.append(
            f"| {shape.num_prompts * row['percent'] // 100:,} x {shape.num_samples} | {row['command']} | "
            f"{row['cpu_seconds']:.1f} | {row['wall_seconds']:.1f} | {row['peak_gib']:.2f} | "
            f"{'' if row is least else f'{growth:.2f}'} | {row['load']:.1f} |"
        )
    return "\n".join(
        [
            "# What commands take of long and wide runs",
            "",
            f"Two models on sums, budgets {' and '.join(map(str, BUDGETS))}, {BIN_SAMPLES} samples more of one",
            "for the bins; each command in a process of its own. Peak: of its largest process. Growth: CPU "
            "seconds a",
            "prompt, over those at the smallest size; at 1 or below it is linear. The load is the machine's over "
            "the",
            "last minute: above its cores, something else was running, and wall seconds say little.",
            "Scan: DuckDB counts and sums the columns that summary reads. `make bench PART=scale` writes this "
            "page.",
            "",
            "| prompts x samples | command | CPU seconds | wall seconds | peak GiB | growth | load |",
            "|" + 7 * "---|",
            *lines,
            "",
            f"Shards of all tables at the end: {', '.join(_shards(rows, folder))}.",
            "",
            f"{os.cpu_count()} cores; Python {platform.python_version()}, "
            + ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "pyarrow"))
            + ".",
            "",
        ]
    )


def _shards(rows: Sequence[dict[str, Any]], folder: Path) -> Iterator[str]:
    for name, percent in dict.fromkeys((row["run"], row["percent"]) for row in rows):
        yield f"{count_shards(folder / f'{name}-{percent}')} of the {name} run at {percent}%"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument(
        "--runs", nargs="+", choices=[run.name for run in RUNS], default=[run.name for run in RUNS]
    )
    parser.add_argument("--percents", nargs="+", type=int, default=list(PERCENTS), help="sizes, of the whole")
    parser.add_argument(
        "--commands", nargs="+", choices=COMMANDS, default=COMMANDS, help="these alone, beside drawing"
    )
    parser.add_argument("--folder", type=Path, help="keep the runs here; what is stored there is not drawn again")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [(run, percent) for run in RUNS if run.name in options.runs for percent in options.percents]
        page = render([row for place in chosen for row in measure(*place, folder, options.commands)], folder)
    TABLE.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
