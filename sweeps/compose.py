"""From a composed config to plain dataclasses. DictConfig ends here."""

import dataclasses
import inspect
import os
import pydoc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_type_hints

from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError
from pydantic import TypeAdapter, ValidationError

from harness.engines.vllm import Vllm
from harness.graphs import Graph
from harness.scorers.protocol import Scorer
from harness.search.verdicts import Judging
from harness.types import EngineSettings
from results.places import find_shipped, place_run
from sweeps.configs import CONF, compose_words
from sweeps.job import Job
from sweeps.recognised import Origins
from sweeps.words import name_place, name_word

SCORER, POOLS = "scorer", ("evaluation", "bins")
STRATEGY, TOOLS, CALLS, CAP, GOAL = "strategy", "tools", "calls", "cap", "goal"
ROOMS = ("model", "thinking", "task", "sampling", "grid", "engine")
READERS = ("task.extract", "task.vote_key")
NAMED_READERS = {reader.removeprefix("task.") for reader in READERS}
EXAMPLE_READER = "task.extract=harness.answers.final_answer"
# The field of a task that names a folder of YAML files, which isoquant brings for some.
FOLDER = "include_path"
SHOWN_CHARS = 120
# What a launcher says to a job's process.
LAUNCHERS_OWN = ("hydra.mode", "progress_row")
# And what a round of a goal says to one: its share of the caps, which is none of whoever goes on.
ROUND_OWN = "++cap."
SCALARS = ("seed", "probe", "grade_unfenced", "flush_seconds", "progress_row")


class Scoring(NamedTuple):
    """A checked scorer, the pools whose answers it reads, and how often scores are stored."""

    scorer: Scorer
    pools: tuple[str, ...]
    flush_seconds: float


def build_job(config: DictConfig, origins: Origins | None = None, words: Sequence[str] = ()) -> Job:
    """The job a config describes; raises ValueError with the field at fault."""
    if missing := sorted(OmegaConf.missing_keys(config)):
        raise ValueError(f"{', '.join(missing)} must be given, as in {missing[0]}=<value>.")
    resolved = resolve(config)
    scalars = {name: resolved[name] for name in SCALARS if name in resolved}
    check_types(Job, scalars)
    if isinstance(resolved.get("model"), dict):
        resolved["model"] = place_model(resolved["model"])
    parts = {room: build(resolved.get(room), room) for room in ROOMS}
    graphs = build_graphs(resolved.get("strategies") or ())
    if resolved.get(STRATEGY) is not None:
        strategy = build(resolved[STRATEGY], STRATEGY)
        if isinstance(strategy, Graph):
            graphs.append(strategy)
        else:
            parts |= {STRATEGY: strategy, "judging": build_judging(strategy.scorer, parts["engine"])}
    parts["graphs"] = tuple(graphs)
    parts |= {room: build(resolved[room], room) for room in (CALLS, CAP, GOAL) if resolved.get(room) is not None}
    parts[TOOLS] = {name: build(tool, f"{TOOLS}.{name}") for name, tool in (resolved.get(TOOLS) or {}).items()}
    if parts["grid"].anchor == "auto":
        parts["grid"] = dataclasses.replace(parts["grid"], anchor=parts["model"].name)
    run = place_run("" if resolved.get("run") is None else str(resolved["run"]))
    return Job(run=run, config=resolved, origins=origins or Origins(), words=words, **scalars, **parts)


def build_scoring(config: DictConfig) -> Scoring:
    """What a scoring pass reads with; raises ValueError with the field at fault."""
    if config.get("scorer") is None:
        known = ", ".join(sorted(path.stem for path in (CONF / SCORER).glob("*.yaml")))
        raise ValueError(
            f"Give scorer=NAME, as in scorer=outcome scorer.path=<folder or hub id>; there are {known}."
        )
    resolved = {room: _resolve_given(config[room], room) for room in (SCORER, "engine")}
    scorer = build(place_model(resolved[SCORER]), SCORER)
    pools, flush_seconds = tuple(config.pools), config.flush_seconds
    if not set(pools) <= set(POOLS) or not pools:
        raise ValueError(f"pools must be some of {', '.join(POOLS)}; got {list(pools)}.")
    return Scoring(scorer.prepare(build(resolved["engine"], "engine")), pools, float(flush_seconds))


def build_graphs(told: Sequence[str]) -> list[Graph]:
    """Strategies by their names in conf/strategy, with words behind them; raises ValueError."""
    graphs = []
    for words in told:
        part = compose_words(f"{STRATEGY}={words}".split())[STRATEGY]
        graph = build(_resolve_given(part, STRATEGY) if part is not None else None, STRATEGY)
        if not isinstance(graph, Graph):
            raise ValueError(
                f"strategies name rounds of samples; {words} is a search: give it as strategy={words}."
            )
        graphs.append(graph)
    return graphs


def build_judging(told: str, engine: EngineSettings) -> Judging:
    """Who judges the paths of a search: a name in conf/scorer, and words of `isoquant score` behind it.

    It runs on settings as those of the engine that draws, where nothing is said of another; beside a server, which
    serves one model, in this process. Raises ValueError.
    """
    words = f"scorer={told}".split()
    asked = compose_words(words, root="score")
    has_own = any(name_word(word).partition(".")[0] == "engine" for word in words)
    if has_own or not isinstance(engine, Vllm):
        engine = build(_resolve_given(asked.engine, "engine"), "engine")
    return Judging(build(place_model(_resolve_given(asked[SCORER], SCORER)), SCORER), engine)


