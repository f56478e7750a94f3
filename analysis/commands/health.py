"""health: what every cell is made of."""

import argparse

from analysis.commands import arguments
from analysis.runs.arms import StoredRun
from analysis.text import health


def add(commands: arguments.Commands) -> None:
    text = "print what every cell is made of: cut, forced, unparsed, tokens, seconds"
    command = commands.add_parser("health", help=text)
    command.add_argument("run", metavar="RUN", help="a run directory, or a name below results/runs")
    command.add_argument("--task", help="which task, where the run holds several")
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    print(health.render(StoredRun(arguments.run_folder(options.run), task=options.task)))
