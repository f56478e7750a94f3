"""Rows of many models into the tables of a run, a few shards in all, and none that is stored already."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results import schema, store

Row = Mapping[str, Any]
# Rows that are held before they are written. What answers lean on comes before them, what says that all is there
# last.
BATCH_ROWS = 100_000
ORDER = (
    *(schema.PROMPTS, schema.ANSWERS, schema.GRADES, schema.SCORERS, schema.SCORES),
    *(schema.COUNTS, schema.CELLS, schema.MODELS),
)


class Appending:
    """Appends rows under one writer, whose lock is held. `flush` writes what is left."""

    def __init__(self, root: Path, writer: str) -> None:
        self._root, self._writer = root, writer
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._stored = {table.name: _stored(root, table) for table in ORDER}

    def add(self, table: schema.Table, rows: Sequence[Row]) -> None:
        self._rows[table.name] += rows

    def flush_if_many(self) -> None:
        """Write what was added once it is much; between two models, so that each is written whole."""
        if sum(map(len, self._rows.values())) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        for table in ORDER:
            rows = self._rows.pop(table.name, [])
            store.append(self._root, table, self._missing(table, rows), writer=self._writer)
        store.keep_few(self._root, ORDER, self._writer)

    def _missing(self, table: schema.Table, rows: list[Row]) -> list[Row]:
        """Those of the rows whose key is not stored."""
        stored = self._stored[table.name]
        if not rows or not len(stored):
            return rows
        keys = pd.DataFrame({name: [row.get(name) for row in rows] for name in table.key})
        is_missing = ~np.isin(store.hash_keys(_typed(keys, table), table.key), stored)
        return [row for row, missing in zip(rows, is_missing, strict=True) if missing]


def _stored(root: Path, table: schema.Table) -> np.ndarray:
    """A hash of each stored row's key."""
    rows = store.scan(root, table, columns=table.key).to_pandas()
    return store.hash_keys(_typed(rows, table), table.key) if len(rows) else np.zeros(0, np.uint64)


def _typed(keys: pd.DataFrame, table: schema.Table) -> pd.DataFrame:
    """Numbers as numbers also where all are missing, so that equal keys have equal hashes."""
    numbers = [name for name in table.key if table.schema.field(name).type == schema.Count]
    return keys.astype(dict.fromkeys(numbers, "float64"))
