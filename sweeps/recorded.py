"""Tasks as the jobs of a run recorded them.

A run folder is data, whoever made it: what it names is looked up in a closed list (harness.readers), and nothing
is imported by a name that stands in it. What is not listed is for the user to name on the command line.
"""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from harness.readers import FUNCTIONS, find_function, find_task
from harness.types import Task
from results import store
from results.folder import check_plain, find_visible
from results.places import find_shipped
from results.schema import PROMPTS
from sweeps.compose import EXAMPLE_READER, FOLDER, check_fields, find_kind, find_reader, shorten

# A record is the config of a job and the machine's description; what is larger was not written by a sweep.
MAX_BYTES = 10_000_000
# A task has as many prompts as its run, or more where some were lost; as many as this are not.
SPARE_FACTOR, SPARE_PROMPTS = 2, 100
KIND, TRUST, PARAMS = "_target_", "trust", "params"
# Nothing can be called, looked up or quoted in it, nor does it lead to another folder.
WORD = re.compile(r"[A-Za-z0-9_+\-*/^=<>%|&~, ]{1,40}")
# What a word of the command line may put in place of what was recorded, as task.<field>=<dotted name>.
NAMED = (*FUNCTIONS, KIND)


def load_tasks(root: Path, words: Sequence[str] = ()) -> list[Task]:
    """The tasks of a run, as its jobs recorded them, in the order in which they were last drawn.

    words: what the user names in place of what is recorded, such as task.extract=harness.answers.boxed, and
    task.trust. Raises ValueError for a word that names no such function, and where a record names code that is not
    isoquant's.
    """
    check_plain(root)
    paths = find_visible(root / "provenance", "*.json")
    if not paths:
        raise ValueError(f"No recorded jobs in {root}/provenance. Is this a run of `isoquant sweep`?")
    given = read_words(words)
    # Of equal ones the last stays: two runs of one task can differ in how its answers are read.
    last = {task: time for time, task in sorted(map(_read_task, paths))}
    tasks = [rebuild(json.loads(task), given, root=root) for task in sorted(last, key=last.__getitem__)]
    return [_bound(task, root) for task in tasks]


def read_words(words: Sequence[str]) -> dict[str, Any]:
    """What words of the command line put in place of recorded fields: functions, a class, and whether to trust."""
    given: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        field = name.removeprefix("task.")
        if not name.startswith("task.") or field not in (*NAMED, TRUST) or not value:
            raise ValueError(
                f"Expected {', '.join(f'task.{known}' for known in FUNCTIONS)}=<function>, such as "
                f"{EXAMPLE_READER}, "
                f"or task.trust=true; got {word!r}."
            )
        if field == TRUST and value not in ("true", "false"):
            raise ValueError(f"task.trust must be true or false; got {value!r}.")
        given[field] = value == "true" if field == TRUST else _find_named(field, value)
    return given


def rebuild(part: Mapping[str, Any], given: Mapping[str, Any], *, root: Path) -> Task:
    """The task of a recorded config, of `given` and of what the closed list has;
    raises ValueError for all else.
    """
    kind = given.get(KIND) or find_task(part.get(KIND))
    if kind is None:
        raise _unlisted(KIND, part.get(KIND), root)
    # Trust is the user's to give, each time: a folder cannot vouch for itself.
    recorded = {name: value for name, value in part.items() if name not in (KIND, TRUST)}
    fields = {name: _look_up(name, value, given, root=root) for name, value in recorded.items()}
    fields |= {name: value for name, value in given.items() if name != KIND}
    fields |= {FOLDER: find_shipped(fields[FOLDER])} if isinstance(fields.get(FOLDER), str) else {}
    check_fields(kind, fields, room="task")
    return cast(
        Task, kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
    )


def _bound(task: Task, root: Path) -> Task:
    """The task with a size that its run can have: a generator would write prompts for as long as a record says."""
    num_stored = sum(shard.num_rows for shard in store.iterate(root, PROMPTS, columns=["prompt_id"]))
    size = min(task.size, SPARE_PROMPTS + SPARE_FACTOR * num_stored)
    return cast(Task, dataclasses.replace(cast(Any, task), size=size))


def _look_up(name: str, value: Any, given: Mapping[str, Any], *, root: Path) -> Any:
    """A recorded value, or the function of the closed list that it names."""
    if name in given:
        return given[name]
    if name == PARAMS and (
        odd := next((text for text in _iterate_texts(value) if not WORD.fullmatch(text)), None)
    ):
        raise ValueError(
            f"The record of {root} gives task.{PARAMS} the text {shorten(odd)}, which is not a plain word. "
            "Generators evaluate such texts as code, so it is not used. Run the sweep that drew the run: it "
            "grades without this record."
        )
    is_code = isinstance(value, Mapping) and KIND in value
    if not is_code and not (name in FUNCTIONS and isinstance(value, str)):
        return value
    told = value.get("path", value[KIND]) if is_code else value
    function = find_function(name, told) if name in FUNCTIONS else None
    if function is None:
        raise _unlisted(name, told, root)
    return function


def _iterate_texts(value: Any) -> Iterator[str]:
    """The texts in a recorded value, names of settings among them."""
    if isinstance(value, str):
        yield value
    if isinstance(value, Mapping | list):
        for part in value.items() if isinstance(value, Mapping) else value:
            yield from _iterate_texts(list(part) if isinstance(part, tuple) else part)


def _find_named(field: str, name: str) -> Any:
    """The class or function that the user names; raises ValueError where there is none."""
    return find_kind(f"task.{field}", name) if field == KIND else find_reader(f"task.{field}", name)


def _unlisted(field: str, told: object, root: Path) -> ValueError:
    way_on = (
        f" If you know and trust it: isoquant grade {root} task.{field}=<dotted name>"
        if field in NAMED
        else " There is no option for this."
    )
    return ValueError(
        f"The record of {root} names task.{field}={shorten(told)}, which isoquant does not ship. A run folder is "
        f"data: code that it names is not run.{way_on}"
    )


def _read_task(path: Path) -> tuple[str, str]:
    """When a job was recorded, and its task."""
    record = read_record(path)
    return str(record.get("time", "")), json.dumps(record["config"]["task"], sort_keys=True)


def read_record(path: Path) -> dict[str, Any]:
    """The record of a job, whose config has a task; raises ValueError where it is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError
        record = json.loads(path.read_text())
        # Written out once, since what is nested too deep cannot be.
        json.dumps(dict(record["config"]["task"]))
        return dict(record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f"{path} is not a record of a job, or it is damaged. Move it away: other records name the run's tasks "
            "too, and the sweep that wrote it grades without it."
        ) from None
