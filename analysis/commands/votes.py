"""votes: what several answers to one prompt are worth together."""

import argparse

from analysis.commands import arguments
from analysis.questions import votes
from analysis.reading import cautions
from analysis.text import votes as votes_text
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant votes results/reference
  isoquant votes pilot --bins 1 --json
"""


def add(commands: arguments.Commands) -> None:
    text = "print what several answers to one prompt are worth together, by model, bin and budget"
    command = commands.add_parser("votes", help=text, description=text, epilog=EXAMPLES)
    arguments.add_voted(command)
    # Right and wrong answers can be counted also where no votes are known.
    command.set_defaults(rule=None)


def run(options: argparse.Namespace) -> dict[str, object]:
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    found = votes.measure(reading)
    print(votes_text.render(found, reading))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    told = {"cells": reading.words.rename(found.cells), "cautions": cautions.lines(reading.asked)}
    return arguments.describe(root, reading) | found._asdict() | told
