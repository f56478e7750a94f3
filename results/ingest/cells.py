"""The rows of a CSV, JSON, JSON lines, YAML or parquet file with their cells as written. Guesses no types."""

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from results.folder import find_visible
from results.ingest.paths import Row, is_of
from results.ingest.pointers import check_fetched
from results.ingest.rows import rows_of
from results.ingest.unpacking import check_rows, read_unpacked

NUMBER = "@row"
PARQUET, GZIPPED = b"PAR1", b"\x1f\x8b"
Skip = Callable[[object, str], None]
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".yaml", ".yml")
# What reading a file meets that is cut short, damaged or of another form.
BROKEN = (
    ValueError,
    TypeError,
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    pa.ArrowException,
    csv.Error,
    yaml.YAMLError,
)


def find_tables(source: Path) -> list[Path]:
    """The file itself, or every table below a folder, in the order of their names."""
    if source.is_file():
        return [source]
    return [
        path for path in find_visible(source, "**/*") if path.is_file() and _plain_name(path).endswith(SUFFIXES)
    ]


def read_rows(path: Path, *, columns: Collection[str], rows_at: str | None, skip: Skip) -> list[Row]:
    """A file's rows; those that cannot be read are skipped, with the reason and their place.

    Numbers are text as it was written. columns: the names that are wanted, which may be paths into nested cells; a
    parquet file is read no further. rows_at: where in a JSON object the list of rows stands. Raises ValueError
    where the file is not of the form that its name tells, or its first bytes where the name tells none.
    """
    check_fetched(path)
    try:
        rows = _parse(path, columns, rows_at, skip)
        if NUMBER in columns:
            return [{NUMBER: str(number), **row} for number, row in enumerate(rows) if row is not None]
        return [row for row in rows if row is not None]
    except (*BROKEN, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path} cannot be read as a table ({reason[:100]}); give CSV, TSV, JSON or JSON lines in UTF-8, or "
            "parquet."
        ) from None


def text(value: Any) -> str | None:
    """A cell as text; None where it is empty."""
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return json.dumps(value, default=str) if isinstance(value, (dict, list)) else str(value)


def _parse(path: Path, columns: Collection[str], rows_at: str | None, skip: Skip) -> Iterator[Row | None]:
    """The rows, None for one that is skipped."""
    name = _plain_name(path)
    with path.open("rb") as file:
        head = file.read(len(PARQUET))
    if name.endswith(".parquet") or head == PARQUET:
        return _parquet(path, columns)
    is_packed = path.name.endswith(".gz") or head.startswith(GZIPPED)
    decoded = (_unpack(path) if is_packed else path.read_bytes()).decode("utf-8-sig")
    if name.endswith((".yaml", ".yml")):
        return iter(rows_of(yaml.load(decoded, Loader=_PlainLoader), rows_at=rows_at, columns=columns))
    first = decoded.lstrip("\ufeff \t\r\n")[:1]
    if name.endswith((".jsonl", ".ndjson")) and first != "[":
        return _json_lines(decoded, path, skip)
    is_named = name.endswith(SUFFIXES)
    if name.endswith((".json", ".jsonl", ".ndjson")) or (not is_named and first in ("{", "[")):
        return _json(decoded, path, rows_at, columns, skip)
    return _delimited(decoded, "\t" if name.endswith(".tsv") else _separator(decoded), path, skip)


def _unpack(path: Path) -> bytes:
    with gzip.open(path) as stream:
        return read_unpacked(stream, path.stat().st_size)


class _PlainLoader(yaml.BaseLoader):  # type: ignore[misc]
    """Text, lists and objects, each written out: a few lines of references can stand for any number of cells."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise ValueError("it refers to its own parts (*name); write them out")
        return super().compose_node(parent, index)


def _separator(content: str) -> str:
    """What parts the names of the columns: a comma, and where there is none what else may."""
    names = content.partition("\n")[0]
    return next((each for each in (",", "\t", ";", "|") if each in names), ",")


def _delimited(content: str, separator: str, path: Path, skip: Skip) -> Iterator[Row | None]:
    # A response may be longer than the csv module allows by itself.
    csv.field_size_limit(sys.maxsize)
    lines = csv.reader(io.StringIO(content.lstrip("\ufeff"), newline=""), delimiter=separator, strict=True)
    names = next(lines, None)
    if names is None:
        raise ValueError("it is empty")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two columns are called {twice!r}")
    for cells in lines:
        if len(cells) == len(names):
            yield dict(zip(names, cells, strict=True))
        elif cells:
            skip(f"it has {len(cells)} cells under {len(names)} columns", f"line {lines.line_num} of {path.name}")
            yield None


def _json(
    content: str, path: Path, rows_at: str | None, columns: Collection[str], skip: Skip
) -> Iterator[Row | None]:
    """A list of objects, an object that holds one, or objects on lines of their own."""
    try:
        return iter(rows_of(_load(content), rows_at=rows_at, columns=columns))
    except json.JSONDecodeError:
        if len(content.splitlines()) < 2 or rows_at is not None:
            raise
        return _json_lines(content, path, skip)


def _json_lines(content: str, path: Path, skip: Skip) -> Iterator[Row | None]:
    num_rows = 0
    # Texts hold other characters that end a line.
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _load(line)
        except (ValueError, RecursionError):
            skip("it is not JSON; is the end missing?", f"line {number} of {path.name}")
            yield None
            continue
        if isinstance(row, dict):
            num_rows += 1
            yield row
        else:
            skip("it is not a JSON object", f"line {number} of {path.name}")
            yield None
    if not num_rows:
        raise ValueError("no line is a JSON object")


def _load(content: str) -> Any:
    return json.loads(content, parse_int=str, parse_float=str, parse_constant=_constant)


def _constant(name: str) -> str | None:
    """NaN is how a missing number is written by what knows no null."""
    return None if name == "NaN" else name


def _parquet(path: Path, columns: Collection[str]) -> Iterator[Row]:
    check_rows(pq.read_metadata(path).num_rows, path.stat().st_size)
    names = pq.read_schema(path).names
    wanted = [name for name in names if any(is_of(column, name) for column in columns)]
    table = pq.read_table(path, columns=wanted or names)
    return iter(pa.table({name: _as_written(table[name]) for name in table.column_names}).to_pylist())


def _as_written(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of whole numbers with holes is stored as floats by what knows no missing whole number."""
    if not pa.types.is_floating(column.type):
        return column
    known = pc.drop_null(pc.if_else(pc.is_nan(column), None, column))
    if len(known) and pc.all(pc.equal(known, pc.round(known))).as_py() and pc.max(pc.abs(known)).as_py() < 2**53:
        return pc.if_else(pc.is_nan(column), None, column).cast(pa.int64())
    return column


def _plain_name(path: Path) -> str:
    return path.name.removesuffix(".gz").lower()
