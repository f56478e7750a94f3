"""export: a task as a folder that lm-eval runs."""

import argparse
from pathlib import Path
from typing import Any

from harness.recognition import AutoThinking
from sweeps.commands.hydra_words import WORDS
from sweeps.compose import build, resolve
from sweeps.configs import compose_words
from sweeps.export import export_task

# What of a composed config makes an exported task.
EXPORTED = ("task", "thinking", "sampling", "grid")
EXAMPLES = """\
  isoquant export my_tasks task=countdown
  isoquant export my_tasks task=reasoning_gym task.name=zebra_puzzles task.size=50
"""


def add(commands: Any) -> None:
    text = "write a task as a folder that lm-eval runs, with the same prompts and the same grader"
    command = commands.add_parser("export", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("folder", metavar="FOLDER", type=Path, help="folder for its files")
    command.add_argument("words", metavar=WORDS, nargs="*", help="task, thinking and grid, as after `sweep`")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Write the task, thinking and largest budget that the words compose for lm-eval; print how it is run."""
    config = compose_words(["run=none", "model.path=none", *options.words])
    parts = {room: resolve(config[room]) for room in EXPORTED}
    task, thinking, sampling, grid = (build(parts[room], room) for room in EXPORTED)
    if isinstance(thinking, AutoThinking):
        raise ValueError(
            "thinking=auto reads the checkpoint, and an exported task has none. Give thinking=<preset>."
        )
    budget, folder = max(grid.budgets), options.folder
    try:
        name = export_task(task, parts["task"], thinking=thinking, sampling=sampling, budget=budget, folder=folder)
    except OSError as error:
        what = f"{error.filename or folder}: {error.strerror or error}"
        raise ValueError(f"{what}. Give another FOLDER, or correct this.") from error
    command = f"python -m lm_eval --include_path {folder} --tasks {name} --model ..."
    print(command)
    return {"folder": str(folder), "task": name, "command": command}
