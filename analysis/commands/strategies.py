"""strategies: whether rounds and graphs of calls beat the vote of samples of the same compute."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.commands import arguments
from analysis.questions import strategies
from analysis.reading import cautions
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.runs import graphs
from analysis.runs.graphs import Played
from analysis.text import strategies as words
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant strategies pilot
  isoquant strategies pilot --strategy think_twice --bins 3 --cost tokens
  isoquant strategies pilot --out tables             the same, and more, as three CSV files
"""


class Asked(NamedTuple):
    """The strategies of a run, what they are worth, and why rounds of others cannot be read, a line each."""

    reading: Reading
    played: Sequence[Played]
    found: strategies.Found
    notes: Sequence[str]


def add(commands: arguments.Commands) -> None:
    text = "print whether rounds and graphs of calls beat the vote of samples of the same compute, by bin"
    command = commands.add_parser("strategies", help=text, description=text, epilog=EXAMPLES)
    arguments.add_voted(command)
    of_out = "folder for strategies.csv, rounds.csv and ratios.csv"
    command.add_argument("--out", type=Path, metavar="FOLDER", help=of_out)


def run(options: argparse.Namespace) -> dict[str, object]:
    arguments.refuse_along(options, "What strategies are worth")
    if "rounds" in dict(options.at):
        raise ValueError("Every round is shown. Leave --at rounds out.")
    root = arguments.run_folder(options.run)
    wanted, options.strategy = options.strategy, ""
    graphs.check(root, wanted)
    reading = arguments.read(root, options)
    told = graphs.read(root, reading.outcomes, wanted)
    for note in told.notes:
        print(filled(note))
    if not told.played:
        raise ValueError(f"No strategy in {root} can be read beside samples. {' '.join(told.notes)}")
    found = strategies.measure([reading], told.played)
    print(words.render(found, reading, told.played))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    every = found
    if options.json or options.out:
        every = strategies.measure(reading.every_cost(), told.played)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        for name, table in every._asdict().items():
            table.to_csv(options.out / f"{name}.csv", index=False)
    tables = every._asdict() | {"notes": told.notes, "cautions": cautions.lines(reading.asked)}
    return arguments.describe(root, reading) | tables


def of_run(root: Path, base: Reading) -> Asked | None:
    """The strategies of a run under the reader's choices, None where there is none beside samples that vote."""
    if base.has_own_bins or base.outcomes.holds_counts or base.words.name != "budget":
        return None
    if not graphs.are_drawn(root):
        return None
    told = graphs.read(root, base.outcomes)
    return Asked(base, told.played, strategies.measure([base], told.played), told.notes) if told.played else None


def splits(asked: Asked | None) -> pd.DataFrame:
    """What the figure draws: chains in series and in parallel, a line a bin, beside what a caption says.

    Raises UntoldError where no chain can be split.
    """
    chosen = pd.DataFrame() if asked is None else strategies.splits_of(asked.found.ratios)
    if asked is None or chosen.empty:
        raise UntoldError("No chain of this run has two rounds and two samples of every prompt.")
    in_bins = chosen[chosen["bin"] != ALL_PROMPTS]
    return (chosen if in_bins.empty else in_bins).assign(**asked.reading.setting.columns())
