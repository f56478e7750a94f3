"""Puts a writer's shards in order, its lock held: what costs no row, what is lost, and rows that leaned on it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from results import whole
from results.checks import WITHDRAWN, check_shards
from results.manifest import count_unread, find_copied, manifest_of, read_manifest, rewrite_manifest
from results.merging import finish_merges
from results.names import digest_of, fits, writer_of
from results.schema import FAILURES, TABLES, THROUGHPUT
from results.shards import (
    digest,
    encode,
    find_copies,
    left_behind,
    list_files,
    list_shards,
    named_shards,
    next_shard,
)

# The rows of a shard that are left of one that is put aside, on the way to their own name.
KEPT = ".kept"
# In which they tell the name of that shard.
KEPT_OF = b"isoquant.kept_of"
LOGS = (FAILURES.name, THROUGHPUT.name)


class Fault(NamedTuple):
    """A shard that is not what belongs there, where it lies now (None: it is gone) and what is wrong with it."""

    shard: Path
    aside: Path | None
    reason: str

    def __str__(self) -> str:
        where = f"set aside as {self.aside.name}" if self.aside else "not found"
        is_log = self.shard.parent.name in LOGS
        return f"{self.shard} {self.reason}: {where}; {'it was a log' if is_log else 'its rows are drawn again'}."


def tidy(root: Path, tables: Iterable[str], writer: str) -> list[str]:
    """Put right what costs no row, and say what: a copy is set aside,
    a shard that was renamed has its name again.
    """
    tables = list(tables)
    found = (
        _put_back_manifest(root, writer),
        _rename_back(root, tables, writer),
        _set_copies_aside(root, tables, writer),
    )
    return [line for lines in found for line in lines]


def set_faulty_aside(root: Path, tables: Iterable[str], writer: str) -> list[Fault]:
    """Rename the writer's shards that are not what belongs there to *.damaged,
    find those that are gone; say which.

    A shard that is gone leaves an empty *.lost. Bits of what a kill left half written are removed, and what it cut
    short of a withdrawal or a merge is finished. What no manifest lists stays so: `enter_found` is for that.
    """
    tables = list(tables)
    _finish(root, tables, writer)
    faults: list[Fault] = []
    # Behind a damaged copy, or a damaged merged shard, those that did not count beside it count again.
    while wrong := (checked := check_shards(root, tables, writer)).wrong:
        faults += [Fault(path, path.rename(path.with_suffix(".damaged")), reason) for path, reason in wrong]
    for path in set(checked.gone) - {fault.shard for fault in faults}:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".lost").touch()
        faults.append(Fault(path, None, "is gone"))
    entered = set(read_manifest(root, writer))
    kept = [path for path in checked.whole if str(path.relative_to(root)) in entered]
    if len(kept) < len(entered) or count_unread(root, writer):
        rewrite_manifest(root, writer, kept)
    return faults


def enter_found(root: Path, tables: Iterable[str], writer: str) -> None:
    """Enter the writer's shards that its manifest does not list, its lock held:
    a kill, or hands, kept them from it.

    Only after their rows are compared with what is stored (results.twice): those of a manifest share none.
    """
    listed = [path for name in read_manifest(root, writer) if (path := root / name).is_file()]
    found = [path for table in tables for path in list_shards(root / table, writer) if path not in set(listed)]
    if found or (not manifest_of(root, writer).is_file() and _has_shards(root, writer)):
        rewrite_manifest(root, writer, [*listed, *found])


def _finish(root: Path, tables: list[str], writer: str) -> None:
    """Remove what a kill left half written, and finish what it cut short."""
    for path in left_behind(root, tables, writer, ".tmp"):
        path.unlink()
    _finish_withdrawal(root, tables, writer)
    finish_merges(root, tables, writer)


def withdraw(path: Path, kept: pa.Table, *, writer: str) -> None:
    """Put a shard aside as *.withdrawn and write those of its rows that are `kept` as the writer's next one.

    They are on disk before the shard has gone, as *.kept, so that a kill at any moment loses none and doubles
    none. Raises OSError where the disk is full, and changes nothing.
    """
    root, aside = path.parent.parent, path.with_suffix(WITHDRAWN)
    content = encode(kept.replace_schema_metadata({KEPT_OF: path.name}))
    successor = next_shard(path.parent, content, writer=writer)
    staged, before = successor.with_suffix(KEPT), read_manifest(root, writer)
    written = [successor] if kept.num_rows else []
    try:
        if written:
            whole.write_whole(staged, content)
        path.rename(aside)
        if written:
            staged.rename(successor)
        rewrite_manifest(root, writer, [*(root / name for name in before if root / name != path), *written])
    except BaseException:
        successor.unlink(missing_ok=True)
        staged.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(path)
        raise


def tell_manifest(root: Path, writer: str) -> list[str]:
    """What is wrong with the writer's manifest, which `set_faulty_aside` writes again."""
    manifest, num_unread = manifest_of(root, writer), count_unread(root, writer)
    if num_unread or (not manifest.is_file() and _has_shards(root, writer)):
        lines = "line" if num_unread == 1 else "lines"
        what = f"has {num_unread:,} unreadable {lines}" if num_unread else "is missing"
        return [f"{manifest} {what}, so a lost shard would not be noticed. A sweep writes it again."]
    return []


def _has_shards(root: Path, writer: str) -> bool:
    return any(writer_of(path) == writer for table in TABLES for path in named_shards(root / table))


def _finish_withdrawal(root: Path, tables: Iterable[str], writer: str) -> None:
    """Give the rows that were to be kept the name of a shard where theirs is aside already; else forget them."""
    for staged in left_behind(root, tables, writer, KEPT):
        # A manifest need not have listed the shard.
        origin = staged.with_name(
            (pq.read_metadata(staged).metadata or {}).get(KEPT_OF, b"").decode() or staged.name
        )
        if origin.with_suffix(WITHDRAWN).exists() and not origin.exists():
            staged.rename(staged.with_suffix(".parquet"))
        else:
            staged.unlink()


def _put_back_manifest(root: Path, writer: str) -> Iterator[str]:
    """Give the writer's manifest its name where it lies under another; set aside what lies beside it and lists its
    shards. What such a one lists beyond the manifest was merged since, or is found by its name.
    """
    for copied, first in find_copied(root):
        if first == manifest_of(root, writer):
            is_missed = not first.exists()
            aside = copied.rename(first if is_missed else copied.with_name(f"{copied.name}.copy"))
            told = "it got its name back" if is_missed else f"set aside as {aside.name}; no row is lost"
            yield f"{copied} lists the shards of {first.name}: {told}."


def _rename_back(root: Path, tables: list[str], writer: str) -> Iterator[str]:
    """Give a shard that is missed its name, where its bytes lie beside its place under one that is no shard's."""
    for path in check_shards(root, tables, writer).gone:
        strays = [stray for stray in list_files(path.parent) if not fits(stray) and not stray.is_symlink()]
        for stray in strays:
            if digest(stray.read_bytes()) == digest_of(path):
                stray.rename(path)
                yield f"{path} was called {stray.name}: it got its name back."
                break


def _set_copies_aside(root: Path, tables: list[str], writer: str) -> Iterator[str]:
    for copy, first in find_copies([path for table in tables for path in named_shards(root / table)]):
        # Only of one that is what its name claims is the other a copy.
        if writer_of(copy) == writer and first.is_file() and digest(first.read_bytes()) == digest_of(first):
            aside = copy.rename(copy.with_suffix(".copy"))
            yield f"{copy} is a copy of {first.name}: set aside as {aside.name}; no row is lost."
