"""merge: two runs of the same ladder as one."""

import argparse

from results.places import find_run, place_run
from results.travel.union import merge

EXAMPLES = """\
  isoquant merge first second --into both
  isoquant merge mine theirs.isoquant.tar --into ours
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "make one run of two of the same ladder: more samples, budgets, models or seeds of the task"
    command = commands.add_parser("merge", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("first", metavar="A", help="a run: a folder, a name below results/runs, or a packed file")
    command.add_argument("second", metavar="B", help="another one")
    command.add_argument("--into", metavar="C", required=True, help="a new folder, or a name below results/runs")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Merge two runs; print what of each came in."""
    merged = merge(find_run(options.first), find_run(options.second), place_run(options.into))
    print("\n".join([*(f"note: {note}" for note in merged.notes), *merged.lines]))
    return merged._asdict()
