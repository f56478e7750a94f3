"""`isoquant sweep RUN +task.size=8`: the words that a run was made with,
composed again with what is asked anew.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.types import Prompt
from results import decisions, store
from results.cuts import Caps, every_cell
from results.nodes import read_pool
from results.places import find_run
from results.prompts import in_order
from results.schema import CELLS, DECISIONS, MODELS, PROMPTS
from sweeps.goals import GOAL, OF_ROUND
from sweeps.made_with import EVENTS, Made, are_words, check_plain_word, read_made
from sweeps.mistakes import read_value, tell_bare
from sweeps.plan import PoolSpec, read_states
from sweeps.rebuilt import rebuild_words
from sweeps.recorded import SPARE_FACTOR, SPARE_PROMPTS
from sweeps.searched import read_searched
from sweeps.words import OVERRIDE, adapt, name_word, write_place

SIZE, LISTS = "task.size", ("grid.budgets", "grid.widths", "grid.extensions", "grid.calls", "grid.rounds")
COUNT = re.compile(r"[1-9][0-9]{0,8}")
COUNTS = re.compile(r"\[? *[0-9]{1,9}( *, *[0-9]{1,9})* *\]?")
# Prompts that a goal may draw because its run says so: more than any benchmark has.
MOST_PURSUED = 100_000
# What shapes the rows themselves, so that another value of it is another set of rows.
OF_ROWS = ("thinking", "sampling", "seed", "task", "engine.dtype", "engine.quantization", "engine.options")


class Asked(NamedTuple):
    """Words behind RUN. given: overrides by what they set; more:
    what is added to what the run has; others: flags.
    """

    given: Mapping[str, str]
    more: Mapping[str, tuple[int, ...]]
    others: Sequence[str]


class Held(NamedTuple):
    """The name of a task, and its prompts that a run has stored, in their order."""

    task: str
    prompts: Sequence[Prompt]


class Going(NamedTuple):
    """A command line that goes on from jobs of a run, and what it asks for in words."""

    words: list[str]
    models: list[str]
    told: str


def go_on(words: Sequence[str]) -> list[list[str]]:
    """The command lines that these words stand for, said in a line each:
    the words themselves where they name no run.

    Jobs that were made with the same words are one command line. Raises ValueError with the way on.
    """
    if not words or not _may_name_run(words[0]):
        if wrong := next((word for word in words if _is_more(word)), None):
            raise ValueError(f"{wrong} means more than a run has; name the run first: isoquant sweep RUN {wrong}")
        return [list(words)]
    try:
        root = find_run(words[0])
    except ValueError as error:
        raise ValueError(f"{tell_bare(words[0])} And as a run: {error}") from error
    asked = read_asked(words[1:])
    made, asked = as_pursued(root, read_made(root), asked)
    going = list_going(root, made, asked)
    for each in going:
        which = f" ({', '.join(each.models)})" if len(going) > 1 else ""
        print(f"going on with {root}{which}: {each.told}")
        print(f"  isoquant sweep {shlex.join(each.words)}", flush=True)
    if fresh := [word for key, word in asked.given.items() if key.startswith(OF_ROWS) and key != SIZE]:
        print(
            f"{', '.join(fresh)}: where that is not what {root} was drawn with, its rows stay, and others are "
            "drawn"
        )
        print("beside them from the start; what sets them apart is said below, a line a model.", flush=True)
    return [[*each.words, *asked.others] for each in going]


def read_asked(words: Sequence[str]) -> Asked:
    """What stands behind RUN; raises ValueError for what cannot be meant there."""
    more = dict(map(_read_more, filter(_is_more, words)))
    overrides = [word for word in words if OVERRIDE.match(word) and not _is_more(word)]
    given = {name_word(word): adapt(word) for word in overrides}
    if both := sorted(more.keys() & given.keys()):
        raise ValueError(f"+{both[0]} and {both[0]} are both given; give one.")
    if named := given.keys() & {"run", "experiment"}:
        name = min(named)
        raise ValueError(
            f"{given[name]} is another sweep; give its options without naming the run first, with run=..."
        )
    if SIZE in more and (
        other := next((word for key, word in given.items() if key.split(".")[0] == "task"), None)
    ):
        raise ValueError(f"+{SIZE} means more of the prompts that the run has, and {other} asks for others.")
    return Asked(given, more, [word for word in words if word not in overrides and not _is_more(word)])


def as_pursued(root: Path, made: Sequence[Made], asked: Asked) -> tuple[Sequence[Made], Asked]:
    """The jobs with the words of the goal that they were drawn for last, in place of those of its last round.

    `goal=null` draws their grid as it stands. Raises ValueError where more is asked for than the run has.
    """
    rows = decisions.read(root)
    if asked.given.get(GOAL) == f"{GOAL}=null":
        # Without a goal among its words a sweep has none.
        return made, asked._replace(given={key: word for key, word in asked.given.items() if key != GOAL})
    if not rows:
        return made, asked
    if asked.more:
        raise ValueError(
            f"{root} was drawn towards a goal, which says itself what more to draw. Give the most that it may "
            f"draw, as {SIZE}=N or grid.widths=[...]; with goal=null a grid is drawn."
        )
    pursued, words = rows[-1]["targets"], rows[-1]["words"]
    if not are_words(words):
        raise ValueError(
            f"{root / DECISIONS.name} holds more words, or longer ones, than a command line has. Move that "
            "folder away to go on with the run as one without a goal."
        )
    _check_most(root, words, asked)
    renewed = [
        job._replace(words=(*(word for word in job.words if name_word(word) not in OF_ROUND), *words))
        if job.model in pursued
        else job
        for job in made
    ]
    return renewed, asked


def _check_most(root: Path, words: Sequence[str], asked: Asked) -> None:
    """Raise ValueError where a goal may draw more prompts than any benchmark has, and only the run says so."""
    if SIZE not in asked.given and (most := size_of(words)) > MOST_PURSUED:
        raise ValueError(
            f"The goal of {root} may draw {most:,.0f} prompts of each model by its record, more than any "
            f"benchmark has. Give the most that it may draw as {SIZE}=N."
        )


def list_going(root: Path, made: Sequence[Made], asked: Asked) -> list[Going]:
    """A command line for all jobs that have the same words but for the model, in the order of the jobs."""
    made, asked = choose_jobs(made, asked)
    held = hold_prompts(root, made)
    there = count_whole(root, made, held) if SIZE in asked.more else {}
    given = list(asked.given.values())
    alike: dict[tuple[tuple[str, ...], str], list[tuple[str, str]]] = defaultdict(list)
    for job in made:
        more, told = ask_more(job, asked, held[job.identity], there.get(job.identity, 0))
        words = renew(job, asked, root) | bound_size(job, asked, len(held[job.identity].prompts)) | more
        words = {"experiment": "experiment=embedded"} | words | {"run": f"run={write_place(str(root))}"}
        chosen = words.pop("model", "").partition("=")[2]
        alike[tuple(words.values()), ", ".join(told + given)].append((chosen, job.model))
    return [_join(words, told, jobs) for (words, told), jobs in alike.items()]


def choose_jobs(made: Sequence[Made], asked: Asked) -> tuple[Sequence[Made], Asked]:
    """The jobs that are gone on with: those of the models that `model=` names,
    where the run has them, else all.
    """
    names = asked.given.get("model", "").partition("=")[2].split(",")
    held = {job.model for job in made}
    if "model.path" in asked.given or not set(names) & held:
        return made, asked
    if unknown := [name for name in names if name not in held]:
        raise ValueError(
            f"model= names {', '.join(held & set(names))}, which the run holds, and {', '.join(unknown)}, which "
            "it does not: go on with each by a command of its own."
        )
    given = {key: word for key, word in asked.given.items() if key != "model"}
    return [job for job in made if job.model in names], asked._replace(given=given)


def renew(job: Made, asked: Asked, root: Path) -> dict[str, str]:
    """The job's words by what they set, with those that are given anew in place of its own.

    Another choice of a room, or another model, takes what was said of the former one with it. Raises ValueError
    for a recorded word that the user has to give again.
    """
    given = dict(asked.given)
    if "model.path" in given:
        given = {"model": "model=hf"} | given
    recorded = job.words or rebuild_words(job, root)
    kept = {name_word(word): word for word in recorded if not _is_replaced(name_word(word), given)}
    for name, word in kept.items():
        if name != SIZE or SIZE not in asked.more:
            check_plain_word(word, root)
    return kept | given


def hold_prompts(root: Path, made: Sequence[Made]) -> dict[str, Held]:
    """By identity the prompts of its task that the run has stored."""
    rows = store.scan(root, MODELS, columns=["identity", "task"]).to_pylist()
    tasks = {row["identity"]: row["task"] for row in rows}
    prompts: dict[str, list[Prompt]] = defaultdict(list)
    for row in store.scan(root, PROMPTS, columns=["task", "prompt_id"]).to_pylist():
        prompts[row["task"]].append(Prompt(row["prompt_id"], "", {}))
    ordered = {task: sorted(found, key=lambda each: in_order(each.prompt_id)) for task, found in prompts.items()}
    named = {job.identity: str(tasks.get(job.identity)) for job in made}
    return {identity: Held(task, ordered.get(task, [])) for identity, task in named.items()}


def count_whole(root: Path, made: Sequence[Made], held: Mapping[str, Held]) -> dict[str, int]:
    """By identity how many prompts the run has of its task: the most that all of its jobs have drawn to the end.

    Where none has drawn all that it was asked for, it is the fewest that one was asked for, so that the same
    command after a stop asks for the same prompts.
    """
    counted: dict[str, int] = {}
    for task in {each.task for each in held.values()}:
        jobs = [job for job in made if held[job.identity].task == task]
        prompts = held[jobs[0].identity].prompts
        # A task may have fewer prompts than it was asked for.
        sizes = sorted({min(job.size, len(prompts)) for job in jobs})
        is_pending_P = np.zeros(sizes[-1], bool)
        for job in jobs if sizes[-1] else []:
            is_pending_P |= read_pending(root, job, prompts[: sizes[-1]])
        whole = max((size for size in sizes if not is_pending_P[:size].any()), default=sizes[0])
        counted |= dict.fromkeys((job.identity for job in jobs), whole)
    return counted


def read_pending(root: Path, job: Made, prompts: Sequence[Prompt]) -> np.ndarray:
    """Of which prompts (P,) something is missing that a job asked for: samples, a search,
    or rounds of a strategy.
    """
    budgets = job.list_of("budgets")
    if (strategy := job.strategy) is not None:
        states = [read_searched(root, job.identity, prompts, **strategy, budget=max(budgets))]
    else:
        cells = every_cell(budgets, *map(job.list_of, EVENTS))
        specs = [PoolSpec("evaluation", max(job.list_of("widths")), cells), *declared_rounds(root, job)]
        states = read_states(root, job.identity, prompts, specs)
    return np.asarray(np.any([state.pending_PS.any(axis=1) for state in states], axis=0))


def declared_rounds(root: Path, job: Made) -> Iterator[PoolSpec]:
    """What a job has asked of the rounds of strategies."""
    last = max(job.list_of("rounds"))
    for row in store.scan(root, CELLS, identity=job.identity).to_pylist():
        pool = read_pool(row["pool"])
        if pool is not None and pool.round <= last:
            caps = Caps(row["budget"], row["extensions"] or 0, row["calls"] or 0)
            yield PoolSpec(row["pool"], row["num_samples"], (caps,))


def ask_more(job: Made, asked: Asked, held: Held, num_there: int) -> tuple[dict[str, str], list[str]]:
    """What a job is asked for beyond what the run has: its words by what they set, and the same for people."""
    words, told = {}, []
    for name, numbers in asked.more.items():
        if name == SIZE:
            if len(held.prompts) < job.size:
                raise ValueError(
                    f"{job.model} was asked for {job.size:,} prompts and has {len(held.prompts):,}, which is all "
                    f"that its task has, or others were lost; {SIZE}=N says how many there shall be."
                )
            [num_more] = numbers
            words[name] = f"{name}={num_there + num_more}"
            told.append(f"{num_more:,} more prompt{'s' * (num_more > 1)}, {num_there + num_more:,} in all")
        else:
            listed = sorted({*job.list_of(name.partition(".")[2]), *numbers})
            words[name] = f"{name}=[{','.join(map(str, listed))}]"
            told.append(words[name])
    return words, told


def size_of(words: Sequence[str]) -> float:
    """The prompts that these words ask for; 0 where they name no number."""
    sizes = [read_value(word)[1] for word in words if name_word(word) == SIZE]
    return next((size for size in reversed(sizes) if isinstance(size, int | float)), 0)


def is_near(size: float, num_stored: int) -> bool:
    """Whether a run that has so many prompts can have been asked for this many."""
    return size <= SPARE_PROMPTS + SPARE_FACTOR * num_stored


def bound_size(job: Made, asked: Asked, num_stored: int) -> dict[str, str]:
    """The size of what is stored, where a record asks for more than it can have drawn:
    generators never come to an end.

    Raises ValueError where nothing is stored to tell it by.
    """
    named = size_of(job.words)
    # With a goal, what is stored is what it has drawn so far.
    is_pursued = named <= MOST_PURSUED and any(name_word(word) == GOAL for word in job.words)
    size = job.size if is_pursued else max(job.size, named)
    if SIZE in asked.given or SIZE in asked.more or is_near(size, num_stored):
        return {}
    if not num_stored:
        raise ValueError(f"No prompt of {job.model} is stored, and its record asks for {size:,}; give {SIZE}=N.")
    return {SIZE: f"{SIZE}={num_stored}"}


def _join(words: Sequence[str], told: str, jobs: Iterable[tuple[str, str]]) -> Going:
    """One command line for jobs whose words differ in the model alone."""
    chosen, models = (list(dict.fromkeys(column)) for column in zip(*jobs, strict=True))
    model = [f"model={','.join(chosen)}"] if any(chosen) else []
    return Going([*words[:1], *model, *words[1:]], models, told or "as it was made")


def _is_replaced(name: str, given: Mapping[str, str]) -> bool:
    """Whether a recorded setting gives way: to its own new value, or to another choice of its room."""
    within = any(name == key or name.startswith(f"{key}.") for key in given)
    return within or name == "run" or (name.startswith("hydra.launcher.") and "hydra/launcher" in given)


def _may_name_run(word: str) -> bool:
    return not word.startswith("-") and (not OVERRIDE.match(word) or word.startswith("~/"))


def _is_more(word: str) -> bool:
    return word.startswith("+") and word[1:].partition("=")[0] in (SIZE, *LISTS)


def _read_more(word: str) -> tuple[str, tuple[int, ...]]:
    name, _, value = word[1:].partition("=")
    if not (COUNT if name == SIZE else COUNTS).fullmatch(value):
        example = "8" if name == SIZE else "[512]"
        raise ValueError(f"{word} says how many more there shall be, as whole numbers: +{name}={example}.")
    return name, tuple(int(number) for number in re.findall("[0-9]+", value))
