"""The form of a packed run: a plain tar file,
each of whose bytes follows from the list of files that it ends with.

Tar, since any machine opens it, and uncompressed, since parquet is compressed already. The files stand in the
order of the list, below `run/`, with one time, owner and mode; then come the list, `contents.json`, and the digest
of all before it. A reader parses no header: it makes each anew from the list and compares, so that links, devices,
other owners, rows of zeros and whatever else tar knows cannot be in it, and no byte lies in it that the list does
not account for.
"""

import hashlib
import json
import re
import tarfile
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from results.closed import POOLED
from results.folder import read_object
from results.manifest import MANIFESTS
from results.names import fits
from results.schema import TABLES

FORMAT, VERSION = "isoquant packed run", 1
FOLDER, CONTENTS, CHECKSUM = "run/", "contents.json", "sha256"
# What a run holds beside its tables, and how the names end.
RECORDS = {MANIFESTS: ".jsonl", "provenance": ".json", "probes": ".json"}
BLOCK = tarfile.BLOCKSIZE
END = 2 * BLOCK
MODE = 0o644
# A list of a hundred thousand files, and the longest file that is no shard.
MOST_CONTENTS, MOST_RECORD = 64 * 2**20, 64 * 2**20
MOST_NAME_BYTES = 255
DIGEST = re.compile(r"[0-9a-f]{64}")
TOLD = re.compile(r"([0-9a-f]{64})  contents at (\d{20})\n")
TOLD_CHARS = 64 + 14 + 20 + 1
# The header of the digest, the block that it fills, and the end of a tar file.
TAIL = 2 * BLOCK + END
CHUNK = 2**20


class Entry(NamedTuple):
    """A file of a packed run: its path in the run, its size and its SHA-256."""

    path: str
    num_bytes: int
    sha256: str


class Contents(NamedTuple):
    """What a packed run holds, and whether texts are among it."""

    has_texts: bool
    entries: list[Entry]


class Sink:
    """Writes a packed run; `close` adds the list and returns the digest of the whole file."""

    def __init__(self, file: BinaryIO):
        self._file, self._hash, self._entries = file, hashlib.sha256(), list[Entry]()

    def add(self, path: str, content: bytes | memoryview) -> None:
        content = memoryview(content)
        self._write_file(FOLDER + path, content)
        self._entries.append(Entry(path, content.nbytes, hashlib.sha256(content).hexdigest()))

    def close(self, *, has_texts: bool) -> str:
        check_names([entry.path for entry in self._entries])
        start, contents = self._file.tell(), encode(Contents(has_texts, self._entries))
        if len(contents) > MOST_CONTENTS:
            raise ValueError(f"The run has {len(self._entries):,} files, more than a packed run may have.")
        self._write_file(CONTENTS, memoryview(contents))
        told = f"{self._hash.hexdigest()}  contents at {start:020d}\n".encode()
        self._write_file(CHECKSUM, memoryview(told))
        self._write(bytes(END))
        return self._hash.hexdigest()

    def _write_file(self, name: str, content: memoryview) -> None:
        for part in (header(name, content.nbytes), content, padding(content.nbytes)):
            self._write(part)

    def _write(self, part: bytes | memoryview) -> None:
        self._file.write(part)
        self._hash.update(part)


def header(name: str, num_bytes: int) -> bytes:
    """The one header that a file of this name and size can have."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = num_bytes, MODE
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def padding(num_bytes: int) -> bytes:
    return bytes(-num_bytes % BLOCK)


def encode(contents: Contents) -> bytes:
    """The list as it stands in the file, the same bytes each time."""
    files = [{"path": path, "bytes": size, "sha256": sha256} for path, size, sha256 in contents.entries]
    told = {"format": FORMAT, "version": VERSION, "texts": contents.has_texts, "files": files}
    return (json.dumps(told, indent=1) + "\n").encode()


def is_packed(path: Path) -> bool:
    """Whether a file ends as packed runs do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _read_end(file) is not None


def digest_file(file: BinaryIO) -> str:
    """The SHA-256 of a file from its beginning."""
    file.seek(0)
    found = hashlib.sha256()
    while part := file.read(CHUNK):
        found.update(part)
    return found.hexdigest()


def read_contents(file: BinaryIO, *, where: object) -> Contents:
    """The list of a packed run, which accounts for every byte of the file;
    raises ValueError where it cannot be one.
    """
    end = _read_end(file)
    if end is None:
        raise ValueError(f"{where} is not a packed run, or its end is missing. Was it copied completely?")
    told, size = end
    start = int(told[2])
    stop = size - TAIL
    if start > stop - BLOCK:
        raise damaged(where, "its list is not where it should be")
    file.seek(start)
    raw = file.read(min(stop - start, MOST_CONTENTS + 2 * BLOCK))
    body = raw[BLOCK:].rstrip(b"\0")
    if header(CONTENTS, len(body)) + body + padding(len(body)) != raw:
        raise damaged(where, "its list cannot be read")
    contents = _parse(body, where)
    listed = sum(_extent(entry) for entry in contents.entries)
    if listed != start:
        raise damaged(where, f"its list accounts for {listed:,} bytes of {start:,}")
    return contents


