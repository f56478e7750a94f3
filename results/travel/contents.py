"""What of a run travels: the shards that count, manifests of them,
records without secrets, with texts or without.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from results.closed import POOLED
from results.folder import find_visible, read_object
from results.manifest import MANIFESTS, tell_shard
from results.names import index_of, writer_of
from results.reading import read_shard
from results.schema import (
    ANSWERS,
    EMBEDDINGS,
    FAILURES,
    GRADES,
    MODELS,
    PROMPTS,
    SCORERS,
    SCORES,
    TABLES,
    TRACES,
    Table,
)
from results.shards import digest, encode, list_shards
from results.travel.bounds import Bounds
from results.travel.cleaning import clean_record, clean_text

# Columns with what a model was asked or wrote. A vote is the answer itself, so that a code stands in its place.
TEXTS = {
    PROMPTS.name: ("text",),
    TRACES.name: ("text", "token_ids"),
    ANSWERS.name: ("text",),
    GRADES.name: ("extracted",),
    SCORES.name: ("text",),
    FAILURES.name: ("error",),
}
VOTE = "vote_key"
# What tells how a model or a scorer was made.
PARTS = {MODELS.name: "identity_parts", SCORERS.name: "scorer_parts"}
# Words can be counted back out of a vector.
OF_TEXTS = (EMBEDDINGS.name,)
CODE_CHARS = 16


class File(NamedTuple):
    """A file of a packed run."""

    path: str
    content: memoryview


def list_contents(root: Path, *, text: bool) -> Iterator[File]:
    """The files of a run that travel, in one order, each made as it is asked for;
    without `text` no texts are in them.

    Raises ValueError where one is not what it should be.
    """
    salt, bounds = b"" if text else _digest_texts(root), Bounds()
    lines: dict[str, list[str]] = defaultdict(list)
    for table in TABLES.values():
        if not text and table.name in OF_TEXTS:
            continue
        for shard in list_shards(root / table.name):
            content, num_rows = _travelling(shard, table, text=text, salt=salt)
            # What is packed is to be unpacked.
            bounds.add(content, where=shard)
            writer = writer_of(shard)
            name = f"{table.name}/{writer}.{index_of(shard):06d}.{digest(content)}.parquet"
            lines[writer].append(tell_shard(name, num_rows=num_rows, num_bytes=memoryview(content).nbytes))
            yield File(name, memoryview(content))
    for writer, entries in sorted(lines.items()):
        yield File(f"{MANIFESTS}/{writer}.jsonl", memoryview("".join(entries).encode()))
    for folder in ("probes", "provenance"):
        for path in find_visible(root / folder, "*.json"):
            yield File(f"{folder}/{path.name}", _record(path))
    if (root / POOLED).exists():
        yield File(POOLED, _record(root / POOLED))


def _record(path: Path) -> memoryview:
    told = read_object(path.read_text(encoding="utf-8", errors="replace"), where=path)
    return memoryview((json.dumps(clean_record(told), indent=2) + "\n").encode())


def _travelling(shard: Path, table: Table, *, text: bool, salt: bytes) -> tuple[bytes | pa.Buffer, int]:
    """The bytes of a shard as it travels, its own where nothing in it stays behind, and its number of rows."""
    content = shard.read_bytes()
    rows = read_shard(shard, table.schema)
    cleaned = _without_secrets(rows, table)
    if not text:
        cleaned = _without_texts(cleaned, table, salt)
    if cleaned is rows:
        return content, rows.num_rows
    # Names of merged shards carry digests of what stays behind.
    return encode(cleaned.replace_schema_metadata(None)), rows.num_rows


def _without_secrets(rows: pa.Table, table: Table) -> pa.Table:
    """The rows with the last name of a model's folder, and errors and settings of engines without secrets."""
    if (parts := PARTS.get(table.name)) is not None:
        rows = _mapped(rows, "path", clean_text)
        return _mapped(rows, parts, lambda text: _clean_parts(text, of=f"{parts} of {table.name}"))
    return _mapped(rows, "error", clean_text) if table is FAILURES else rows


def _mapped(rows: pa.Table, name: str, change: Callable[[str], str]) -> pa.Table:
    """The rows with each text of a column changed; the same object where none is."""
    before = rows[name].to_pylist()
    after = [None if value is None else change(value) for value in before]
    if after == before:
        return rows
    return rows.set_column(
        rows.schema.get_field_index(name), rows.schema.field(name), pa.array(after, pa.string())
    )


def _clean_parts(text: str, *, of: str) -> str:
    """What an identity or a version is the hash of, as it is but for what an engine was given beside it."""
    parts = read_object(text, where=of)
    options = parts.get("engine_options")
    cleaned = clean_record(options) if isinstance(options, dict) else options
    return text if cleaned == options else json.dumps(parts | {"engine_options": cleaned}, sort_keys=True)


def _without_texts(rows: pa.Table, table: Table, salt: bytes) -> pa.Table:
    for name in TEXTS.get(table.name, ()):
        field = rows.schema.field(name)
        rows = rows.set_column(rows.schema.get_field_index(name), field, pa.nulls(rows.num_rows, field.type))
    return _with_codes(rows, salt) if table is GRADES else rows


def _with_codes(rows: pa.Table, salt: bytes) -> pa.Table:
    """The rows with codes for votes, equal for equal ones. What is hashed with a vote lies in the texts alone, so
    that nobody without these can try answers until one fits.
    """
    votes = rows[VOTE].combine_chunks().dictionary_encode()
    codes = [
        hashlib.sha256(salt + vote.encode()).hexdigest()[:CODE_CHARS] for vote in votes.dictionary.to_pylist()
    ]
    coded = pa.array(codes, pa.string()).take(votes.indices)
    return rows.set_column(rows.schema.get_field_index(VOTE), rows.schema.field(VOTE), coded)


def _digest_texts(root: Path) -> bytes:
    """A digest of the shards that hold texts, of which a pack without texts holds none."""
    found = hashlib.sha256()
    for table in (PROMPTS, TRACES, ANSWERS, GRADES):
        for shard in list_shards(root / table.name):
            found.update(hashlib.sha256(shard.read_bytes()).digest())
    return found.digest()
