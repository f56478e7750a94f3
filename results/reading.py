"""The rows of one shard, in the columns of the schema."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from results.shards import named_shards, read_members


def read_shard(path: Path, schema: pa.Schema, where: pc.Expression | None = None) -> pa.Table:
    """The rows of a shard, or those for which `where` holds; a column that it lacks is null.

    Of one that was merged while others were read, from the shard that holds its rows.
    """
    try:
        stored = set(pq.read_schema(path).names)
        rows = pq.read_table(path, columns=_among(schema, stored), filters=where, partitioning=None)
    except FileNotFoundError:
        merged, start, num_rows = _find_merged(path)
        stored = set(pq.read_schema(merged).names)
        # All of its columns: those that `where` asks for need not be among the others.
        rows = pq.read_table(merged, partitioning=None).slice(start, num_rows)
        rows = (rows if where is None else rows.filter(where)).select(_among(schema, stored))
    for field in schema:
        if field.name not in stored:
            rows = rows.append_column(field.name, pa.nulls(rows.num_rows))
    return rows.select(schema.names).cast(schema)


def _among(schema: pa.Schema, stored: set[str]) -> list[str]:
    return [name for name in schema.names if name in stored]


def _find_merged(path: Path) -> tuple[Path, int, int]:
    """The shard that holds the rows of one that is gone, where they begin in it and how many they are."""
    for merged in named_shards(path.parent):
        members = read_members(merged)
        if path.name in members:
            names = list(members)
            return merged, sum(members[name] for name in names[: names.index(path.name)]), members[path.name]
    raise FileNotFoundError(f"{path} was taken away while it was read; run the same command again.")
