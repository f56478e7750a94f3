"""Inspect's logs as files: *.eval (a zip of JSON, deflated or zstd), the same unpacked, and *.json."""

import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from results.folder import find_visible
from results.ingest.pointers import check_fetched
from results.ingest.unpacking import read_unpacked

ZSTD = 93
LOCAL_HEADER_BYTES = 30
HEADER, STARTED, SAMPLES = "header.json", "_journal/start.json", "samples"
# What lies beside the logs of a folder or an eval set, and is none.
BESIDE = ("eval-set.json", "logs.json", "listing.json", "summaries.json", "reductions.json")
# What a JSON log begins with, and other JSON beside it does not.
EVAL = re.compile(rb'"eval"\s*:\s*\{')
START_BYTES = 1 << 16
# What reading a log meets that is cut short, damaged or none.
BROKEN = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, RecursionError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, struct.error),
)


class Part(NamedTuple):
    """A sample, or why it cannot be read, and where it stands."""

    sample: Mapping[str, Any] | None
    reason: str
    place: str


class Log(NamedTuple):
    """The header of a log and its samples, one at a time."""

    header: Mapping[str, Any]
    samples: Iterator[Part]


def find_logs(source: Path) -> list[Path]:
    """The logs at or below a path: files, and folders that hold a header beside samples."""
    if source.is_file():
        return [source] if source.suffix in (".eval", ".json") else []
    unpacked = [path.parent for path in find_visible(source, f"**/{HEADER}") if _samples_of(path.parent)]
    files = [*find_visible(source, "**/*.eval"), *find_visible(source, "**/*.json")]
    return sorted(unpacked) + sorted(
        path for path in files if path.name not in BESIDE and not _is_within(path, unpacked)
    )


def is_marked(path: Path) -> bool:
    """Whether a path that `find_logs` found is a log by its form: JSON may be anything else as well."""
    if path.suffix != ".json":
        return True
    with path.open("rb") as file:
        return EVAL.search(file.read(START_BYTES)) is not None


def open_log(path: Path) -> Log:
    """A log; raises ValueError where it is none, or too damaged to say what it is of."""
    if path.is_file():
        check_fetched(path)
    try:
        if path.is_dir():
            return Log(_checked(json.loads((path / HEADER).read_bytes())), _unpacked(path))
        if path.suffix == ".json":
            log = json.loads(path.read_bytes())
            return Log(_checked(log), _listed(log.get("samples") or [], path))
        archive = zipfile.ZipFile(path)
        # An evaluation that was stopped has no header, but what it was started with.
        header = HEADER if HEADER in archive.namelist() else STARTED
        return Log(_checked(json.loads(_member(archive, path, header))), _stored(archive, path))
    except BROKEN as error:
        reason = " ".join(str(error).split())[:100]
        raise ValueError(f"{path} is not a complete log of Inspect ({reason})") from None


def _why_none(found: Any) -> str:
    """What a JSON file is that is no log, and the way on."""
    if isinstance(found, dict) and "results" in found and ("versions" in found or "configs" in found):
        return "it has only the results of lm-eval, without samples; run lm-eval with --log_samples"
    return "it names no model under eval; if it is a table, give --map model=COLUMN prompt=COLUMN correct=COLUMN"


def _checked(header: Any) -> Mapping[str, Any]:
    if not isinstance(header, dict) or "model" not in header.get("eval", {}):
        raise ValueError(_why_none(header))
    return header


def _listed(samples: list[Any], path: Path) -> Iterator[Part]:
    for number, sample in enumerate(samples, start=1):
        is_whole = isinstance(sample, dict)
        yield Part(sample if is_whole else None, "it is not an object", f"sample {number:,} of {path.name}")


def _stored(archive: zipfile.ZipFile, path: Path) -> Iterator[Part]:
    for name in sorted(archive.namelist()):
        if name.startswith(f"{SAMPLES}/") and name.endswith(".json"):
            yield _parse(lambda name=name: _member(archive, path, name), f"{name} of {path.name}")


def _unpacked(folder: Path) -> Iterator[Part]:
    for path in _samples_of(folder):
        place = f"{path.name} of {folder.name}"
        if path.suffix == ".jsonl":
            for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
                if line.strip():
                    yield _parse(lambda line=line: line, f"line {number:,} of {path.name}")
        elif path.parent == folder:
            yield from _listed(json.loads(path.read_bytes()), path)
        else:
            yield _parse(path.read_bytes, place)


def _samples_of(folder: Path) -> list[Path]:
    """Where the samples beside a header stand: one a file in a folder, or all in one file."""
    beside = [path for name in ("samples.json", "samples.jsonl") if (path := folder / name).is_file()]
    return [*find_visible(folder, f"{SAMPLES}/*.json"), *beside]


def _is_within(path: Path, folders: list[Path]) -> bool:
    return any(folder in path.parents for folder in folders)


def _parse(read: Any, place: str) -> Part:
    try:
        sample = json.loads(read())
    except BROKEN as error:
        return Part(None, f"it is damaged ({' '.join(str(error).split())[:60]})", place)
    return Part(sample if isinstance(sample, dict) else None, "it is not an object", place)


def _member(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    """A file of the archive; zstd, which zipfile learns in Python 3.14, is decoded by Arrow."""
    entry = archive.getinfo(name)
    if entry.compress_type != ZSTD:
        with archive.open(entry) as stream:
            return read_unpacked(stream, entry.compress_size)
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        header = file.read(LOCAL_HEADER_BYTES)
        name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
        file.seek(name_bytes + extra_bytes, 1)
        packed = file.read(entry.compress_size)
    return read_unpacked(pa.CompressedInputStream(pa.BufferReader(packed), "zstd"), len(packed))
