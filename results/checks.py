"""Whether a shard is what was written: its bytes, its columns, and values that can be. Changes nothing."""

import contextlib
import itertools
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from results.manifest import read_manifest
from results.names import digest_of, writer_of
from results.reading import FEW_ROWS, is_equal, read_member, read_shard
from results.schema import CELLS, GRADES, OUTCOMES, TABLES, Table
from results.shards import digest, find_copies, find_members, list_shards, named_shards, read_footer, read_places
from results.shortage import raise_shortage

WITHDRAWN = ".withdrawn"
# Whole numbers that are no counts: a hash may be negative.
UNCOUNTED = ("seed",)
# Numbers that are no amounts: they may be negative, and infinite.
SIGNED = ("score", "ratio", "expected_ratio", "expected_tokens")
# Of which there is at least one, since costs are measured by them.
POSITIVE = ("num_params", "num_matmul_params", "cost_multiplier")
# Null in a key that stands for something: the natural answer.
UNKEYED = ("budget",)
DAMAGED = "is damaged"
# The least and the largest of some numbers; None of none.
_Extremes = tuple[float | None, float | None]


class Wrong(NamedTuple):
    """A shard that is not what belongs there, and in words that follow its name what is wrong with it."""

    shard: Path
    reason: str


class Checked(NamedTuple):
    """A writer's shards: those that are what was written, those that are not, and those that are not there."""

    whole: list[Path]
    wrong: list[Wrong]
    gone: list[Path]


def check_shards(root: Path, tables: Iterable[str], writer: str) -> Checked:
    """Compare the bytes of the writer's shards with their names, their names with the manifest and their columns
    with the schema; change nothing. Raises OSError where one may not be read.
    """
    checked = Checked([], [], [])
    tables = list(tables)
    listed = [path for table in tables for path in _list_all(root / table, writer)]
    entered = [root / name for name in read_manifest(root, writer) if name.split("/")[0] in tables]
    merged = {path.with_name(name) for path in listed for name in read_places(path)}
    for path in dict.fromkeys([*listed, *(path for path in entered if path not in merged)]):
        # Asked for by name: the list of a folder that machines share may be older than a shard in it.
        if not path.is_file():
            # A kill can come between a withdrawal and the manifest.
            if not path.with_suffix(WITHDRAWN).exists():
                checked.gone.append(path)
            continue
        # Who merges may have taken it away by now: its rows are in another one.
        with contextlib.suppress(FileNotFoundError):
            reason = find_wrong(path)
            if reason is None:
                checked.whole.append(path)
            else:
                checked.wrong.append(Wrong(path, reason))
    return checked


def _list_all(folder: Path, writer: str) -> list[Path]:
    """The writer's shards that count, and those that only one hides that does not count itself: two that list each
    other would both be out of sight.
    """
    counted = list_shards(folder, writer)
    seen, held = set(counted), counted
    while held:
        found = dict.fromkeys(path.with_name(name) for path in held for name in read_places(path))
        held = [path for path in found if path not in seen]
        seen.update(held)
    named = named_shards(folder)
    seen.update(copy for copy, _ in find_copies(named))
    return [*counted, *(path for path in named if writer_of(path) == writer and path not in seen)]


def find_wrong(path: Path, content: bytes | None = None) -> str | None:
    """What is wrong with the shard, in words that follow its name; None where nothing is.

    content: its bytes, where they have been read already.
    """
    content = path.read_bytes() if content is None else content
    if digest(content) != digest_of(path):
        return DAMAGED
    table = TABLES[path.parent.name]
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        return (
            _foreign(file.schema_arrow, table)
            or _too_large(file, table)
            or _impossible(file, table)
            or _unlike(path, table)
        )
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise_shortage(error)
        return DAMAGED


def unknown_columns(root: Path, table: Table) -> list[str]:
    """Columns that shards of the table hold and the schema does not, so that nothing reads them."""
    held = {name for path in named_shards(root / table.name) for name in _names(path)}
    return sorted(held - set(table.schema.names))


def _names(path: Path) -> list[str]:
    try:
        return list(read_footer(path).schema.to_arrow_schema().names)
    except (pa.ArrowException, OSError) as error:
        raise_shortage(error)
        return []


def _foreign(stored: pa.Schema, table: Table) -> str | None:
    """Where the columns are not the table's: which are missing, or which is of another type."""
    if stored.equals(table.schema):
        return None
    if twice := [name for name in table.schema.names if stored.names.count(name) > 1]:
        return f"has the column {twice[0]} twice"
    missing = [name for name in table.schema.names if name not in stored.names and name not in table.younger]
    if missing:
        return f"lacks {', '.join(missing[:3])}, so it is not a shard of {table.name}"
    for field in table.schema:
        if field.name in stored.names and _kind(stored.field(field.name).type) != _kind(field.type):
            held = stored.field(field.name).type
            return f"holds {field.name} as {held}, where {table.name} have {field.type}"
    return None


def _too_large(file: pq.ParquetFile, table: Table) -> str | None:
    """Where a column of a wider type holds what the table's cannot."""
    stored = file.schema_arrow
    wider = [
        each for each in table.schema if each.name in stored.names and stored.field(each.name).type != each.type
    ]
    for group in range(file.num_row_groups if wider else 0):
        rows = file.read_row_group(group, columns=[field.name for field in wider])
        for field in wider:
            try:
                rows[field.name].cast(field.type)
            except pa.ArrowInvalid:
                return f"holds {field.name} beyond what {table.name} can have ({field.type})"
    return None


