"""match: what a smaller model needs to match the largest, against its one answer and against its frontier."""

import argparse

from analysis.commands import arguments
from analysis.questions import matches
from analysis.reading import cautions
from analysis.text import matches as matches_text
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant match results/reference
  isoquant match pilot --rule pass_at_k --bins 1
  isoquant match pilot --along calls --match-at calls=2
"""


def add(commands: arguments.Commands) -> None:
    text = "print what a smaller model needs to match the largest: its one answer, and its best settings"
    command = commands.add_parser("match", help=text, description=text, epilog=EXAMPLES)
    arguments.add_choices(command)
    arguments.add_match_at(command)


def run(options: argparse.Namespace) -> dict[str, object]:
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    found = matches.match(reading, arguments.everywhere(root, reading, options))
    print(matches_text.render(found, reading))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    for line in arguments.other_axes(reading):
        print(f"\n{line}")
    told = {"matches": matches.frame(found), "cautions": cautions.lines(reading.asked)}
    return arguments.describe(root, reading) | told
