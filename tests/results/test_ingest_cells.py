"""Cells are read from the column that is mapped, and as they are written, alike in every form of table."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from results.ingest.mapping import Mapped
from results.ingest.outcomes import Ingested
from results.ingest.table import read

FORMS = ["csv", "tsv", "json", "jsonl", "parquet"]
KEY = {"model": "model", "prompt": "id", "correct": "ok"}
Row = dict[str, Any]


def write(folder: Path, form: str, rows: list[Row]) -> Path:
    """Rows of text, None where a cell is empty, in one form of table."""
    path = folder / f"table.{form}"
    if form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif form == "json":
        path.write_text(json.dumps(rows))
    elif form == "parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        pd.DataFrame(rows).to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    return path


def read_rows(folder: Path, form: str, rows: list[Row], **columns: str) -> Ingested:
    return read(write(folder, form, rows), Mapped(KEY | columns))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("noun", "beside"),
    [
        ("correct", "ok"),
        ("answer", "pred"),
        ("prompt", "id"),
        ("model", "name"),
        ("budget", "limit"),
        ("sample", "i"),
    ],
)
def test_a_noun_is_read_from_its_column_where_another_bears_its_name(
    tmp_path: Path, form: str, noun: str, beside: str
):
    rows = [
        {"model": "m", "id": f"p{at}", "ok": "1", "name": "n", "pred": "7", "limit": "64", "i": "3"}
        for at in (0, 1)
    ]
    # The column that is called like the noun holds what must not be read.
    rows = [row | {noun: "0"} for row in rows]
    found = read_rows(tmp_path, form, rows, **{noun: beside})
    said = {
        "correct": found.samples[0].correct,
        "answer": found.samples[0].answer,
        "prompt": found.samples[0].prompt,
        "model": found.samples[0].model,
        "budget": found.samples[0].budget,
        "sample": found.samples[0].number,
    }
    right = {"correct": True, "answer": "7", "prompt": "p0", "model": "n", "budget": 64, "sample": 3}
    assert said[noun] == right[noun] and len(found.samples) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("prompt", "prompt_text"),
        ("prompt", "dial.kind"),
        ("answer", "text"),
        ("model", "task"),
        ("correct", "answer"),
    ],
)
def test_one_column_serves_two_nouns(tmp_path: Path, first: str, second: str):
    rows = [{"model": "m", "id": "p", "ok": "1", "both": value} for value in ("1", "0")]
    found = read_rows(tmp_path, "csv", rows, **{first: "both", second: "both"})
    sample = found.samples[1]
    prompt = found.prompts[sample.task, sample.prompt]
    read_as = {
        "prompt": sample.prompt,
        "prompt_text": prompt["text"],
        "dial.kind": str(prompt["dials"].get("kind")),
        "answer": sample.answer,
        "text": sample.text,
        "model": sample.model,
        "task": sample.task,
        "correct": str(int(sample.correct)),
    }
    assert (read_as[first], read_as[second]) == ("0", "0")


WRITTEN = [
    "10000000000000000000001",
    "10000000000000000000002",
    "007",
    "7",
    "7.0",
    "1.50",
    "1e5",
    "NA",
    "null",
    "None",
    "nan",
    "-",
    "true",
    "True",
    "2021-05-01",
    "05/01/2021",
    "20210501",
    "inf",
    " 7",
    "1,000",
    "[1, 2]",
    "é",
]


@pytest.mark.parametrize("form", FORMS)
def test_identifiers_and_answers_stay_as_written(tmp_path: Path, form: str):
    rows = [{"model": "m", "id": value, "ok": "1", "ans": value} for value in WRITTEN]
    found = read_rows(tmp_path, form, rows, answer="ans")
    assert [sample.prompt for sample in found.samples] == WRITTEN
    assert [sample.answer for sample in found.samples] == WRITTEN


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("empty", ["", None])
def test_only_an_empty_cell_is_missing(tmp_path: Path, form: str, empty: str | None):
    rows = [
        {"model": "m", "id": "p", "ok": "0", "ans": answer, "i": str(at)} for at, answer in enumerate([empty, "5"])
    ]
    rows += [{"model": "m", "id": "q", "ok": empty, "ans": "5", "i": "0"}, {"model": "m", "id": empty, "ok": "1"}]
    found = read_rows(tmp_path, form, rows, answer="ans", sample="i")
    assert [(sample.answer, sample.outcome) for sample in found.samples] == [(None, "unparsed"), ("5", None)]
    assert found.dropped == {"it has no score": 1} and list(found.odd) == ["it has no prompt"]


@pytest.mark.parametrize("number", ["1.50", "10000000000000000000001", "1e-7", "-0", "100000000000000000000.0"])
def test_numbers_of_json_are_read_as_they_are_written(tmp_path: Path, number: str):
    path = tmp_path / "table.jsonl"
    path.write_text(f'{{"model": "m", "id": {number}, "ok": true, "ans": {number}}}\n')
    (sample,) = read(path, Mapped(KEY | {"answer": "ans"})).samples
    assert (sample.prompt, sample.answer, sample.correct) == (number, number, True)


def test_cells_within_cells_have_paths_and_files_their_names(tmp_path: Path):
    folder = tmp_path / "small"
    folder.mkdir()
    row = {"doc": {"id": 3, "a.b": {"c": "x"}}, "metrics": [{"acc": 0}, {"acc": 1}]}
    (folder / "math-seed1.jsonl").write_text(json.dumps(row) + "\n")
    columns = {
        "prompt": "doc.id",
        "correct": "metrics.1.acc",
        "answer": "doc.a.b.c",
        "model": "@folder",
        "task": "@file",
    }
    (sample,) = read(tmp_path, Mapped(columns)).samples
    assert (sample.model, sample.task, sample.prompt, sample.answer) == ("small", "math-seed1", "3", "x")
    assert sample.correct


def test_rows_are_found_where_they_stand_in_an_object(tmp_path: Path):
    path, row = tmp_path / "results.json", {"model": "m", "id": "p", "ok": 1}
    for content, rows_at in [
        ({"results": {"aime": {"examples": [row], "num_total": 1}}}, "results.aime.examples"),
        ({"meta": {}, "rows": [row]}, None),
        ({"a": {"x": row, "y": row}}, "a"),
        (row, None),
        ([row], None),
        ({name: {"0": value, "1": value} for name, value in row.items()}, None),
    ]:
        path.write_text(json.dumps(content))
        assert {sample.model for sample in read(path, Mapped(KEY, rows_at=rows_at)).samples} == {"m"}
    (tmp_path / "list.jsonl").write_text(json.dumps([row, row]))
    assert len(read(tmp_path / "list.jsonl", Mapped(KEY)).samples) == 2


BAD = '{"model": "m", "id": "x", "ok": "maybe"}\n'
GOOD = '{"model": "m", "id": "p", "ok": 1, "b": null, "i": null}\n'


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (BAD, "'maybe' is not a score"),
        ('{"model": "m", "id": ', "it is not JSON; is the end missing?"),
        ("[1]\n", "it is not a JSON object"),
        ('{"model": "m", "id": null, "ok": 1}\n', "it has no prompt"),
        ('{"model": "m", "id": "x", "ok": 1, "b": -5}\n', "-5 is not possible, under budget"),
        ('{"model": "m", "id": "x", "ok": 1, "b": "low"}\n', "'low' is not a number, under budget"),
        ('{"model": "m", "id": "x", "ok": 1e999}\n', "'1e999' is not a score"),
        (
            '{"model": "m", "id": "x", "ok": [1, 0], "b": 2, "i": ["a"]}\n',
            "sample has a list of 1 values and correct has 2",
        ),
    ],
)
def test_one_odd_row_is_skipped_and_named(tmp_path: Path, bad: str, said: str):
    name = "t.jsonl"
    (tmp_path / name).write_text(GOOD * 3 + bad)
    found = read(tmp_path / name, Mapped(KEY | {"budget": "b", "sample": "i"}))
    assert len(found.samples) == 3
    (reason, places), *more = found.odd.items()
    assert reason.startswith(said) and places in ([f"line 4 of {name}"], [f"row 4 of {name}"]) and not more


def test_one_odd_file_of_a_folder_is_skipped_and_named(tmp_path: Path):
    for number in range(3):
        (tmp_path / f"good{number}.jsonl").write_text(GOOD * (1 + number))
    (tmp_path / "other.json").write_text('{"version": 3}')
    (tmp_path / "torn.jsonl").write_text('{"model": ')
    (tmp_path / "notes.txt").write_text("not a table")
    (tmp_path / "._good0.jsonl").write_text("of a file manager")
    found = read(tmp_path, Mapped(KEY))
    assert len(found.samples) == 6
    assert sorted(places[0] for places in found.odd.values()) == [
        "line 1 of torn.jsonl",
        "other.json",
        "torn.jsonl",
    ]


@pytest.mark.parametrize("name", ["again.jsonl", "sub/again.jsonl", "a copy of it.jsonl"])
def test_a_copy_of_a_file_is_not_read_again(tmp_path: Path, name: str):
    for path in (tmp_path / "a.jsonl", tmp_path / name):
        path.parent.mkdir(exist_ok=True)
        path.write_text(GOOD)
    found = read(tmp_path, Mapped(KEY))
    assert len(found.samples) == 1 and list(found.odd) == ["it is a copy of a file before it"]
    # Where a file's name says which sample or model it is of, equal ones are two.
    assert len(read(tmp_path, Mapped(KEY | {"sample": "@file"})).samples) == 2


def test_a_row_of_too_many_cells_is_skipped_and_two_columns_of_one_name_are_refused(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("model,id,ok\nm,p,1\nm,q,1,7\nm,r\nm,s,0\n")
    found = read(path, Mapped(KEY))
    assert [sample.prompt for sample in found.samples] == ["p", "s"]
    assert found.odd["it has 4 cells under 3 columns"] == ["line 3 of t.csv"]
    path.write_text("model,id,ok,ok\nm,p,1,0\n")
    with pytest.raises(ValueError, match="two columns are called 'ok'"):
        read(path, Mapped(KEY))
