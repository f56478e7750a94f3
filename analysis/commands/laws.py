"""laws: which curves and laws the outcomes follow, and how far each is to be trusted."""

import argparse

from analysis.commands import arguments, joint, rung
from analysis.questions import laws
from analysis.reading import cautions
from analysis.text import law_table
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant laws pilot --rung 14B
  isoquant laws pilot --joint --budgets 1e15 1e17 --queries 1e3 1e6
"""


def add(commands: arguments.Commands) -> None:
    text = "print which curves and laws accuracy follows, with their held-out errors"
    command = commands.add_parser("laws", help=text, description=text, epilog=EXAMPLES)
    arguments.add_choices(command)
    rung.add_option(command)
    joint.add_options(command)


def run(options: argparse.Namespace) -> dict[str, object]:
    if options.joint and options.rung is not None:
        raise ValueError("--rung and --joint are two questions. Ask one at a time.")
    if options.joint:
        return joint.run(options)
    joint.refuse_options(options)
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    if options.rung is not None:
        return rung.run(root, reading, options.rung)
    found = laws.fit(reading)
    print(law_table.render(found, reading))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    return arguments.describe(root, reading) | found._asdict() | {"cautions": cautions.lines(reading.asked)}
