"""match: what a smaller model needs to match the largest, against its one answer and against its frontier."""

import argparse

from analysis.commands import arguments
from analysis.questions import matches
from analysis.reading import cautions
from analysis.text import matches as matches_text


def add(commands: arguments.Commands) -> None:
    text = "print what a smaller model needs to match the largest, two references"
    command = commands.add_parser("match", help=text)
    arguments.add_choices(command)
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    reading = arguments.read(arguments.run_folder(options.run), options)
    print(matches_text.render(matches.match(reading), reading))
    for line in cautions.lines(reading.asked):
        print(f"\n{line}")
