import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from results import schema, store
from results.ingest import table
from results.ingest.mapping import Mapped
from results.ingest.scores import MissingError, grade
from tests.door import ingest as main

SAMPLES = """model,item,run,right,reply,in,out,cost,level
small,a,0,1,4,10,30,0.01,1
small,a,1,0,5,10,40,0.02,1
small,b,0,0,,20,50,0.03,3
small,b,1,1,9,20,60,0.04,3
large,a,0,1,4,11,70,0.1,1
large,a,1,1,4,11,80,0.1,1
large,b,0,0,7,21,90,0.1,3
large,b,1,1,9,21,99,0.1,3
"""
MAP = ["model=model", "prompt=item", "correct=right"]
ALL = [
    *MAP,
    "sample=run",
    "answer=reply",
    "prompt_tokens=in",
    "decoded_tokens=out",
    "usd=cost",
    "dial.level=level",
]
COUNTS = "model,item,n,c,k\nm,a,100,7,1\nm,a,100,7,10\nm,b,100,0,1\nm,b,100,0,10\n"


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    (tmp_path / "samples.csv").write_text(SAMPLES)
    return tmp_path / "samples.csv"


def rows(root: Path, name: str) -> list[dict]:
    return store.scan(root, schema.TABLES[name]).to_pylist()


def test_samples_with_answers_become_answers_grades_prompts_and_a_cell(samples: Path, tmp_path: Path):
    assert (
        main([str(samples), str(tmp_path / "run"), "--task", "sums", "--map", *ALL, "--params", "small=1e9"]) == 0
    )
    root = tmp_path / "run"
    models = {row["model"]: row for row in rows(root, "models")}
    assert (models["small"]["num_params"], models["large"]["num_params"]) == (10**9, None)
    answers = [row for row in rows(root, "answers") if row["identity"] == models["small"]["identity"]]
    assert [(r["prompt_id"], r["sample"], r["budget"], r["num_answer_tokens"], r["usd"]) for r in answers] == [
        ("sums/a", 0, None, 30, 0.01),
        ("sums/a", 1, None, 40, 0.02),
        ("sums/b", 0, None, 50, 0.03),
        ("sums/b", 1, None, 60, 0.04),
    ]
    grades = [row for row in rows(root, "grades") if row["identity"] == models["small"]["identity"]]
    assert [(r["vote_key"], r["correct"], r["outcome"]) for r in grades] == [
        ("4", True, "correct"),
        ("5", False, "wrong"),
        (None, False, "unparsed"),
        ("9", True, "correct"),
    ]
    assert [(row["prompt_id"], row["dials"]) for row in rows(root, "prompts")] == [
        ("sums/a", '{"level": 1}'),
        ("sums/b", '{"level": 3}'),
    ]
    assert {(row["budget"], row["num_samples"], row["num_prompts"]) for row in rows(root, "cells")} == {
        (schema.UNLIMITED, 2, 2)
    }


def test_samples_without_answers_become_counts_with_mean_tokens(samples: Path, tmp_path: Path):
    assert main([str(samples), str(tmp_path / "run"), "--map", *MAP, "decoded_tokens=out", "usd=cost"]) == 0
    small = [row for row in rows(tmp_path / "run", "counts") if row["mean_decoded_tokens"] < 65]
    assert [(row["prompt_id"], row["num_samples"], row["num_correct"]) for row in small] == [
        ("outside/a", 2, 1),
        ("outside/b", 2, 1),
    ]
    assert [(row["mean_decoded_tokens"], row["mean_usd"]) for row in small] == [
        (35, 0.015),
        (55, pytest.approx(0.035)),
    ]
    assert rows(tmp_path / "run", "answers") == rows(tmp_path / "run", "grades") == []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([], "Tokens not known: large, small. Cost is counted in samples."),
        (["usd=cost"], "Tokens not known: large, small. Cost is counted in dollars, the mean charge of a"),
        (["decoded_tokens=out"], "Tokens of prompts not known: large, small. Cost is counted without them."),
        (["decoded_tokens=out", "prompt_tokens=in"], ""),
    ],
)
def test_what_is_spent_is_said_where_it_is_ingested(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], told: list[str], said: str
):
    assert main([str(samples), str(tmp_path / "run"), "--map", *MAP, "answer=reply", *told]) == 0
    printed = capsys.readouterr().out
    assert said in printed and ("not known: large, small" in printed) == bool(said)


