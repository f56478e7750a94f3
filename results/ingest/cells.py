"""The rows of a CSV, JSON, JSON lines, YAML or parquet file with their cells as written. Guesses no types."""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from results.folder import find_visible

LENGTH = re.compile(r"len\((.+)\)")
Row = Mapping[str, Any]
Skip = Callable[[object, str], None]
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".yaml", ".yml")
# What reading a file meets that is cut short, damaged or of another form.
BROKEN = (ValueError, TypeError, EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowException, csv.Error, yaml.YAMLError)


def find_tables(source: Path) -> list[Path]:
    """The file itself, or every table below a folder, in the order of their names."""
    if source.is_file():
        return [source]
    return [path for path in find_visible(source, "**/*") if path.is_file() and _plain_name(path).endswith(SUFFIXES)]


def read_rows(path: Path, *, columns: Collection[str], rows_at: str | None, skip: Skip) -> list[Row]:
    """A file's rows; those that cannot be read are skipped, with the reason and their place.

    Numbers are text as it was written. columns: the names that are wanted, which may be paths into nested cells; a
    parquet file is read no further. rows_at: where in a JSON object the list of rows stands. Raises ValueError where
    the file is not of the form that its name tells.
    """
    try:
        return list(_parse(path, columns, rows_at, skip))
    except (*BROKEN, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path} is no table that can be read ({reason[:100]}); give CSV, TSV, JSON or JSON lines in UTF-8, or "
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


def find(row: Row, path: str) -> Any:
    """The cell of a column, or of a path of names and positions into nested cells; None where there is none.

    len(PATH) is how many a list there holds, as of token ids.
    """
    if path in row:
        return row[path]
    if (counted := LENGTH.fullmatch(path)) is not None:
        listed = find(row, counted[1])
        return str(len(listed)) if isinstance(listed, list) else None
    if "." not in path:
        return None
    parts = path.split(".")
    # Names themselves may hold points: the longest that fits is meant.
    for cut in range(len(parts) - 1, 0, -1):
        name, rest = ".".join(parts[:cut]), ".".join(parts[cut:])
        if name in row:
            return _within(row[name], rest)
    return None


def _within(cell: Any, path: str) -> Any:
    if isinstance(cell, Mapping):
        return find(cell, path)
    first, _, rest = path.partition(".")
    if isinstance(cell, list) and first.isdigit() and int(first) < len(cell):
        return _within(cell[int(first)], rest) if rest else cell[int(first)]
    return None


def _parse(path: Path, columns: Collection[str], rows_at: str | None, skip: Skip) -> Iterator[Row]:
    name = _plain_name(path)
    if name.endswith(".parquet"):
        return _parquet(path, columns)
    content = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    decoded = content.decode("utf-8-sig")
    if name.endswith((".jsonl", ".ndjson")) and not decoded.lstrip().startswith("["):
        return _json_lines(decoded, path, skip)
    if name.endswith((".yaml", ".yml")):
        return _objects(yaml.load(decoded, Loader=yaml.BaseLoader), rows_at)
    if name.endswith((".json", ".jsonl", ".ndjson")):
        return _json(decoded, path, rows_at, skip)
    return _delimited(decoded, "\t" if name.endswith(".tsv") else ",", path, skip)


def _delimited(content: str, separator: str, path: Path, skip: Skip) -> Iterator[Row]:
    # A response may be longer than the csv module allows by itself.
    csv.field_size_limit(sys.maxsize)
    lines = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
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


def _json(content: str, path: Path, rows_at: str | None, skip: Skip) -> Iterator[Row]:
    """A list of objects, an object that holds one, or objects on lines of their own."""
    try:
        return _objects(_load(content), rows_at)
    except json.JSONDecodeError:
        if len(content.splitlines()) < 2 or rows_at is not None:
            raise
        return _json_lines(content, path, skip)


def _json_lines(content: str, path: Path, skip: Skip) -> Iterator[Row]:
    num_rows = 0
    # Texts hold other characters that end a line.
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _load(line)
        except (ValueError, RecursionError):
            skip("it is no JSON; was it cut short?", f"line {number} of {path.name}")
            continue
        if isinstance(row, dict):
            num_rows += 1
            yield row
        else:
            skip("it is no JSON object", f"line {number} of {path.name}")
    if not num_rows:
        raise ValueError("no line is a JSON object")


def _objects(value: Any, rows_at: str | None) -> Iterator[Row]:
    if rows_at is not None:
        value = _within(value, rows_at)
        if value is None:
            raise ValueError(f"nothing at {rows_at!r}")
    if isinstance(value, dict) and rows_at is None and (columns := _columns(value)) is not None:
        value = columns
    elif isinstance(value, dict) and rows_at is None:
        lists = [name for name, part in value.items() if isinstance(part, list) and part and isinstance(part[0], dict)]
        # An object with one list of objects is what holds the rows, any other is a row.
        value = value[lists[0]] if len(lists) == 1 and len(value) <= 2 else [value]
    if isinstance(value, dict):
        # Rows by their names: {"0": {...}, "1": {...}}.
        value = [{"@key": name} | row for name, row in value.items() if isinstance(row, dict)]
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        raise ValueError("it holds no list of objects; --rows PATH says where one stands")
    return iter(value)


def _columns(value: dict[str, Any]) -> list[Row] | None:
    """The rows of a table by columns, {"a": {"0": 1, "1": 2}, "b": ...} as pandas writes one; None of anything else."""
    columns = [set(column) if isinstance(column, dict) else None for column in value.values()]
    if not columns or None in columns or any(keys != columns[0] for keys in columns):
        return None
    numbers = list(next(iter(value.values())))
    if not numbers or not all(number.isdecimal() for number in numbers):
        return None
    return [{name: column[number] for name, column in value.items()} for number in numbers]


def _load(content: str) -> Any:
    return json.loads(content, parse_int=str, parse_float=str, parse_constant=_constant)


def _constant(name: str) -> str | None:
    """NaN is how a missing number is written by what knows no null."""
    return None if name == "NaN" else name


def _parquet(path: Path, columns: Collection[str]) -> Iterator[Row]:
    names = pq.read_schema(path).names
    paths = [counted[1] if (counted := LENGTH.fullmatch(column)) else column for column in columns]
    wanted = [name for name in names if any(path == name or path.startswith(f"{name}.") for path in paths)]
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
