"""A line of grades comes from a process that a stranger's answer ran in: what cannot be a grade is none."""

import json
from typing import Any

import pytest

from harness.messages import LONGEST_CHARS, read_grade, write_grade
from harness.types import Grade

RIGHT: list[Any] = ["7", "7", True, 1.0, "correct", None]


def change(**changes: Any) -> bytes:
    fields = dict(zip(("extracted", "vote_key", "correct", "score", "outcome", "trouble"), RIGHT, strict=True))
    return json.dumps(list((fields | changes).values())).encode()


@pytest.mark.parametrize("score", [0.0, 0.25, 1.0])
def test_a_grade_comes_back_as_it_was_written(score: float) -> None:
    grade = Grade("seven", None, False, score, "wrong")
    assert read_grade(write_grade(grade, "slow")) == (grade, "slow")


@pytest.mark.parametrize(
    "score", [-1e-9, 1.0000001, -1, 2, 1e300, 10**400, float("nan"), float("inf"), -float("inf")]
)
def test_a_score_outside_zero_to_one_is_no_grade(score: float) -> None:
    with pytest.raises(ValueError, match="A score must be between 0 and 1|is damaged"):
        read_grade(change(score=score))


@pytest.mark.parametrize(
    "changes",
    [
        {"correct": 1},
        {"correct": "true"},
        {"correct": False},
        {"outcome": "wrong"},
        {"outcome": "perfect"},
        {"outcome": None},
        {"score": None},
        {"score": [1.0]},
        {"score": "full"},
        {"extracted": 7},
        {"extracted": "x" * (LONGEST_CHARS + 1)},
        {"vote_key": {"a": 1}},
        {"trouble": "x" * 1000},
        {"more": 1},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_line_that_contradicts_itself_or_holds_another_type_is_no_grade(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="contradicts itself|is damaged"):
        read_grade(change(**changes))
