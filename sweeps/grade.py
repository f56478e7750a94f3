"""The grading pass: every stored answer that its task's grader has not seen yet. Draws nothing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.grading import grade_texts
from harness.types import Grade, Task
from results import store
from results.schema import ANSWERS, GRADES, MODELS, PROMPTS
from sweeps.identity import name_task

TRUNCATED = Grade(None, None, False, 0.0, "truncated")
KEY = ("identity", "prompt_id", "pool", "sample", "budget")


def grade_run(root: Path, tasks: Iterable[Task]) -> int:
    """Grade what is not graded yet; return how many answers that were. Of tasks that differ in size, the largest."""
    largest = {name_task(task): task for task in sorted(tasks, key=lambda task: task.size)}
    return sum(grade_task(root, task) for task in largest.values())


def grade_task(root: Path, task: Task) -> int:
    """Grade the answers of one task by its present grader and version; earlier versions' grades stay."""
    task_id = name_task(task)
    writer = f"{task_id}-grades"
    # Sweeps of other models may end at the same time, so that what is graded is read under their lock.
    with store.lock(root, writer, wait=True):
        rows = ungraded(root, task, task_id)
        if rows:
            store.append(root, GRADES, grade_rows(task, rows), writer=writer)
    return len(rows)


def ungraded(root: Path, task: Task, task_id: str) -> list[dict[str, Any]]:
    """Answers of the task that its present grader has not seen, of prompts within its size."""
    models = store.scan(root, MODELS).to_pylist()
    identities = {row["identity"] for row in models if row["task"] == task_id}
    present = (task.grader, task.grader_version)
    graded = {
        tuple(row[name] for name in KEY)
        for row in store.scan(root, GRADES, columns=[*KEY, "grader", "grader_version"]).to_pylist()
        if (row["grader"], row["grader_version"]) == present
    }
    prompt_ids = [row["prompt_id"] for row in store.scan(root, PROMPTS).to_pylist() if row["task"] == task_id]
    within = set(sorted(prompt_ids)[: task.size])
    return [
        row
        for row in store.scan(root, ANSWERS, columns=[*KEY, "finish_reason", "text"]).to_pylist()
        if row["identity"] in identities
        and row["prompt_id"] in within
        and tuple(row[name] for name in KEY) not in graded
    ]


def grade_rows(task: Task, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row of grades for each answer, in order; what the answer limit cut is truncated and not graded."""
    # Equal answers to one prompt are graded once.
    distinct = sorted({(row["prompt_id"], row["text"]) for row in rows if row["finish_reason"] != "length"})
    grades = dict(zip(distinct, grade_texts(task, distinct), strict=True))
    present = {"grader": task.grader, "grader_version": task.grader_version}
    return [
        {name: row[name] for name in KEY}
        | present
        | vars(TRUNCATED if row["finish_reason"] == "length" else grades[row["prompt_id"], row["text"]])
        for row in rows
    ]
