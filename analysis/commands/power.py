"""power: how many prompts and samples tell two models of a run apart, or two arms of given variances."""

import argparse

from analysis.commands import arguments
from analysis.questions import power
from analysis.runs import outcomes
from analysis.stats import power as stats
from analysis.stats.bootstrap import LEVEL
from analysis.stats.power import POWER, Variances
from analysis.text import power as power_text

EFFECT = 0.03
EXAMPLES = """\
  isoquant power pilot --models qwen3-4b qwen3-8b --effect 0.03
  isoquant power --variances 0.02 0.1 0.1
"""


def add(commands: arguments.Commands) -> None:
    text = "print how many prompts and samples can show a difference of two models, from a run or from given variances"
    command = commands.add_parser("power", help=text, description=text, epilog=EXAMPLES)
    add = command.add_argument
    add("run", metavar="RUN", nargs="?", help=arguments.RUN)
    add("--models", nargs=2, metavar=("A", "B"), help="two models of the run (default: its two largest)")
    add("--task", help="which task, if the run has several")
    add(
        "--variances",
        type=float,
        nargs=3,
        metavar=("DIFFERENCE", "WITHIN_A", "WITHIN_B"),
        help="instead of a run: variance of the true difference between prompts, and of one sample of each arm",
    )
    of_effect = f"the smallest difference in accuracy worth finding, 0.02 for 2 points ({EFFECT})"
    add("--effect", type=float, default=EFFECT, help=of_effect)
    add("--power", type=float, default=POWER, help=f"how often it is to be found ({POWER})")
    add("--level", type=float, default=LEVEL, help=f"level of the test that finds it ({LEVEL})")


def run(options: argparse.Namespace) -> dict[str, object]:
    """How many prompts and samples tell two models of a run apart, or two arms of given variances."""
    if (options.run is None) == (options.variances is None):
        raise ValueError("Name a RUN and two --models of it, or give --variances DIFFERENCE WITHIN_A WITHIN_B.")
    goal = power.Goal(options.effect, options.power, options.level)
    if options.variances is not None:
        given = Variances(*options.variances)
        print(power_text.render(given, goal))
        return _said(given, goal)
    root = arguments.run_folder(options.run)
    loaded = outcomes.load(root, task=options.task)
    pair = power.two_arms(loaded, options.models)
    print(power_text.render_run(pair, goal))
    tallies = [arm.tally(-1) for arm in pair]
    models = [arm.rung.name for arm in pair]
    return {"run": str(root), "models": models} | _said(stats.variances(*tallies), goal)


def _said(given: Variances, goal: power.Goal) -> dict[str, object]:
    """The variances, and a row a number of samples with the prompts that it takes."""
    rows = [
        {"samples_a_prompt": number, "num_prompts": num_prompts_needed(goal, given, number)}
        for number in power_text.NUM_SAMPLES
    ]
    return {"variances": given, "goal": goal, "needed": rows}


def num_prompts_needed(goal: power.Goal, given: Variances, number: int) -> float:
    """Prompts that tell the goal's difference with as many samples of each arm."""
    return float(
        stats.num_prompts_needed(
            goal.effect, given, num_samples_a=number, num_samples_b=number, power=goal.power, level=goal.level
        )
    )