def test_of_many_models_the_first_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table = tmp_path / "many.csv"
    table.write_text("m,p,c\n" + "".join(f"model{i},{p},1\n" for i in range(81) for p in "ab"))
    words = [str(table), str(tmp_path / "run"), "--map", "model=m", "prompt=p", "correct=c"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "Tokens not known: model0, model1" in printed and "and 73 more. Cost is counted in samples." in printed
    assert main([*words, "--models", "nobody"]) == 2
    assert len(capsys.readouterr().err.strip()) < 300


def even(num_samples: Sequence[int], *, model: str = "m", budget: object = "") -> list[tuple]:
    """Model, prompt, samples and budget of a model whose prompts have so many samples each."""
    return [(model, f"p{number}", size, budget) for number, size in enumerate(num_samples)]


OF_MANY = pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            even([1] * 9 + [10] * 51),
            "Unused 459 of m on outside: beyond 1 a prompt, since fewer than 90% of its prompts",
        ),
        (even([1] * 6 + [10] * 54), ""),
        (
            even([10] * 54 + [12] * 6),
            "Unused 12 of m on outside: beyond 10 a prompt, since fewer than 90% of its prompts",
        ),
        (
            even([4] * 9) + even([6] * 9, model="n"),
            "",
        ),
        (
            even([4] * 9, budget=1) + even([4] * 9, budget=2) + even([4] * 9, model="n", budget=2),
            "Unused 36 on outside: at a budget that not every model has on 90% of its prompts.",
        ),
    ],
    ids=["few have many", "many have many", "few have more", "models apart", "budgets apart"],
)


@OF_MANY
def test_what_nothing_will_be_read_from_is_said_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], found: list[tuple], said: str
):
    each = [f"{model},{item},1,x,{budget}\n" for model, item, size, budget in found for _ in range(size)]
    (tmp_path / "samples.csv").write_text("model,item,right,reply,b\n" + "".join(each))
    mapped = ["model=model", "prompt=item", "correct=right", "answer=reply", "budget=b"]
    assert main([str(tmp_path / "samples.csv"), str(tmp_path / "run"), "--map", *mapped]) == 0
    printed = capsys.readouterr().out
    assert said in printed and printed.count("Unused") == bool(said)


@OF_MANY
def test_of_counts_nothing_is_unused_but_for_its_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], found: list[tuple], said: str
):
    each = [f"{model},{item},{size},1,{budget}\n" for model, item, size, budget in found]
    (tmp_path / "counts.csv").write_text("model,item,n,c,b\n" + "".join(each))
    mapped = ["model=model", "prompt=item", "num_samples=n", "num_correct=c", "budget=b"]
    assert main([str(tmp_path / "counts.csv"), str(tmp_path / "run"), "--map", *mapped]) == 0
    printed = capsys.readouterr().out
    assert ("Unused" in printed) == ("at a budget" in said)


def test_equal_rows_of_counts_are_one_and_different_ones_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    source, mapped = (
        tmp_path / "counts.csv",
        ["--map", "model=model", "prompt=item", "num_samples=n", "num_correct=c"],
    )
    source.write_text(COUNTS)
    assert main([str(source), str(tmp_path / "run"), *mapped]) == 0
    assert "Dropped 2: it is the same row again." in capsys.readouterr().out
    assert [(row["num_samples"], row["num_correct"]) for row in rows(tmp_path / "run", "counts")] == [
        (100, 7),
        (100, 0),
    ]
    source.write_text(COUNTS.replace("m,b,100,0,10", "m,b,100,1,10"))
    assert main([str(source), str(tmp_path / "other"), *mapped]) == 2
    assert "m on b has 0 of 100 in one row and 1 of 100 in another" in capsys.readouterr().err


