"""axes: whether calls of tools scale as thinking tokens do, where accuracy peaks, what found gold explains."""

import argparse
from pathlib import Path

from analysis.commands import arguments
from analysis.questions import axes
from analysis.reading import cautions, reading
from analysis.reading.reading import Reading
from analysis.runs import calls, outcomes
from analysis.runs.along import Along
from analysis.runs.calls import Gold
from analysis.text import axes as axes_text
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant axes pilot
  isoquant axes pilot --along extensions --bins 1
  isoquant axes pilot --difficulty label --label hops --json
"""


def add(commands: arguments.Commands) -> None:
    text = "print whether tool calls scale as thinking tokens do, where accuracy peaks, and what calls found"
    command = commands.add_parser("axes", help=text, description=text, epilog=EXAMPLES)
    arguments.add_choices(command)
    command.set_defaults(along="calls")


def run(options: argparse.Namespace) -> dict[str, object]:
    root = arguments.run_folder(options.run)
    along = arguments.read(root, options)
    thinking = _along_budgets(root, along, options)
    found = axes.compare(along, thinking, _gold(root, along))
    print(axes_text.render(found, along, thinking))
    for line in cautions.lines(along.asked):
        print(f"\n{filled(line)}")
    return arguments.describe(root, along) | found._asdict() | {"cautions": cautions.lines(along.asked)}


def _along_budgets(root: Path, along: Reading, options: argparse.Namespace) -> Reading:
    """The run read along thinking budgets, under the same choices."""
    scoring, held = arguments.scoring(options), Along("budget", dict(options.at))
    loaded = outcomes.load(root, task=along.asked.task, anchor=options.anchor, scoring=scoring, along=held)
    return reading.read(loaded, along.wanted, rule=along.rule, seed=along.seed)


def _gold(root: Path, along: Reading) -> dict[str, Gold]:
    """By model when its samples had found what answers the question, where calls are read and the task says it."""
    if along.words.name != "calls":
        return {}
    asked = along.asked
    found = {
        arm.rung.name: calls.find_gold(root, arm.rung.identity, asked.prompt_ids, asked.num_samples)
        for arm in asked.arms
    }
    return {name: gold for name, gold in found.items() if gold is not None}
