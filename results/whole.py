"""Files that appear whole or not at all. Knows nothing of tables."""

import os
from pathlib import Path

import pyarrow as pa


def write_whole(path: Path, content: bytes | pa.Buffer) -> None:
    """Write a file so that it has all of `content` or does not exist, and survives a power cut once it does."""
    beside = path.with_name(path.name + ".tmp")
    try:
        # Made anew: a link of this name in a folder from elsewhere would have another file written over.
        beside.unlink(missing_ok=True)
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_text(path: Path, text: str) -> Path:
    """The same of a text, in a folder that is made where it is missing; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())
    return path


def flush_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
