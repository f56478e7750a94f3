"""One shard: parquet bytes that appear whole or not at all, under a name that carries their digest.

A manifest a writer lists what it appended, so that a shard that disappears is missed as well. Several shards that
were merged live on in one, which tells their names: until they are removed they lie beside it and do not count.
"""

import contextlib
import functools
import glob
import hashlib
import itertools
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from results import whole
from results.manifest import enter, manifest_writers, read_manifest
from results.names import DIGEST_CHARS, digest_of, fits, index_of, order_of, writer_of
from results.shortage import raise_shortage

# Columns in which hardly a value comes twice, so that looking for it would only take time.
UNIQUE = ("seconds", "seed", "text")
# The names and numbers of rows of the shards that a merged one holds, in their order.
MERGED = b"isoquant.merged"
# Where the rows of those lie that its members held already.
MERGED_BEFORE = b"isoquant.merged-before"
# What reading a footer that anyone may have written raises.
_UNREADABLE = (OSError, pa.ArrowException, ValueError, AttributeError, TypeError, RecursionError)


def write_shard(folder: Path, rows: pa.Table, *, writer: str) -> Path:
    """Write `rows` as the writer's next shard in `folder` and enter it into the manifest; return its path.

    Bytes are on disk before the shard has its name, so that a kill at any moment leaves whole shards alone. Raises
    OSError where the disk is full, and leaves nothing behind: what is tried again must not be stored twice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = encode(rows)
    path = next_shard(folder, content, writer=writer)
    try:
        whole.write_whole(path, content)
        enter(folder.parent, writer, path, num_rows=rows.num_rows, num_bytes=content.size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def next_shard(folder: Path, content: pa.Buffer, *, writer: str) -> Path:
    """The path that the writer's next shard in `folder` takes."""
    index = 1 + max((index_of(path) for path in named_shards(folder) if writer_of(path) == writer), default=-1)
    return folder / f"{writer}.{index:06d}.{digest(content)}.parquet"


def encode(rows: pa.Table) -> pa.Buffer:
    """The bytes of a shard."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", **_encodings(rows.schema))
    return sink.getvalue()


def list_shards(folder: Path, writer: str | None = None) -> list[Path]:
    """The shards that count, in the order they were written, of one writer where given.

    Copies under another name do not, nor do those whose rows a merged one holds, at whatever remove: who copies a
    run that is at work once more over an earlier copy has them beside it.
    """
    paths = named_shards(folder)
    uncounted = {copy.name for copy, _ in find_copies(paths)}
    uncounted.update(*(read_places(path) for path in paths))
    return [path for path in paths if path.name not in uncounted and writer in (None, writer_of(path))]


def named_shards(folder: Path) -> list[Path]:
    """Every file that has a shard's name, by writer and index."""
    ordered = ((order_of(path.name), path) for path in list_files(folder))
    return [path for _, path in sorted((order, path) for order, path in ordered if order is not None)]


def list_files(folder: Path) -> list[Path]:
    """The regular files of a folder; none where there is no such folder.
    Raises PermissionError where it is closed.
    """
    names = _list_names(folder)
    # A list that is made while files come and go may lack both the old one and the new.
    while names != (again := _list_names(folder)):
        names = again
    return [folder / name for name, is_regular in names.items() if is_regular]


