"""The tables of a run: append, scan, repair, lock. Rows are never rewritten;
shards.py says how one is kept whole.
"""

import contextlib
import fcntl
import itertools
import json
import operator
import os
import socket
import struct
import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from results.checks import check_shards
from results.manifest import manifest_writers
from results.mending import Fault, enter_found, set_faulty_aside, tell_manifest, tidy, withdraw
from results.merging import keep_few as merge_few
from results.merging import merge_shards
from results.names import writer_of
from results.reading import read_shard
from results.schema import TABLES, Table
from results.shards import list_shards, named_shards, write_shard

# How the writers of outcomes from elsewhere begin: no trace is stored behind their answers.
INGESTING = "ingest-"
# Of FNV: it spreads what is mixed of a key's columns over all 64 bits.
MIXER = np.uint64(0x100000001B3)
# What is read of small shards before it is passed on together, so that who reads takes few steps.
BATCH_ROWS, BATCH_BYTES = 50_000, 32 * 2**20
# How the name of a holder ends that is soon gone, and how long to wait before asking for it again.
CHECKING, PAUSE_SECONDS = ", checking it", 0.1


class BusyError(ValueError):
    """Another process holds the lock."""


# Files of the locks that this process holds.
_held: set[TextIO] = set()


def _let_go() -> None:
    """A forked process outlives a killed one, and would hold its locks for as long."""
    while _held:
        _held.pop().close()


os.register_at_fork(after_in_child=_let_go)


def append(root: Path, table: Table, rows: Sequence[Mapping[str, Any]], *, writer: str) -> Path | None:
    """Write `rows` as one shard of `table` and return its path; None where there are no rows.

    Only the holder of `lock(root, writer)` may append under that writer's name. Lists of numbers are quickest as
    `array.array`.
    """
    if not rows:
        return None
    kinds = zip(table.schema.names, table.schema.types, strict=True)
    columns = [_column(_values(rows, name), kind) for name, kind in kinds]
    return write_shard(root / table.name, pa.Table.from_arrays(columns, schema=table.schema), writer=writer)


def scan(
    root: Path,
    table: Table,
    *,
    columns: Sequence[str] | None = None,
    identity: str | None = None,
    prompt_ids: Sequence[str] | None = None,
    writer: str | None = None,
    shards: Sequence[Path] | None = None,
) -> pa.Table:
    """All rows of `table`, of one `identity`, prompts, writer or some `shards` where given;
    empty of nothing stored.

    A column that a shard lacks, since it was written before the column was, is null in its rows.
    """
    parts = iterate(
        root, table, columns=columns, identity=identity, prompt_ids=prompt_ids, writer=writer, shards=shards
    )
    return _join(list(parts))


def iterate(
    root: Path,
    table: Table,
    *,
    columns: Sequence[str] | None = None,
    identity: str | None = None,
    prompt_ids: Sequence[str] | None = None,
    writer: str | None = None,
    shards: Sequence[Path] | None = None,
) -> Iterator[pa.Table]:
    """The same rows in the order they were written, a shard or several small ones at a time, behind an empty table
    of their schema.
    """
    schema = _of_columns(table, columns)
    where = None if prompt_ids is None else among("prompt_id", prompt_ids)
    yield schema.empty_table()
    paths = list_shards(root / table.name, writer) if shards is None else shards
    yield from join_small(read_shard(path, schema, where, identity=identity) for path in paths)


