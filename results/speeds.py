"""The table of speeds: a row a timed batch of a shape on a device. One CSV file, which grows; a row stays as it
is.
"""

import csv
import fcntl
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from results.whole import write_text

# What one timing is known by: a second call measures what the table lacks of it.
KEY = (
    *("config_digest", "settings_digest", "device", "num_devices", "engine", "engine_version"),
    *("batch", "context_tokens", "tokens_each", "round"),
)
SHAPE = (
    *("shape", "family", "num_params", "num_non_embedding_params", "num_matmul_params", "num_mlp_params"),
    *("num_attention_params", "hidden_size", "num_layers", "num_heads", "num_kv_heads", "head_dim", "vocab_size"),
)
SETTINGS = ("dtype", "quantization", "max_num_seqs", "engine_settings")
MEASURED = ("num_read_tokens", "read_seconds", "num_written_tokens", "write_seconds", "num_cached_tokens")
PROVENANCE = ("time", "commit", "dirty", "python", "packages", "config")
COLUMNS = (*SHAPE, *KEY, *SETTINGS, *MEASURED, *PROVENANCE)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table, as they are written; none where there is no file. Raises ValueError for another
    table.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            rows = csv.DictReader(file)
            found, named = list(rows), rows.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as CSV ({error}). Give another --table.") from None
    if missing := [name for name in COLUMNS if name not in named]:
        raise ValueError(f"{path} is no table of speeds: it has no column {missing[0]}. Give another --table.")
    return found


def key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What a timing is known by, as text."""
    return tuple(str(row[name]) for name in KEY)


def append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the table anew with these rows behind those that it has, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows([*read(path), *rows])
    write_text(path, text.getvalue())


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Inside, no other process adds to this table. Raises ValueError where one does already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.lock")
    with beside.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"Another process adds to {path}. Wait for it, or give another --table.") from None
        try:
            yield
        finally:
            beside.unlink(missing_ok=True)
