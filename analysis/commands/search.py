"""search: whether search against a verifier beats samples of the same compute."""

import argparse
from pathlib import Path

import pandas as pd

from analysis.commands import arguments
from analysis.questions import search
from analysis.reading import cautions
from analysis.reading.reading import Reading
from analysis.runs import searches
from analysis.text import search as search_text
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant search pilot
  isoquant search pilot --bins 3 --cost c1 --json
  isoquant search pilot --out tables                 the same as two CSV files
"""


def add(commands: arguments.Commands) -> None:
    text = "print whether search against a verifier beats samples of the same compute, by bin and compute"
    command = commands.add_parser("search", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("run", metavar="RUN", help=arguments.RUN)
    command.add_argument("--task", help="which task, if the run has several")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the bootstrap (0)")
    arguments.add_scoring(command)
    arguments.add_options(command)
    command.add_argument("--out", type=Path, metavar="FOLDER", help="folder for settings.csv and levels.csv")
    command.set_defaults(rule="best_of_n", every_rule=True)


def run(options: argparse.Namespace) -> dict[str, object]:
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    read = searches.read(root, reading.outcomes)
    for note in read.notes:
        print(filled(note))
    if not read.searches:
        raise ValueError(f"No search in {root} can be read beside samples. {' '.join(read.notes)}")
    found = search.measure(reading, read.searches)
    print(search_text.render(found.settings, found.levels, reading, read.searches))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    every = measure_every(reading, read.searches, found) if options.json or options.out else found
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        every.settings.to_csv(options.out / "settings.csv", index=False)
        every.levels.to_csv(options.out / "levels.csv", index=False)
    told = {"settings": every.settings, "levels": every.levels, "notes": read.notes}
    return arguments.describe(root, reading) | told | {"cautions": cautions.lines(reading.asked)}


def measure_every(reading: Reading, read: list[searches.Searched], found: search.Found) -> search.Found:
    """The same under every cost model that can be told, the reading's first."""
    # Of a search there is no number of samples.
    others = [other for other in reading.every_cost()[1:] if other.choices.cost != "samples"]
    parts = [found, *(search.measure(other, read) for other in others)]
    return search.Found(*(pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True)))
