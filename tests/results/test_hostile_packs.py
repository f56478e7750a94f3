"""Packed runs that a stranger made to do harm: each is refused in a line,
and nothing is written, inside or outside.
"""

import dataclasses
import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from results.manifest import tell_shard
from results.schema import CELLS, GRADES
from results.shards import digest, encode
from results.travel import archive, bounds
from results.travel.archive import BLOCK, CONTENTS, FOLDER, TAIL, Entry, header, padding
from results.travel.packing import pack
from results.travel.unpacking import opened, unpack
from tests.results.made_runs import Made

SHARD = f"answers/x.000000.{'0' * 16}.parquet"
DEEP = 100_000


@dataclasses.dataclass
class Forged:
    """A pack that is written as packs are, but for what is changed in it."""

    files: list[tuple[str, bytes]]
    change_header: Callable[[str, bytes], bytes] = lambda name, written: written
    change_entry: Callable[[Entry], Entry] = lambda entry: entry
    change_list: Callable[[bytes], bytes] = lambda written: written
    change_all: Callable[[bytes], bytes] = lambda written: written

    def write(self, path: Path) -> Path:
        out = io.BytesIO()
        for name, content in self.files:
            written = self.change_header(name, header(FOLDER + name, len(content)))
            out.write(written + content + padding(len(content)))
        entries = [
            self.change_entry(Entry(name, len(content), hashlib.sha256(content).hexdigest()))
            for name, content in self.files
        ]
        start = out.tell()
        body = self.change_list(archive.encode(archive.Contents(True, entries)))
        out.write(header(CONTENTS, len(body)) + body + padding(len(body)))
        told = f"{hashlib.sha256(out.getvalue()).hexdigest()}  contents at {start:020d}\n".encode()
        out.write(header("sha256", len(told)) + told + padding(len(told)) + bytes(2 * BLOCK))
        path.write_bytes(self.change_all(out.getvalue()))
        return path


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    """The files of a pack that nobody changed."""
    folder = tmp_path_factory.mktemp("honest")
    pack(Made(models=("small",)).write(folder / "made"), folder / "a.tar")
    with tarfile.open(folder / "a.tar") as opened_tar:
        return [
            (member.name.removeprefix(FOLDER), opened_tar.extractfile(member).read())  # type: ignore[union-attr]
            for member in opened_tar
            if member.name.startswith(FOLDER)
        ]


def typed(kind: bytes, target: str = "") -> Callable[[str, bytes], bytes]:
    """A header of another kind for the first record of a job."""

    def change(name: str, written: bytes) -> bytes:
        if not name.startswith("provenance"):
            return written
        member = tarfile.TarInfo(FOLDER + name)
        member.type, member.linkname, member.mode = kind, target, 0o644
        return member.tobuf(tarfile.PAX_FORMAT)

    return change


def of(**fields: object) -> Callable[[str, bytes], bytes]:
    """A header with other fields for the first record of a job."""

    def change(name: str, written: bytes) -> bytes:
        if not name.startswith("provenance"):
            return written
        member = tarfile.TarInfo.frombuf(written, "utf-8", "strict")
        for field, value in fields.items():
            setattr(member, field, value)
        return member.tobuf(tarfile.PAX_FORMAT)

    return change


def named(name: str) -> Callable[[list[tuple[str, bytes]]], Forged]:
    return lambda files: Forged([*files, (name, b"{}")])


def resized(size: object) -> Callable[[Entry], Entry]:
    return lambda entry: entry._replace(num_bytes=size) if entry.path.startswith("provenance") else entry  # type: ignore[arg-type]


def shard_of(table: str, rows: pa.Table | bytes, writer: str = "x") -> list[tuple[str, bytes]]:
    """A shard and the manifest that lists it."""
    content = rows if isinstance(rows, bytes) else bytes(memoryview(encode(rows)))
    name = f"{table}/{writer}.000000.{digest(content)}.parquet"
    line = tell_shard(name, num_rows=1, num_bytes=len(content))
    return [(name, content), (f"manifest/{writer}.jsonl", line.encode())]