def test_ingesting_again_adds_nothing_and_other_outcomes_of_a_model_are_refused(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command = [str(samples), str(tmp_path / "run"), "--map", *ALL]
    before = None
    for said in ("small on outside: 4 samples of 2 prompts\n", "4 samples of 2 prompts, already there"):
        assert main(command) == 0
        assert said in capsys.readouterr().out
        stored = {name: rows(tmp_path / "run", name) for name in schema.TABLES}
        assert before in (None, stored)
        before = stored
    samples.write_text(SAMPLES.replace("small,a,0,1,4", "small,a,0,0,3"))
    assert main(command) == 2
    assert "already holds other outcomes of small on outside. Give another RUN" in capsys.readouterr().err
    assert {name: rows(tmp_path / "run", name) for name in schema.TABLES} == before


def test_a_killed_ingest_is_finished_by_the_next(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    command = [str(samples), str(tmp_path / "run"), "--map", *ALL]
    whole, append = tmp_path / "whole", store.append
    main([str(samples), str(whole), "--map", *ALL])

    def killed(root: Path, table: schema.Table, *rest: object, **more: object) -> object:
        if table.name == "grades":
            raise KeyboardInterrupt
        return append(root, table, *rest, **more)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store, "append", killed)
        main(command)
    assert rows(tmp_path / "run", "models") == []
    assert main(command) == 0
    for name in schema.TABLES:
        assert rows(tmp_path / "run", name) == rows(whole, name)


def test_the_work_on_what_is_stored_does_not_grow_with_the_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    scanned: list[str] = []
    iterate = store.iterate

    def counted(root: Path, table: schema.Table, **more: object) -> object:
        scanned.append(table.name)
        return iterate(root, table, **more)

    monkeypatch.setattr(store, "iterate", counted)
    told = []
    for num_models in (2, 40):
        source, root = tmp_path / f"{num_models}.csv", tmp_path / str(num_models)
        source.write_text("m,p,s,a\n" + "".join(f"m{at},p{p},1,4\n" for at in range(num_models) for p in range(3)))
        assert main([str(source), str(root), "--map", "model=m", "prompt=p", "correct=s", "answer=a"]) == 0
        shards = sum(1 for name in schema.TABLES for _ in (root / name).glob("*.parquet"))
        told.append((len(scanned), shards, len(rows(root, "models")) // num_models))
        scanned.clear()
    assert told[0] == told[1]


def test_samples_are_numbered_as_they_come_and_without_gaps(samples: Path, tmp_path: Path):
    samples.write_text(SAMPLES.replace("small,a,0,1,4", "small,a,5,1,4"))
    main([str(samples), str(tmp_path / "run"), "--map", *ALL, "--model", "one"])
    # One name for all: the two models' samples of a prompt clash in their numbers.
    assert rows(tmp_path / "run", "answers") == []
    main([str(samples), str(tmp_path / "run"), "--map", *ALL])
    assert first_samples(tmp_path / "run") == [(0, 40), (1, 30)]
    main([str(samples), str(tmp_path / "two"), "--map", *(pair for pair in ALL if not pair.startswith("sample"))])
    assert first_samples(tmp_path / "two") == [(0, 30), (1, 40)]


def first_samples(root: Path) -> list[tuple[int, int]]:
    """Number and tokens of the small model's samples of its first prompt."""
    small = [row["identity"] for row in rows(root, "models") if row["model"] == "small"]
    found = [row for row in rows(root, "answers") if row["prompt_id"] == "outside/a" and row["identity"] in small]
    return [(row["sample"], row["num_answer_tokens"]) for row in found]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv", "jsonl", "parquet"])
def test_every_form_of_table_reads_alike(samples: Path, tmp_path: Path, suffix: str):
    content, path = pd.read_csv(samples).astype({"reply": "Int64"}), tmp_path / f"again.{suffix}"
    if suffix == "parquet":
        content.to_parquet(path)
    elif suffix == "jsonl":
        content.to_json(path, orient="records", lines=True)
    elif suffix == "csv.gz":
        path.write_bytes(gzip.compress(samples.read_bytes()))
    else:
        content.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    mapped = Mapped(dict(pair.split("=") for pair in ALL))
    found = [table.read(source, mapped) for source in (samples, path)]
    assert found[0] == found[1]


def test_effort_is_part_of_the_name_and_a_budget_is_a_cell(tmp_path: Path):
    source = tmp_path / "efforts.csv"
    source.write_text("m,p,ok,effort,budget\nx,a,1,low,100\nx,a,1,high,100\nx,a,0,high,200\n")
    mapped = ["model=m", "prompt=p", "correct=ok", "effort=effort", "budget=budget"]
    assert main([str(source), str(tmp_path / "run"), "--map", *mapped]) == 0
    assert {row["model"] for row in rows(tmp_path / "run", "models")} == {"x (low effort)", "x (high effort)"}
    assert sorted((row["budget"], row["num_correct"]) for row in rows(tmp_path / "run", "counts")) == [
        (100, 1),
        (100, 1),
        (200, 0),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "model=model", "prompt=item"], "Map correct as well, as --map correct=COLUMN"),
        (["--map", *MAP, "colour=cost"], "colour cannot be mapped; map any of model, prompt"),
        (
            ["--map", "model=model", "prompt=item", "correct=rihgt"],
            "The table has no column 'rihgt'; it has 'model', 'item'",
        ),
        (["--map", *MAP, "--params", "medium=1e9"], "No model medium in the source; its models: small, large"),
        (
            ["--map", "model=model", "prompt=item", "correct=reply"],
            "A score of small is 4, and scores must be from 0 to 1",
        ),
        (
            ["--map", "model=model", "prompt=item", "correct=model"],
            "8 parts of the source cannot be read, such as row 1 of samples.csv: 'small' is not a",
        ),
        ([], "holds no lm-eval samples_\\*.jsonl and no Inspect log; a table (.csv, .tsv, "),
    ],
)
def test_mistakes_are_told_in_one_line(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
):
    assert main([str(samples), str(tmp_path / "run"), *options]) == 2
    error = capsys.readouterr().err
    assert said.replace("\\", "") in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("latin.csv", "model,item,right\nsmall,é,1\n".encode("latin-1")),
        ("quoted.csv", b'model,item\nsmall,"a\n'),
        ("torn.csv.gz", gzip.compress(SAMPLES.encode(), mtime=0)[:-20]),
        ("plain.csv.gz", SAMPLES.encode()),
        ("torn.jsonl", b'{"model": "small", '),
        ("listed.jsonl", b"[1]\n[2]\n"),
        ("torn.parquet", b"PAR1"),
    ],
)
def test_a_file_that_is_no_table_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
):
    (tmp_path / name).write_bytes(content)
    assert main([str(tmp_path / name), str(tmp_path / "run"), "--map", *MAP]) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / name} cannot be read as a table (" in error and error.count("\n") == 1


def test_scores_of_every_kind_are_graded():
    assert [grade(value, correct_at=1)[0] for value in (True, "C", 1, 1.0, "true", "correct")] == [True] * 6
    assert [grade(value, correct_at=1)[0] for value in (False, "I", "N", 0, "P", 0.99)] == [False] * 6
    assert grade("P", correct_at=0.5) == (True, 0.5)
    with pytest.raises(MissingError, match="no score"):
        grade(float("nan"), correct_at=1)


@pytest.mark.parametrize("number", [10**400, 2**64, 0], ids=["beyond all floats", "beyond all counts", "none"])
def test_samples_are_numbered_however_large_their_numbers_are(number: int, tmp_path: Path) -> None:
    places = {"third": number + 2, "first": number, "second": number + 1, "label": "z", "below": -number - 1}
    rows = [{"m": "a", "p": "x", "c": 1, "a": answer, "s": at} for answer, at in places.items()]
    source = tmp_path / "t.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    words = ["--map", "model=m", "prompt=p", "correct=c", "answer=a", "sample=s"]
    assert main([str(source), str(tmp_path / "run"), *words]) == 0
    stored = store.scan(tmp_path / "run", schema.GRADES).sort_by("sample")["extracted"].to_pylist()
    assert stored == ["first", "second", "third", "below", "label"]


def test_a_name_that_no_model_has_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text(f"m,p,s\n{'x' * 501},p,1\n")
    assert main([str(tmp_path / "t.csv"), str(tmp_path / "run"), "--map", "model=m", "prompt=p", "correct=s"]) == 2
    error = capsys.readouterr().err
    assert "A model's name has 501 letters (xxx" in error and "--model NAME" in error and len(error) < 300
