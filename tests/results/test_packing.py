"""Packed runs: the same bytes each time, the same numbers, nothing secret, and with texts left out no text."""

import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from isoquant.__main__ import main
from results import store
from results.closed import NO_TEXTS, check_open, lacks_texts
from results.inspection import inspect
from results.reading import is_equal
from results.schema import EMBEDDINGS, GRADES, MODELS, TABLES
from results.travel.cleaning import clean_record, clean_text
from results.travel.packing import name_run, pack
from results.travel.unpacking import opened, unpack
from sweeps.repair import repair
from tests.results.made_runs import Made

REFERENCE = Path("results/reference")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return Made().write(tmp_path / "made")


def summary(word: object, capsys: pytest.CaptureFixture[str], command: str = "summary") -> str:
    assert main([command, str(word)]) == 0
    return capsys.readouterr().out


def test_two_packs_of_one_run_are_the_same_bytes_wherever_and_whenever_it_lies(tmp_path: Path, made: Path) -> None:
    first = pack(made, tmp_path / "first.tar")
    copied = tmp_path / "elsewhere" / "another name"
    shutil.copytree(made, copied)
    for number, path in enumerate(sorted(copied.rglob("*"))):
        os.utime(path, (number, number))
    (copied / "figures").mkdir()
    (copied / "figures" / "drawn.png").write_bytes(b"png")
    (copied / "answers" / "x.tmp").write_bytes(b"left by a kill")
    second = pack(copied, tmp_path / "second.tar")
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    assert first.sha256 == second.sha256
    bare = [pack(made, tmp_path / f"bare-{number}.tar", text=False).sha256 for number in range(2)]
    assert bare[0] == bare[1] != first.sha256


@pytest.mark.parametrize("text", [True, False])
def test_what_is_unpacked_packs_to_the_same_bytes(tmp_path: Path, made: Path, text: bool) -> None:
    packed = pack(made, tmp_path / "a.tar", text=text)
    unpacked = unpack(tmp_path / "a.tar", tmp_path / "run")
    assert unpacked.sha256 == packed.sha256 and unpacked.has_texts is packed.has_texts is text
    assert pack(tmp_path / "run", tmp_path / "b.tar").sha256 == packed.sha256


def test_an_unpacked_run_has_every_row_and_is_sound(tmp_path: Path, made: Path) -> None:
    pack(made, tmp_path / "a.tar")
    root = unpack(tmp_path / "a.tar", tmp_path / "deep" / "run").root
    assert inspect(root) == ([], [])
    for table in TABLES.values():
        if table.name not in ("models", "scorers", "failures"):
            assert is_equal(store.scan(root, table), store.scan(made, table)), table.name
    assert set(store.scan(root, MODELS)["path"].to_pylist()) == {".../large", ".../small"}