def read_files(
    file: BinaryIO, contents: Contents, *, whole: "hashlib._Hash", where: object
) -> Iterator[tuple[Entry, Iterator[bytes]]]:
    """Each file of the list and its bytes in parts, to be used up before the next one;
    `whole` takes all that is read.

    Raises ValueError as soon as one is not what the list says, and at the end where the file is not what its
    digest says.
    """
    file.seek(0)
    for entry in contents.entries:
        expected = header(FOLDER + entry.path, entry.num_bytes)
        found = file.read(len(expected))
        if found != expected:
            raise damaged(
                where, f"{entry.path} is not a plain file of {entry.num_bytes:,} bytes, as the list says"
            )
        whole.update(found)
        yield entry, _read_parts(file, entry, whole, where)
    rest, end = file.read(), _read_end(file)
    whole.update(rest[:-TAIL])
    if end is None or whole.hexdigest() != end[0][1]:
        raise damaged(where, "its checksum is wrong")
    whole.update(rest[-TAIL:])


def check_names(paths: Sequence[str]) -> None:
    """Raise ValueError for a path that no run has, and for two that a machine could take for one."""
    seen: dict[str, str] = {}
    for path in paths:
        if not _is_of_run(path):
            raise ValueError(f"{path[:200]!r} is not a file of a run")
        alike = unicodedata.normalize("NFC", path).casefold()
        if alike in seen:
            twice = (
                "is there twice"
                if seen[alike] == path
                else (f"and {seen[alike]} are the same file on some machines")
            )
            raise ValueError(f"{path} {twice}")
        seen[alike] = path


def damaged(where: object, reason: str) -> ValueError:
    return ValueError(f"{where} is damaged, or not a packed run: {reason}. Nothing was kept. Get the file again.")


def _is_of_run(path: str) -> bool:
    """Whether it is a file of a table, a record, or what tells of pooled seeds:
    one folder deep, with a plain name.
    """
    folder, slash, name = path.partition("/")
    if not slash:
        return path == POOLED
    try:
        is_plain = name.isprintable() and "/" not in name and len(name.encode()) <= MOST_NAME_BYTES
    except UnicodeEncodeError:
        return False
    if not is_plain or name.startswith("."):
        return False
    return fits(Path(name)) if folder in TABLES else folder in RECORDS and name.endswith(RECORDS[folder])


def _extent(entry: Entry) -> int:
    return len(header(FOLDER + entry.path, entry.num_bytes)) + entry.num_bytes + len(padding(entry.num_bytes))


def _read_end(file: BinaryIO) -> tuple[re.Match[str], int] | None:
    """What the last blocks tell, and the size of the file; None where they are not those of a packed run."""
    size = file.seek(0, 2)
    if size < TAIL or size % BLOCK:
        return None
    file.seek(size - TAIL)
    raw = file.read(TAIL)
    told = TOLD.fullmatch(raw[BLOCK : BLOCK + TOLD_CHARS].decode("ascii", "replace"))
    expected = header(CHECKSUM, TOLD_CHARS) + raw[BLOCK : BLOCK + TOLD_CHARS] + padding(TOLD_CHARS) + bytes(END)
    return (told, size) if told and raw == expected else None


def _parse(body: bytes, where: object) -> Contents:
    """The list; raises ValueError where it is not as `encode` writes it, or names what no run holds."""
    try:
        told = read_object(body.decode("utf-8", "replace"), where=where)
    except ValueError:
        raise damaged(where, "its list cannot be read") from None
    if told.get("format") == FORMAT and isinstance(told.get("version"), int) and told["version"] > VERSION:
        raise ValueError(
            f"{where} was packed by a later version of isoquant (format {told['version']}); this "
            f"version reads format {VERSION}. Update isoquant."
        )
    try:
        entries = [Entry(file["path"], file["bytes"], file["sha256"]) for file in told["files"]]
        contents = Contents(told["texts"], entries)
        is_sound = all(map(_is_sound, entries)) and encode(contents) == body
    except (KeyError, TypeError, ValueError, RecursionError):
        is_sound = False
    if not is_sound:
        raise damaged(where, "its list is not complete")
    try:
        check_names([entry.path for entry in entries])
    except ValueError as error:
        raise damaged(where, str(error)) from None
    return contents


def _is_sound(entry: Entry) -> bool:
    size = entry.num_bytes
    is_number = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**50
    is_shard = isinstance(entry.path, str) and entry.path.endswith(".parquet")
    is_text = isinstance(entry.path, str) and isinstance(entry.sha256, str)
    return is_text and is_number and bool(DIGEST.fullmatch(entry.sha256)) and (is_shard or size <= MOST_RECORD)


def _read_parts(file: BinaryIO, entry: Entry, whole: "hashlib._Hash", where: object) -> Iterator[bytes]:
    found, left = hashlib.sha256(), entry.num_bytes
    while left:
        part = file.read(min(CHUNK, left))
        if not part:
            raise damaged(where, f"{entry.path} ends too early")
        found.update(part)
        whole.update(part)
        left -= len(part)
        yield part
    filled = padding(entry.num_bytes)
    if file.read(len(filled)) != filled or found.hexdigest() != entry.sha256:
        raise damaged(where, f"{entry.path} has a wrong checksum")
    whole.update(filled)
