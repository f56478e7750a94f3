"""Words of the command line before Hydra reads them: what one model alone means, a plan, lists that draw twice."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

# A word that is an override, not one of Hydra's flags or such a flag's value.
OVERRIDE = re.compile(r"~|[^-].*=")
# A word that stands for a job a value; quotes and brackets hold commas of their own.
LIST = re.compile(r"""[^-=]+=[^\\'"()[\]{}]*,[^\\'"()[\]{}]*""")
# What Hydra's grammar reads as one plain text, and what of that it reads as a number or a truth.
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+-]+")
TYPED = re.compile(r"[+-]?(?:[0-9_.]+(?:e[+-]?[0-9_]*)?|inf|nan)|true|false", re.IGNORECASE)
# A text that Hydra has escaped for a job of its own.
ESCAPED = re.compile(r"\\[()\[\]{}:=, \t]")
# Fields of a task that its yaml may leave to their defaults: to give one there is to add it.
READERS = ("task.extract", "task.vote_key", "task.trust")
# Of a model the same: what a server is asked beside the usual, by names of its own, and what it takes for tokens.
KNOBS, COST, PRICE = "model.knobs", "model.cost", "model.price"
QUOTES = ("'", '"')
PLACES = (
    "model.path",
    "model.name",
    "scorer.path",
    "scorer.name",
    "task.data",
    "task.include_path",
    "engine.url",
    "run",
)
# What makes a command the process of a single job.
MODE = "hydra.mode"
ONE_JOB = f"{MODE}=RUN"
# What a model by itself is drawn with.
ONE_MODEL = "checkpoint"


def complete(words: Sequence[str]) -> list[str]:
    """The words with what they leave out where `model.path` names one model, each as Hydra takes it."""
    adapted = [adapt(word) for word in words]
    given = {name_word(word): word.partition("=")[2] for word in words if OVERRIDE.match(word)}
    if "model.path" not in given:
        return adapted
    added = [] if "model" in given else ["model=hf"]
    if "experiment" not in given:
        added.append(f"experiment={ONE_MODEL}")
        if "run" not in given and (name := name_run(given)):
            added.append(f"run={quote(name)}")
    return insert(adapted, added)


def name_run(given: Mapping[str, str]) -> str | None:
    """The run of one model: its name, and the task's where one is named, since a run is read a task at a time."""
    place = given.get("model.name") or given["model.path"]
    model, task = name_place(place.strip("'\"")), given.get("task.name") or given.get("task")
    if not model or is_list(f"model.path={place}"):
        return None
    return f"{model}-{task}" if task and PLAIN.fullmatch(task) and not is_list(f"task={task}") else model


def name_word(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def name_place(path: str) -> str:
    """A model's name by where it lies: the last part of its path, of a hub's cache the repository's."""
    place = Path(os.path.expanduser(path))
    if place.name in ("", "..") and path:
        place = place.resolve()
    if place.parent.name == "snapshots" and place.parent.parent.name.startswith("models--"):
        return place.parent.parent.name.rpartition("--")[2]
    return place.name


def adapt(word: str) -> str:
    """The word as Hydra takes it: a place in quotes where its grammar gives it,
    or a character, another meaning.
    """
    name, equals, value = word.partition("=")
    if equals and (name in (*READERS, KNOBS, PRICE) or name.startswith((f"{KNOBS}.", f"{PRICE}."))):
        return f"++{word}"
    if name == COST and value:
        # An expression has brackets, which mean something else to Hydra.
        return f"++{name}={value if value[0] in QUOTES else quote(value)}"
    is_place = name_word(word) in PLACES and equals
    if not is_place or not value or value[0] in "'\"[{" or "${" in value or ESCAPED.search(value):
        return word
    values = value.split(",") if is_list(word) else [value]
    return f"{name}={','.join(map(write_place, values))}"


def write_place(value: str) -> str:
    """A path or name as Hydra takes it for just that text: `1.10` is no number."""
    expanded = os.path.expanduser(value)
    return expanded if PLAIN.fullmatch(expanded) and not TYPED.fullmatch(expanded) else quote(expanded)


def quote(value: str) -> str:
    """A text as Hydra's grammar takes it literally."""
    escaped = re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + (found[2] and rf"\{found[2]}"), value)
    return f"'{escaped}'"


def is_list(word: str) -> bool:
    """Whether a word names a job a value; a place that is there is one, whatever is in its name."""
    return bool(LIST.fullmatch(word)) and not Path(os.path.expanduser(word.partition("=")[2])).exists()


def insert(words: Sequence[str], added: Sequence[str]) -> list[str]:
    """The words with overrides before the first of theirs."""
    # Hydra reads all overrides in one go: behind one of its flags, further ones are not recognized.
    first = next((place for place, word in enumerate(words) if OVERRIDE.match(word)), len(words))
    return [*words[:first], *added, *words[first:]]


def is_of_launcher(word: str) -> bool:
    """Whether a word says where jobs are started."""
    return word.lstrip("+~").startswith(("hydra/launcher", "hydra.launcher."))


def choose_plan(words: Sequence[str]) -> list[str]:
    """The same command line with the launcher that starts nothing for whichever it names, and for none at all."""
    others = [word for word in words if not is_of_launcher(word) and name_word(word) != MODE]
    named = [word.partition("=")[2] for word in words if word.startswith("hydra/launcher=")]
    is_here = named in ([], ["processes"])
    return insert(others, ["hydra/launcher=plan", f"hydra.launcher.is_here={is_here}"])


def find_twice(words: Sequence[str]) -> str | None:
    """What a word lists twice, in a line, since its jobs would write the same rows; None where nothing is."""
    for word in filter(is_list, words):
        name, _, values = word.partition("=")
        if twice := [value for value, count in Counter(values.split(",")).items() if count > 1]:
            return f"{name} lists {twice[0]} twice; list it once."
    return None
