"""Two runs of one ladder as one: every row of either once. Draws and changes nothing of theirs."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from results import store
from results.closed import POOLED, lacks_texts
from results.graders import Grader, count_graded
from results.inspection import check, inspect
from results.manifest import rewrite_manifest
from results.names import digest_of, index_of, writer_of
from results.schema import ANSWERS, CELLS, COUNTS, GRADES, SCORES, SEARCHES, TABLES, TRACES, Table
from results.shards import digest, encode, list_shards
from results.travel.ladders import Agreement, agree
from results.travel.pooling import Pooling, Seeds, check_seeds, join_seeds, pooled_cells
from results.travel.records import copy_records
from results.travel.rows import Keyed, hash_rows, tell_difference
from results.travel.staging import staged_folder
from results.travel.undisturbed import undisturbed
from results.twice import SMALL
from results.whole import write_whole

# Told of, where there are any.
COUNTED = (TRACES, ANSWERS, SEARCHES, GRADES, SCORES, COUNTS)
WRITER = "merged"


class Merged(NamedTuple):
    """What came in, a line each, and what is to be noted of either run or of both together."""

    root: Path
    lines: list[str]
    notes: list[str]


class Source(NamedTuple):
    """A run that is merged, how its rows are stored, and whose cells are made anew."""

    root: Path
    pooling: Pooling
    pooled: set[str]

    def rows(self, table: Table) -> Iterator[tuple[Path, pa.Table, bool]]:
        """Each shard's rows that are stored, and whether they are all of it, as they are."""
        for path in list_shards(self.root / table.name):
            rows = self.pooling.read(path, table.schema)
            if table is CELLS and self.pooled:
                rows = rows.filter(~store.among("identity", self.pooled))
            yield path, rows, not self.pooling.changes and not (table is CELLS and self.pooled)


class Tally(NamedTuple):
    """Of one table: rows of the first run, and those of the second that are new and that were there."""

    num_first: int
    num_new: int
    num_shared: int


def merge(first: Path, second: Path, into: Path) -> Merged:
    """Make the run `into` of two runs of one ladder, whole or not at all,
    and compare it with both as it is read back.

    Rows of a key that are alike are stored once; runs whose tasks differ in the seed alone are pooled, with the
    seed as a dial of the prompts. Raises ValueError, with the reason, where a model was asked otherwise or the
    tasks are others, where rows of one key differ, where a run is damaged or was packed without texts, and where
    something lies at `into`; BusyError while one of them is being written.
    """
    for root in (first, second):
        if lacks_texts(root):
            raise ValueError(
                f"{root} was packed without texts, so its votes are only codes. Merge runs that have texts."
            )
    with undisturbed(first), undisturbed(second):
        notes = [*check(first), *(check(second) if second.resolve() != first.resolve() else [])]
        agreed = agree(first, second)
        notes += _compare_graders(first, second, agreed)
        poolings = Pooling(first, agreed.first), Pooling(second, agreed.second)
        seeds = join_seeds(*(pooling.seeds for pooling in poolings))
        pooled = {cell["identity"] for cell in pooled_cells(seeds)}
        sources = Source(first, poolings[0], pooled), Source(second, poolings[1], pooled)
        with staged_folder(into) as stage:
            tallies = {table.name: _store(stage, table, *sources) for table in TABLES.values()}
            _store_pooled(stage, seeds)
            _write_manifests(stage)
            copy_records(stage, first, second)
            notes += check_seeds(stage, seeds)
            _verify(stage, sources, seeds)
    return Merged(
        into, [*_tell(tallies, first, second), f"Merged into {into}. Both runs stay as they are."], notes
    )


def _store(stage: Path, table: Table, first: Source, second: Source) -> Tally:
    """Store a table of both; raises ValueError where two rows of one key differ."""
    shards = _Shards(stage / table.name)
    held = list_shards(first.root / table.name)
    num_first = num_new = num_shared = 0
    for path, rows, is_whole in first.rows(table):
        num_first += shards.copy(path, rows) if is_whole else shards.add(path, rows, table)
    there = Keyed(held, table, first.pooling.read)
    for path, rows, is_whole in second.rows(table):
        if is_whole and not first.pooling.changes and _has_copy(path, held):
            num_shared += rows.num_rows
            continue
        at = there.find(hash_rows(rows, table))
        known = at >= 0
        if told := tell_difference(there.take(at[known]), rows.filter(pa.array(known)), table):
            raise ValueError(
                f"{first.root} and {second.root} have different rows with the same key, so they cannot be merged: "
                f"{told}."
            )
        num_shared += int(known.sum())
        num_new += shards.add(path, rows.filter(pa.array(~known)), table)
    return Tally(num_first, num_new, num_shared)


