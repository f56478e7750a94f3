"""The grading pass: every answer once a grader's version, truncation labelled, old grades kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.types import Grade, Prompt
from results import store
from results.schema import ANSWERS, GRADES, MODELS, PROMPTS
from sweeps.grade import grade_run
from sweeps.identity import hash_identity


@dataclass(frozen=True)
class Echo:
    """Grades the text "right" as correct."""

    grader_version: str = "1"
    name: str = "echo"
    size: int = 1
    grader: str = "echo"

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"name": "echo"}

    def load(self) -> list[Prompt]:
        return [Prompt(f"echo/{index}", "say right", {}) for index in range(self.size)]

    def grade(self, prompt: Prompt, text: str) -> Grade:
        return Grade(text, text, text == "right", 1.0, "correct" if text == "right" else "wrong")


ANSWER = dict.fromkeys(ANSWERS.schema.names) | {"identity": "i", "prompt_id": "echo/0", "pool": "evaluation"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    task_id = f"echo-{hash_identity({'name': 'echo'})[:8]}"
    model = dict.fromkeys(MODELS.schema.names)
    store.append(tmp_path, MODELS, [model | {"identity": "i", "task": task_id}], writer="m")
    store.append(tmp_path, MODELS, [model | {"identity": "j", "task": "another"}], writer="n")
    prompt = {"task": task_id, "prompt_id": "echo/0"}
    store.append(tmp_path, PROMPTS, [prompt, prompt | {"prompt_id": "echo/1"}], writer=task_id)
    answers = [
        ANSWER | {"prompt_id": "echo/1", "sample": 0, "text": "beyond the task's size", "finish_reason": "stop"},
        ANSWER | {"sample": 0, "text": "right", "finish_reason": "stop"},
        ANSWER | {"sample": 1, "text": "rong", "finish_reason": "stop", "budget": 8},
        ANSWER | {"sample": 2, "text": "right", "finish_reason": "length"},
        ANSWER | {"identity": "j", "sample": 0, "text": "right", "finish_reason": "stop"},
    ]
    store.append(tmp_path, ANSWERS, answers, writer="m")
    return tmp_path


def grades(root: Path) -> list[tuple]:
    columns = ["sample", "budget", "grader_version", "outcome", "correct"]
    return [tuple(row.values()) for row in store.scan(root, GRADES, columns=columns).to_pylist()]


def test_every_answer_of_the_task_is_graded_and_a_truncated_one_is_labelled(root: Path) -> None:
    assert grade_run(root, [Echo()]) == 3
    assert grades(root) == [
        (0, None, "1", "correct", True),
        (1, 8, "1", "wrong", False),
        (2, None, "1", "truncated", False),
    ]


def test_a_second_pass_grades_nothing(root: Path) -> None:
    grade_run(root, [Echo()])
    assert grade_run(root, [Echo()]) == 0
    assert len(grades(root)) == 3


def test_of_tasks_that_differ_in_size_the_largest_grades(root: Path) -> None:
    assert grade_run(root, [Echo(size=2), Echo(size=1)]) == 4


def test_another_version_grades_again_and_the_old_grades_stay(root: Path) -> None:
    grade_run(root, [Echo("1")])
    before = grades(root)
    assert grade_run(root, [Echo("2")]) == 3
    assert grades(root)[:3] == before
    assert {row[2] for row in grades(root)} == {"1", "2"}
