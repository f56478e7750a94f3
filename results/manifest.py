"""The manifest of a writer: a line a shard that it appended, with rows,
bytes and digest. Knows no table's rows.
"""

import contextlib
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
    """Whose manifests there are, under whatever name."""
    copied = find_copied(root)
    return {path.stem for path in _manifests(root)} - {path.stem for path, _ in copied} | {
        of.stem for _, of in copied
    }


def find_copied(root: Path) -> list[tuple[Path, Path]]:
    """Each manifest that lists another writer's shards,
    as file managers name what they copy, and the one it is of.
    """
    found = ((path, _find_owner(path)) for path in _manifests(root))
    return [(path, manifest_of(root, owner)) for path, owner in found if owner not in (None, path.stem)]


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
        _entry(root, path, num_rows=pq.read_metadata(path).num_rows, num_bytes=path.stat().st_size)
        for path in paths
    ]
    manifest = manifest_of(root, writer)
    manifest.parent.mkdir(exist_ok=True)
    whole.write_whole(manifest, "".join(lines).encode())


def exchange(root: Path, writer: str, gone: Iterable[Path], path: Path) -> None:
    """Have the manifest list one shard in place of others; what else it says stays as it is.

    One that is missing stays so: with a shard alone it would look as if there had been no others.
    """
    manifest = manifest_of(root, writer)
    if not manifest.is_file():
        return
    names = {str(each.relative_to(root)) for each in (*gone, path)}
    lines = manifest.read_text(errors="replace").splitlines(keepends=True)
    kept = [
        line if line.endswith("\n") else f"{line}\n" for line in lines if _read_line(line, writer) not in names
    ]
    entry = _entry(root, path, num_rows=pq.read_metadata(path).num_rows, num_bytes=path.stat().st_size)
    whole.write_whole(manifest, "".join([*kept, entry]).encode())


def _manifests(root: Path) -> list[Path]:
    return [path for path in find_visible(root / MANIFESTS, "*.jsonl") if path.is_file()]


def _find_owner(manifest: Path) -> str | None:
    """Whose shard stands first in it; None where none stands there, or a command at work has taken it away."""
    with contextlib.suppress(FileNotFoundError), manifest.open(errors="replace") as lines:
        shards = (shard for line in lines if (shard := _read_any(line)))
        return next((writer_of(Path(shard)) for shard in shards), None)
    return None


def _read_line(line: str, writer: str) -> str | None:
    """The shard of a line; None where it names none of this writer's, inside a table's folder."""
    shard = _read_any(line)
    return shard if shard and writer_of(Path(shard)) == writer else None


def _read_any(line: str) -> str | None:
    """The shard of a line, whoever wrote it."""
    try:
        entry = json.loads(line)
        shard, sha256 = str(entry["shard"]), entry["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    table, slash, name = shard.partition("/")
    is_inside = slash and table not in ("", ".", "..") and "/" not in name and fits(Path(name))
    # A digest stands in its line twice.
    return shard if is_inside and digest_of(Path(name)) == sha256 else None


def tell_shard(shard: str, *, num_rows: int, num_bytes: int) -> str:
    """The line of a shard, which is named as table/name."""
    sha256 = digest_of(Path(shard))
    return json.dumps({"shard": shard, "rows": num_rows, "bytes": num_bytes, "sha256": sha256}) + "\n"


def _entry(root: Path, path: Path, *, num_rows: int, num_bytes: int) -> str:
    return tell_shard(str(path.relative_to(root)), num_rows=num_rows, num_bytes=num_bytes)
