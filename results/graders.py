"""Whose grades of a run stand: graders change, and earlier grades stay beside later ones."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from results import store
from results.schema import GRADES


class Grader(NamedTuple):
    """The name and version that grades are stored under."""

    name: str
    version: str


def present_grader(root: Path, identities: Collection[str]) -> Grader | None:
    """The grader that graded most of these identities' answers, and of several the last to; None where none has.

    So a grader replaces another when it is through with what the other had graded, and not before.
    """
    num_graded = count_graded(root, identities)
    latest_first = list(num_graded)[::-1]
    return max(latest_first, key=num_graded.__getitem__, default=None)


def count_graded(root: Path, identities: Collection[str]) -> dict[Grader, int]:
    """How many answers of these identities each grader graded, the one that last graded any at the end."""
    num_graded: dict[Grader, int] = {}
    columns = ["identity", "grader", "grader_version"]
    for shard in store.iterate(root, GRADES, columns=columns):
        mine = shard.filter(store.among("identity", identities))
        for row in mine.group_by(columns[1:]).aggregate([([], "count_all")]).to_pylist():
            grader = Grader(row["grader"], row["grader_version"])
            num_graded[grader] = num_graded.pop(grader, 0) + row["count_all"]
    return num_graded
