"""plan: what a sweep of the same words would draw, and what that costs."""

import argparse
from typing import Any

from sweeps.commands.hydra_words import add_words
from sweeps.going_on import go_on
from sweeps.launchers import plan
from sweeps.start import start_all
from sweeps.words import choose_plan, complete

EXAMPLES = """\
  isoquant plan                                     the embedded ladder
  isoquant plan task.size=150 grid.widths=[1,2,4,8,16,32]
  isoquant plan pilot +task.size=8                  8 more prompts, all else as results/runs/pilot was made
  isoquant plan model.path=Qwen/Qwen3-4B task=gsm8k grid.budgets=[0,512,2048]
"""


def add(commands: Any) -> None:
    text = "print what a sweep of the same words would draw: cells, tokens, hours, disk, and what cannot run"
    add_words(commands.add_parser("plan", help=text, description=f"{text}. Starts nothing", epilog=EXAMPLES))


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the plan; a row a model for `--json`."""
    plan.shown.clear()
    start_all([choose_plan(complete(words)) for words in go_on(options.words)])
    return {"models": [vars(each) | {"hours": each.hours} for each in plan.shown]}
