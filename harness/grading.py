"""Graders in killable workers: a grade that takes too long or too much memory is an outcome, never a hang."""

import multiprocessing
import os
import resource
from collections.abc import Sequence
from concurrent.futures import TimeoutError as GradeTimeout

from pebble import ProcessExpired, ProcessPool

from harness.types import Grade, Prompt, Task

TIMEOUT = Grade(None, None, False, 0.0, "timeout")
UNPARSED = Grade(None, None, False, 0.0, "unparsed")
SECONDS_A_GRADE = 5.0
CHUNK_SIZE = 64
MEMORY_BYTES = 4 << 30

_task: Task
_prompts: dict[str, Prompt]


def grade_texts(task: Task, texts: Sequence[tuple[str, str]], *, num_workers: int | None = None) -> list[Grade]:
    """Grades of (prompt id, answer text) pairs, in order. One that cannot be graded in time is a timeout.

    The clock of a chunk starts when a worker takes it; a chunk that fails is graded again one by one, and an answer
    that makes its grader raise is unparsed.
    """
    prompts = {prompt.prompt_id: prompt for prompt in task.load()}
    # Workers are forked after the task has loaded, so that they inherit its imports and its data.
    context = multiprocessing.get_context("fork")
    workers = num_workers or os.cpu_count() or 1
    grades: list[Grade | None] = [None] * len(texts)
    with ProcessPool(workers, initializer=_start_worker, initargs=(task, prompts), context=context) as pool:
        for size in (CHUNK_SIZE, 1):
            left = [index for index, grade in enumerate(grades) if grade is None]
            chunks = [left[first : first + size] for first in range(0, len(left), size)]
            futures = [
                pool.schedule(_grade_chunk, args=[[texts[index] for index in chunk]], timeout=SECONDS_A_GRADE)
                for chunk in chunks
            ]
            for chunk, future in zip(chunks, futures, strict=True):
                try:
                    done: Sequence[Grade | None] = future.result()
                except (GradeTimeout, ProcessExpired, MemoryError):
                    done = [None if size > 1 else TIMEOUT] * len(chunk)
                except Exception:
                    done = [None if size > 1 else UNPARSED] * len(chunk)
                for index, grade in zip(chunk, done, strict=True):
                    grades[index] = grade
    return [grade for grade in grades if grade is not None]


def _start_worker(task: Task, prompts: dict[str, Prompt]) -> None:
    global _task, _prompts
    _task, _prompts = task, prompts
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _grade_chunk(texts: list[tuple[str, str]]) -> list[Grade]:
    return [_task.grade(_prompts[prompt_id], text) for prompt_id, text in texts]
