"""Packed logs that would fill the memory, and what refers to itself: refused, and the rest is read."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from results.ingest import unpacking
from results.ingest.inspect_files import LOCAL_HEADER_BYTES, ZSTD, open_log
from results.ingest.unpacking import read_unpacked
from tests.door import ingest as main

MAP = ["model=model", "prompt=prompt", "correct=correct"]
ROW = "model,prompt,correct\nm,p,1\n"
HEADER = {"status": "success", "eval": {"task": "sums", "model": "lab/m"}, "plan": {}}


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory that a test fills quickly."""
    monkeypatch.setattr(unpacking, "MOST_BYTES", 100_000)
    monkeypatch.setattr(unpacking, "_CHUNK_BYTES", 10_000)


@pytest.mark.parametrize(("num_packed", "is_read"), [(10_000, True), (9_999, False)])
def test_what_is_large_is_read_where_it_was_packed_as_text_is(
    little: None, num_packed: int, is_read: bool
) -> None:
    content = b"a" * 1_000_000
    if is_read:
        assert read_unpacked(io.BytesIO(content), num_packed) == content
        return
    with pytest.raises(ValueError, match="unpacks to over"):
        read_unpacked(io.BytesIO(content), num_packed)


def test_what_is_small_is_read_however_well_it_was_packed(little: None) -> None:
    assert read_unpacked(io.BytesIO(b"a" * 100_000), 1) == b"a" * 100_000


def test_a_table_that_would_fill_the_memory_is_named(
    little: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress((ROW + " " * 1_000_000).encode()))
    assert main([str(path), str(tmp_path / "run"), "--map", *MAP]) == 2
    error = capsys.readouterr().err
    assert "it unpacks to over 0.0 GB" in error and error.count("\n") == 1


def test_a_sample_of_inspect_that_would_fill_the_memory_is_skipped(little: None, tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        archive.writestr("samples/1_epoch_1.json", json.dumps({"id": 1, "input": "a" * 1_000_000}))
        archive.writestr("samples/2_epoch_1.json", json.dumps({"id": 2, "input": "a"}))
    bomb, whole = open_log(path).samples
    assert bomb.sample is None and "unpacks to over" in bomb.reason
    assert whole.sample == {"id": 2, "input": "a"}


def test_a_sample_packed_with_zstd_is_bounded_alike(little: None, tmp_path: Path) -> None:
    content = json.dumps({"id": 1, "input": "a" * 1_000_000}).encode()
    packed = bytes(pa.compress(content, codec="zstd", asbytes=True))
    path, name = tmp_path / "log.eval", "samples/1_epoch_1.json"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        archive.writestr(name, packed)
        offset = archive.getinfo(name).header_offset
    # zipfile of this Python writes no zstd: the entry is stored, and the archive then says that it is packed.
    raw = bytearray(path.read_bytes())
    central = raw.rindex(b"PK\x01\x02")
    raw[offset + 8 : offset + 10] = raw[central + 10 : central + 12] = ZSTD.to_bytes(2, "little")
    path.write_bytes(raw)
    assert offset + LOCAL_HEADER_BYTES < len(raw)
    (bomb,) = open_log(path).samples
    assert bomb.sample is None and "unpacks to over" in bomb.reason


def test_a_table_of_more_rows_than_its_bytes_can_tell_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(unpacking, "MOST_ROWS", 1000)
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({name: ["1"] * 10**6 for name in ("model", "prompt", "correct")}), path)
    assert main([str(path), str(tmp_path / "run"), "--map", *MAP]) == 2
    error = capsys.readouterr().err
    assert "it holds 1,000,000 rows in" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        "- &a {model: m, prompt: p, correct: '1'}\n- *a\n",
        "- {model: m, prompt: p, correct: '1', text: &a [x, x]}\n- {model: m, prompt: q, correct: '1', text: "
        "*a}\n",
        "- {model: m, prompt: p, correct: '1', text: &a [*a]}\n",
    ],
    ids=["a row", "a cell", "itself"],
)
def test_a_table_that_refers_to_its_own_parts_is_named(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.yaml"
    path.write_text(content)
    assert main([str(path), str(tmp_path / "run"), "--map", *MAP]) == 2
    error = capsys.readouterr().err
    assert "refers to its own parts" in error and error.count("\n") == 1
