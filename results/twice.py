"""Rows that a run holds twice: where shards were copied between runs, or written again by hand.

Who appends asks what is stored first, so that a manifest's shards share no row. Only others are compared.
"""

from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from results import store
from results.mending import withdraw
from results.names import writer_of
from results.reading import read_shard
from results.schema import CELLS, MODELS, PROMPTS, SCORERS, TABLES, Table
from results.shards import list_shards
from results.shortage import raise_shortage

# Of few rows, so that all are compared. A cell may be declared twice.
SMALL = (PROMPTS, MODELS, SCORERS)
COMPARED = [table for table in TABLES.values() if table is not CELLS]


class Twice(NamedTuple):
    """A shard, and which of its rows (rows,) stand before it or in front of them in itself."""

    shard: Path
    rows: np.ndarray


def find_twice(root: Path, entered: Set[Path]) -> list[Twice]:
    """Every shard that holds rows which are stored already; of the `entered` ones,
    that a manifest lists, rows stay.
    """
    shared = bool(_compare(root, MODELS, entered))
    found = []
    for table in COMPARED:
        is_suspect = (
            shared or table in SMALL or any(path not in entered for path in list_shards(root / table.name))
        )
        found += _compare(root, table, entered) if is_suspect else []
    return found


def withdraw_twice(root: Path, found: Iterable[Twice], writer: str) -> list[str]:
    """Take the rows that are stored already out of the writer's shards, its lock held; a line for each shard."""
    said = []
    for shard, is_twice in found:
        if writer_of(shard) == writer and shard.is_file():
            table = TABLES[shard.parent.name]
            rows = read_shard(shard, table.schema)
            withdraw(shard, rows.filter(pa.array(~is_twice)), writer=writer)
            said.append(f"{tell_twice(shard, is_twice)}: they are set aside as *.withdrawn, and one copy is kept.")
    return said


def tell_twice(shard: Path, is_twice: np.ndarray) -> str:
    num_twice = int(np.count_nonzero(is_twice))
    what = "row that is" if num_twice == 1 else "rows that are"
    return f"{shard} holds {num_twice:,} {what} stored already"


def _read_keys(shard: Path, table: Table) -> pa.Table:
    """Each row's key; none of a shard that cannot be read, which is its writer's at work."""
    keys = pa.schema([table.schema.field(name) for name in table.key])
    try:
        return read_shard(shard, keys)
    except (pa.ArrowException, FileNotFoundError) as error:
        raise_shortage(error)
        return keys.empty_table()


def _hash_all(shards: Iterable[Path], table: Table) -> tuple[np.ndarray, list[int]]:
    """A hash of each row's key, of all shards one after the other, and how many rows each has."""
    num_rows = list[int]()

    def read() -> Iterator[pa.Table]:
        for shard in shards:
            keys = _read_keys(shard, table)
            num_rows.append(keys.num_rows)
            yield keys

    hashes = [store.hash_keys(keys.to_pandas(), table.key) for keys in store.join_small(read())]
    return np.concatenate([np.zeros(0, np.uint64), *hashes]), num_rows


def _compare(root: Path, table: Table, entered: Set[Path]) -> list[Twice]:
    """The shards that hold rows of those before them; what a manifest lists comes first, and so stays."""
    shards = sorted(list_shards(root / table.name), key=lambda path: path not in entered)
    hashes, num_rows = _hash_all(shards, table)
    ends = np.cumsum(num_rows, dtype=np.int64)
    each = np.split(pd.Series(hashes).duplicated().to_numpy(), ends)[:-1]
    return [Twice(shard, is_twice) for shard, is_twice in zip(shards, each, strict=True) if is_twice.any()]
