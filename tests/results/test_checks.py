"""A shard that is whole and holds what cannot be is named: entries of lists, and lists that belong together."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from results.checks import find_wrong
from results.schema import SCORES, SEARCHES, Table
from results.shards import write_shard

KEY = {"identity": "i", "prompt_id": "p/0", "pool": "evaluation", "sample": 0, "budget": None}
NAMED = KEY | {"scorer": "rm", "scorer_version": "1"}
PATH = NAMED | {
    **{"num_steps": 2, "num_expansions": 2, "num_written_tokens": 9, "num_read_tokens": 20, "score": 0.5},
    **{
        "expansion_steps": [0, 1],
        "expansion_starts": [0, 4],
        "expansion_tokens": [4, 3],
        "reading_tokens": [9, 11],
    },
}
SCORE = NAMED | {"verdict": 0, "score": 0.5, "step_scores": [0.1, 0.5], "step_ends": [3, 9]}
# What is changed in a row that can be, and what is said of it.
CASES: list[tuple[Table, dict[str, Any], str]] = [
    (SEARCHES, {"num_steps": None}, "holds rows without num_steps"),
    (SEARCHES, {"expansion_steps": None}, "holds rows without expansion_steps"),
    (SEARCHES, {"reading_tokens": None}, "holds rows without reading_tokens"),
    (SEARCHES, {"reading_tokens": [9, None]}, "holds reading_tokens with entries that have no value"),
    (SEARCHES, {"reading_tokens": [-9, 29]}, "holds reading_tokens -9"),
    (SEARCHES, {"expansion_starts": [0, -4]}, "holds expansion_starts -4"),
    (SEARCHES, {"expansion_starts": [0]}, "holds expansion_steps and expansion_starts of different lengths"),
    (SEARCHES, {"expansion_tokens": []}, "holds expansion_steps and expansion_tokens of different lengths"),
    (SCORES, {"step_scores": [0.1, None]}, "holds step_scores with entries that have no value"),
    (SCORES, {"step_scores": [0.1]}, "holds step_scores and step_ends of different lengths"),
    (SCORES, {"step_ends": [3, -1]}, "holds step_ends -1"),
]
# What scorers and searches may write.
FINE: list[tuple[Table, dict[str, Any]]] = [
    (SEARCHES, {}),
    (SEARCHES, {"reading_tokens": [], "score": None, "refusal": "no text"}),
    (SEARCHES, dict.fromkeys(("expansion_steps", "expansion_starts", "expansion_tokens"), [])),
    (SCORES, {}),
    (SCORES, {"score": float("nan"), "step_scores": [float("inf"), float("nan")]}),
    (SCORES, {"step_ends": None}),
    (SCORES, {"step_scores": None, "step_ends": None, "score": None, "refusal": "no text"}),
]


def find(root: Path, table: Table, changes: dict[str, Any]) -> str | None:
    """What is found of a changed row behind one as it should be."""
    row = {SEARCHES.name: PATH, SCORES.name: SCORE}[table.name]
    rows = pa.Table.from_pylist([row | {"sample": 1}, row | changes], schema=table.schema)
    return find_wrong(write_shard(root / table.name, rows, writer="w"))


@pytest.mark.parametrize(("table", "changes", "told"), CASES)
def test_a_value_that_cannot_be_in_a_list_is_named(
    table: Table, changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    found = find(tmp_path, table, changes)
    assert found is not None and found.startswith(told) and found.endswith("which is not possible")


@pytest.mark.parametrize(("table", "changes"), FINE)
def test_what_can_be_is_whole(table: Table, changes: dict[str, Any], tmp_path: Path) -> None:
    assert find(tmp_path, table, changes) is None
