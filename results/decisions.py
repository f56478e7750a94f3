"""What a sweep with a goal decided after each round, as it was stored."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results import store
from results.schema import DECISIONS

# Columns that hold JSON.
OBJECTS = ("asked", "words", "known", "targets")


def read(root: Path, goal: str | None = None) -> list[dict[str, Any]]:
    """The decisions of a goal, or of the one that was decided on last, in order; JSON as what it says."""
    rows = store.scan(root, DECISIONS).to_pylist()
    if goal is None and rows:
        goal = max(rows, key=lambda row: row["time"])["goal"]
    own = sorted((row for row in rows if row["goal"] == goal), key=lambda row: row["round"])
    return [row | {name: json.loads(row[name] or "[]") for name in OBJECTS} for row in own]


def append(root: Path, row: Mapping[str, Any], *, writer: str) -> dict[str, Any]:
    """Store one; the row as `read` gives it. The caller holds the writer's lock."""
    texts = {name: json.dumps(row[name]) for name in OBJECTS}
    store.append(root, DECISIONS, [{**row, **texts}], writer=writer)
    return {**row, **{name: json.loads(text) for name, text in texts.items()}}
