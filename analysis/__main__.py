"""python -m analysis figures RUN | summary RUN: the only file of this room that knows arguments and output paths."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis import costs, curves, findings, outcomes, summary
from analysis.findings import Findings
from analysis.outcomes import Outcomes

RUNS = Path("results/runs")
PATHS: dict[curves.PathName, str] = {"width": "", "budget": "_thinking"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2, and one line on stderr, for what a user can put right."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def read(root: Path, options: argparse.Namespace) -> tuple[Outcomes, Findings]:
    """A run's outcomes and findings under the reader's choices."""
    loaded = outcomes.load(root, task=options.task, anchor=options.anchor)
    choices = findings.Choices(num_bins=options.bins, cost=options.cost)
    return loaded, findings.find(loaded, choices, rng=np.random.default_rng(options.seed))


def run_folder(name: str) -> Path:
    """RUN as a directory: a path as it is, a bare name below results/runs. Raises ValueError where there is none."""
    is_bare = Path(name).name == name
    for root in (RUNS / name, Path(name)) if is_bare else (Path(name),):
        if root.is_dir():
            return root
    known = sorted(path.name for path in RUNS.glob("*")) if RUNS.is_dir() else []
    listed = ", ".join(known) or "none"
    raise ValueError(f"No run {name!r}; runs here: {listed}. Run `make sweep`, or point RUN at results/reference.")


def print_summary(options: argparse.Namespace) -> None:
    loaded, found = read(run_folder(options.run), options)
    print(summary.render(loaded, found, rule=options.rule))


def write_figures(options: argparse.Namespace) -> None:
    """Draw every figure of a run into RUN/figures, as PNG, PDF and the CSV behind it; print the paths of the PNGs."""
    root = run_folder(options.run)
    loaded, found = read(root, options)
    if options.summary:
        print(summary.render(loaded, found, rule=options.rule), end="\n\n")
    from analysis.figures import exchange_rates, substitution
    from analysis.figures.save import save

    for axis, suffix in PATHS.items():
        if axis == "budget" and len(loaded.budgets) == 1:
            continue
        for frame_of, draw, name in (
            (findings.substitution_frame, substitution.draw, "substitution"),
            (findings.exchange_frame, exchange_rates.draw, "exchange_rates"),
        ):
            frame = frame_of(found, rule=options.rule, axis=axis)
            print(save(root / "figures", name + suffix, frame, draw))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Read a stored run; needs no model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    figures = commands.add_parser("figures", help="write RUN/figures: PNG, PDF and the CSV behind each")
    figures.add_argument("--summary", action="store_true", help="print the summary first")
    figures.set_defaults(command=write_figures)
    table = commands.add_parser("summary", help="print the table of accuracy, tokens and exchange rates")
    table.set_defaults(command=print_summary)
    for command in (figures, table):
        _add_choices(command)
    return parser


def _add_choices(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("run", metavar="RUN", help="a run directory, or a name below results/runs")
    add("--bins", type=int, help="number of difficulty bins (3 below 200 prompts, else 5)")
    add("--cost", choices=sorted(costs.COST_MODELS), default="c2", help="c1 parameters only, c2 with attention")
    add(
        "--rule", choices=curves.RULES, default="maj_at_k", help="how several samples are read where models are matched"
    )
    add("--anchor", help="whose held-out samples make the bins, where several models have some")
    add("--task", help="which task, where the run holds several")
    add("--seed", type=int, default=0, help="seed of the bootstrap")


if __name__ == "__main__":
    sys.exit(main())
