"""grade: the answers of a run that its task's present grader has not seen."""

import argparse
from typing import Any

from harness.fence.gaps import find_fence
from results.places import find_folder
from results.shortage import writing_run
from sweeps.compose import EXAMPLE_READER
from sweeps.grade import grade_run
from sweeps.recorded import load_tasks
from sweeps.repair import repair

UNFENCED = "grade_unfenced=true"
MEANING = (
    "A run folder never names code of your own. If the run was drawn with such code, give it again here: "
    f"task.extract=..., task.vote_key=..., and task.trust=true for a task in your own folder. {UNFENCED} grades "
    "even if the kernel cannot confine the graders."
)
EXAMPLES = f"""\
  isoquant grade pilot
  isoquant grade pilot {EXAMPLE_READER}
"""


def add(commands: Any) -> None:
    text = "grade the answers of a run that the current grader has not graded, and print what changed"
    command = commands.add_parser("grade", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("run", metavar="RUN", help="a run folder, or a name in results/runs")
    command.add_argument("words", metavar="task.NAME=VALUE", nargs="*", help=MEANING)


def run(options: argparse.Namespace) -> dict[str, object]:
    """Grade, and print how many answers that were."""
    root = find_folder(options.run)
    tasks = load_tasks(root, [word for word in options.words if word != UNFENCED])
    with writing_run(root):
        repair(root)
        print(find_fence())
        num_graded = grade_run(root, tasks, unfenced=UNFENCED in options.words)
    print(f"{num_graded:,} answers graded in {root}")
    return {"run": str(root), "num_graded": num_graded}
