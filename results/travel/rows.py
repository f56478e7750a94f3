"""The rows of a table by their key, and where two rows of one key are not alike.
Knows one run's shards, no merge.
"""

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from results import store
from results.reading import is_equal, read_shard
from results.schema import ANSWERS, FAILURES, MODELS, SCORERS, SCORES, SEARCHES, TRACES, Table

# Reads these columns of a shard, as they are or as they are to be stored.
Reader = Callable[[Path, pa.Schema], pa.Table]
# What a sample took of a machine, how this told of a failure and where a model lay on it make it no other one. Nor
# do the parts of an identity, which is their hash: a pack holds them without secrets.
OF_REQUEST = ("seconds", "num_cached_tokens")
OF_MACHINE: dict[str, tuple[str, ...]] = {
    TRACES.name: (*OF_REQUEST, "tool_seconds"),
    ANSWERS.name: OF_REQUEST,
    MODELS.name: ("path", "identity_parts"),
    SCORERS.name: ("path", "scorer_parts"),
    SCORES.name: ("seconds",),
    SEARCHES.name: ("seconds",),
    FAILURES.name: ("error",),
}
# A text that is read in another batch, or on another machine, has another score in its last digits.
NEARLY, DIGITS = dict.fromkeys((SCORES.name, SEARCHES.name), ("score", "step_scores")), 0.02
SHOWN_CHARS = 60
# Shards that are held while rows of several are compared.
HELD = 4


def hash_rows(rows: pa.Table, table: Table) -> np.ndarray:
    """A hash of each row's key (rows,)."""
    fields = [table.schema.field(name) for name in table.key]
    # A column in which all are missing would be no column of numbers.
    as_hashed = [field.with_type(pa.float64()) if pa.types.is_integer(field.type) else field for field in fields]
    return store.hash_keys(rows.select(list(table.key)).cast(pa.schema(as_hashed)).to_pandas(), table.key)


class Keyed:
    """The rows of some shards of one table, found by the hash of their key; of several alike, the first."""

    def __init__(self, shards: Sequence[Path], table: Table, read: Reader = read_shard):
        self.table, self._shards = table, list(shards)
        self._read = functools.lru_cache(maxsize=HELD)(read)
        keys = pa.schema([table.schema.field(name) for name in table.key])
        parts = [hash_rows(read(path, keys), table) for path in self._shards]
        hashes = np.concatenate([np.zeros(0, np.uint64), *parts])
        self.hashes, first = np.unique(hashes, return_index=True)
        self.num_rows = len(hashes)
        lengths = [len(part) for part in parts]
        shard = np.repeat(np.arange(len(parts)), lengths)
        start = np.cumsum([0, *lengths])
        self._shard, self._row = shard[first], (first - start[shard[first]]) if len(first) else first

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """Where rows of these keys stand among the hashes, -1 where there is none."""
        if not len(self.hashes):
            return np.full(len(hashes), -1)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[at] == hashes, at, -1)

    def take(self, positions: np.ndarray) -> pa.Table:
        """The rows at these positions, in their order."""
        shard, row = self._shard[positions], self._row[positions]
        order = np.argsort(shard, kind="stable")
        parts = [
            self._read(self._shards[number], self.table.schema).take(row[order][shard[order] == number])
            for number in np.unique(shard)
        ]
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_tables([self.table.schema.empty_table(), *parts]).unify_dictionaries().take(back)


def tell_difference(first: pa.Table, second: pa.Table, table: Table, *, is_exact: bool = False) -> str | None:
    """Where the rows of two tables, each in the place of the other, are not alike; None where all are.

    What a machine adds to a row is not compared, nor a younger column that one of them lacks, unless is_exact.
    """
    compared = [name for name in table.schema.names if is_exact or name not in OF_MACHINE.get(table.name, ())]
    if is_equal(first.select(compared), second.select(compared)):
        return None
    for name in compared:
        if is_equal(first.select([name]), second.select([name])):
            continue
        for at, (one, other) in enumerate(zip(first[name].to_pylist(), second[name].to_pylist(), strict=True)):
            lacks = not is_exact and name in table.younger and None in (one, other)
            is_near = not is_exact and name in NEARLY.get(table.name, ()) and _is_near(one, other)
            if not (lacks or is_near or _is_same(one, other)):
                key = ", ".join(f"{part} {_show(first[part][at].as_py())}" for part in table.key)
                return f"{table.name} of {key}: {name} is {_show(one)} and {_show(other)}"
    return None


def _is_same(one: object, other: object) -> bool:
    return one == other or (one != one and other != other)


def _is_near(one: object, other: object) -> bool:
    """Whether two scores, or two of as many steps, differ in their last digits alone."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_near, one, other))
    both = isinstance(one, float) and isinstance(other, float)
    return both and math.isclose(one, other, rel_tol=DIGITS, abs_tol=DIGITS)  # type: ignore[arg-type]


def _show(value: object) -> str:
    text = repr(value) if not isinstance(value, str) else value
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 3] + "..."
