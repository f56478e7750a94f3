"""laws: which curves and laws the outcomes follow, and how far each is to be trusted."""

import argparse

import numpy as np

from analysis.commands import arguments
from analysis.questions import laws
from analysis.reading import cautions, curves
from analysis.runs import outcomes
from analysis.text import law_table


def add(commands: arguments.Commands) -> None:
    text = "print which curves and laws accuracy follows, with their held-out errors"
    command = commands.add_parser("laws", help=text)
    arguments.add_choices(command)
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    loaded = outcomes.load(arguments.run_folder(options.run), task=options.task, anchor=options.anchor)
    rule = curves.choose_rule(loaded.arms, options.rule)
    found = laws.find(loaded, arguments.choices(options), rule=rule, rng=np.random.default_rng(options.seed))
    print(law_table.render(found, rule=rule))
    for line in cautions.lines(loaded):
        print(f"\n{line}")
