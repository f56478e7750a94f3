"""A shard that is whole and holds what cannot be is named: entries of lists, lists that belong together,
amounts.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from results.checks import find_wrong
from results.folder import read_object
from results.schema import ANSWERS, CELLS, DECISIONS, MODELS, SCORES, SEARCHES, THROUGHPUT, Table
from results.shards import digest, write_shard

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
ANSWER = KEY | {"num_thinking_tokens": 3, "forced": False}
MODEL = {"identity": "i", "model": "m", "task": "t"}
CELL = {"identity": "i", "pool": "evaluation", "budget": 0, "num_samples": 1, "num_prompts": 2}
LOG = {"identity": "i", "job": "j", "elapsed_seconds": 0.5, "seconds": 0.5, "num_tokens": 9}
DECISION = {"goal": "g", "round": 0, "asked": "{}", "known": "[]", "targets": "{}", "num_tokens": 9}
DECISION |= {"device_seconds": 1.0, "usd": 0.0}
ROWS = {
    table.name: row
    for table, row in (
        *((SEARCHES, PATH), (SCORES, SCORE), (ANSWERS, ANSWER), (MODELS, MODEL), (CELLS, CELL)),
        *((THROUGHPUT, LOG), (DECISIONS, DECISION)),
    )
}
# The same of amounts, and of what costs are measured by.
AMOUNTS: list[tuple[Table, dict[str, Any], str]] = [
    (ANSWERS, {"seconds": -0.5}, "holds seconds -0.5, which is not possible"),
    (ANSWERS, {"seconds": float("inf")}, "holds seconds inf"),
    (ANSWERS, {"usd": float("-inf")}, "holds usd -inf"),
    (ANSWERS, {"usd": float("inf")}, "holds usd inf"),
    (THROUGHPUT, {"seconds": float("inf")}, "holds seconds inf"),
    (THROUGHPUT, {"elapsed_seconds": -1e30}, "holds elapsed_seconds -1"),
    (SEARCHES, {"seconds": -1.0}, "holds seconds -1"),
    (MODELS, {"cost_multiplier": -1.0}, "holds cost_multiplier -1"),
    (MODELS, {"cost_multiplier": 0.0}, "holds cost_multiplier 0"),
    (MODELS, {"num_params": 0}, "holds num_params 0"),
    (MODELS, {"num_matmul_params": 0}, "holds num_matmul_params 0"),
    (CELLS, {"num_samples": 0}, "holds num_samples 0"),
    (DECISIONS, {"device_seconds": float("inf")}, "holds device_seconds inf"),
    (DECISIONS, {"usd": -3.0}, "holds usd -3"),
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
    (SCORES, {"score": float("-inf")}),
    (ANSWERS, {"seconds": float("nan"), "usd": 0.0}),
    (ANSWERS, {"seconds": None, "usd": float("nan")}),
    (MODELS, {"num_params": None, "num_experts": 0, "cost_multiplier": 0.5}),
    (DECISIONS, {"ratio": float("inf"), "expected_ratio": float("inf"), "expected_tokens": float("inf")}),
    (CELLS, {"num_prompts": 0}),
]


def find(root: Path, table: Table, changes: dict[str, Any]) -> str | None:
    """What is found of a changed row behind one as it should be."""
    return find_wrong(write_shard(root / table.name, make(table, changes), writer="w"))


def make(table: Table, changes: dict[str, Any]) -> pa.Table:
    """A row as it should be, and a changed one."""
    row = ROWS[table.name]
    return pa.Table.from_pylist([row | {"sample": 1}, row | changes], schema=table.schema)


@pytest.mark.parametrize(("table", "changes", "told"), CASES)
def test_a_value_that_cannot_be_in_a_list_is_named(
    table: Table, changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    found = find(tmp_path, table, changes)
    assert found is not None and found.startswith(told) and found.endswith("which is not possible")


@pytest.mark.parametrize("has_statistics", [True, False])
@pytest.mark.parametrize(("table", "changes", "told"), AMOUNTS)
def test_an_amount_that_cannot_be_is_named_whatever_the_footer_tells(
    table: Table, changes: dict[str, Any], told: str, has_statistics: bool, tmp_path: Path
) -> None:
    pq.write_table(make(table, changes), tmp_path / "x", write_statistics=has_statistics)
    content = (tmp_path / "x").read_bytes()
    path = tmp_path / table.name / f"w.000000.{digest(content)}.parquet"
    path.parent.mkdir()
    path.write_bytes(content)
    found = find_wrong(path)
    assert found is not None and found.startswith(told) and found.endswith("which is not possible")


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-" + "9" * 310, "1" * 5000])
def test_a_whole_number_beyond_all_that_is_computed_with_is_refused(number: str) -> None:
    assert read_object(f'{{"seed": {2**64}}}', where="dials") == {"seed": 2**64}
    with pytest.raises(ValueError, match="^dials cannot be read as a JSON object"):
        read_object(f'{{"digits": {number}}}', where="dials")


@pytest.mark.parametrize(("table", "changes"), FINE)
def test_what_can_be_is_whole(table: Table, changes: dict[str, Any], tmp_path: Path) -> None:
    assert find(tmp_path, table, changes) is None


@pytest.mark.parametrize(
    ("name", "column", "told"),
    [
        ("num_thinking_tokens", pa.array([3, 2**40]), "holds num_thinking_tokens beyond what answers can have"),
        ("sample", pa.array([1, 2**31]), "holds sample beyond what answers can have"),
        ("seed", pa.array([1, 2**64 - 1], pa.uint64()), "holds seed beyond what answers can have"),
        ("text", pa.array(["a", "b"], pa.large_string()), None),
        ("sample", pa.array([1, 2**31 - 1]), None),
        ("identity", pa.array([b"i", b"\xff"], pa.binary()), "holds identity as binary"),
        (None, pa.array([3, 2]), "has the column sample twice"),
    ],
)
def test_a_wider_column_is_whole_where_its_values_are_those_of_the_table(
    name: str | None, column: pa.Array, told: str | None, tmp_path: Path
) -> None:
    rows = make(ANSWERS, {})
    if name is None:
        rows = rows.append_column("sample", column)
    else:
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    found = find_wrong(write_shard(tmp_path / "answers", rows, writer="w"))
    assert found is None if told is None else found is not None and found.startswith(told)
