"""power: how many prompts and samples tell two models of a run apart, or two arms of given variances."""

import argparse

from analysis.commands import arguments
from analysis.questions import power
from analysis.runs import outcomes
from analysis.stats.bootstrap import LEVEL
from analysis.stats.power import POWER, Variances
from analysis.text import power as power_text


def add(commands: arguments.Commands) -> None:
    command = commands.add_parser("power", help="how many prompts and samples tell two arms apart")
    add = command.add_argument
    add("run", metavar="RUN", nargs="?", help="a run directory, or a name below results/runs")
    add("--models", nargs=2, metavar=("A", "B"), help="two models of the run (its two largest)")
    add("--task", help="which task, where the run holds several")
    add(
        "--variances",
        type=float,
        nargs=3,
        metavar=("DIFFERENCE", "WITHIN_A", "WITHIN_B"),
        help="instead of a run: variance of the true difference between prompts, and of one sample of each arm",
    )
    add("--effect", type=float, default=0.03, help="the smallest difference in accuracy worth finding")
    add("--power", type=float, default=POWER, help="how often it shall be found")
    add("--level", type=float, default=LEVEL, help="of the interval that finds it")
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """How many prompts and samples tell two models of a run apart, or two arms of given variances."""
    if (options.run is None) == (options.variances is None):
        raise ValueError("Name a RUN and two --models of it, or give --variances DIFFERENCE WITHIN_A WITHIN_B.")
    goal = power.Goal(options.effect, options.power, options.level)
    if options.variances is not None:
        print(power_text.render(Variances(*options.variances), goal))
        return
    loaded = outcomes.load(arguments.run_folder(options.run), task=options.task)
    print(power_text.render_run(power.two_arms(loaded, options.models), goal))
