"""What the jobs of a run were made with: words of a command line, from their records.

A run folder is data, whoever made it. A recorded word is taken where it gives a plain value to a setting that
neither names code, nor calls for any, nor leads to a server or a cluster; every other is for the user to give
again.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.readers import FUNCTIONS
from results.folder import check_plain, find_visible
from sweeps.configs import CONF
from sweeps.mistakes import read_value
from sweeps.recorded import PARAMS, TRUST, WORD, read_record
from sweeps.words import name_word

# Choices among the files of conf/.
CHOICES = (
    *(
        "experiment",
        "model",
        "thinking",
        "task",
        "sampling",
        "grid",
        "engine",
        "strategy",
        "tools",
        "calls",
        "goal",
    ),
    "hydra/launcher",
)
CHOICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
KEY = re.compile(r"[A-Za-z0-9]\w*(\.[A-Za-z0-9]\w*)*")
# Rooms whose every setting is a number or a text that is only written or compared.
PLAIN_ROOMS = ("model", "thinking", "sampling", "grid", "strategy", "calls", "cap", "goal")
SCALARS = ("seed", "probe", "flush_seconds", "jobs_at_once")
OF_ENGINE = (
    *("dtype", "quantization", "max_num_seqs", "gpu_memory_utilization", "tensor_parallel_size", "enforce_eager"),
    *(
        "pipeline_parallel_size",
        "data_parallel_size",
        "cpu_kv_cache_gib",
        "cpu_threads",
        "retries",
        "timeout_seconds",
    ),
)
OF_LAUNCHER = (
    *("jobs_at_once", "timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node", "array_parallelism", "num_cpus"),
    *(
        "num_gpus",
        "max_num_timeout",
        "signal_delay_s",
        "partition",
        "qos",
        "account",
        "constraint",
        "gres",
        "cluster",
    ),
)
# What a pack leaves out of records.
LEFT_OUT = re.compile(r"\.\.\./|\(left out\)")
# Lists of a grid that count what happens while it thinks, which older runs lack.
EVENTS = ("extensions", "calls")
# Lists of a grid that runs from before there was one lack, and what they had then.
YOUNGER = {**dict.fromkeys(EVENTS, 0), "rounds": 1}
# How a run is read, in options that name no file.
READING = re.compile(
    r"(--(along|at|strategy|difficulty|label|bins|rule|cluster)( [A-Za-z0-9_.][A-Za-z0-9_.=-]*)+ ?)*"
)
# Of a budget or a width: what a record asks for beyond it fills the memory.
MOST_COUNT = 1_000_000
MOST_WORDS, MOST_CHARS = 200, 10_000


class Made(NamedTuple):
    """A job as it was last drawn: the words it was composed from,
    empty where none are recorded, and its config.
    """

    model: str
    identity: str
    words: tuple[str, ...]
    config: Mapping[str, Any]

    @property
    def size(self) -> int:
        return int(self.config["task"]["size"])

    @property
    def strategy(self) -> dict[str, Any] | None:
        """How many paths its search has, and whether they are chosen together; None without a search."""
        told = self.config.get("strategy")
        # A strategy of rounds has neither.
        if told is None or "width" not in told:
            return None
        return {"width": int(told["width"]), "together": bool(told["together"])}

    def list_of(self, field: str) -> list[int]:
        """A list of the grid, such as its budgets; of a run from before there was one, none of what it counts."""
        grid = self.config["grid"]
        return list(grid.get(field, [YOUNGER[field]]) if field in YOUNGER else grid[field])


def read_made(root: Path) -> list[Made]:
    """The jobs of a run, each as it was last drawn, in the order of their records' times.

    Raises ValueError where no sweep has drawn into the run, and for a record that is none.
    """
    check_plain(root)
    records = [(path, read_record(path)) for path in find_visible(root / "provenance", "*.json")]
    if not records:
        raise ValueError(
            f"No sweep has drawn anything into {root} yet, so that nothing says what to go on with; give the "
            f"options, with run={root}."
        )
    records.sort(key=lambda found: str(found[1].get("time", "")))
    made = [_made(path, record) for path, record in records]
    last = {job.identity: job for job in made}
    return list(last.values())


def is_plain(word: str) -> bool:
    """Whether a recorded word gives a plain value to a setting that names no code and leads nowhere else."""
    try:
        key, value = read_value(word)
    except ValueError:
        return False
    values = value if isinstance(value, list) else [value]
    if key in CHOICES:
        return all(_is_choice(key, each) for each in values)
    texts = [each for each in values if isinstance(each, str)]
    is_simple = all(each is None or isinstance(each, str | int | float) for each in values)
    if not KEY.fullmatch(key) or not is_simple or any("${" in text for text in texts):
        return False
    room, _, field = key.partition(".")
    if room == "grid" and any(isinstance(each, int | float) and not each <= MOST_COUNT for each in values):
        return False
    if key == "strategy.scorer":
        # Words behind a name could name code.
        return _is_choice("scorer", value)
    if key == "scorers":
        return all(_is_choice("scorer", each) for each in values)
    if key == "strategies":
        return all(map(_is_strategy, values))
    if key == "reading":
        return isinstance(value, str) and bool(READING.fullmatch(value))
    if room == "tools":
        # A corpus leads elsewhere, and passages are templates.
        return bool(field) and not texts
    if room == "task":
        first = field.partition(".")[0]
        is_word = first != PARAMS or all(WORD.fullmatch(text) for text in (*texts, *field.split(".")))
        return bool(field) and first not in (*FUNCTIONS, TRUST) and is_word
    if room == "engine":
        return field in OF_ENGINE
    if key.startswith("hydra.launcher."):
        is_word = all(WORD.fullmatch(text) for text in texts)
        return key.removeprefix("hydra.launcher.") in OF_LAUNCHER and is_word
    return key in SCALARS or (room in PLAIN_ROOMS and bool(field))


def _is_choice(room: str, value: object) -> bool:
    """Whether it is the name of a file in a room of conf/."""
    return isinstance(value, str) and bool(CHOICE.fullmatch(value)) and (CONF / room / f"{value}.yaml").is_file()


def _is_strategy(value: object) -> bool:
    """Whether it is the name of a strategy, and plain settings of it behind that."""
    if not isinstance(value, str):
        return False
    name, *words = value.split()
    return _is_choice("strategy", name) and all(
        word.startswith("strategy.") and not word.startswith("strategy.scorer") and is_plain(word)
        for word in words
    )


def are_words(words: object) -> bool:
    """Whether these are as many words, and as long, as a command line has."""
    return (
        isinstance(words, list)
        and len(words) <= MOST_WORDS
        and all(isinstance(word, str) and len(word) < MOST_CHARS for word in words)
    )


def check_plain_word(word: str, root: Path) -> None:
    """Raise ValueError where the user has to give a recorded word again."""
    name = name_word(word)
    if LEFT_OUT.search(word):
        raise ValueError(
            f"The record of {root} has {word}: folders are shortened, and secrets left out, when a run is packed. "
            f"Give it again: isoquant sweep {root} {name}=..."
        )
    if not is_plain(word):
        part = name.removeprefix("task.").partition(".")[0]
        again = f"task.{part}=<dotted name>" if name.startswith("task.") and part in FUNCTIONS else word
        raise ValueError(
            f"{root} was made with {word}, which a run folder cannot ask for by itself: it names code, leads "
            f"elsewhere, or is no plain value. Where you know what it is, give it again: isoquant sweep {root} "
            f"{again}"
        )


def _made(path: Path, record: Mapping[str, Any]) -> Made:
    """A job by its record; raises ValueError where that has not what is read of it."""
    words, config = record.get("words") or [], record["config"]
    try:
        name = str(config["model"].get("name") or path.stem.rpartition("-")[0])
        made = Made(name, str(record.get("identity") or name), tuple(words), config)
        counts = [number for name in ("budgets", "widths", *YOUNGER) for number in made.list_of(name)]
        counts += [] if made.strategy is None else [made.strategy["width"]]
        is_sound = all(type(number) is int and number >= 0 for number in (config["task"]["size"], *counts))
        is_sound &= all(number <= MOST_COUNT for number in counts)
        is_sound &= are_words(words) and all(map(made.list_of, ("budgets", "widths", *YOUNGER)))
    except (KeyError, TypeError, AttributeError, ValueError):
        is_sound = False
    if not is_sound:
        raise ValueError(
            f"{path} does not tell what its job was made with, or is damaged. Move it away, or give the options, "
            f"with run={path.parent.parent}."
        )
    return made
