"""The words that a recorded config follows from, for runs whose records hold none:
found, composed and compared.
"""

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from results import store
from sweeps.compose import ROOMS, resolve
from sweeps.configs import CONF, compose_words
from sweeps.made_with import SCALARS, Made
from sweeps.words import ONE_MODEL, quote

# Settings that say where and how a job ran, and are no part of its rows.
PASSING = ("run", "progress_row", "jobs_at_once", "grade_unfenced", "cap")
# The choice that any checkpoint takes.
ANY_MODEL = "hf"
ABSENT = object()


def rebuild_words(made: Made, root: Path) -> tuple[str, ...]:
    """Words that compose to what is recorded of a job; raises ValueError where no words are sure to.

    Every room takes the choice of conf/ that is nearest, then each value that differs. The words are composed, and
    all that is recorded must come out; what the record is too old to hold stays at the choice's own.
    """
    try:
        words = (f"experiment={_find_experiment(made.model)}", *_list_words(made.config))
        told = _compose(words)
        if further := [name for name in SCALARS if made.config.get(name, told.get(name)) != told.get(name)]:
            words += tuple(f"{name}={_write(made.config[name])}" for name in further)
            told = _compose(words)
    except (ValueError, TypeError, AttributeError) as error:
        raise _uncertain(root, made, str(error)) from error
    stored = {name: value for name, value in _flatten(made.config).items() if name.split(".")[0] not in PASSING}
    if apart := [name for name, value in stored.items() if told.get(name, ABSENT) != value]:
        raise _uncertain(root, made, f"{apart[0]} does not follow from any")
    return words


def _compose(words: Sequence[str]) -> dict[str, Any]:
    return _flatten(resolve(compose_words([*words, "run=none"])))


def _list_words(config: Mapping[str, Any]) -> Iterator[str]:
    """A choice for every room, then what differs from it."""
    values = []
    for room in ROOMS:
        part = config.get(room)
        if not isinstance(part, Mapping):
            raise ValueError(f"{room} is not recorded")
        choice, apart = _find_nearest(room, json.dumps(part, sort_keys=True))
        yield f"{room}={choice}"
        values += [f"{sign}{room}.{name}={_write(value)}" for name, (sign, value) in apart.items()]
    yield from values


@functools.cache
def _find_nearest(room: str, part: str) -> tuple[str, dict[str, tuple[str, Any]]]:
    """The choice of conf/ that the fewest recorded values differ from, and those, each with the sign that sets it.

    part: the room's JSON.
    """
    recorded = _flatten(json.loads(part))
    found = []
    for path in sorted((CONF / room).glob("*.yaml")):
        choice = _flatten(yaml.safe_load(path.read_text()))
        apart = {
            name: ("" if name in choice else "++", value)
            for name, value in recorded.items()
            if choice.get(name, ABSENT) != value
        }
        # A checkpoint is no variant of another.
        is_other = "_target_" in apart or (room == "model" and "path" in apart and path.stem != ANY_MODEL)
        if not is_other:
            found.append((len(apart) + len(choice.keys() - recorded.keys()), path.stem, apart))
    if not found:
        raise ValueError(f"{room} is none of conf/{room}")
    _, name, apart = min(found, key=lambda each: each[:2])
    return name, apart


def _find_experiment(model: str) -> str:
    """The experiment that draws this model, else the one of a single model."""
    for path in sorted((CONF / "experiment").glob("*.yaml")):
        params = yaml.safe_load(path.read_text()).get("hydra", {}).get("sweeper", {}).get("params", {})
        if model in str(params.get("model", "")).split(","):
            return path.stem
    return ONE_MODEL


def _flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their dotted names; an empty mapping says nothing."""
    return dict(store.flatten(config))


def _write(value: Any) -> str:
    """A value as Hydra's grammar takes it."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, list):
        return f"[{','.join(map(_write, value))}]"
    return json.dumps(value)


def _uncertain(root: Path, made: Made, reason: str) -> ValueError:
    return ValueError(
        f"The records of {root} do not hold the words that {made.model} was made with, and its config tells them "
        f"not for certain: {reason}. Give the options, with run={root}."
    )
