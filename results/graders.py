"""Whose grades of a run stand: graders change, and earlier grades stay beside later ones."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

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
    num_graded: Counter[Grader] = Counter()
    last: dict[Grader, int] = {}
    columns = ["identity", "grader", "grader_version"]
    for position, shard in enumerate(store.iterate(root, GRADES, columns=columns)):
        mine = shard.filter(pc.field("identity").isin(list(identities)))
        for row in mine.group_by(columns[1:]).aggregate([([], "count_all")]).to_pylist():
            grader = Grader(row["grader"], row["grader_version"])
            num_graded[grader] += row["count_all"]
            last[grader] = position
    return max(num_graded, key=lambda grader: (num_graded[grader], last[grader]), default=None)
