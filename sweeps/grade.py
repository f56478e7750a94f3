"""The grading pass: every stored answer that its task's grader has not seen yet. Draws nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.grading import Graded, grade_texts
from harness.types import Grade, Prompt, Task
from results import store
from results.graders import Grader, present_grader
from results.nodes import is_free_text
from results.schema import ANSWERS, GRADES, MODELS, PROMPTS
from sweeps.identity import check_prompts, name_grades, name_task
from sweeps.regrade import describe_changes

TRUNCATED = Grade(None, None, False, 0.0, "truncated")
# Answers are graded and stored so many at a time.
BATCH_ROWS = 100_000
# Where so many of a batch are refused, at so many answers or more, it is the grader that is refused, not an
# answer.
REFUSED_SHARE, FEW_ANSWERS = 0.9, 4
SHOWN_CHARS = 60
# By kind, where a grader failed and how.
Troubles = defaultdict[str, list[str]]


def grade_run(root: Path, tasks: Iterable[Task], *, unfenced: bool = False) -> int:
    """Grade what is not graded yet; return how many answers that were. Of tasks that differ in size, the largest.

    What went wrong with a grader is printed, and where another one graded before, what changed. unfenced: as of
    grade_texts. Raises ValueError where the sandbox refuses a task's grader.
    """
    largest = {name_task(task): task for task in sorted(tasks, key=lambda task: task.size)}
    return sum(grade_task(root, task, unfenced=unfenced) for task in largest.values())


def grade_task(root: Path, task: Task, *, unfenced: bool = False) -> int:
    """Grade the answers of one task by its present grader and version; earlier versions' grades stay."""
    task_id = name_task(task)
    writer, num_graded = name_grades(task_id), 0
    troubles: Troubles = defaultdict(list)
    identities = _identities(root, task_id)
    # Sweeps of other models may end at the same time, so that what is graded is read under their lock.
    with store.lock(root, writer, wait=True):
        before = present_grader(root, identities)
        prompts = _prompts_within(root, task, task_id)
        for rows in ungraded(root, task, task_id, prompts):
            grades = grade_rows(task, rows, troubles, prompts=prompts, unfenced=unfenced)
            store.append(root, GRADES, grades, writer=writer)
            store.keep_few(root, [GRADES], writer)
            num_graded += len(rows)
        store.merge(root, writer)
    after = Grader(task.grader, task.grader_version)
    for kind, examples in sorted(troubles.items()):
        print(
            f"{task.name}: {len(examples):,} answers made the grader fail ({kind}), such as {examples[0]}",
            flush=True,
        )
    if num_graded and before is not None and before != after:
        print("\n".join(describe_changes(root, before, after)), flush=True)
    return num_graded


def ungraded(
    root: Path, task: Task, task_id: str, prompts: Mapping[str, Prompt]
) -> Iterator[list[dict[str, Any]]]:
    """Answers to these prompts of the task that its present grader has not seen, at most BATCH_ROWS at a time."""
    graded = _hash_graded(root, task)
    identities, within = _identities(root, task_id), list(prompts)

    def find_due(keys: pd.DataFrame) -> pa.Array:
        seen = graded.get_indexer(store.hash_keys(keys, ANSWERS.key)) >= 0
        answers = ~keys["pool"].isin([pool for pool in keys["pool"].unique() if is_free_text(str(pool))])
        return pa.array(~seen & answers & keys["identity"].isin(identities) & keys["prompt_id"].isin(within))

    rows: list[dict[str, Any]] = []
    for shard in store.iterate(root, ANSWERS, columns=[*ANSWERS.key, "finish_reason", "text"]):
        left = shard.filter(find_due(shard.select(list(ANSWERS.key)).to_pandas()))
        # A merged shard holds millions, which as Python objects take gigabytes, and every grader's fork as long.
        for start in range(0, left.num_rows, BATCH_ROWS):
            rows += left.slice(start, BATCH_ROWS).to_pylist()
            if len(rows) >= BATCH_ROWS:
                yield rows[:BATCH_ROWS]
                rows = rows[BATCH_ROWS:]
    if rows:
        yield rows


def _identities(root: Path, task_id: str) -> list[str]:
    models = store.scan(root, MODELS, columns=["identity", "task"]).to_pylist()
    return [row["identity"] for row in models if row["task"] == task_id]


def _prompts_within(root: Path, task: Task, task_id: str) -> dict[str, Prompt]:
    """By id the task's prompts that are stored; raises ValueError where what is stored are other ones."""
    rows = store.scan(root, PROMPTS, columns=["task", "prompt_id", "prompt_hash"]).to_pylist()
    stored = {row["prompt_id"]: row["prompt_hash"] for row in rows if row["task"] == task_id}
    if not stored:
        return {}
    loaded = {prompt.prompt_id: prompt for prompt in task.load()}
    return {prompt_id: loaded[prompt_id] for prompt_id in check_prompts(task, list(loaded.values()), stored, root)}


def _hash_graded(root: Path, task: Task) -> pd.Index:
    """Hashes of the answers that the task's present grader and version have graded."""
    present, hashes = (task.grader, task.grader_version), []
    for shard in store.iterate(root, GRADES, columns=[*ANSWERS.key, "grader", "grader_version"]):
        grades = shard.to_pandas()
        by_present = (grades["grader"] == present[0]) & (grades["grader_version"] == present[1])
        hashes.append(store.hash_keys(grades[by_present], ANSWERS.key))
    return pd.Index(np.unique(np.concatenate(hashes)))


def grade_rows(
    task: Task,
    rows: list[dict[str, Any]],
    troubles: Troubles,
    *,
    prompts: Mapping[str, Prompt],
    unfenced: bool = False,
) -> list[dict[str, Any]]:
    """A row of grades for each answer, in order; what the answer limit cut is truncated and not graded.

    prompts: those of the task, by id. What went wrong with the grader is added to `troubles`.
    """
    # Equal answers to one prompt are graded once.
    distinct = sorted({(row["prompt_id"], row["text"]) for row in rows if row["finish_reason"] != "length"})
    graded = grade_texts(task, distinct, loaded=prompts, unfenced=unfenced)
    check_refused(task, distinct, graded)
    for position, reason in graded.troubles.items():
        troubles[reason.partition(":")[0]].append(f"{distinct[position][0]}: {reason}")
    grades = dict(zip(distinct, graded.grades, strict=True))
    present = {"grader": task.grader, "grader_version": task.grader_version}
    return [
        {name: row[name] for name in ANSWERS.key}
        | present
        | vars(TRUNCATED if row["finish_reason"] == "length" else grades[row["prompt_id"], row["text"]])
        for row in rows
    ]


def check_refused(task: Task, texts: Sequence[tuple[str, str]], graded: Graded) -> None:
    """Raise ValueError, with an example, where nearly all of these answers were refused:
    nothing was graded then.
    """
    refused = [position for position, grade in enumerate(graded.grades) if grade.outcome == "refused"]
    if len(refused) < max(FEW_ANSWERS, REFUSED_SHARE * len(texts)):
        return
    prompt_id, text = texts[refused[0]]
    raise ValueError(
        f"The grader of {task.name} cannot run: {len(refused):,} of {len(texts):,} answers were refused by the "
        f"sandbox ({graded.troubles[refused[0]]}), such as {clip(text)!r} to {prompt_id}. None of these grades is "
        "stored. Choose another task.filter or task.metric, or another task."
    )


def clip(text: str) -> str:
    """The end of a long text, where answers stand."""
    return text if len(text) <= SHOWN_CHARS else f"...{text[-SHOWN_CHARS:]}"
