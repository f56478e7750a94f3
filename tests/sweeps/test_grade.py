"""The grading pass: every answer once a grader's version, truncation labelled, old grades kept."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.types import Grade, Prompt
from results import store
from results.graders import Grader, present_grader
from results.schema import ANSWERS, GRADES, MODELS, PROMPTS
from sweeps import grade as grading
from sweeps.grade import grade_run
from sweeps.identity import hash_identity
from sweeps.regrade import compare_graders


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
        if text == "awful":
            raise ZeroDivisionError("by nothing")
        # Its second version reads on, and its third votes otherwise.
        read = text.replace("rong", "right") if self.grader_version != "1" else text
        vote = read.upper() if self.grader_version == "3" else read
        return Grade(read, vote, read == "right", 1.0, "correct" if read == "right" else "wrong")


ANSWER = dict.fromkeys(ANSWERS.schema.names) | {"identity": "i", "prompt_id": "echo/0", "pool": "evaluation"}


TASK_ID = f"echo-{hash_identity({'name': 'echo'})[:8]}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    task_id = TASK_ID
    model = dict.fromkeys(MODELS.schema.names)
    store.append(tmp_path, MODELS, [model | {"identity": "i", "model": "m", "task": task_id}], writer="m")
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


def test_a_long_shard_is_graded_in_batches_of_prompts_that_are_loaded_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, batches = [], []
    load, grade = Echo.load, grading.grade_rows
    monkeypatch.setattr(Echo, "load", lambda self: loads.append(1) or load(self))
    monkeypatch.setattr(grading, "BATCH_ROWS", 4)
    monkeypatch.setattr(
        grading, "grade_rows", lambda *given, **more: batches.append(len(given[1])) or grade(*given, **more)
    )
    more = [ANSWER | {"sample": 10 + number, "text": f"{number}", "finish_reason": "stop"} for number in range(19)]
    store.append(root, ANSWERS, more, writer="m")
    assert grade_run(root, [Echo()]) == 22 == len(grades(root))
    # Of the first shard three are its task's; of the second the rest in fours.
    assert batches == [4, 4, 4, 4, 4, 2] and len(loads) == 1


def test_another_version_grades_again_and_the_old_grades_stay(root: Path) -> None:
    grade_run(root, [Echo("1")])
    before = grades(root)
    assert grade_run(root, [Echo("2")]) == 3
    assert grades(root)[:3] == before
    assert {row[2] for row in grades(root)} == {"1", "2"}


def test_what_changed_is_printed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grade_run(root, [Echo("1")])
    assert capsys.readouterr().out == ""
    grade_run(root, [Echo("2")])
    assert capsys.readouterr().out.splitlines() == [
        "echo 2 beside 1:",
        "               m: 1 of 3 outcomes changed; correct +1 -0",
        "                  1 wrong -> correct",
        "                    echo/0 sample 1 at 8: 'rong' -> 'right'",
    ]
    grade_run(root, [Echo("3")])
    assert "2 correct, another vote" in capsys.readouterr().out


def test_a_comparison_counts_what_brute_force_counts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    keys = [(i, f"p{p}", s, b) for i in "ij" for p in range(20) for s in range(4) for b in (None, 8)]
    outcomes = {grader: rng.choice(["correct", "wrong", "unparsed"], len(keys)) for grader in "ab"}
    missing = {grader: rng.random(len(keys)) < 0.1 for grader in "ab"}
    for grader in "ab":
        rows = [
            dict(zip(("identity", "prompt_id", "sample", "budget"), key, strict=True))
            | {"pool": "evaluation", "grader": grader, "grader_version": "1", "outcome": outcome, "vote_key": "v"}
            for key, outcome, skipped in zip(keys, outcomes[grader], missing[grader], strict=True)
            if not skipped
        ]
        for half in (rows[:100], rows[100:]):
            store.append(tmp_path, GRADES, half, writer="w")
    compared, changes = compare_graders(tmp_path, Grader("a", "1"), Grader("b", "1"))
    both = [n for n in range(len(keys)) if not missing["a"][n] and not missing["b"][n]]
    assert compared == dict(Counter(keys[n][0] for n in both))
    expected = Counter((keys[n][0], str(outcomes["a"][n]), str(outcomes["b"][n])) for n in both)
    assert {change[:3]: change.num_answers for change in changes} == {
        key: count for key, count in expected.items() if key[1] != key[2]
    }


def test_the_grades_that_stand_are_the_old_ones_until_all_are_replaced(root: Path) -> None:
    grade_run(root, [Echo("1")])
    assert present_grader(root, ["i"]) == ("echo", "1")
    fresh = [row | {"grader": "new"} for row in store.scan(root, GRADES).to_pylist()]
    store.append(root, GRADES, fresh[:2], writer="w")
    assert present_grader(root, ["i"]) == ("echo", "1")
    store.append(root, GRADES, fresh[2:], writer="w")
    assert present_grader(root, ["i"]) == ("new", "1")
    assert present_grader(root, ["j"]) is None and present_grader(root, []) is None


def test_where_the_grader_failed_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.append(root, ANSWERS, [ANSWER | {"sample": 9, "text": "awful", "finish_reason": "stop"}], writer="m")
    grade_run(root, [Echo()])
    said = capsys.readouterr().out
    assert said == (
        "echo: 1 answers made the grader fail (ZeroDivisionError), such as echo/0: ZeroDivisionError: by nothing\n"
    )
    assert ("unparsed", False) in {row[3:] for row in grades(root)}


def test_a_prompt_that_reads_differently_is_refused(root: Path) -> None:
    prompt = {"task": TASK_ID, "prompt_id": "echo/2", "prompt_hash": "0123456789abcdef"}
    store.append(root, PROMPTS, [prompt], writer="p")
    assert grade_run(root, [Echo()]) == 3
    with pytest.raises(
        ValueError, match="of 3 stored prompts 0 are missing and 1 have another text, such as echo/2"
    ):
        grade_run(root, [Echo(size=3)])


def test_prompts_that_the_task_has_no_more_are_told(root: Path) -> None:
    store.append(root, PROMPTS, [{"task": TASK_ID, "prompt_id": "echo/lost"}], writer="p")
    with pytest.raises(ValueError, match=r"of 3 stored prompts 1 are missing .*such as echo/lost"):
        grade_run(root, [Echo(size=3)])
