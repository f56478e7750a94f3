"""validate: simulated truths, and how often the statistics find them."""

import argparse
import time
from pathlib import Path

from analysis.commands import arguments
from analysis.validation import report
from analysis.validation.checks import FULL_DATASETS
from results.whole import write_text

EXAMPLES = """\
  isoquant validate --jobs 2
  isoquant validate --datasets 200 --out validation.md
"""


def add(commands: arguments.Commands) -> None:
    text = "simulate data with known truths, and count how often the intervals contain them"
    command = commands.add_parser("validate", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("--datasets", type=int, default=FULL_DATASETS, help="simulated data sets for each line")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "--jobs", type=int, default=1, help="number of processes; the results do not depend on it"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="file for the table, instead of printing it")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Run every proof obligation, print it as it finishes, then the table;
    raise ValueError where a bound fails.
    """
    started, found = time.time(), {}
    for name, checks in report.run(options.datasets, seed=options.seed, num_jobs=options.jobs):
        found[name] = checks
        seen = ", ".join(f"{check.observed:.3f}{'' if check.holds else ' FAILS'}" for check in checks)
        print(f"{name}: {seen}", flush=True)
    text = report.render(found, num_datasets=options.datasets, seed=options.seed, started=started)
    print(f"\n{text}" if options.out is None else f"Table in {write_text(options.out, text)}.")
    failed = [f"{check.claim}, {check.case}" for checks in found.values() for check in checks if not check.holds]
    if failed:
        raise ValueError(f"{len(failed)} checks are out of their bounds: {'; '.join(failed)}.")
    held = [check._asdict() | {"holds": check.holds} for checks in found.values() for check in checks]
    return {"num_datasets": options.datasets, "seed": options.seed, "checks": held}