def join_small(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """These tables in order, small ones joined."""
    parts: list[pa.Table] = []
    num_rows = num_bytes = 0
    for part in tables:
        parts.append(part)
        num_rows, num_bytes = num_rows + part.num_rows, num_bytes + part.nbytes
        if num_rows >= BATCH_ROWS or num_bytes >= BATCH_BYTES:
            yield _join(parts)
            parts, num_rows, num_bytes = [], 0, 0
    if parts:
        yield _join(parts)


def locate(root: Path, table: Table, *, identity: str) -> dict[str, list[Path]]:
    """The shards that hold rows of each prompt, found once so that prompts can then be read a few at a time."""
    places: dict[str, list[Path]] = defaultdict(list)
    for path in list_shards(root / table.name):
        rows = read_shard(path, _of_columns(table, ["prompt_id"]), identity=identity)
        for prompt_id in rows["prompt_id"].unique().to_pylist():
            places[prompt_id].append(path)
    return places


def among(column: str, names: Iterable[str]) -> pc.Expression:
    """Whether a row's name in `column` is one of these; of no names none is, which arrow cannot tell by itself."""
    return pc.field(column).isin(pa.array(list(names), pa.string()))


def append_missing(root: Path, table: Table, rows: Sequence[dict[str, Any]], *, writer: str) -> Path | None:
    """Append those of `rows` whose key is not stored yet."""
    stored = {tuple(row.values()) for row in scan(root, table, columns=table.key).to_pylist()}
    missing = [row for row in rows if tuple(map(row.get, table.key)) not in stored]
    return append(root, table, missing, writer=writer)


def set_damaged_aside(root: Path, writer: str) -> list[Fault]:
    """Put the writer's shards that are not what was written aside as *.damaged; return what was found."""
    return set_faulty_aside(root, TABLES, writer)


def enter(root: Path, writer: str) -> None:
    """Enter the writer's shards that no manifest lists, its lock held and their rows compared (results.twice)."""
    enter_found(root, TABLES, writer)


def tidy_up(root: Path, writer: str) -> list[str]:
    """Put right what costs the writer no row, its lock held; a line for each."""
    return [*tidy(root, TABLES, writer), *tell_manifest(root, writer)]


def merge(root: Path, writer: str) -> None:
    """Merge the writer's small shards, its lock held: no row changes, and a long run stays a few files."""
    for table in TABLES.values():
        merge_shards(root, table, writer)


def keep_few(root: Path, tables: Iterable[Table], writer: str) -> None:
    """Merge what was appended to these tables so that the writer's files stay few while it goes on, its lock held.

    A full disk keeps them as they are: what was appended is stored.
    """
    for table in tables:
        with contextlib.suppress(OSError):
            merge_few(root, table, writer)


def find_damaged(root: Path) -> list[Path]:
    """Shards of the run that are not what was written, or not there; nothing is changed."""
    checked = [check_shards(root, TABLES, writer) for writer in list_writers(root)]
    return [path for found in checked for path in (*(wrong.shard for wrong in found.wrong), *found.gone)]


def was_damaged(root: Path) -> bool:
    """Whether a shard of the run was ever set aside or gone, so that rows may be left that lean on lost ones."""
    return any(any(root.glob(f"*/*.{suffix}")) for suffix in ("damaged", "lost", "withdrawn"))


def withdraw_rows(root: Path, table: Table, writer: str, *, keep: Callable[[pa.Table], pa.Array]) -> int:
    """Take the rows for which `keep` is false out of the writer's shards; return how many.

    For rows that lean on lost ones only. The shards that held them stay beside the table as *.withdrawn.
    """
    num_withdrawn = 0
    for path in list_shards(root / table.name, writer):
        rows = read_shard(path, table.schema)
        kept = rows.filter(keep(rows))
        if kept.num_rows < rows.num_rows:
            num_withdrawn += rows.num_rows - kept.num_rows
            withdraw(path, kept, writer=writer)
    return num_withdrawn


def hash_keys(rows: pd.DataFrame, key: Sequence[str]) -> np.ndarray:
    """A 64-bit hash of each row's key, shape (rows,): the same in every frame; a missing number is none other."""
    mixed = np.zeros(len(rows), np.uint64)
    for name in key:
        mixed = (mixed ^ pd.util.hash_array(_as_hashed(rows[name]))) * MIXER
    return mixed


def _as_hashed(column: pd.Series) -> Any:
    """Values whose hashes are those of other frames, where a column may be of another type."""
    if pd.api.types.is_numeric_dtype(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isnan(numbers), -1.0, numbers)
    return column.array if isinstance(column.dtype, pd.CategoricalDtype) else column.to_numpy(object)


@contextlib.contextmanager
def lock(root: Path, writer: str, *, wait: bool = False, briefly: bool = False) -> Iterator[None]:
    """Hold the right to append under `writer`; the kernel releases it when the process dies.

    Raises BusyError where another process writes under it, unless told to wait; who holds it `briefly`, to check
    what is stored, is waited for. On a file system that several machines share it holds among all of them where
    that file system passes flock on (NFS since version 4, Lustre with -o flock). Raises ValueError for a name that
    is no name of a file: tables tell those of tasks, and anyone may have written them.
    """
    if Path(writer).name != writer or not writer.isprintable():
        raise ValueError(
            f"{root} cannot be written under the name {writer!r}: its tables or records are not from isoquant."
        )
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{writer}.lock", "a+", opener=_open_itself) as file:
        holder = _acquire(file, wait=wait)
        if holder is not None:
            raise BusyError(
                f"Another process ({holder}) is writing {writer} into {root}. Wait until it ends, or choose "
                "another RUN."
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}{CHECKING if briefly else ''}")
        file.flush()
        _held.add(file)
        try:
            yield
        finally:
            _held.discard(file)


def _open_itself(path: str, flags: int) -> int:
    # What is locked is emptied: a link in a folder from elsewhere would have another file emptied.
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _acquire(file: TextIO, *, wait: bool) -> str | None:
    """Take the lock, None, or say who is writing."""
    if wait:
        fcntl.flock(file, fcntl.LOCK_EX)
        return None
    for attempt in itertools.count():
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            # Who has only just taken it has not given its name yet.
            if attempt and not holder.endswith(CHECKING):
                return holder or "another process"
            time.sleep(PAUSE_SECONDS)
    raise AssertionError


def list_writers(root: Path) -> list[str]:
    """Everyone who ever appended to the run."""
    stored = {writer_of(path) for table in TABLES for path in named_shards(root / table)}
    return sorted(stored | manifest_writers(root))


def encode_json(value: Mapping[str, Any]) -> str:
    """A mapping as the text that JSON columns hold."""
    return json.dumps(dict(value), sort_keys=True)


def flatten(parts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """What nested settings hold, by dotted names, as in `sampling.top_p`."""
    for name, value in parts.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _values(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """A column of the rows; None in one that lacks it."""
    try:
        return list(map(operator.itemgetter(name), rows))
    except KeyError:
        return [row.get(name) for row in rows]


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind) and not pa.types.is_string(kind.value_type) and None not in values:
        # Arrow takes a list of lists an object at a time, and numpy numbers a column at a time.
        lengths = np.fromiter(map(len, values), np.int32, len(values))
        kept_as = np.dtype(kind.value_type.to_pandas_dtype())
        if set(map(type, values)) == {array} and {value.typecode for value in values} == {kept_as.char}:
            packed = b"".join(values)
        else:
            packed = struct.pack(f"{lengths.sum()}{kept_as.char}", *itertools.chain.from_iterable(values))
        flat = np.frombuffer(packed, kept_as)
        offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(lengths, dtype=np.int32)])
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat), type=kind)
    return pa.array(values, type=kind)


def _join(parts: Sequence[pa.Table]) -> pa.Table:
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts).unify_dictionaries()


def _of_columns(table: Table, columns: Sequence[str] | None) -> pa.Schema:
    return pa.schema([table.schema.field(name) for name in (table.schema.names if columns is None else columns)])
