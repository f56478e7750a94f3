"""What of a sweep is code that isoquant does not ship, and runs because the command line names it."""

import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from harness.readers import name_code
from harness.types import Task

if TYPE_CHECKING:
    from sweeps.job import Job

OURS = "harness"


def tell_code(jobs: Iterable["Job"]) -> list[str]:
    """A line for what these jobs run of others' code; none where they run none."""
    named = dict.fromkeys(line for job in jobs for line in (*_list_code(job.task), *_list_own_code(job)))
    return [f"This code is not from isoquant and runs because you named it: {'; '.join(named)}."] if named else []


def _list_code(task: Task) -> Iterator[str]:
    if _is_foreign(type(task)):
        yield f"task._target_={name_code(type(task))}"
    for field in dataclasses.fields(cast(Any, task)):
        value = getattr(task, field.name)
        if inspect.isfunction(value) and _is_foreign(value):
            yield f"task.{field.name}={name_code(value)}"
    code = getattr(task, "code", ())
    if code:
        yield f"by task.trust=true, {', '.join(code)}"


def _list_own_code(job: "Job") -> Iterator[str]:
    if job.engine.options.get("trust_remote_code"):
        yield f"by engine.options.trust_remote_code=true, the code of {job.model.name}"


def _is_foreign(code: Any) -> bool:
    return str(code.__module__).partition(".")[0] != OURS
