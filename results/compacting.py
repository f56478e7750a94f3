"""compact: the small shards of a run as few large ones. Sweeps do so themselves,
as they go on and when they end.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

from results import store
from results.inspection import check, check_folders
from results.merging import merge_shards
from results.places import find_folder
from results.progress import Progress
from results.schema import TABLES
from results.shards import named_shards
from results.shortage import writing_run

EXAMPLES = """\
  isoquant compact pilot                    a run that an older version drew, or that was killed
"""


class Compacted(NamedTuple):
    """How many files the tables of a run had and have, and whose stay as they are since they are at work."""

    num_before: int
    num_after: int
    busy: list[str]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "merge the small files of a run into few large ones; no row changes"
    command = commands.add_parser("compact", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("run", metavar="RUN", help="a run folder, or a name below results/runs")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Compact a run; print how many files it had and has."""
    root = find_folder(options.run)
    check_folders(root)
    for note in check(root):
        print(f"note: {note}")
    with writing_run(root):
        done = compact(root)
    for writer in done.busy:
        print(f"note: {writer} is being written, and merges its files itself.")
    print(f"{root}: {done.num_before:,} files before, {done.num_after:,} now")
    return done._asdict()


def compact(root: Path) -> Compacted:
    """Merge the small shards of every writer that is not at work; safe to stop and to run again at any time."""
    num_before, busy = count_files(root), []
    writers = store.list_writers(root)
    with Progress("compact") as progress:
        progress.expect(len(writers) * len(TABLES))
        for writer in writers:
            try:
                with store.lock(root, writer, briefly=True):
                    for table in TABLES.values():
                        progress.tell(f"{table.name} of {writer}")
                        merge_shards(root, table, writer)
            except store.BusyError:
                busy.append(writer)
    return Compacted(num_before, count_files(root), busy)


def count_files(root: Path) -> int:
    """Shards of all tables."""
    return sum(len(named_shards(root / name)) for name in TABLES)
