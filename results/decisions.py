"""What a sweep with a goal decided after each round, as it was stored.

A run may come from anyone: what no sweep stores is refused.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results import store
from results.schema import DECISIONS

# Columns that hold JSON.
OBJECTS = ("asked", "words", "known", "targets")
GOALS = ("Accuracy", "Compare", "Decide", "ExchangeRates")
ENDS = ("known", "limits", "cap", "rounds", "pilot", "failed")
STATES = ("open", "known", "never", "at most")
# What is found of a question, by its kind.
FOUND = (
    {"rate", "low", "high", "never"},
    {"accuracy", "low", "high"},
    {"gain", "low", "high", "effect"},
    {"side", "at_1", "at_1_error", "at_end", "at_end_error"},
)
# Numbers of a goal that words and figures are made with.
NUMBERS = ("alpha", "effect", "half_width", "points")


def read(root: Path, goal: str | None = None) -> list[dict[str, Any]]:
    """The decisions of a goal, or of the one that was decided on last, in order; JSON as what it says.

    Raises ValueError for what no sweep has stored.
    """
    rows = store.scan(root, DECISIONS).to_pylist()
    if goal is None and rows:
        goal = max(rows, key=lambda row: row["time"] or "")["goal"]
    own = sorted((row for row in rows if row["goal"] == goal), key=lambda row: row["round"])
    try:
        told = [row | {name: json.loads(row[name] or "[]") for name in OBJECTS} for row in own]
    except (ValueError, RecursionError):
        told, wrong = [], "what is no JSON"
    else:
        wrong = next(filter(None, (_find_wrong(row, told[0]) for row in told)), "")
    if wrong:
        raise ValueError(
            f"{root / DECISIONS.name} holds {wrong}, which no sweep with a goal stores. Move that folder away to read "
            "the run as one without a goal."
        )
    return told


def append(root: Path, row: Mapping[str, Any], *, writer: str) -> dict[str, Any]:
    """Store one; the row as `read` gives it. The caller holds the writer's lock."""
    texts = {name: json.dumps(row[name]) for name in OBJECTS}
    store.append(root, DECISIONS, [{**row, **texts}], writer=writer)
    return {**row, **{name: json.loads(text) for name, text in texts.items()}}


def _find_wrong(row: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    """What of a decision is none, in words; first: the first one of its goal."""
    tests = {
        "an end of another kind": row["end"] is None or row["end"] in ENDS,
        "a goal of another kind": _is_asked(row["asked"]),
        "words that are none": isinstance(row["words"], list)
        and all(isinstance(each, str) for each in row["words"]),
        "targets that are none": _are_targets(row["targets"])
        and _are_targets(first["targets"])
        and row["targets"].keys() == first["targets"].keys(),
    }
    if wrong := next((what for what, holds in tests.items() if not holds), ""):
        return wrong
    known = row["known"]
    is_known = isinstance(known, list) and all(_is_known(each, row["targets"]) for each in known)
    return "" if is_known else "findings that are none"


def _is_asked(asked: Any) -> bool:
    if not isinstance(asked, dict) or asked.get("goal") not in GOALS or "bins" not in asked:
        return False
    pairs = asked.get("pairs") or []
    has_pairs = isinstance(pairs, list) and all(isinstance(pair, str) for pair in pairs)
    return has_pairs and all(_is_number(asked[name]) for name in NUMBERS if name in asked)


def _are_targets(targets: Any) -> bool:
    """Whether each model has prompts and samples."""
    return isinstance(targets, dict) and all(
        isinstance(each, list)
        and len(each) == 2
        and all(type(count) is int and 0 < count < 2**31 for count in each)
        for each in targets.values()
    )


def _is_known(known: Any, targets: Mapping[str, Any]) -> bool:
    """Whether this is what is stored of a question about these models."""
    if not isinstance(known, dict) or not isinstance(known.get("name"), str) or known.get("state") not in STATES:
        return False
    models, found, within = (known.get(name) for name in ("models", "found", "within"))
    if not (isinstance(models, list) and isinstance(found, dict) and isinstance(within, dict)):
        return False
    numbers = [known.get("ratio"), known.get("between"), *within.values(), *map(_read_number, found.values())]
    return (
        1 <= len(models) <= 2
        and all(isinstance(name, str) and name in targets for name in (*models, *within))
        and any(kind <= found.keys() for kind in FOUND)
        and all(map(_is_number, numbers))
    )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _read_number(value: Any) -> Any:
    """A number of what was found; infinite ones are stored as text."""
    return float(value) if value in ("inf", "-inf", "nan") else value