def find_copies(paths: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Each of these shards whose name claims the bytes of another one in its folder, and that one."""
    alike: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for path in paths:
        alike[path.parent, digest_of(path)].append(path)
    groups = [group for group in alike.values() if len(group) > 1]
    return [(copy, first) for group in groups for first, *rest in [_entered_first(group)] for copy in rest]


def read_footer(path: Path) -> pq.FileMetaData:
    """What a shard tells of itself behind its rows, read once; raises as pyarrow does where it cannot be read."""
    told = path.stat()
    return _footer(path, told.st_mtime_ns, told.st_size)


def read_members(path: Path) -> dict[str, int]:
    """The names of the shards that a merged one holds and how many rows of each, in order; empty for any other."""
    try:
        told = path.stat()
        return _members(path, told.st_mtime_ns, told.st_size)
    except _UNREADABLE as error:
        raise_shortage(error)
        return {}


def read_places(path: Path) -> Mapping[str, tuple[int, int]]:
    """Where the rows begin of each shard that a merged one holds, at whatever remove, and how many they are.

    Those that were merged first come first.
    """
    try:
        told = path.stat()
        return _places(path, told.st_mtime_ns, told.st_size)
    except _UNREADABLE as error:
        raise_shortage(error)
        return {}


def find_members(path: Path) -> list[Path]:
    """The shards that a merged one holds, at whatever remove, and that still lie beside it."""
    places = read_places(path)
    return [each for each in named_shards(path.parent) if each.name in places] if places else []


def digest(content: bytes | pa.Buffer) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]


def left_behind(root: Path, tables: Iterable[str], writer: str, suffix: str) -> list[Path]:
    """Files of the writer that are no shards; names of other writers may begin alike."""
    paths = [path for table in tables for path in sorted((root / table).glob(f"{glob.escape(writer)}.*{suffix}"))]
    return [path for path in paths if writer_of(path.with_suffix("") if suffix == ".tmp" else path) == writer]


def entered_shards(root: Path) -> set[Path]:
    """The shards that a manifest of the run lists."""
    return {root / name for writer in manifest_writers(root) for name in read_manifest(root, writer)}


def _entered_first(paths: list[Path]) -> list[Path]:
    """Those that a manifest lists before the others, each part in its order."""
    entered = entered_shards(paths[0].parent.parent)
    return sorted(paths, key=lambda path: path not in entered)


def _list_names(folder: Path) -> dict[str, bool]:
    """The names in a folder, sorted, and which of them are regular files."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return {entry.name: _is_regular(entry) for entry in sorted(entries, key=lambda entry: entry.name)}
    return {}


# Of a run that was never merged, ten kilobytes each.
@functools.lru_cache(maxsize=4_000)
def _footer(path: Path, modified: int, size: int) -> pq.FileMetaData:
    return pq.read_metadata(path)


@functools.lru_cache(maxsize=100_000)
def _members(path: Path, modified: int, size: int) -> dict[str, int]:
    footer = _footer(path, modified, size)
    told = json.loads((footer.metadata or {}).get(MERGED, b"{}"))
    return {_own(path, name): _within(0, num_rows, footer.num_rows)[1] for name, num_rows in told.items()}


@functools.lru_cache(maxsize=100_000)
def _places(path: Path, modified: int, size: int) -> Mapping[str, tuple[int, int]]:
    members = _members(path, modified, size)
    starts = itertools.accumulate(members.values(), initial=0)
    held = {name: (start, num_rows) for start, (name, num_rows) in zip(starts, members.items(), strict=False)}
    try:
        return _before(path, modified, size) | held
    except _UNREADABLE as error:
        raise_shortage(error)
        return held


def _before(path: Path, modified: int, size: int) -> dict[str, tuple[int, int]]:
    footer = _footer(path, modified, size)
    told = json.loads((footer.metadata or {}).get(MERGED_BEFORE, b"{}"))
    return {_own(path, name): _within(at, num_rows, footer.num_rows) for name, (at, num_rows) in told.items()}


def _own(path: Path, name: str) -> str:
    """The name of another shard of this one's writer; raises ValueError where it is none:
    nobody merges others'.
    """
    if "/" in name or not fits(Path(name)) or writer_of(Path(name)) != writer_of(path):
        raise ValueError(f"{path} lists {name!r}, which is no shard of its writer.")
    return name


def _within(at: int, num_rows: int, most: int) -> tuple[int, int]:
    """Where rows begin and how many they are; raises ValueError where that is no place among so many."""
    if not (type(at) is type(num_rows) is int and 0 <= at <= at + num_rows <= most):
        raise ValueError(f"{num_rows!r} rows from {at!r} on are not among {most:,}.")
    return at, num_rows


def _is_regular(entry: os.DirEntry[str]) -> bool:
    # A link may lead to a device that never ends.
    try:
        return entry.is_file()
    except OSError:
        return False


def _encodings(schema: pa.Schema) -> dict[str, list[str]]:
    """Parquet's names of the columns that are worth a dictionary,
    and of those whose bytes are better stored in planes.

    Token ids are many and their high bytes alike: a dictionary of them takes longer, and for a large vocabulary
    more room.
    """
    lists = [field for field in schema if pa.types.is_list(field.type)]
    texts = [field for field in lists if pa.types.is_string(field.type.value_type)]
    single = [field.name for field in schema if field not in lists and field.name not in UNIQUE]
    of_texts, of_numbers = (
        [f"{field.name}.list.element" for field in lists if (field in texts) == is_text]
        for is_text in (True, False)
    )
    return {"use_dictionary": [*single, *of_texts], "use_byte_stream_split": of_numbers}
