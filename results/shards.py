"""One shard: parquet bytes that appear whole or not at all, under a name that carries their digest.

A manifest a writer lists what it appended (rows, bytes, digest), so that a shard that disappears is missed as well.
"""

import glob
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from results.schema import FAILURES, THROUGHPUT

DIGEST_CHARS = 16
# Columns in which hardly a value comes twice, so that looking for it would only take time.
UNIQUE = ("seconds", "seed", "text")
MANIFESTS = "manifest"
# A shard some of whose rows leaned on lost ones, and on the way there the others of its rows.
WITHDRAWN, KEPT = ".withdrawn", ".kept"


class Fault(NamedTuple):
    """A shard that is not what was written, where it lies now (None: it is gone) and what is wrong with it."""

    shard: Path
    aside: Path | None
    reason: str

    def __str__(self) -> str:
        where = f"set aside as {self.aside.name}" if self.aside else "not found"
        is_log = self.shard.parent.name in (FAILURES.name, THROUGHPUT.name)
        return f"{self.shard} {self.reason}: {where}; {'it was a log' if is_log else 'its rows are made again'}."


class Checked(NamedTuple):
    """A writer's shards: those that are what was written, those that are not, and those that are not there."""

    whole: list[Path]
    damaged: list[Path]
    gone: list[Path]


def write_shard(folder: Path, rows: pa.Table, *, writer: str) -> Path:
    """Write `rows` as the writer's next shard in `folder` and enter it into the manifest; return its path.

    Bytes are on disk before the shard has its name, so that a kill at any moment leaves whole shards alone. Raises
    OSError where the disk is full, and leaves nothing behind: what is tried again must not be stored twice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, content = _next_shard(folder, rows, writer=writer)
    try:
        write_whole(path, content)
        _enter(folder.parent, writer, path, num_rows=rows.num_rows, num_bytes=content.size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _next_shard(folder: Path, rows: pa.Table, *, writer: str) -> tuple[Path, pa.Buffer]:
    """The name and the bytes of the writer's next shard in `folder`."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", **_encodings(rows.schema))
    content = sink.getvalue()
    index = 1 + max((index_of(path) for path in list_shards(folder, writer)), default=-1)
    return folder / f"{writer}.{index:06d}.{digest(content)}.parquet", content


def list_shards(folder: Path, writer: str | None = None) -> list[Path]:
    """Whole shards in the order they were written, of one writer where given; names are writer.index.digest.parquet."""
    paths = sorted(folder.glob("*.parquet"))
    return [path for path in paths if writer is None or writer_of(path) == writer]


def writer_of(path: Path) -> str:
    return path.name.rsplit(".", 3)[0]


def index_of(path: Path) -> int:
    return int(path.name.split(".")[-3])


def manifest_writers(root: Path) -> set[str]:
    return {path.stem for path in (root / MANIFESTS).glob("*.jsonl")}


def digest(content: bytes | pa.Buffer) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]


def check_shards(root: Path, tables: Iterable[str], writer: str) -> Checked:
    """Compare the bytes of the writer's shards with their names, and their names with the manifest; change nothing."""
    checked = Checked([], [], [])
    tables = list(tables)
    listed = [path for table in tables for path in list_shards(root / table, writer)]
    entered = [root / name for name in _read_manifest(root, writer) if name.split("/")[0] in tables]
    for path in dict.fromkeys([*listed, *entered]):
        # Asked for by name: the list of a folder that machines share may be older than a shard in it.
        if not path.exists():
            # A kill can come between a withdrawal and the manifest.
            if not path.with_suffix(WITHDRAWN).exists():
                checked.gone.append(path)
        elif digest(path.read_bytes()) == path.name.split(".")[-2]:
            checked.whole.append(path)
        else:
            checked.damaged.append(path)
    return checked


def set_faulty_aside(root: Path, tables: Iterable[str], writer: str) -> list[Fault]:
    """Rename the writer's shards whose bytes belie their name to *.damaged, find those that are gone; say which.

    A shard that is gone leaves an empty *.lost. Bits of what a kill left half written are removed, a shard that a kill
    kept from the manifest is entered, and a withdrawal that it cut short is finished.
    """
    tables = list(tables)
    for path in _left_behind(root, tables, writer, ".tmp"):
        path.unlink()
    _finish_withdrawal(root, tables, writer)
    whole, damaged, gone = check_shards(root, tables, writer)
    for path in gone:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".lost").touch()
    faults = [Fault(path, path.rename(path.with_suffix(".damaged")), "is damaged") for path in damaged]
    faults += [Fault(path, None, "is gone") for path in gone]
    if set(_read_manifest(root, writer)) != {str(path.relative_to(root)) for path in whole}:
        _rewrite_manifest(root, writer, whole)
    return faults


