"""What a sweep with a goal decided after each round, as it was stored.

A run may come from anyone: what no sweep stores is refused.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results import store
from results.decision_checks import find_wrong
from results.schema import DECISIONS

# Columns that hold JSON.
OBJECTS = ("asked", "words", "known", "targets")


def read(root: Path, goal: str | None = None) -> list[dict[str, Any]]:
    """The decisions of a goal, or of the one that was decided on last, in order; JSON as what it says.

    Raises ValueError for what no sweep has stored.
    """
    rows = store.scan(root, DECISIONS).to_pylist()
    if goal is None and rows:
        goal = max(rows, key=lambda row: row["time"] or "")["goal"]
    own = [row for row in rows if row["goal"] == goal]
    try:
        told = [row | {name: _read_value(row[name]) for name in OBJECTS} for row in own]
        told = [row | {"words": [] if row["words"] is None else row["words"]} for row in told]
    except (ValueError, RecursionError):
        told, wrong = [], "what is no JSON"
    else:
        wrong = find_wrong(told)
    if wrong:
        raise ValueError(
            f"{root / DECISIONS.name} holds {wrong}, which no sweep with a goal stores. Move that folder away to "
            "read the run as one without a goal."
        )
    return sorted(told, key=lambda row: row["round"])


def append(root: Path, row: Mapping[str, Any], *, writer: str) -> dict[str, Any]:
    """Store one; the row as `read` gives it. The caller holds the writer's lock."""
    texts = {name: json.dumps(row[name]) for name in OBJECTS}
    store.append(root, DECISIONS, [{**row, **texts}], writer=writer)
    return {**row, **{name: json.loads(text) for name, text in texts.items()}}


def _read_value(text: str | None) -> Any:
    """What a JSON text says, None where there is none; raises ValueError for one that has
    half a character in it.
    """
    value = json.loads(text or "null")
    json.dumps(value, ensure_ascii=False).encode()
    return value