def _resolve_given(part: DictConfig, room: str) -> dict[str, Any]:
    """A part as plain values; raises ValueError for one that must be given and is not."""
    try:
        missing = [f"{room}.{name}" for name in sorted(OmegaConf.missing_keys(part))]
        resolved = resolve(part) if not missing else {}
    except InterpolationToMissingValueError as error:
        # A model of conf/model is asked by a scorer that takes its path.
        missing = [str(error).partition("Missing mandatory value: ")[2].split()[0]]
    if missing:
        raise ValueError(f"{', '.join(missing)} must be given, as in {missing[0]}=<value>.")
    return resolved


def read_origins(hydra: Any) -> Origins:
    """Where a config's settings came from, by what Hydra recorded of its composition."""
    return Origins(dict(hydra.runtime.choices), tuple(str(word) for word in hydra.overrides.task))


def read_words(hydra: Any) -> tuple[str, ...]:
    """The words that a job was composed from, without those that its launcher added."""
    words = map(str, (*hydra.overrides.hydra, *hydra.overrides.task))
    return tuple(word for word in words if name_word(word) not in LAUNCHERS_OWN and not word.startswith(ROUND_OWN))


def place_model(part: dict[str, Any]) -> dict[str, Any]:
    """The model where it lies, with ~ read as the home folder, and named by that place where it has no name."""
    path = part.get("path")
    if not isinstance(path, str) or not path:
        return part
    return {**part, "path": find_shipped(os.path.expanduser(path)), "name": part.get("name") or name_place(path)}


def build(part: dict[str, Any] | None, room: str) -> Any:
    """A dataclass from its yaml; `_target_` names it and the other keys are its fields."""
    if not isinstance(part, dict) or "_target_" not in part:
        raise ValueError(f"{room}: expected an option of conf/{room}; got {part!r}.")
    if room == "task":
        part = {**part, **{name: name_reader(f"task.{name}", part[name]) for name in NAMED_READERS & part.keys()}}
        part |= {FOLDER: find_shipped(part[FOLDER])} if isinstance(part.get(FOLDER), str) else {}
    try:
        check_fields(
            get_class(part["_target_"]), {name: part[name] for name in part if name != "_target_"}, room=room
        )
        made = instantiate(part, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        reason = str(cause if isinstance(cause, (ValueError, TypeError)) else error)
        raise ValueError(reason if reason.startswith(f"{room}.") else f"{room}: {reason}") from error
    for reader in READERS if room == "task" else ():
        if (function := getattr(made, reader.removeprefix("task."), None)) is not None:
            check_reader(reader, function)
    return made


def resolve(part: DictConfig) -> dict[str, Any]:
    """A part of a composed config as plain values."""
    resolved: dict[str, Any] = OmegaConf.to_container(part, resolve=True)  # type: ignore[assignment]
    return resolved


def check_fields(kind: type, values: Mapping[str, Any], *, room: str) -> None:
    """Raise ValueError where a value is no field of this dataclass or not of its type,
    or where a field lacks one.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in values:
        if name not in fields:
            raise ValueError(f"There is no {room}.{name}; {room}'s fields are {', '.join(fields)}.")
    check_types(kind, values, prefix=f"{room}.")
    for name, field in fields.items():
        if name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{room}.{name} must be given, as in {room}.{name}=<value>.")


def check_types(kind: type, values: Mapping[str, Any], *, prefix: str = "") -> None:
    """Raise ValueError for the first value that is not of its field's type.
    What is still to be built is left out.
    """
    hints = get_type_hints(kind)
    for name, value in values.items():
        if isinstance(value, Mapping) and "_target_" in value:
            continue
        try:
            given = tuple(value) if isinstance(value, list) else value
            TypeAdapter(hints[name], config={"strict": True}).validate_python(given)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].replace("tuple", "list").replace("Input", "it")
            raise ValueError(f"{prefix}{name}: {reason}; got {shorten(value)}.") from None


def shorten(value: object) -> str:
    """A value in an error, cut where it is long."""
    shown = repr(value)
    return shown if len(shown) <= SHOWN_CHARS else f"{shown[: SHOWN_CHARS - 3]}..."


def find_reader(name: str, path: str) -> Callable[..., Any]:
    """The function of a dotted name; raises ValueError where there is none that can read answers."""
    try:
        function = pydoc.locate(path)
    except pydoc.ErrorDuringImport as error:
        raise ValueError(f"{name}: {path} cannot be imported ({error.value}).") from None
    if not callable(function):
        raise ValueError(f"{name}: there is no function {path}; expected a dotted name, as in {EXAMPLE_READER}.")
    check_reader(name, function)
    return function


def find_kind(name: str, path: str) -> type:
    """The dataclass of a dotted name; raises ValueError where there is none."""
    try:
        kind = get_class(path)
    except (ImportError, ValueError) as error:
        raise ValueError(f"{name}: {' '.join(str(error).split())}.") from None
    if not dataclasses.is_dataclass(kind):
        raise ValueError(f"{name}: {path} is not a dataclass; expected a task such as those in conf/task.")
    return kind


def name_reader(name: str, value: Any) -> Any:
    """A dotted name as the yaml of its function; anything else as it is."""
    if not isinstance(value, str):
        return value
    find_reader(name, value)
    return {"_target_": "hydra.utils.get_method", "path": value}


def check_reader(name: str, function: object) -> None:
    """Raise ValueError where this has no Python code to tell the grader's version by."""
    if not inspect.isroutine(function) or not inspect.isfunction(inspect.unwrap(function)):
        example = EXAMPLE_READER.partition("=")[2]
        raise ValueError(f"{name} must be a function written in Python, such as {example}; got {function!r}.")