def withdraw(path: Path, kept: pa.Table, *, writer: str) -> None:
    """Put a shard aside as *.withdrawn and write those of its rows that are `kept` as the writer's next one.

    They are on disk before the shard has gone, as *.kept, so that a kill at any moment loses none and doubles none.
    Raises OSError where the disk is full, and changes nothing.
    """
    root, aside = path.parent.parent, path.with_suffix(WITHDRAWN)
    successor, content = _next_shard(path.parent, kept, writer=writer)
    staged, before = successor.with_suffix(KEPT), _read_manifest(root, writer)
    written = [successor] if kept.num_rows else []
    try:
        if written:
            write_whole(staged, content)
        path.rename(aside)
        if written:
            staged.rename(successor)
        _rewrite_manifest(root, writer, [*(root / name for name in before if root / name != path), *written])
    except BaseException:
        successor.unlink(missing_ok=True)
        staged.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(path)
        raise


def _finish_withdrawal(root: Path, tables: Iterable[str], writer: str) -> None:
    """Give the rows that were to be kept the name of a shard where theirs is aside already; else forget them."""
    gone = [root / name for name in _read_manifest(root, writer) if not (root / name).exists()]
    begun = {path.parent.name for path in gone if path.with_suffix(WITHDRAWN).exists()}
    for staged in _left_behind(root, tables, writer, KEPT):
        if staged.parent.name in begun:
            staged.rename(staged.with_suffix(".parquet"))
        else:
            staged.unlink()


def _left_behind(root: Path, tables: Iterable[str], writer: str, suffix: str) -> list[Path]:
    """Files of the writer that are no shards; names of other writers may begin alike."""
    paths = [path for table in tables for path in sorted((root / table).glob(f"{glob.escape(writer)}.*{suffix}"))]
    return [path for path in paths if writer_of(path.with_suffix("") if suffix == ".tmp" else path) == writer]


def _manifest(root: Path, writer: str) -> Path:
    return root / MANIFESTS / f"{writer}.jsonl"


def _encodings(schema: pa.Schema) -> dict[str, list[str]]:
    """Parquet's names of the columns that are worth a dictionary, and of those whose bytes are better stored in planes.

    Token ids are many and their high bytes alike: a dictionary of them takes longer, and for a large vocabulary
    more room.
    """
    ids = [f"{field.name}.list.element" for field in schema if pa.types.is_list(field.type)]
    repeating = [field.name for field in schema if field.name not in UNIQUE and not pa.types.is_list(field.type)]
    return {"use_dictionary": repeating, "use_byte_stream_split": ids}


def _entry(root: Path, path: Path, *, num_rows: int, num_bytes: int) -> str:
    shard = str(path.relative_to(root))
    return json.dumps({"shard": shard, "rows": num_rows, "bytes": num_bytes, "sha256": path.name.split(".")[-2]}) + "\n"


def _enter(root: Path, writer: str, path: Path, *, num_rows: int, num_bytes: int) -> None:
    manifest = _manifest(root, writer)
    manifest.parent.mkdir(exist_ok=True)
    # Whole as well: half a line, of a full disk, would spoil the next one.
    lines = manifest.read_bytes() if manifest.exists() else b""
    write_whole(manifest, lines + _entry(root, path, num_rows=num_rows, num_bytes=num_bytes).encode())


def _read_manifest(root: Path, writer: str) -> list[str]:
    """Shards that the manifest lists; a line that is damaged says nothing."""
    manifest = _manifest(root, writer)
    shards = []
    for line in manifest.read_text(errors="replace").splitlines() if manifest.exists() else []:
        try:
            entry = json.loads(line)
            shard, sha256 = str(entry["shard"]), entry["sha256"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        # A digest stands in its line twice. What leads out of the run is none of its shards.
        is_inside = len(Path(shard).parts) == 2 and ".." not in Path(shard).parts
        if is_inside and shard.endswith(f".{sha256}.parquet") and writer_of(Path(shard)) == writer:
            shards.append(shard)
    return shards


def _rewrite_manifest(root: Path, writer: str, paths: Sequence[Path]) -> None:
    lines = [
        _entry(root, path, num_rows=pq.read_metadata(path).num_rows, num_bytes=path.stat().st_size) for path in paths
    ]
    manifest = _manifest(root, writer)
    manifest.parent.mkdir(exist_ok=True)
    write_whole(manifest, "".join(lines).encode())


def write_whole(path: Path, content: bytes | pa.Buffer) -> None:
    """Write a file so that it has all of `content` or does not exist, and survives a power cut once it does."""
    beside = path.with_name(path.name + ".tmp")
    try:
        # Made anew: one that was put there might be a link to elsewhere.
        beside.unlink(missing_ok=True)
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
