"""Merges the small shards of a writer, so that a long run does not end in thousands of files. Changes no row.

The merged shard tells the names of those that it holds. It appears whole or not at all, and from then on they do
not count, so that a reader sees every row once; they are removed afterwards, and a reader that listed them finds
its rows in the merged one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from results import whole
from results.checks import find_wrong
from results.manifest import read_manifest, rewrite_manifest
from results.names import index_of
from results.reading import is_equal, read_shard
from results.schema import Table
from results.shards import (
    MERGED,
    MERGED_BEFORE,
    digest,
    encode,
    left_behind,
    list_shards,
    read_members,
    read_places,
)

# Shards of fewer bytes are merged, into ones of about so many.
LARGE_BYTES = 64 * 2**20
STAGED = ".merging"


def merge_shards(root: Path, table: Table, writer: str) -> int:
    """Merge the writer's neighbouring shards that are small; return how many are gone. Its lock is held.

    Raises OSError where the disk is full, and changes nothing.
    """
    finish_merges(root, [table.name], writer)
    groups = [group for group in _groups(list_shards(root / table.name, writer)) if len(group) > 1]
    return sum(_merge(root, table, writer, group) for group in groups)


def finish_merges(root: Path, tables: Iterable[str], writer: str) -> None:
    """Remove what a kill left of a merge: a merged shard without its name, or those that it holds."""
    tables = list(tables)
    for staged in left_behind(root, tables, writer, STAGED):
        staged.unlink()
    for table in tables:
        for path in list_shards(root / table, writer):
            members = [path.with_name(name) for name in read_members(path)]
            if any(member.exists() for member in members) and find_wrong(path) is None:
                _remove(root, writer, path, members)


def _groups(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Neighbours that together are about as large as a merged shard may be."""
    group: list[Path] = []
    num_bytes = 0
    for path in paths:
        size = path.stat().st_size
        if size >= LARGE_BYTES or num_bytes + size > 2 * LARGE_BYTES:
            yield group
            group, num_bytes = [], 0
        if size < LARGE_BYTES:
            group, num_bytes = [*group, path], num_bytes + size
    yield group


def _merge(root: Path, table: Table, writer: str, paths: list[Path]) -> int:
    """Write the rows of these shards as one, compare them as they are read back,
    and only then remove the shards.
    """
    if any(find_wrong(path) is not None or _holds_more(path, table) for path in paths):
        return 0
    parts = [read_shard(path, table.schema) for path in paths]
    rows = pa.concat_tables(parts).unify_dictionaries()
    members = {path.name: part.num_rows for path, part in zip(paths, parts, strict=True)}
    told = {MERGED: json.dumps(members), MERGED_BEFORE: json.dumps(_merged_before(paths, members))}
    content = encode(rows.replace_schema_metadata(told))
    # Behind the last of them: an index is never given twice.
    path = paths[-1].with_name(f"{writer}.{index_of(paths[-1]):06d}.{digest(content)}.parquet")
    staged = path.with_suffix(STAGED)
    try:
        whole.write_whole(staged, content)
        if not is_equal(rows, read_shard(staged, table.schema)):
            raise OSError(f"{staged} cannot be read back as it was written. Check the disk. Nothing was removed.")
        staged.rename(path)
    finally:
        staged.unlink(missing_ok=True)
    whole.flush_folder(path.parent)
    _remove(root, writer, path, paths)
    return len(paths) - 1


def _merged_before(paths: Sequence[Path], members: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Where the rows will lie of what these shards hold merged themselves:
    who listed those has them still to read.
    """
    places: dict[str, tuple[int, int]] = {}
    start = 0
    for path in paths:
        places |= {name: (start + at, num_rows) for name, (at, num_rows) in read_places(path).items()}
        start += members[path.name]
    return places


def _remove(root: Path, writer: str, merged: Path, members: Sequence[Path]) -> None:
    """Have the manifest list the merged shard in place of its members, and remove them."""
    others = [root / name for name in read_manifest(root, writer) if root / name not in (merged, *members)]
    rewrite_manifest(root, writer, [*(path for path in others if path.is_file()), merged])
    for path in members:
        path.unlink(missing_ok=True)


def _holds_more(path: Path, table: Table) -> bool:
    """Whether a shard has columns of a later version, which would be lost."""
    return not set(pq.read_schema(path).names) <= set(table.schema.names)
