"""The grading pass: every stored answer that its task's grader has not seen yet. Draws nothing."""

from collections.abc import Iterable
from pathlib import Path

from harness.grading import grade_texts
from harness.types import Grade, Task
from results import store
from results.schema import ANSWERS, GRADES, MODELS
from sweeps.plan import hash_identity

TRUNCATED = Grade(None, None, False, 0.0, "truncated")
KEY = ("identity", "prompt_id", "pool", "sample", "budget")


def grade_run(root: Path, tasks: Iterable[Task]) -> int:
    """Grade what is not graded yet; return how many answers that were."""
    return sum(grade_task(root, task) for task in tasks)


def grade_task(root: Path, task: Task) -> int:
    """Grade the answers of one task by its present grader and version; earlier versions' grades stay."""
    task_id = f"{task.name}-{hash_identity(task.identity)[:8]}"
    models = store.scan(root, MODELS).to_pylist()
    identities = {row["identity"] for row in models if row["task"] == task_id}
    graded = {
        tuple(row[name] for name in KEY)
        for row in store.scan(root, GRADES, columns=[*KEY, "grader", "grader_version"]).to_pylist()
        if (row["grader"], row["grader_version"]) == (task.grader, task.grader_version)
    }
    rows = [
        row
        for row in store.scan(root, ANSWERS, columns=[*KEY, "finish_reason", "text"]).to_pylist()
        if row["identity"] in identities and tuple(row[name] for name in KEY) not in graded
    ]
    if not rows:
        return 0
    # Equal answers to one prompt are graded once.
    distinct = sorted({(row["prompt_id"], row["text"]) for row in rows if row["finish_reason"] != "length"})
    grades = dict(zip(distinct, grade_texts(task, distinct), strict=True))
    writer = f"{task_id}-grades"
    with store.lock(root, writer):
        store.append(
            root,
            GRADES,
            [
                {name: row[name] for name in KEY}
                | {"grader": task.grader, "grader_version": task.grader_version}
                | vars(TRUNCATED if row["finish_reason"] == "length" else grades[row["prompt_id"], row["text"]])
                for row in rows
            ],
            writer=writer,
        )
    return len(rows)
