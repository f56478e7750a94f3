"""summary: the table of accuracy, tokens and exchange rates."""

import argparse

from analysis.commands import arguments
from analysis.questions import exchange_rates
from analysis.text import summary


def add(commands: arguments.Commands) -> None:
    command = commands.add_parser("summary", help="print the table of accuracy, tokens and exchange rates")
    command.add_argument("--optimism", action="store_true", help="add what same-pool bins would read")
    command.add_argument("--diversity", action="store_true", help="add distinct right answers per sample and per cost")
    arguments.add_choices(command)
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    reading = arguments.read(arguments.run_folder(options.run), options)
    found = exchange_rates.measure(reading)
    print(summary.render(reading.asked, found, rule=reading.rule))
    if options.optimism:
        print(f"\n{summary.optimism(found)}")
    if options.diversity:
        print(f"\n{summary.diversity(found)}")
