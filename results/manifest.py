"""The manifest of a writer: a line a shard that it appended, with rows, bytes and digest. Knows no table's rows."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from results import whole
from results.folder import find_visible
from results.names import digest_of, fits, writer_of

MANIFESTS = "manifest"


def manifest_of(root: Path, writer: str) -> Path:
    return root / MANIFESTS / f"{writer}.jsonl"


def manifest_writers(root: Path) -> set[str]:
    return {path.stem for path in find_visible(root / MANIFESTS, "*.jsonl")}


def enter(root: Path, writer: str, path: Path, *, num_rows: int, num_bytes: int) -> None:
    """Add a shard to the manifest."""
    manifest = manifest_of(root, writer)
    manifest.parent.mkdir(exist_ok=True)
    # Whole as well: half a line, of a full disk, would spoil the next one.
    lines = manifest.read_bytes() if manifest.exists() else b""
    whole.write_whole(manifest, lines + _entry(root, path, num_rows=num_rows, num_bytes=num_bytes).encode())


def read_manifest(root: Path, writer: str) -> list[str]:
    """Shards that the manifest lists, each once, as table/name; of a line that is damaged, none."""
    manifest = manifest_of(root, writer)
    text = manifest.read_text(errors="replace") if manifest.is_file() else ""
    return list(dict.fromkeys(shard for line in text.splitlines() if (shard := _read_line(line, writer))))


def count_unread(root: Path, writer: str) -> int:
    """How many lines of the manifest say nothing."""
    manifest = manifest_of(root, writer)
    lines = manifest.read_text(errors="replace").splitlines() if manifest.is_file() else []
    return sum(_read_line(line, writer) is None for line in lines)


def rewrite_manifest(root: Path, writer: str, paths: Iterable[Path]) -> None:
    """Have the manifest list these shards."""
    lines = [
        _entry(root, path, num_rows=pq.read_metadata(path).num_rows, num_bytes=path.stat().st_size) for path in paths
    ]
    manifest = manifest_of(root, writer)
    manifest.parent.mkdir(exist_ok=True)
    whole.write_whole(manifest, "".join(lines).encode())


def _read_line(line: str, writer: str) -> str | None:
    """The shard of a line; None where it names none of this writer's, inside a table's folder."""
    try:
        entry = json.loads(line)
        shard, sha256 = str(entry["shard"]), entry["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    table, slash, name = shard.partition("/")
    is_inside = slash and table not in ("", ".", "..") and "/" not in name and fits(Path(name))
    # A digest stands in its line twice.
    return shard if is_inside and digest_of(Path(name)) == sha256 and writer_of(Path(name)) == writer else None


def _entry(root: Path, path: Path, *, num_rows: int, num_bytes: int) -> str:
    shard = str(path.relative_to(root))
    return json.dumps({"shard": shard, "rows": num_rows, "bytes": num_bytes, "sha256": digest_of(path)}) + "\n"
