"""sweep: draw a grid, grade it, print its table and draw its figures. The one command of two rooms."""

import argparse
from pathlib import Path
from typing import Any

from sweeps.commands.hydra_words import add_words
from sweeps.going_on import go_on
from sweeps.scored_with import prepare_scorers, score_sweep
from sweeps.start import check_words, start_all, where
from sweeps.words import ONE_JOB

EXAMPLES = """\
  isoquant sweep                                    the embedded ladder: minutes on two CPU cores
  isoquant sweep experiment=embedded run=pilot task.size=150 grid.widths=[1,2,4,8,16,32]
  isoquant sweep model.path=Qwen/Qwen3-4B task=gsm8k grid.budgets=[0,512,2048] run=mine
  isoquant sweep pilot +task.size=8                 8 more prompts, all else as results/runs/pilot was made
  isoquant sweep pilot cap.tokens=20000             stop each model once it has written so many tokens
  isoquant sweep experiment=qwen3 hydra/launcher=slurm hydra.launcher.partition=gpu
"""


def add(commands: Any) -> None:
    text = "draw what is missing of a grid, grade it, print the table and draw the figures into the run"
    command = commands.add_parser("sweep", help=text, description=text, epilog=EXAMPLES)
    add_words(command)
    command.add_argument("--out", type=Path, metavar="FOLDER", help="where figures go, instead of RUN/figures")


def run(options: argparse.Namespace) -> Any:
    """Sweep, score where the config names scorers, then what `isoquant figures RUN --summary` does;
    with one of Hydra's flags, or of one job, no figures.
    """
    commands = go_on(options.words)
    is_whole = not (ONE_JOB in options.words or any(word.startswith("-") for word in options.words))
    for words in commands:
        check_words(words)
    # Checked before anything is drawn, as the words are.
    awaited = [prepare_scorers(words) for words in commands] if is_whole else []
    start_all(commands)
    if not is_whole:
        return None
    for each in awaited:
        score_sweep(each)
    from analysis.commands import figures
    from isoquant.parser import build, parse

    placed = [] if options.out is None else ["--out", str(options.out)]
    parser, _ = build("figures")
    reading = [*awaited[0].reading, *placed]
    return figures.run(parse(parser, ["figures", str(where(commands[0])), "--summary", *reading]))
