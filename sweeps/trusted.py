"""What of a sweep's tasks is code that isoquant does not ship, and runs because the command line names it."""

import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from typing import Any, cast

from harness.tasks.readers import name_code
from harness.types import Task

OURS = "harness"


def tell_code(tasks: Iterable[Task]) -> list[str]:
    """A line for what these tasks run of others' code; none where they run none."""
    named = dict.fromkeys(line for task in tasks for line in _list_code(task))
    return [f"Code that is not isoquant's, and runs because you name it: {'; '.join(named)}."] if named else []


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


def _is_foreign(code: Any) -> bool:
    return str(code.__module__).partition(".")[0] != OURS
