"""validate: simulated truths, and how often the statistics find them."""

import argparse
import time
from pathlib import Path

from analysis.commands import arguments
from analysis.validation import report
from analysis.validation.checks import FULL_DATASETS

TABLE = Path("results/validation/validation.md")


def add(commands: arguments.Commands) -> None:
    command = commands.add_parser("validate", help="simulate known truths and see how often the statistics find them")
    command.add_argument("--datasets", type=int, default=FULL_DATASETS, help="simulated data sets a line")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--jobs", type=int, default=1, help="processes; the figures are the same for any number")
    command.add_argument("--out", type=Path, default=TABLE, help="where the table goes")
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Run every proof obligation, print it as it finishes and keep the table; raise ValueError where a bound fails."""
    started, found = time.time(), {}
    for name, checks in report.run(options.datasets, seed=options.seed, num_jobs=options.jobs):
        found[name] = checks
        seen = ", ".join(f"{check.observed:.3f}{'' if check.holds else ' FAILS'}" for check in checks)
        print(f"{name}: {seen}", flush=True)
    text = report.render(found, num_datasets=options.datasets, seed=options.seed, started=started)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    print(f"Table in {options.out}.")
    failed = [f"{check.claim}, {check.case}" for checks in found.values() for check in checks if not check.holds]
    if failed:
        raise ValueError(f"{len(failed)} bounds do not hold: {'; '.join(failed)}.")