def _unlike(path: Path, table: Table) -> str | None:
    """Where a merged shard does not hold what it says it does, of one that still lies beside it."""
    for member in find_members(path):
        is_sound = digest(member.read_bytes()) == digest_of(member)
        if is_sound and not is_equal(
            read_shard(member, table.schema), read_member(path, member.name, table.schema)
        ):
            return f"lists the rows of {member.name}, but does not have them"
    return None


def _kind(held: pa.DataType) -> str:
    """What a type is cast within, without a loss."""
    if pa.types.is_dictionary(held):
        return _kind(held.value_type)
    if pa.types.is_list(held) or pa.types.is_large_list(held):
        return f"list of {_kind(held.value_type)}"
    tests = {"text": ("string", "large_string", "null"), "float": ("float", "double", "halffloat")}
    known = {str(name): kind for kind, names in tests.items() for name in names}
    return "integer" if pa.types.is_integer(held) else known.get(str(held), str(held))


def _impossible(file: pq.ParquetFile, table: Table) -> str | None:
    """Where a value cannot be: a negative count, a key without a value, an outcome that is none."""
    stored = set(file.schema_arrow.names)
    counts = [field.name for field in table.schema if pa.types.is_integer(field.type) and field.name in stored]
    counts = [name for name in counts if name not in UNCOUNTED]
    spared = table.younger if table is CELLS else UNKEYED
    needed = [*(name for name in table.key if name not in spared), *table.filled]
    amounts = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    amounts = [name for name in amounts if name in stored and name not in SIGNED]
    looked_at = [*counts, *needed, *itertools.chain(*table.parallel)]
    for group in range(file.num_row_groups):
        told = {name: _told_extremes(file, group, name) for name in amounts}
        untold = (name for name in amounts if told[name] is None)
        # Together: to begin to read takes longer than to read the few rows of most shards.
        columns = list(dict.fromkeys([*looked_at, *untold]))
        rows = file.read_row_group(group, columns=columns, use_threads=file.metadata.num_rows > FEW_ROWS)
        reason = (
            _impossible_rows(rows, table, counts, needed)
            or _impossible_lists(rows, table)
            or _impossible_amounts({name: ends or _extremes(rows[name]) for name, ends in told.items()})
        )
        if reason is not None:
            return f"holds {reason}"
    return None


def _impossible_rows(rows: pa.Table, table: Table, counts: Iterable[str], needed: Iterable[str]) -> str | None:
    for name in counts:
        least = pc.min(rows[name]).as_py()
        if least is not None and least < _least(table, name):
            return f"{name} {least:,}, which is not possible"
    for name in needed:
        if rows[name].null_count:
            return f"rows without {name}, which is not possible"
    outcomes = set(rows["outcome"].unique().to_pylist()) if table is GRADES else set()
    if unknown := sorted(str(outcome) for outcome in outcomes - {None, *OUTCOMES}):
        return f"the outcome {unknown[0]}, and outcomes are {', '.join(OUTCOMES)}"
    return None


def _least(table: Table, name: str) -> int:
    """The least that a count can be."""
    return int(name in POSITIVE or (table is CELLS and name == "num_samples"))


def _impossible_amounts(extremes: Mapping[str, _Extremes]) -> str | None:
    """Where a measured amount, as of seconds or dollars, is negative or has no end;
    one that is not known is NaN.
    """
    for name, ends in extremes.items():
        for value in ends:
            if value is not None and (value < 0 or value == math.inf or (name in POSITIVE and value == 0)):
                return f"{name} {value + 0:,}, which is not possible"
    return None


def _told_extremes(file: pq.ParquetFile, group: int, name: str) -> _Extremes | None:
    """The least and the largest value of a column as its footer tells; None where it does not."""
    told = file.metadata.row_group(group).column(file.metadata.schema.names.index(name)).statistics
    return (told.min, told.max) if told is not None and told.has_min_max else None


def _extremes(values: pa.ChunkedArray) -> _Extremes:
    """The least and the largest of the numbers that are known; None of none."""
    found = pc.min_max(values.filter(pc.invert(pc.is_nan(values)))).as_py()
    return found["min"], found["max"]


def _impossible_lists(rows: pa.Table, table: Table) -> str | None:
    """Where a list has an entry that cannot be, or another length than those that belong to it."""
    named = dict.fromkeys(name for names in (table.filled, *table.parallel) for name in names)
    lists = {name: rows[name] for name in named if pa.types.is_list(table.schema.field(name).type)}
    for name, column in lists.items():
        entries = pc.list_flatten(column)
        if entries.null_count:
            return f"{name} with entries that have no value, which is not possible"
        if pa.types.is_integer(entries.type) and (least := pc.min(entries).as_py() or 0) < 0:
            return f"{name} {least:,}, which is not possible"
    for first, *others in table.parallel:
        length = pc.list_value_length(lists[first])
        for other in others:
            if pc.any(pc.not_equal(length, pc.list_value_length(lists[other]))).as_py():
                return f"{first} and {other} of different lengths, which is not possible"
    return None
