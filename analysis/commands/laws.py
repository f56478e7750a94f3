"""laws: which curves and laws the outcomes follow, and how far each is to be trusted."""

import argparse

from analysis.commands import arguments, rung
from analysis.questions import laws
from analysis.reading import cautions
from analysis.text import law_table
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant laws results/reference
  isoquant laws pilot --bins 1 --json
  isoquant laws pilot --rung 14B                     what a model of 14 billion parameters would do
"""


def add(commands: arguments.Commands) -> None:
    text = "print which curves and laws accuracy follows, with their held-out errors"
    command = commands.add_parser("laws", help=text, description=text, epilog=EXAMPLES)
    arguments.add_choices(command)
    rung.add_option(command)


def run(options: argparse.Namespace) -> dict[str, object]:
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    if options.rung is not None:
        return rung.run(root, reading, options.rung)
    found = laws.fit(reading)
    print(law_table.render(found, reading))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    return arguments.describe(root, reading) | found._asdict() | {"cautions": cautions.lines(reading.asked)}