def test_any_tar_opens_it(tmp_path: Path, made: Path) -> None:
    pack(made, tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert {member.uid for member in archive} == {0} and {member.mtime for member in archive} == {0}
        archive.extractall(tmp_path / "by hand", filter="data")
    assert inspect(tmp_path / "by hand" / "run") == ([], [])


def test_the_numbers_of_a_run_packed_without_texts_are_those_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packed = pack(REFERENCE, tmp_path / "reference.tar", text=False)
    assert summary(packed.path, capsys) == summary(REFERENCE, capsys)


@pytest.mark.parametrize("text", [True, False])
def test_summary_health_and_report_of_a_packed_run_say_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Made(size=30).write(tmp_path / "made")
    expected = [summary(made, capsys, command) for command in ("summary", "health")]
    packed = pack(made, tmp_path / "packed.tar", text=text)
    found = [summary(packed.path, capsys, command) for command in ("summary", "health")]
    # Whether a trace is empty or repeats itself is read from its text.
    kept = [line for line in expected[1].splitlines() if text or not line.startswith("Of ")]
    assert found[0] == expected[0] and found[1].splitlines()[: len(kept)] == kept
    assert main(["report", str(packed.path), "--out", str(tmp_path / "page.html")]) == 0
    said = capsys.readouterr()
    assert ("was packed without texts" in said.err) is not text
    for told in (found[1], (tmp_path / "page.html").read_text()):
        assert ("Left out when this run was packed" in told) is not text


def test_without_texts_no_byte_of_a_text_is_left_and_whatever_is_counted_is(tmp_path: Path, made: Path) -> None:
    pack(made, tmp_path / "a.tar", text=False)
    root = unpack(tmp_path / "a.tar", tmp_path / "run").root
    for table, columns in {
        "prompts": ["text"],
        "traces": ["text", "token_ids"],
        "answers": ["text"],
        "grades": ["extracted"],
        "scores": ["text"],
        "failures": ["error"],
    }.items():
        rows = store.scan(root, TABLES[table])
        assert rows.num_rows and all(rows[name].null_count == rows.num_rows for name in columns)
    before, after = (store.scan(each, GRADES)["vote_key"].to_pylist() for each in (made, root))
    assert len(set(before)) == len(set(after)) == len(set(zip(before, after, strict=True)))
    assert not set(before) & set(after)
    assert all(b"thinking of" not in path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert (root / NO_TEXTS).read_text().startswith("Left out")


def test_codes_of_votes_cannot_be_tried_without_the_texts(tmp_path: Path) -> None:
    roots = [Made(texts=text).write(tmp_path / f"made{text}") for text in ("", "!")]
    codes = []
    for root in roots:
        pack(root, tmp_path / f"{root.name}.tar", text=False)
        codes.append(
            set(
                store.scan(unpack(tmp_path / f"{root.name}.tar", tmp_path / f"u{root.name}").root, GRADES)[
                    "vote_key"
                ].to_pylist()
            )
        )
    assert not codes[0] & codes[1]


def test_embeddings_stay_where_texts_do(tmp_path: Path, made: Path) -> None:
    row = {"task": Made().task, "prompt_id": "sums/00000", "embedder": "e", "version": "1", "vector": [1.0]}
    store.append(made, EMBEDDINGS, [row], writer="embed-e")
    for text in (True, False):
        pack(made, tmp_path / f"{text}.tar", text=text)
        root = unpack(tmp_path / f"{text}.tar", tmp_path / f"run {text}").root
        assert store.scan(root, EMBEDDINGS).num_rows == text


def test_nothing_is_graded_or_drawn_in_a_run_without_texts(tmp_path: Path, made: Path) -> None:
    pack(made, tmp_path / "a.tar", text=False)
    root = unpack(tmp_path / "a.tar", tmp_path / "run").root
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="was packed without texts, so it cannot be graded or drawn"):
        repair(root)
    with pytest.raises(ValueError, match="was packed without texts"):
        check_open(root)
    assert lacks_texts(root) and not lacks_texts(made)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_nothing_of_a_machine_or_a_person_travels(tmp_path: Path, made: Path) -> None:
    content = pack(made, tmp_path / "a.tar").path.read_bytes()
    root = unpack(tmp_path / "a.tar", tmp_path / "run").root
    (made / "logs").mkdir()
    (made / "logs" / "out").write_text("/home/someone")
    assert pack(made, tmp_path / "b.tar").path.read_bytes() == content
    told = json.dumps(
        [json.loads(path.read_text()) for path in root.glob("*/*.json")]
        + store.scan(root, TABLES["models"]).to_pylist()
        + store.scan(root, TABLES["scorers"]).to_pylist()
        + store.scan(root, TABLES["failures"]).to_pylist()
    )
    for secret in ("someone", "node17", "sk-abc", "hf_abc", "pass@", "/home"):
        assert secret not in told and secret.encode() not in content, secret
    assert "num_cpus" in told and ".../small" in told and "host.example" in told and ".../judge" in told


CLEANED = {
    "/home/me/models/Qwen3-8B": ".../Qwen3-8B",
    "~/models/Qwen3-8B/": ".../Qwen3-8B",
    "model.path=/scratch/me/x task.size=8": "model.path=.../x task.size=8",
    "Qwen/Qwen3-8B": "Qwen/Qwen3-8B",
    "models/mine": "models/mine",
    "</think>": "</think>",
    "1/2/3 and 4 / 5": "1/2/3 and 4 / 5",
    "http://127.0.0.1:8000/v1": "http://127.0.0.1:8000/v1",
    "https://me:word@host/v1/x": "https://host/v1/x",
    "file:///home/me/x/y": ".../y",
    "Authorization: Bearer abcdefghijkl": "Authorization: (left out) (left out)",
    "Incorrect API key provided: sk-proj-abcdefghijklmnop": "Incorrect API key provided: (left out)",
    "?api_key=abcdefgh&x=1": "?api_key=(left out)&x=1",
    "max_tokens=4096 start_token: 16": "max_tokens=4096 start_token: 16",
    '["/data/me/a.json", "b"]': '[".../a.json", "b"]',
}


@pytest.mark.parametrize("text", CLEANED)
def test_texts_of_a_machine_lose_their_secrets_and_folders_and_nothing_else(text: str) -> None:
    assert clean_text(text) == CLEANED[text]
    assert clean_text(CLEANED[text]) == CLEANED[text]


def test_settings_that_are_called_like_secrets_are_left_out_and_others_stay() -> None:
    record = {"api_key": "x", "hf_token": "y", "api_key_variable": "KEY", "max_answer_tokens": 32, "vote_key": "k"}
    cleaned = {"api_key": "(left out)", "hf_token": "(left out)", "api_key_variable": "KEY"}
    assert clean_record({"config": record, "user": "me"}) == {"config": record | cleaned}


def test_a_run_that_is_written_damaged_or_empty_is_not_packed(tmp_path: Path, made: Path) -> None:
    with store.lock(made, "small"), pytest.raises(store.BusyError, match="small is being written in"):
        pack(made, tmp_path / "a.tar")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has nothing to pack"):
        pack(tmp_path / "empty", tmp_path / "a.tar")
    shard = next((made / "answers").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ValueError, match="Damaged tables"):
        pack(made, tmp_path / "a.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "made"]


def test_a_file_that_is_no_pack_is_not_written_over(tmp_path: Path, made: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="already exists and is not a packed run"):
        pack(made, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert pack(made, tmp_path / "a.tar").sha256 == pack(made, tmp_path / "a.tar").sha256


def test_names_that_differ_in_case_alone_are_not_packed(tmp_path: Path) -> None:
    Made(models=("qwen", "Qwen")).write(tmp_path / "made")
    with pytest.raises(ValueError, match="cannot be packed: .* are the same file on some machines"):
        pack(tmp_path / "made", tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()


def test_an_opened_pack_is_unpacked_once_and_without_a_cache_for_this_process_alone(
    tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pack(made, tmp_path / "theirs.isoquant.tar")
    root = opened(tmp_path / "theirs.isoquant.tar")
    assert root.name == "theirs" and root.is_relative_to(tmp_path / "cache")
    told = root.stat().st_mtime_ns
    shutil.copy(tmp_path / "theirs.isoquant.tar", tmp_path / "theirs.tar")
    assert opened(tmp_path / "theirs.tar") == root and root.stat().st_mtime_ns == told
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert not opened(tmp_path / "theirs.isoquant.tar").is_relative_to(tmp_path)


def test_the_commands_pack_unpack_and_say_what_is_wrong_in_a_line(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["pack", "made"]) == 0 and (tmp_path / "made.isoquant.tar").is_file()
    assert main(["unpack", "made.isoquant.tar"]) == 0 and (tmp_path / "results/runs/made").is_dir()
    assert main(["pack", "made", "--no-text", "--out", "bare.tar"]) == 0
    assert main(["unpack", "bare.tar", "--into", "./there"]) == 0 and (tmp_path / "there").is_dir()
    said = capsys.readouterr().out
    assert said.count("sha256") == 4 and "without texts" in said and "texts were left out" in said
    for arguments, reason in {
        ("pack", "nothing"): "No run 'nothing'; runs here: ",
        ("unpack", "nothing.tar"): "is not a file",
        ("unpack", "made.isoquant.tar"): "already exists",
        ("unpack", "made/provenance/small-000.json"): "is not a packed run",
    }.items():
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1 and reason in error
    assert name_run(Path("x.isoquant.tar")) == "x" and name_run(Path(".tar")) == "unpacked"


@pytest.mark.parametrize(
    "words", [("score", "scorer=verifier_33k"), ("grade",), ("embed",)], ids=lambda words: words[0]
)
def test_nothing_is_added_to_a_packed_run(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packed = tmp_path / "run.isoquant"
    pack(Made().write(tmp_path / "run"), packed)
    command, *more = words
    assert main([command, str(packed), *more]) == 2
    assert "A packed run can be read, but nothing can be added to it" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()
