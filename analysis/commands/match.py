"""match: what a smaller model needs to match the largest, against its one answer and against its frontier."""

import argparse

import numpy as np

from analysis.commands import arguments
from analysis.questions import matches
from analysis.reading import cautions, curves
from analysis.runs import outcomes
from analysis.text import matches as matches_text


def add(commands: arguments.Commands) -> None:
    text = "print what a smaller model needs to match the largest, two references"
    command = commands.add_parser("match", help=text)
    arguments.add_choices(command)
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    loaded = outcomes.load(arguments.run_folder(options.run), task=options.task, anchor=options.anchor)
    rule = curves.choose_rule(loaded.arms, options.rule)
    rng = np.random.default_rng(options.seed)
    found, cost = matches.find(loaded, arguments.choices(options), rule=rule, rng=rng)
    print(matches_text.render(found, cost, rule=rule, cluster=options.cluster))
    for line in cautions.lines(loaded):
        print(f"\n{line}")
