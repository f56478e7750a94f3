"""Which objects of a JSON value are the rows of a table.
Knows values and the columns that are wanted, no files.
"""

from collections.abc import Collection, Mapping
from typing import Any

from results.ingest.paths import Row, find, within

KEY, VALUE = "@key", "@value"
# Of how many rows the columns are looked for before an object is said to hold none of them.
MOST_LOOKED_AT = 200


def rows_of(value: Any, *, rows_at: str | None, columns: Collection[str]) -> list[Row]:
    """The rows of a JSON value: a list of objects, an object of rows by their names,
    one that holds either, or itself.

    rows_at: where they stand, None to look for the one place that has the columns which are wanted. Raises
    ValueError where there are none.
    """
    if rows_at is not None:
        value = within(value, rows_at)
        if value is None:
            raise ValueError(f"there is nothing at {rows_at!r}")
        rows = _named(value, columns) if isinstance(value, dict) else value
    elif isinstance(value, dict):
        rows = _by_columns(value) or _found(value, columns)
    else:
        rows = value
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it is not a list of objects; give --rows PATH to the list inside it")
    return rows


def _found(value: dict[str, Any], columns: Collection[str]) -> list[Row]:
    """The rows of an object: the one place in it that has all columns,
    and itself where that is told by nothing.
    """
    lists = [part for part in value.values() if isinstance(part, list) and part and isinstance(part[0], dict)]
    # An object with one list of objects is what holds the rows, any other is a row.
    usual: list[Row] = lists[0] if len(lists) == 1 and len(value) <= 2 else [value]
    if not columns or _has_all(usual, columns):
        return usual
    named = [_named(part, columns) for part in (value, *value.values()) if isinstance(part, dict)]
    fitting = [rows for rows in ([value], *lists, *named) if rows and _has_all(rows, columns)]
    return fitting[0] if len(fitting) == 1 else usual


def _has_all(rows: list[Row], columns: Collection[str]) -> bool:
    """Whether each column is in one of the first rows; those that every file has are in all."""
    wanted = [column for column in columns if not column.startswith("@") or column.startswith((KEY, VALUE))]
    return all(any(find(row, column) is not None for row in rows[:MOST_LOOKED_AT]) for column in wanted)


def _named(value: Mapping[str, Any], columns: Collection[str]) -> list[Row]:
    """Rows by their names: {"0": {...}, "1": {...}}, and {"0": [...], "1": [...]} where values are wanted."""
    if any(column.startswith(VALUE) for column in columns):
        return [{KEY: name, VALUE: cell} for name, cell in value.items()]
    return [{KEY: name} | row for name, row in value.items() if isinstance(row, dict)]


def _by_columns(value: dict[str, Any]) -> list[Row] | None:
    """The rows of a table by columns, {"a": {"0": 1, "1": 2}, "b":
    ...} as pandas writes one; None of anything else.
    """
    columns = [set(column) if isinstance(column, dict) else None for column in value.values()]
    if not columns or None in columns or any(keys != columns[0] for keys in columns):
        return None
    numbers = list(next(iter(value.values())))
    if not numbers or not all(number.isdecimal() for number in numbers):
        return None
    return [{name: column[number] for name, column in value.items()} for number in numbers]
