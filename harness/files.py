"""Files that anyone may have made: of a checkpoint's folder, plain files of a size that can be right are read."""

import itertools
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Published checkpoints have a few hundred files at most.
MAX_ENTRIES = 10_000
# Larger than those of the largest published vocabularies three times over.
MAX_TEXT_BYTES = 100_000_000
MAX_SETTINGS_BYTES = 10_000_000
TEMPLATES = (".jinja", ".jinja2")
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx")


def list_folder(folder: Path) -> list[str]:
    """Names in a folder, hidden ones left out; raises ValueError where it, or one below it, holds what none does.

    That is where there is a pipe, a device, a link to nothing or in a circle, a text of gigabytes, or far too
    much.
    """
    names = _scan(folder, folder)
    num_files = len(names)
    for name in names:
        if num_files <= MAX_ENTRIES and (folder / name).is_dir():
            num_files += len(_scan(folder / name, folder))
    if num_files > MAX_ENTRIES:
        raise ValueError(
            f"{folder} has more than {MAX_ENTRIES:,} files, so it is not a checkpoint. Give the folder that has "
            "only the checkpoint."
        )
    return sorted(names)


def _scan(folder: Path, checkpoint: Path) -> list[str]:
    """The first names in a folder of a checkpoint, up to one more than there may be."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in itertools.islice(entries, MAX_ENTRIES + 1) if entry.name[0] != "."]
    except OSError as error:
        raise _unreadable(folder, error) from None
    for name in names:
        check_file(folder / name)
        if name.endswith(TEMPLATES):
            _check_inside(checkpoint, folder / name)
    return names


def _check_inside(checkpoint: Path, path: Path) -> None:
    """Raise ValueError for a link out of a checkpoint, unless to where the hub's cache
    keeps what its folders show.
    """
    folder, target = checkpoint.resolve(), path.resolve()
    caches = [parent.parent / "blobs" for parent in (folder, *folder.parents) if parent.name == "snapshots"]
    if not any(target.is_relative_to(place) for place in (folder, *caches)):
        raise ValueError(
            f"{path} is a link to {target}, outside its folder. A template is written into every prompt: put a "
            "copy of the right file in its place."
        )


def check_file(path: Path) -> None:
    """Raise ValueError where this is neither a folder nor a plain file, or a text that is too large to be one."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(found.st_mode):
        return
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path} is a pipe or a device, not a plain file. Move it out of the folder.")
    if not path.name.endswith(WEIGHTS) and found.st_size > MAX_TEXT_BYTES:
        raise ValueError(
            f"{path} has {found.st_size:,} bytes, more than any such file. Move it out of the folder."
        )


def read_json(path: Path, *, max_bytes: int = MAX_SETTINGS_BYTES) -> Any:
    """What a JSON file holds; raises ValueError where it cannot be read,
    is too large, nested too deep, or none.
    """
    check_file(path)
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise ValueError(
                f"{path} has {size:,} bytes, more than such a file can need. Download or write it again."
            )
        with path.open("rb") as file:
            # No more than its size, which is none for files that only look like such.
            content = file.read(size)
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError(f"{path} is nested too deep to be read. Download or write it again.") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}). Download or write it again.") from None


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a file of JSON lines, each with its place in words; raises ValueError with that of none."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield (place := f"{path}, line {number}"), _read_object(line, place)
    except OSError as error:
        raise _unreadable(path, error) from None


def _read_object(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise ValueError(f"{place}: this is not JSON in UTF-8.") from None
    if not isinstance(row, dict):
        raise ValueError(f"{place}: expected an object, such as {{...}}.")
    return row


def _unreadable(path: Path, error: OSError) -> ValueError:
    return ValueError(
        f"{path} cannot be read ({error.strerror or error}). Correct this, or move it out of the folder."
    )
