"""laws: which curves and laws the outcomes follow, and how far each is to be trusted."""

import argparse

from analysis.commands import arguments
from analysis.questions import laws
from analysis.reading import cautions
from analysis.text import law_table


def add(commands: arguments.Commands) -> None:
    text = "print which curves and laws accuracy follows, with their held-out errors"
    command = commands.add_parser("laws", help=text)
    arguments.add_choices(command)
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    reading = arguments.read(arguments.run_folder(options.run), options)
    print(law_table.render(laws.fit(reading), reading))
    for line in cautions.lines(reading.asked):
        print(f"\n{line}")
