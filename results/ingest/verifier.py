"""What a verifier gave an answer, from a cell to rows. Knows no scales: a score is any finite number."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from results import schema, store
from results.ingest.cells import text
from results.ingest.lists import as_list

# The kind of a scorer whose scores came with their outcomes.
OUTSIDE = "outside"
Row = dict[str, Any]


def score(cell: Any) -> float | None:
    """The score of a cell, or of a list of one; None where it is empty or NaN. Raises ValueError for no number."""
    listed = as_list(cell)
    if listed is not None and len(listed) > 1:
        raise ValueError(
            f"it has {len(listed)} scores under verifier; map one score, or map them as step_scores if they are "
            "of steps"
        )
    return _number(cell if listed is None else next(iter(listed), None), "verifier")


def step_scores(cell: Any) -> tuple[float, ...] | None:
    """The scores of a cell's list, one a step; None where it is empty.

    Raises ValueError where it is no list, or an item is no number.
    """
    written = text(cell)
    if written is None:
        return None
    listed = as_list(cell)
    if listed is None:
        raise ValueError(
            f"{written[:40]!r} is not a list, under step_scores; write it as JSON, such as [0.9, 0.4]"
        )
    numbers = [_number(item, "step_scores") for item in listed]
    if None in numbers:
        raise ValueError("a step has no score, under step_scores; leave the whole list out")
    return tuple(number for number in numbers if number is not None)


def _number(cell: Any, noun: str) -> float | None:
    written = text(cell)
    if written is None or written.strip().lower() in ("", "nan"):
        return None
    try:
        number = float(written)
    except ValueError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(
            f"{written[:40]!r} is not a finite number, under {noun}; leave the cell empty if there is no score"
        )
    return number


def rows_of_scores(scorer: str, scored: Sequence[Mapping[str, Any]]) -> list[tuple[schema.Table, list[Row]]]:
    """The scorer and its scores, under a version that is a digest of them; what it read is not known.

    scored: keys of answers with `score` and `step_scores`.
    """
    parts = {"scorer": scorer, "scores": f"sha256:{_digest(scored)}"}
    named = {"scorer": scorer, "scorer_version": _digest(parts)[:16]}
    row = named | {"kind": OUTSIDE, "scorer_parts": store.encode_json(parts)}
    return [(schema.SCORERS, [row]), (schema.SCORES, [{**each, **named, "verdict": 0} for each in scored])]


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
