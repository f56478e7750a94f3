"""The rows of one shard, in the columns of the schema."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from results.shards import named_shards, read_footer, read_places

# Of so few rows columns are read quicker one after the other.
FEW_ROWS = 10_000


def read_shard(
    path: Path, schema: pa.Schema, where: pc.Expression | None = None, *, identity: str | None = None
) -> pa.Table:
    """The rows of a shard, or those of an identity for which `where` holds; a column that it lacks is null.

    Of one that was merged while others were read, from the shard that holds its rows.
    """
    try:
        return _read(path, schema, where, identity)
    except FileNotFoundError:
        pass
    if identity is not None:
        where = _both(pc.field("identity") == identity, where)
    while True:
        merged, start, num_rows = _find_merged(path)
        try:
            # All of its columns: those that `where` asks for need not be among the others.
            rows = pq.read_table(merged, partitioning=None).slice(start, num_rows)
        except FileNotFoundError:
            # That one was merged as well.
            continue
        return in_columns(rows if where is None else rows.filter(where), schema)


def _read(path: Path, schema: pa.Schema, where: pc.Expression | None, identity: str | None) -> pa.Table:
    footer = read_footer(path)
    if identity is not None:
        least, most = identities_of(footer) or ("", "")
        if identity < least or (most and identity > most):
            return schema.empty_table()
        if not least == most == identity:
            where = _both(pc.field("identity") == identity, where)
    columns = _among(schema, set(footer.schema.to_arrow_schema().names))
    if where is None:
        with pq.ParquetFile(path, metadata=footer) as file:
            return in_columns(file.read(columns, use_threads=footer.num_rows > FEW_ROWS), schema)
    return in_columns(pq.read_table(path, columns=columns, filters=where, partitioning=None), schema)


def _both(first: pc.Expression, second: pc.Expression | None) -> pc.Expression:
    return first if second is None else first & second


def identities_of(metadata: pq.FileMetaData) -> tuple[str, str] | None:
    """The least and the largest identity of a shard's rows, as its footer tells; None where it does not."""
    if "identity" not in (names := metadata.schema.names):
        return None
    groups = [
        metadata.row_group(at).column(names.index("identity")).statistics for at in range(metadata.num_row_groups)
    ]
    if not groups or any(group is None or not group.has_min_max or group.null_count for group in groups):
        return None
    return min(group.min for group in groups), max(group.max for group in groups)


def in_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows in the columns of a schema, those that they lack null."""
    if rows.schema.equals(schema):
        return rows.replace_schema_metadata()
    stored = set(rows.schema.names)
    rows = rows.select(_among(schema, stored))
    for field in schema:
        if field.name not in stored:
            rows = rows.append_column(field.name, pa.nulls(rows.num_rows))
    return rows.select(schema.names).cast(schema)


def read_member(merged: Path, name: str, schema: pa.Schema) -> pa.Table:
    """The rows that a merged shard holds of one of its members.

    Raises FileNotFoundError where it was itself merged meanwhile.
    """
    rows, places = read_shard(merged, schema), read_places(merged)
    if name not in places:
        raise FileNotFoundError(_gone(merged))
    return rows.slice(*places[name])


def _among(schema: pa.Schema, stored: set[str]) -> list[str]:
    return [name for name in schema.names if name in stored]


def _find_merged(path: Path) -> tuple[Path, int, int]:
    """The shard that holds the rows of one that is gone, where they begin in it and how many they are."""
    before: list[Path] | None = None
    # One that is merged between its listing and its reading leaves the list as it is for one look more.
    while before != (listed := named_shards(path.parent)):
        for merged in listed:
            if path.name in (places := read_places(merged)):
                return merged, *places[path.name]
        before = listed
    raise FileNotFoundError(_gone(path))


def _gone(path: Path) -> str:
    return f"{path} disappeared while it was read. Run the same command again."


def is_equal(first: pa.Table, second: pa.Table) -> bool:
    """Whether two tables hold the same rows in the same order, to the bit: of numbers NaN equals itself."""
    return first.num_rows == second.num_rows and all(
        _bits(first[name]).equals(_bits(second[name])) for name in first.schema.names
    )


def _bits(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column whose values can be compared: words for codes, whole numbers of the same bits for others."""
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    bits = _whole(column.type)
    return pa.chunked_array([chunk.view(bits) for chunk in column.chunks], bits)


def _whole(held: pa.DataType) -> pa.DataType:
    if pa.types.is_list(held):
        return pa.list_(_whole(held.value_type))
    return {pa.float32(): pa.int32(), pa.float64(): pa.int64()}.get(held, held)
