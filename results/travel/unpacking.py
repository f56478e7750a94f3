"""A packed run as a folder: `unpack` makes one, `opened` keeps one for commands that read.

The file may come from anyone. Nothing is written outside the new folder, no more than the file has bytes, and
nothing stays where one of them is not what the file says.
"""

import atexit
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple

from results.closed import leave_out_texts
from results.inspection import inspect
from results.manifest import manifest_writers
from results.schema import TABLES
from results.shards import entered_shards, named_shards
from results.travel.archive import damaged, digest_file, is_packed, read_contents, read_files
from results.travel.bounds import Bounds
from results.travel.packing import name_run
from results.travel.staging import staged_folder
from results.whole import flush_folder

CACHE = "isoquant"


class Unpacked(NamedTuple):
    """An unpacked run: its folder, the SHA-256 of its file, how many files it has,
    whether texts are among them, and what is to be noted.
    """

    root: Path
    sha256: str
    num_files: int
    has_texts: bool
    notes: list[str]


def unpack(path: Path, into: Path) -> Unpacked:
    """Make the folder `into` of a packed run, whole or not at all.

    Raises ValueError where the file is no packed run, is damaged or holds what no run holds, and where something
    lies at `into`; BusyError while another process makes the same folder.
    """
    _check_file(path)
    with path.open("rb") as file:
        contents, whole = read_contents(file, where=path), hashlib.sha256()
        with staged_folder(into) as stage:
            for entry, parts in read_files(file, contents, whole=whole, where=path):
                place = stage / entry.path
                place.parent.mkdir(exist_ok=True)
                with place.open("xb") as written:
                    for part in parts:
                        written.write(part)
                    written.flush()
                    os.fsync(written.fileno())
            if not contents.has_texts:
                leave_out_texts(stage)
            notes = _check(stage, where=path)
    return Unpacked(into, whole.hexdigest(), len(contents.entries), contents.has_texts, notes)


def opened(path: Path) -> Path:
    """The folder of a packed run, unpacked once and kept by the digest of the file.

    It lies in the user's cache and may be removed at any time; where there is no cache it goes when the process
    ends. Raises ValueError as `unpack`.
    """
    _check_file(path)
    if not is_packed(path):
        raise ValueError(
            f"{path} is a file, but not a packed run. Give a run's folder, or a file that `isoquant pack` wrote."
        )
    with path.open("rb") as file:
        digest = digest_file(file)
    root = _cache() / digest / name_run(path)
    if not root.is_dir():
        try:
            root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flush_folder(root.parent)
        except OSError:
            root = _passing() / name_run(path)
        if unpack(path, root).sha256 != digest:
            shutil.rmtree(root)
            raise ValueError(f"{path} changed while it was read. Run the same command again.")
    return root


def _check_file(path: Path) -> None:
    """Raise ValueError where there is no regular file: a pipe would never be read to its end."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        is_file = False
    if not is_file:
        raise ValueError(f"{path} is not a file. Give a file that `isoquant pack` wrote.")


def _check(stage: Path, *, where: Path) -> list[str]:
    """Notes on a run that was just unpacked; raises ValueError where its tables cannot be those of a run."""
    shards = {path for table in TABLES for path in named_shards(stage / table)}
    bounds = Bounds()
    for shard in sorted(shards):
        try:
            bounds.add(shard.read_bytes(), where=shard.relative_to(stage))
        except ValueError as error:
            raise damaged(where, str(error).rstrip(".")) from None
    faults, notes = inspect(stage)
    if faults:
        raise damaged(where, faults[0].replace(f"{stage}/", ""))
    if entered_shards(stage) != shards or not manifest_writers(stage):
        raise damaged(where, "its manifests do not list its tables")
    return [note.replace(f"{stage}/", "") for note in notes]


def _cache() -> Path:
    told = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(told) if os.path.isabs(told) else Path(os.path.expanduser("~/.cache"))) / CACHE


def _passing() -> Path:
    folder = tempfile.mkdtemp(prefix=f"{CACHE}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
