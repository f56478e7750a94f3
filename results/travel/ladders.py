"""Whether two runs are of one ladder: each model asked alike in both, the same tasks or seeds of them."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from results import store
from results.folder import read_object
from results.schema import MODELS

# What stands for the seed of a task in the identity of prompts of several.
SEVERAL = "several"
SEED = "seed"
MOST_TOLD, SHOWN_CHARS = 3, 60
Parts = Mapping[str, Any]


class Rung(NamedTuple):
    """A model on a task as a run stores it: its identity, and what this is the hash of."""

    identity: str
    model: str
    task: str
    parts: Parts

    @property
    def seed(self) -> int | None:
        """The seed that prompts of its task are drawn from; None where it has none."""
        task = self.parts.get("task")
        seed = task.get(SEED) if isinstance(task, dict) else None
        return seed if isinstance(seed, int) and not isinstance(seed, bool) else None

    @property
    def family(self) -> str:
        """What its task is the hash of, but for the seed; for other tasks their name."""
        task = self.parts.get("task")
        return (
            json.dumps(task | {SEED: SEVERAL}, sort_keys=True)
            if isinstance(task, dict) and SEED in task
            else self.task
        )

    def pooled(self) -> "Rung":
        """The same model on the prompts of several seeds; itself where its task has none."""
        if self.seed is None:
            return self
        task = dict(self.parts["task"]) | {SEED: SEVERAL}
        parts = dict(self.parts) | {"task": task}
        return Rung(_hash(parts), self.model, f"{task.get('name')}-{_hash(task)[:8]}", parts)


class Agreement(NamedTuple):
    """Of each run, by identity, what its rows are stored as: itself, or the pooled one of several seeds."""

    first: dict[str, Rung]
    second: dict[str, Rung]
    is_pooled: bool


def read_rungs(root: Path) -> list[Rung]:
    """The models of a run; raises ValueError where there is none."""
    rows = store.scan(root, MODELS, columns=["identity", "model", "task", "identity_parts"]).to_pylist()
    if not rows:
        raise ValueError(f"{root} has no model, so there is nothing to merge.")
    rows = list({row["identity"]: row for row in rows}.values())
    parts = (read_object(row["identity_parts"] or "{}", where="identity_parts of a model") for row in rows)
    return [Rung(row["identity"], row["model"], row["task"], told) for row, told in zip(rows, parts, strict=True)]


def agree(first: Path, second: Path) -> Agreement:
    """How the models of both runs are stored as one; raises ValueError,
    with what differs, where they cannot be.
    """
    try:
        return _agree(first, second)
    except RecursionError:
        raise ValueError(
            f"The settings of models of {first} or {second} are nested too deep to be compared."
        ) from None


def _agree(first: Path, second: Path) -> Agreement:
    rungs = read_rungs(first), read_rungs(second)
    pooled = {family for family in {rung.family for rung in rungs[0]} if _is_apart(family, *rungs)}
    stored = [{rung.identity: rung.pooled() if rung.family in pooled else rung for rung in each} for each in rungs]
    agreed = Agreement(stored[0], stored[1], is_pooled=bool(pooled))
    reason = _find_reason(*(list(each.values()) for each in stored))
    if (
        pooled
        and not reason
        and not {rung.identity for rung in stored[0].values() if rung.family in pooled}
        & {rung.identity for rung in stored[1].values()}
    ):
        reason = "no model has samples of the prompts of both seeds"
    if reason:
        raise ValueError(f"{first} and {second} are not runs of the same ladder: {reason}.")
    return agreed


def _is_apart(family: str, first: Iterable[Rung], second: Iterable[Rung]) -> bool:
    """Whether both runs hold tasks that differ in the seed alone, and none in common."""
    tasks = [{rung.task for rung in each if rung.family == family} for each in (first, second)]
    return all(tasks) and not tasks[0] & tasks[1]


def _find_reason(first: Sequence[Rung], second: Sequence[Rung]) -> str | None:
    """Why two runs are not of one ladder; None where they are."""
    names = {rung.identity: rung.model for rung in first}
    for rung in second:
        if names.get(rung.identity, rung.model) != rung.model:
            return f"the same weights, with the same settings, are called {names[rung.identity]} and {rung.model}"
    for rung in second:
        alike = [other for other in first if (other.model, other.task) == (rung.model, rung.task)]
        ours = [other.identity for other in second if (other.model, other.task) == (rung.model, rung.task)]
        if alike and not {other.identity for other in alike} & set(ours):
            return f"{rung.model} differs in {_tell(alike[0].parts, rung.parts)}"
    shared = {rung.task for rung in first} & {rung.task for rung in second}
    for rung in second:
        for other in first:
            if rung.task != other.task and not shared and _name(rung) == _name(other):
                return f"{_name(rung)} differs in {_tell(other.parts, rung.parts, 'task')}"
    if not shared:
        tasks = [", ".join(sorted({rung.task for rung in each})) for each in (first, second)]
        return f"one is of {tasks[0]}, the other of {tasks[1]}"
    return None


def _name(rung: Rung) -> str:
    task = rung.parts.get("task")
    return str(task.get("name")) if isinstance(task, dict) else rung.task


def _tell(first: Parts, second: Parts, within: str = "") -> str:
    """What sets the parts of two identities apart, in a line."""
    before, after = dict(store.flatten(first)), dict(store.flatten(second))
    names = [
        name
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and name.startswith(within)
    ]
    told = [f"{name} ({_show(before.get(name))} and {_show(after.get(name))})" for name in names[:MOST_TOLD]]
    more = f" and {len(names) - MOST_TOLD:,} more" if len(names) > MOST_TOLD else ""
    return ", ".join(told) + more if told else "what was not recorded"


def _show(value: object) -> str:
    text = "its default" if value is None else str(value)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 3] + "..."


def _hash(parts: object) -> str:
    """As a sweep names identities."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