class _Shards:
    """The shards of a table that is written, each writer's in their order."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._next: dict[str, int] = defaultdict(int)
        self._seen = np.zeros(0, np.uint64)

    def copy(self, path: Path, rows: pa.Table) -> int:
        """Write a shard as it is; return its number of rows."""
        self._write(writer_of(path), index_of(path), path.read_bytes())
        num_rows: int = rows.num_rows
        return num_rows

    def add(self, path: Path, rows: pa.Table, table: Table) -> int:
        """Write rows of a shard of another run as its writer's next one; return how many they are.

        Two seeds of a run tell of one model, which is stored once.
        """
        if table in SMALL:
            hashes = hash_rows(rows, table)
            is_first = ~np.isin(hashes, self._seen) & ~pd.Series(hashes).duplicated().to_numpy()
            self._seen = np.union1d(self._seen, hashes)
            rows = rows.filter(pa.array(is_first))
        if rows.num_rows:
            self._write(writer_of(path), self._next[writer_of(path)], encode(rows.replace_schema_metadata(None)))
        num_rows: int = rows.num_rows
        return num_rows

    def _write(self, writer: str, index: int, content: bytes | pa.Buffer) -> None:
        self._folder.mkdir(exist_ok=True)
        write_whole(self._folder / f"{writer}.{index:06d}.{digest(content)}.parquet", content)
        self._next[writer] = max(self._next[writer], index + 1)


def _has_copy(path: Path, shards: list[Path]) -> bool:
    """Whether one of these shards is this one, byte by byte."""
    return any(digest_of(other) == digest_of(path) and other.read_bytes() == path.read_bytes() for other in shards)


def _store_pooled(stage: Path, seeds: Seeds) -> None:
    """Store what is pooled and the cells that this makes."""
    if not seeds:
        return
    write_whole(stage / POOLED, (json.dumps({"seeds": seeds}, indent=1, sort_keys=True) + "\n").encode())
    store.append(stage, CELLS, pooled_cells(seeds), writer=WRITER)


def _write_manifests(stage: Path) -> None:
    shards: dict[str, list[Path]] = defaultdict(list)
    for table in TABLES:
        for path in list_shards(stage / table):
            shards[writer_of(path)].append(path)
    for writer, paths in shards.items():
        rewrite_manifest(stage, writer, paths)


def _compare_graders(first: Path, second: Path, agreed: Agreement) -> Iterator[str]:
    """A note where the runs were graded by unlike graders;
    raises ValueError where the run cannot be graded anew.
    """
    graders = [_graders(root, set(stored)) for root, stored in ((first, agreed.first), (second, agreed.second))]
    if not all(graders) or graders[0] & graders[1]:
        return
    told = [", ".join(sorted(" ".join(grader) for grader in each)) for each in graders]
    if agreed.is_pooled:
        raise ValueError(
            f"{first} was graded by {told[0]}, {second} by {told[1]}; grade both with the same version, then "
            "merge them."
        )
    yield (
        f"{first} was graded by {told[0]}, {second} by {told[1]}. Grade the merged run, so that all answers have "
        "the same grader."
    )


def _graders(root: Path, identities: set[str]) -> set[Grader]:
    return set(count_graded(root, identities))


def _verify(stage: Path, sources: tuple[Source, Source], seeds: Seeds) -> None:
    """Read what is stored and compare it with both runs;
    raises OSError where it is not every row of either once.
    """
    faults, _ = inspect(stage)
    wrong = faults[:1]
    for table in TABLES.values():
        stored = Keyed(list_shards(stage / table.name), table)
        hashes = [np.zeros(0, np.uint64)]
        for number, source in enumerate(sources):
            is_exact = number == 0 and not source.pooling.changes
            for _, rows, _ in source.rows(table):
                hashes.append(hash_rows(rows, table))
                at = stored.find(hashes[-1])
                if (at < 0).any():
                    wrong.append(f"{int((at < 0).sum()):,} rows of {table.name} are missing")
                elif told := tell_difference(rows, stored.take(at), table, is_exact=is_exact):
                    wrong.append(told)
        num_pooled = len(pooled_cells(seeds)) if table is CELLS else 0
        num_expected = len(np.unique(np.concatenate(hashes))) + num_pooled
        if stored.num_rows != num_expected:
            wrong.append(f"{stored.num_rows:,} rows of {table.name} are stored in place of {num_expected:,}")
    if wrong:
        raise OSError(
            f"The merged run cannot be read back as it was written ({wrong[0]}), and is removed. Check the disk."
        )


def _tell(tallies: dict[str, Tally], first: Path, second: Path) -> Iterator[str]:
    for table in COUNTED:
        num_first, num_new, num_shared = tallies[table.name]
        if num_first or num_new:
            both = f"; {num_shared:,} are in both" if num_shared else ""
            yield f"{table.name}: {num_first:,} of {first}, {num_new:,} more of {second}{both}"
