"""health: what every cell is made of."""

import argparse

import pandas as pd

from analysis.commands import arguments
from analysis.runs import calls
from analysis.runs.arms import StoredRun
from analysis.runs.health import read_health
from analysis.runs.nodes import count_rounds
from analysis.runs.scored import count_scored
from analysis.runs.searched import count_searched
from analysis.text import health

EXAMPLES = """\
  isoquant health results/reference
"""


def add(commands: arguments.Commands) -> None:
    text = "print what every cell is made of: cut, forced, unparsed, tokens, seconds"
    command = commands.add_parser("health", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("run", metavar="RUN", help=arguments.RUN)
    command.add_argument("--task", help="which task, if the run has several")


def run(options: argparse.Namespace) -> dict[str, object]:
    stored = StoredRun(arguments.run_folder(options.run), task=options.task)
    print(health.render(stored))
    # Read once more, since the text is written as it is read.
    if not options.json:
        return {}
    scored = {rung.name: count_scored(stored.root, rung.identity) for rung in stored.rungs}
    told: dict[str, object] = {"run": str(stored.root), "models": cells(stored), "scorers": scored}
    made = {rung.name: calls.read(stored.root, rung.identity) for rung in stored.rungs}
    told |= {"calls": {name: calls.summarize(rows) for name, rows in made.items() if len(rows)}}
    drawn = {rung.name: count_rounds(stored.root, rung.identity, grader=stored.grader) for rung in stored.rungs}
    told |= {"rounds": {name: rows for name, rows in drawn.items() if len(rows)}}
    searched = count_searched(stored.root, stored.task)
    return told if searched.empty else told | {"searches": searched}


def cells(stored: StoredRun) -> dict[str, pd.DataFrame]:
    """By model, a row a budget."""
    budgets = {
        rung: sorted(set(stored.declared(rung, "evaluation")["budget"].astype(int))) for rung in stored.rungs
    }
    return {rung.name: read_health(stored.root, rung.identity, asked) for rung, asked in budgets.items()}
