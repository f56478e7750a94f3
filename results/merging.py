"""Merges the small shards of a writer, so that a long run does not end in thousands of files. Changes no row.

The merged shard tells the names of those that it holds. It appears whole or not at all, and from then on they do
not count, so that a reader sees every row once; they are removed afterwards, and a reader that listed them finds
its rows in the merged one.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from results import whole
from results.checks import find_wrong
from results.manifest import exchange
from results.names import index_of
from results.reading import in_columns, is_equal, read_shard
from results.schema import Table
from results.shards import (
    MERGED,
    MERGED_BEFORE,
    digest,
    encode,
    find_members,
    left_behind,
    list_shards,
    named_shards,
    read_places,
)

# Shards of fewer bytes are merged, into ones of about so many, and so many shards at a time.
LARGE_BYTES, MOST_MEMBERS = 64 * 2**20, 1_000
# A writer at work has at most so many of them in a table. Of more the last few are merged, and with them each one
# before that is less than so many times as large as what it is merged with: so a row is written again seldom.
MOST_SMALL, FEWEST, RATIO = 7, 3, 2
# So many shards that were merged already are told of in a merged one, the last: who listed them may still read
# them.
MOST_BEFORE = 500
STAGED = ".merging"


def merge_shards(root: Path, table: Table, writer: str) -> int:
    """Merge the writer's neighbouring shards that are small; return how many are gone. Its lock is held.

    Raises OSError where the disk is full, and changes nothing.
    """
    finish_merges(root, [table.name], writer)
    num_gone = 0
    # What many were merged into may itself be small.
    while gone := _merge_groups(root, table, writer, list_shards(root / table.name, writer)):
        num_gone += gone
    return num_gone


def keep_few(root: Path, table: Table, writer: str) -> int:
    """Merge the writer's last shards where it has more than MOST_SMALL small ones; return how many are gone.

    What is due behind an append, at a cost that follows what was appended, however long the run is. Its lock is
    held. Raises OSError where the disk is full, and changes nothing.
    """
    if len(named_shards(root / table.name)) <= MOST_SMALL:
        return 0
    return _merge_groups(root, table, writer, _last(list_shards(root / table.name, writer)))


def _last(paths: Sequence[Path]) -> list[Path]:
    """Which of the last small shards are due to be merged; none of few."""
    sizes = [path.stat().st_size for path in paths]
    num_large = max((at + 1 for at, size in enumerate(sizes) if size >= LARGE_BYTES), default=0)
    if len(paths) - num_large <= MOST_SMALL:
        return []
    first = len(paths) - FEWEST
    while first > num_large and sizes[first - 1] < RATIO * sum(sizes[first:]):
        first -= 1
    return list(paths[first:])


def _merge_groups(root: Path, table: Table, writer: str, paths: Iterable[Path]) -> int:
    groups = [group for group in _groups(paths) if len(group) > 1]
    return sum(_merge(root, table, writer, group) for group in groups)


def finish_merges(root: Path, tables: Iterable[str], writer: str) -> None:
    """Remove what a kill left of a merge: a merged shard without its name, or those that it holds."""
    tables = list(tables)
    for staged in left_behind(root, tables, writer, STAGED):
        staged.unlink()
    for table in tables:
        for path in list_shards(root / table, writer):
            members = find_members(path)
            if members and find_wrong(path) is None:
                _remove(root, writer, path, members)


def _groups(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Neighbours that together are about as large as a merged shard may be."""
    group: list[Path] = []
    num_bytes = 0
    for path in paths:
        size = path.stat().st_size
        if size >= LARGE_BYTES or num_bytes + size > 2 * LARGE_BYTES or len(group) == MOST_MEMBERS:
            yield group
            group, num_bytes = [], 0
        if size < LARGE_BYTES:
            group, num_bytes = [*group, path], num_bytes + size
    yield group


def _merge(root: Path, table: Table, writer: str, paths: Iterable[Path]) -> int:
    """Merge these shards, around those that something is wrong with; return how many are gone."""
    read = [(path, _read_sound(path, table)) for path in paths]
    runs = (list(run) for is_sound, run in itertools.groupby(read, lambda each: each[1] is not None) if is_sound)
    return sum(_write_merged(root, table, writer, dict(run)) for run in runs if len(run) > 1)


def _write_merged(root: Path, table: Table, writer: str, parts: Mapping[Path, pa.Table]) -> int:
    """Write the rows of these shards as one, compare them as they are read back,
    and only then remove the shards.
    """
    rows, paths = pa.concat_tables(parts.values()).unify_dictionaries(), list(parts)
    members = {path.name: part.num_rows for path, part in parts.items()}
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
    who listed those has them still to read. Of many the last.
    """
    places: dict[str, tuple[int, int]] = {}
    start = 0
    for path in paths:
        places |= {name: (start + at, num_rows) for name, (at, num_rows) in read_places(path).items()}
        start += members[path.name]
    return dict(list(places.items())[-MOST_BEFORE:])


def _remove(root: Path, writer: str, merged: Path, members: Sequence[Path]) -> None:
    """Have the manifest list the merged shard in place of its members, and remove them."""
    exchange(root, writer, members, merged)
    for path in members:
        path.unlink(missing_ok=True)


def _read_sound(path: Path, table: Table) -> pa.Table | None:
    """The rows of a shard; None where something is wrong with it, or columns of a later version would be lost."""
    content = path.read_bytes()
    if find_wrong(path, content) is not None:
        return None
    file = pq.ParquetFile(pa.BufferReader(content))
    names = set(file.schema_arrow.names)
    return in_columns(file.read(), table.schema) if names <= set(table.schema.names) else None