def row_bomb() -> bytes:
    """Twenty million rows in a few kilobytes."""
    sink = pa.BufferOutputStream()
    rows = pa.table({"identity": pa.array(["i"] * 1_000_000).dictionary_encode()})
    with pq.ParquetWriter(sink, rows.schema, compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(rows)
    return bytes(memoryview(sink.getvalue()))


def text_bomb() -> bytes:
    """A text of 200 million letters in a few kilobytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": ["x" * 200_000_000]}), sink, compression="zstd", use_dictionary=False)
    return bytes(memoryview(sink.getvalue()))


def twice(files: list[tuple[str, bytes]]) -> Forged:
    return Forged([*files, next(file for file in files if file[0].startswith("provenance"))])


def replaced(files: list[tuple[str, bytes]], prefix: str, content: bytes) -> list[tuple[str, bytes]]:
    return [(name, content if name.startswith(prefix) else held) for name, held in files]


KINDS: dict[str, Callable[[list[tuple[str, bytes]]], Forged]] = {
    "a name that leads up": named("../CANARY"),
    "a name that leads up inside": named("answers/../../CANARY"),
    "a name that leads up from a record": named("provenance/../../CANARY.json"),
    "a name from the root": named("/tmp/CANARY"),
    "a name from the root in a table": named(f"answers//{SHARD}"),
    "a name that is empty": named(""),
    "a name of dots": named("provenance/..json"),
    "a hidden name": named("provenance/.x.json"),
    "a name with an end of line": named("provenance/a\nb.json"),
    "a name with a null": named("provenance/a\0b.json"),
    "a name that turns around": named("provenance/a\u202eb.json"),
    "a name of half a letter": lambda files: Forged(
        files, change_list=lambda written: written.replace(b"provenance/", rb"provenance/\ud800")
    ),
    "a long name": named(f"provenance/{'a' * 300}.json"),
    "a script": named("provenance/run.py"),
    "a lock": named("locks/x.lock"),
    "a figure": named("figures/x.png"),
    "a file beside the tables": named("report.html"),
    "a mark that is not its own": named("texts-left-out.txt"),
    "a table that no run has": named(SHARD.replace("answers", "secrets")),
    "a shard by another name": named("answers/x.parquet"),
    "a soft link": lambda files: Forged(files, change_header=typed(tarfile.SYMTYPE, "/etc/passwd")),
    "a hard link": lambda files: Forged(files, change_header=typed(tarfile.LNKTYPE, "/etc/passwd")),
    "a device": lambda files: Forged(files, change_header=typed(tarfile.CHRTYPE)),
    "a block device": lambda files: Forged(files, change_header=typed(tarfile.BLKTYPE)),
    "a pipe": lambda files: Forged(files, change_header=typed(tarfile.FIFOTYPE)),
    "a folder": lambda files: Forged(files, change_header=typed(tarfile.DIRTYPE)),
    "a sparse file": lambda files: Forged(files, change_header=typed(tarfile.GNUTYPE_SPARSE)),
    "a header of names to come": lambda files: Forged(files, change_header=typed(tarfile.XGLTYPE)),
    "a program's mode": lambda files: Forged(files, change_header=of(mode=0o4755)),
    "an owner": lambda files: Forged(files, change_header=of(uname="root", uid=1)),
    "a time": lambda files: Forged(files, change_header=of(mtime=1)),
    "another size": lambda files: Forged(files, change_header=of(size=1)),
    "another name than listed": lambda files: Forged(files, change_header=of(name="run/../CANARY")),
    "the same name twice": twice,
    "names that differ in case": lambda files: Forged([*files, ("provenance/SMALL-000.json", b"{}")]),
    "names that differ in form": lambda files: Forged(
        [*files, ("provenance/\u00e9.json", b"{}"), ("provenance/e\u0301.json", b"{}")]
    ),
    "a wrong checksum": lambda files: Forged(files, change_entry=lambda entry: entry._replace(sha256="0" * 64)),
    "a checksum that is none": lambda files: Forged(files, change_entry=lambda entry: entry._replace(sha256="x")),
    "a size that is too large": lambda files: Forged(files, change_entry=resized(10**9)),
    "a size without end": lambda files: Forged(files, change_entry=resized(10**30)),
    "a negative size": lambda files: Forged(files, change_entry=resized(-512)),
    "a size in words": lambda files: Forged(files, change_entry=resized("many")),
    "a size that is true": lambda files: Forged(files, change_entry=resized(True)),
    "a list that is deep": lambda files: Forged(files, change_list=lambda _: b"[" * DEEP),
    "a list of other things": lambda files: Forged(files, change_list=lambda _: b'{"files": 3}'),
    "a list with a word more": lambda files: Forged(
        files, change_list=lambda written: written.replace(b'"texts"', b'"run": 1,\n "texts"')
    ),
    "a list of a later version": lambda files: Forged(
        files, change_list=lambda written: written.replace(b'"version": 1', b'"version": 2')
    ),
    "a list that is empty": lambda files: Forged([]),
    "a file that is not listed": lambda files: Forged(
        files,
        change_list=lambda written: archive.encode(
            archive.Contents(True, [Entry(n, len(c), hashlib.sha256(c).hexdigest()) for n, c in files[1:]])
        ),
    ),
    "bytes behind the end": lambda files: Forged(files, change_all=lambda written: written + bytes(BLOCK)),
    "bytes before the beginning": lambda files: Forged(files, change_all=lambda written: bytes(BLOCK) + written),
    "zeros without end": lambda files: Forged(files, change_all=lambda written: bytes(10 * BLOCK)),
    "a bomb of rows": lambda files: Forged(files + shard_of("cells", row_bomb())),
    "a bomb of letters": lambda files: Forged(files + shard_of("prompts", text_bomb())),
    "a foreign table": lambda files: Forged(files + shard_of("answers", CELLS.schema.empty_table())),
    "a pickle for a table": lambda files: Forged(files + shard_of("answers", b"\x80\x04\x8c\x05posix.")),
    "a shard of another digest": lambda files: Forged([*files, (SHARD, files[0][1])]),
    "a shard that no manifest lists": lambda files: Forged(
        [*files, *shard_of("cells", CELLS.schema.empty_table())[:1]]
    ),
    "a manifest of what is not there": lambda files: Forged(
        [*files, ("manifest/x.jsonl", tell_shard(SHARD, num_rows=1, num_bytes=1).encode())]
    ),
    "a manifest that leads up": lambda files: Forged(
        replaced(files, "manifest/small", tell_shard(f"../{SHARD}", num_rows=1, num_bytes=1).encode())
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_pack_is_refused_in_a_line_and_leaves_nothing(
    tmp_path: Path, honest: list[tuple[str, bytes]], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # As of a run that says it holds ten times as much as can be made here.
    monkeypatch.setattr(bounds, "BYTES_AT_LEAST", 2**26)
    path = KINDS[kind](honest).write(tmp_path / "theirs.tar")
    for make in (lambda: unpack(path, tmp_path / "into" / "run"), lambda: opened(path)):
        with pytest.raises(ValueError) as told:
            make()
        assert "\n" not in str(told.value) and len(str(told.value)) < 600 and str(told.value).isprintable()
    left = [
        str(found.relative_to(tmp_path)) for found in tmp_path.rglob("*") if found.is_file() or found.is_symlink()
    ]
    assert left == ["theirs.tar"]
    assert not list((tmp_path / "into").iterdir() if (tmp_path / "into").exists() else [])
    assert not Path("/tmp/CANARY").exists()


def test_honest_runs_that_hold_much_in_little_are_unpacked(
    tmp_path: Path, honest: list[tuple[str, bytes]]
) -> None:
    """A million grades that are all alike."""
    size = 1_000_000
    keys = {"prompt_id": [f"t/{at // 250:05d}" for at in range(size)], "sample": [at % 250 for at in range(size)]}
    same = {"identity": "i", "pool": "evaluation", "budget": 0, "grader": "g", "grader_version": "1"}
    same |= {"vote_key": "1", "correct": True, "score": 1.0, "outcome": "correct"}
    columns = {name: keys.get(name) or [same.get(name)] * size for name in GRADES.schema.names}
    rows = shard_of("grades", pa.table(columns, schema=GRADES.schema))
    assert len(rows[0][1]) < size / 5
    assert unpack(Forged(honest + rows).write(tmp_path / "theirs.tar"), tmp_path / "run").notes


def test_a_forged_pack_in_which_nothing_is_changed_is_unpacked(
    tmp_path: Path, honest: list[tuple[str, bytes]]
) -> None:
    path = Forged(honest).write(tmp_path / "theirs.tar")
    assert unpack(path, tmp_path / "run").num_files == len(honest)


def test_whichever_byte_is_changed_the_pack_is_refused(tmp_path: Path, honest: list[tuple[str, bytes]]) -> None:
    whole = Forged(honest).write(tmp_path / "whole.tar").read_bytes()
    step = len(whole) // 60
    for at in [*range(0, len(whole), step), *range(len(whole) - TAIL, len(whole), 64)]:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << (at % 8)
        (tmp_path / "flipped.tar").write_bytes(flipped)
        with pytest.raises(ValueError):
            unpack(tmp_path / "flipped.tar", tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flipped.tar", "whole.tar"]


def test_wherever_it_is_cut_short_the_pack_is_refused(tmp_path: Path, honest: list[tuple[str, bytes]]) -> None:
    whole = Forged(honest).write(tmp_path / "whole.tar").read_bytes()
    for size in [0, 1, BLOCK, *range(BLOCK, len(whole), len(whole) // 40), len(whole) - BLOCK, len(whole) - 1]:
        (tmp_path / "cut.tar").write_bytes(whole[:size])
        with pytest.raises(ValueError, match="is not a packed run, or its end is missing"):
            unpack(tmp_path / "cut.tar", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_other_files_are_no_packs_and_pipes_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "text").write_text("x" * 10_000)
    (tmp_path / "json").write_text(json.dumps({"files": []}))
    with zipfile.ZipFile(tmp_path / "zip", "w") as zipped:
        zipped.writestr("run/x", "y")
    with tarfile.open(tmp_path / "tar", "w") as plain:
        plain.add(tmp_path / "text", "run/provenance/x.json")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("text", "json", "zip", "tar", "pipe", "zero", "nothing"):
        for make in (lambda path: unpack(path, tmp_path / "run"), opened):
            with pytest.raises(ValueError, match="not a packed run|is not a file"):
                make(tmp_path / name)
    assert not (tmp_path / "run").exists() and not (tmp_path / "cache").exists()


def test_a_pack_is_not_unpacked_over_what_is_there_nor_through_a_link(
    tmp_path: Path, honest: list[tuple[str, bytes]]
) -> None:
    path = Forged(honest).write(tmp_path / "theirs.tar")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    for name in ("mine", "link", "lost", "theirs.tar"):
        with pytest.raises(ValueError, match="already exists"):
            unpack(path, tmp_path / name)
    assert [file.read_text() for file in (tmp_path / "mine").iterdir()] == ["mine"]
    assert not list((tmp_path / "elsewhere").iterdir()) and not (tmp_path / "nowhere").exists()
    # A link in place of what it is made in, as a stranger's folder could hold.
    (tmp_path / ".run.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        unpack(path, tmp_path / "run")
    assert not list((tmp_path / "elsewhere").iterdir())
