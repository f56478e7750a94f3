"""Append-only parquet: atomic append, scan, verify, lock. A shard's name carries the digest of its bytes."""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from results.schema import TABLES, Table

DIGEST_CHARS = 16


class BusyError(ValueError):
    """Another process holds the lock."""


def append(root: Path, table: Table, rows: Sequence[dict[str, Any]], *, writer: str) -> Path | None:
    """Write `rows` as one shard of `table` and return its path; None where there are no rows.

    The shard appears under its final name only once its bytes are on disk, so a kill at any moment leaves whole shards.
    Only the holder of `lock(root, writer)` may append under that writer's name.
    """
    if not rows:
        return None
    folder = root / table.name
    folder.mkdir(parents=True, exist_ok=True)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=table.schema), sink, compression="zstd")
    content = sink.getvalue()
    index = 1 + max((int(path.name.split(".")[-3]) for path in _shards(root, table, writer)), default=-1)
    path = folder / f"{writer}.{index:06d}.{_digest(content)}.parquet"
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(folder)
    return path


def scan(root: Path, table: Table, *, columns: Sequence[str] | None = None, identity: str | None = None) -> pa.Table:
    """All rows of `table`, of one `identity` where given; an empty table of its schema where nothing is stored."""
    wanted = list(columns) if columns is not None else table.schema.names
    schema = pa.schema([table.schema.field(name) for name in wanted])
    keep = None if identity is None else pc.field("identity") == identity
    parts = [
        pq.read_table(path, columns=wanted, filters=keep, partitioning=None).cast(schema)
        for path in _shards(root, table)
    ]
    return pa.concat_tables(parts).unify_dictionaries() if parts else schema.empty_table()


def append_missing(root: Path, table: Table, rows: Sequence[dict[str, Any]], *, writer: str) -> Path | None:
    """Append those of `rows` whose key is not stored yet."""
    stored = {tuple(row.values()) for row in scan(root, table, columns=table.key).to_pylist()}
    missing = [row for row in rows if tuple(row[name] for name in table.key) not in stored]
    return append(root, table, missing, writer=writer)


def set_damaged_aside(root: Path, writer: str) -> list[Path]:
    """Rename the writer's shards whose bytes belie the digest in their name to *.damaged; return the new names."""
    moved = []
    for table in TABLES.values():
        for path in _shards(root, table, writer):
            if _digest(path.read_bytes()) != path.name.split(".")[-2]:
                moved.append(path.rename(path.with_suffix(".damaged")))
    return moved


@contextlib.contextmanager
def lock(root: Path, writer: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the right to append under `writer`; the kernel releases it when the process dies.

    Raises BusyError where another process holds it, unless told to wait.
    """
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{writer}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise BusyError(
                f"Another process is writing {writer} into {root}; wait for it, or choose another RUN."
            ) from None
        yield


def list_writers(root: Path) -> list[str]:
    """Everyone who ever appended to the run."""
    return sorted({path.name.rsplit(".", 3)[0] for table in TABLES.values() for path in _shards(root, table)})


def encode_json(value: Mapping[str, Any]) -> str:
    """A mapping as the text that JSON columns hold."""
    return json.dumps(dict(value), sort_keys=True)


def _digest(content: bytes | pa.Buffer) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]


def _shards(root: Path, table: Table, writer: str | None = None) -> list[Path]:
    """Whole shards in the order they were written, of one writer where given; names are writer.index.digest.parquet."""
    paths = sorted((root / table.name).glob("*.parquet"))
    return [path for path in paths if writer is None or path.name.rsplit(".", 3)[0] == writer]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
