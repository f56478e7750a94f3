"""What is wrong with the words of a command line, in a line and before Hydra says so in its own terms."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig, OmegaConf

from results import schema, store
from results.places import place_run
from sweeps.configs import CONF, SWEEP, compose
from sweeps.words import OVERRIDE, complete, name_word

NO_OPTION = re.compile(r"Could not override '([^']+)'")
NO_CHOICE = re.compile(r"Could not find '([^']+)/([^/']+)'")
# Words of Hydra's own, whose names lie elsewhere, but for those of where jobs run.
OF_HYDRA = ("hydra/", "hydra.")
OF_LAUNCHERS = ("hydra/launcher", "hydra.launcher.")


def find_mistake(words: Sequence[str], *, config: str = SWEEP) -> str | None:
    """The first word that cannot be read, or that names an option or a choice
    that is not there; None where all do. config: the root config that the words are for.
    """
    overrides = []
    for word in filter(OVERRIDE.match, words):
        try:
            overrides.append(OverridesParser.create().parse_override(word))
        except HydraException:
            return (
                f"{word} cannot be read. Write a list without spaces, name=[1,2], and a text with spaces or "
                "signs in quotes inside quotes, \"name='a text'\"."
            )
    flags = [word.startswith("-") for word in words]
    for word, is_flag, follows_flag in zip(words, flags, [False, *flags], strict=False):
        if not (OVERRIDE.match(word) or is_flag or follows_flag):
            return tell_bare(word)
    # One of Hydra's flags may name another config.
    if any(flags):
        return None
    own = [each for each in overrides if is_ours(each.key_or_group)]
    for override in own:
        if override.is_add() and not override.is_force_add() and is_unknown(override.key_or_group):
            return tell_option(override.key_or_group, own, config)
    return find_missing(own, config)


def find_other_run(words: Sequence[str]) -> str | None:
    """What is amiss where only a run is named
    that holds other models than the embedded ladder; None where nothing is.

    A run is read a task at a time, and who forgot to say what is drawn would have countdown beside the task of
    theirs.
    """
    if any(name_word(word) != "run" for word in words) or not words:
        return None
    config = compose([*words, "hydra.mode=RUN"], with_hydra=True)
    root = place_run(str(config.run))
    held = {row["model"] for row in store.scan(root, schema.MODELS, columns=["model"]).to_pylist()}
    ladder = set(str(config.hydra.sweeper.params.model).split(","))
    if not held or held & ladder:
        return None
    return (
        f"{root} already holds {', '.join(sorted(held)[:3])}, and no model was given. Give model.path=... or "
        "experiment=... (experiment=embedded draws the embedded ladder into it), or go on as it was made with "
        f"`isoquant sweep {root}`."
    )


def is_ours(name: str) -> bool:
    return name.startswith(OF_LAUNCHERS) or not name.startswith(OF_HYDRA)


def is_unknown(name: str) -> bool:
    """Whether a name to be added is neither below an option nor a room of conf/."""
    return "." not in name and "/" not in name and not (CONF / name).is_dir()


def find_missing(overrides: Sequence[Override], config: str) -> str | None:
    try:
        compose([single(override) for override in overrides], root=config)
    except ConfigCompositionException as error:
        if found := NO_OPTION.search(str(error)):
            return tell_option(found[1], overrides, config)
        if found := NO_CHOICE.search(str(error)):
            return tell_choice(found[1], found[2])
    except HydraException:
        return None
    return None


def single(override: Override) -> str:
    """The override, of a list of jobs its first."""
    line = str(override.input_line)
    if not override.is_sweep_override():
        return line
    return f"{line.partition('=')[0]}={next(iter(override.sweep_string_iterator()))}"


def compose_single(words: Sequence[str]) -> DictConfig:
    """The config that all jobs of these words share, with what it says of Hydra; raises ValueError."""
    try:
        parsed = OverridesParser.create().parse_overrides(complete(words))
        # A list is a job a value, which one config does not hold.
        lines = [str(override.input_line) for override in parsed if not override.is_sweep_override()]
        return compose(lines, with_hydra=True)
    except HydraException as error:
        raise ValueError(str(error)) from error


def tell_option(name: str, overrides: Sequence[Override], config: str) -> str:
    """There is no such option, and which were meant."""
    rooms = [single(override) for override in overrides if (CONF / override.key_or_group.split("@")[0]).is_dir()]
    is_hydras = name.startswith(OF_HYDRA)
    asked = compose([*rooms, "hydra.mode=RUN"], with_hydra=True) if is_hydras else compose(rooms, root=config)
    room, _, field = name.partition(".")
    if (holders := find_holders(room, field)) and OmegaConf.select(asked, room) is None:
        which = f"{room}={holders[0]}" if len(holders) == 1 else f"{room}={'|'.join(holders)}"
        return f"{name} is an option of {which}, and no {room} is chosen; give {room}=... as well."
    known = [option for option in list_options(asked) if "._" not in option]
    bare = {option: re.sub(r"[._]", "", option) for option in known}
    meant = [option for option in known if option.endswith(f".{name.rpartition('.')[2]}")]
    meant += [option for option in known if bare[option] == re.sub(r"[._]", "", name)]
    meant += difflib.get_close_matches(name, known, n=3, cutoff=0.75)
    listed = "`isoquant sweep --cfg job` lists them." if config == SWEEP else f"there are {', '.join(known)}."
    if name.startswith(OF_LAUNCHERS):
        listed = "conf/hydra/launcher lists those of each hydra/launcher=..., such as slurm."
    hint = f"did you mean {' or '.join(dict.fromkeys(meant))}?" if meant else listed
    return f"There is no option {name}; {hint}"


def find_holders(room: str, field: str) -> list[str]:
    """The choices of a room of conf/ that have an option of this name."""
    choices = sorted(path.stem for path in (CONF / room).glob("*.yaml"))
    return [name for name in choices if field.partition(".")[0] in list_fields(room, name)]


def list_fields(room: str, name: str) -> set[str]:
    """The options of a choice, with those of the choices that it builds on."""
    path = CONF / room / f"{name}.yaml"
    told: Any = OmegaConf.load(path) if path.is_file() else {}
    bases = [each for each in told.get("defaults", []) if isinstance(each, str)]
    return {str(key) for key in told} | {key for base in bases for key in list_fields(room, base)}


def tell_bare(word: str) -> str:
    """A word without a value, and of which rooms it is a choice."""
    rooms = sorted(path.parent.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml") if path.stem == word)
    # What a whole experiment is called, its parts often are too.
    rooms.sort(key=lambda room: room != "experiment")
    meant = " or ".join(f"{room}={word}" for room in rooms if room != ".")
    return f"{word} has no value; give {f'{meant}.' if meant else f'{word}=...'}"


def tell_choice(room: str, name: str) -> str:
    known = sorted(path.stem for path in (CONF / room).glob("*.yaml"))
    # A letter too few is one word, and no other that begins alike.
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
    nearest = nearest or difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"there are {', '.join(known)}."
    return f"There is no {room}={name}; {hint}"


def list_options(config: Any, name: str = "") -> Iterator[str]:
    """The dotted names of every value in the config, and of what holds them."""
    if name:
        yield name
    if isinstance(config, DictConfig):
        for key in config:
            yield from list_options(config._get_node(key), f"{name}.{key!s}" if name else str(key))


def read_value(word: str) -> tuple[str, Any]:
    """What an override sets, and to what; raises ValueError for one that deletes, moves or lists several jobs."""
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as error:
        raise ValueError(str(error)) from error
    if override.is_delete() or override.is_sweep_override() or override.package is not None:
        raise ValueError(f"{word} gives no single value.")
    return override.key_or_group, override.value()
