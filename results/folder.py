"""A run folder as data that anyone may have made: plain files and folders, and JSON that can be read."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What a cluster writes there is no part of the run.
LOGS = "logs"


def check_plain(root: Path) -> None:
    """Raise ValueError where a run holds what is neither file nor folder: a link could lead a command that writes
    anywhere, and a pipe or a device would never be read to its end. The run itself may be a link.
    """
    for path in _entries(root):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:  # merged into another meanwhile
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            what = "a link" if stat.S_ISLNK(mode) else "a pipe or a device"
            raise ValueError(
                f"{path} is {what}; a run folder must hold plain files and folders. Put a copy in its place (cp "
                "-rL), or move it away."
            )


def read_object(text: str, *, where: object) -> dict[str, Any]:
    """The object that a JSON text of the run holds; raises ValueError where it is none, is nested too deep, or has
    whole numbers that are beyond what is computed with.
    """
    try:
        value = json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError, OverflowError):
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"{where} cannot be read as a JSON object. Move it away, or put the original back.")
    return value


def _whole(digits: str) -> int:
    """A whole number; raises OverflowError for one that is beyond every float."""
    number = int(digits)
    float(number)
    return number


def find_visible(folder: Path, pattern: str) -> list[Path]:
    """Paths of a folder by a pattern of names, in their order, without those that file managers hide beside them:
    macOS lays a `._name` beside each file that it packs or copies.
    """
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def _entries(root: Path) -> Iterator[Path]:
    """What lies in the run, and in its folders."""
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        yield path
        if path.is_dir() and not path.is_symlink() and path.name != LOGS:
            yield from sorted(path.iterdir())
