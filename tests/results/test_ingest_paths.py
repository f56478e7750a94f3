"""Where in a file the rows and their cells are found."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from results.ingest import table
from results.ingest.cells import text
from results.ingest.mapping import Mapped
from results.ingest.paths import find
from results.ingest.rows import rows_of

ROW: dict[str, Any] = {
    "stats": [
        {"name": {"name": "tokens", "split": "test"}, "mean": 4.0},
        {"name": {"name": "match", "split": "valid"}, "mean": 0.0},
        {"name": {"name": "match", "split": "test"}, "mean": 1.0},
    ],
    "tries": [{"r": 0, "log": {"text": "a"}}, {"r": 1, "log": {"text": "b"}}, {"log": {}}],
    "pass@1[avg-of-4]": 0.5,
    "metrics": {"pass@1[avg-of-4]": {"acc": 0.25}, "acc.none": 1, "a": {"b": {"c": [[5, 6], [7]]}}},
    "one": {"list": ["x"]},
    "zero": {"n": 0, "no": False, "nothing": None},
}


@pytest.mark.parametrize(
    ("path", "cell"),
    [
        ("stats[name.name=match].mean", 0.0),
        ("stats[name.name=match][name.split=test].mean", 1.0),
        ("stats[name.name=tokens].name.split", "test"),
        ("stats[name.name=absent].mean", None),
        ("stats[mean=4.0].name.name", "tokens"),
        ("stats.2.mean", 1.0),
        ("stats.*.mean", [4.0, 0.0, 1.0]),
        ("tries.*.r", [0, 1, None]),
        ("tries.*.log.text", ["a", "b", None]),
        ("tries.*", ROW["tries"]),
        ("pass@1[avg-of-4]", 0.5),
        ("metrics.pass@1[avg-of-4].acc", 0.25),
        ("metrics.acc.none", 1),
        ("metrics.a.b.c.0.1", 6),
        ("metrics.a.b.c.*.0", [5, 7]),
        ("len(metrics.a.b.c)", "2"),
        ("len(tries.*.r)", "3"),
        ("one[list=x].y", None),
        ("zero.n", 0),
        ("zero.no", False),
        ("zero.nothing", None),
        ("zero.n.m", None),
        ("tries.9.r", None),
        ("absent.*.r", None),
    ],
)
def test_a_path_leads_to_a_cell(path: str, cell: Any):
    found = find(ROW, path)
    assert (found, type(found)) == (cell, type(cell))


@pytest.mark.parametrize(
    ("cell", "path", "held"),
    [
        ('{"value": "C", "answer": "4"}', "s.value", "C"),
        ("{'value': 'C', 'n': None}", "s.value", "C"),
        ('{"a": {"b": [1.50, 2]}}', "s.a.b.0", "1.50"),
        ('[{"ok": true}, {"ok": false}]', "s.*.ok", [True, False]),
        ("[{'ok': True}, {'ok': False}]", "s.1.ok", False),
        ('[{"n": "f1", "v": 0.5}, {"n": "em", "v": 1}]', "s[n=em].v", "1"),
        ('{"a": "{\\"b\\": 1}"}', "s.a.b", "1"),
        ("[1, 2, 3]", "len(s)", "3"),
        ("['a', 'b']", "s.1", "b"),
        ("{torn", "s.value", None),
        ("{not: json}", "s.value", None),
        ("plain", "s.value", None),
        ("", "s.value", None),
        ("[x](y)", "s.0", None),
    ],
)
@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_a_path_leads_into_a_cell_that_is_text(tmp_path: Path, form: str, cell: str, path: str, held: Any):
    assert find({"s": cell}, path) == held
    frame = pd.DataFrame({"id": ["p"], "ok": ["1"], "s": [cell]})
    file = tmp_path / f"t.{form}"
    if form == "csv":
        frame.to_csv(file, index=False)
    elif form == "parquet":
        frame.to_parquet(file)
    else:
        file.write_text(json.dumps(frame.iloc[0].to_dict()) + "\n")
    columns = {"prompt": "id", "correct": "ok", "prompt_text": path}
    if held is None:
        with pytest.raises(ValueError, match="has no column"):
            table.read(file, Mapped(columns, model="m"))
    else:
        (prompt,) = table.read(file, Mapped(columns, model="m")).prompts.values()
        assert prompt["text"] == text(held)


ROWS = [{"id": "p", "ok": "1"}, {"id": "q", "ok": "0"}]
NAMED = {"p": {"ok": "1"}, "q": {"ok": "0"}}


@pytest.mark.parametrize(
    ("value", "columns", "rows"),
    [
        (ROWS, ("id", "ok"), ROWS),
        ({"rows": ROWS}, ("id", "ok"), ROWS),
        ({"rows": ROWS, "n": 2}, ("id", "ok"), ROWS),
        ({"suite": "s", "n": 2, "ok": "1", "rows": ROWS}, ("id", "ok"), ROWS),
        ({"suite": "s", "others": [{"x": 1}], "rows": ROWS}, ("id", "ok"), ROWS),
        ({"suite": "s", "id": "t", "ok": "1", "rows": ROWS}, ("id", "ok"), "itself"),
        (NAMED, ("@key", "ok"), [{"@key": "p", "ok": "1"}, {"@key": "q", "ok": "0"}]),
        ({"n": 2, "rows": NAMED}, ("@key", "ok"), [{"@key": "p", "ok": "1"}, {"@key": "q", "ok": "0"}]),
        (
            {"0": {"id": "p", "s": {"r": 1}}, "1": {"id": "q", "s": {"r": 0}}},
            ("id", "s.r"),
            [{"@key": "0", "id": "p", "s": {"r": 1}}, {"@key": "1", "id": "q", "s": {"r": 0}}],
        ),
        (
            {"grades": {"p": [True], "q": [False]}, "pass_at_1": 0.5},
            ("@key", "@value"),
            "itself and grades",
        ),
        (
            {"p": [True, False], "q": [False]},
            ("@key", "@value.0"),
            [
                {"@key": "p", "@value": [True, False]},
                {"@key": "q", "@value": [False]},
            ],
        ),
        ({"id": {"0": "p", "1": "q"}, "ok": {"0": "1", "1": "0"}}, ("id", "ok"), ROWS),
        ({"a": ROWS, "b": ROWS}, ("id", "ok"), "itself"),
        ({"results": {"acc": 1}, "config": {"acc": 2}}, ("results.acc",), "itself"),
        ({"rows": ROWS, "n": 2}, (), ROWS),
    ],
)
def test_rows_are_where_the_columns_are(value: Any, columns: tuple[str, ...], rows: Any):
    found = rows_of(value, rows_at=None, columns=columns)
    if rows == "itself":
        assert found == [value]
    elif rows == "itself and grades":
        # Two places have names and values: --rows says which is meant.
        assert rows_of(value, rows_at="grades", columns=columns) == [
            {"@key": "p", "@value": [True]},
            {"@key": "q", "@value": [False]},
        ]
    else:
        assert found == rows


def read(path: Path, columns: Mapping[str, str], **said: Any) -> list[tuple[str, str, bool]]:
    found = table.read(path, Mapped(columns, **said))
    return [(sample.model, sample.prompt, sample.correct) for sample in found.samples]


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet", "tsv"])
def test_the_place_of_a_row_names_its_prompt(tmp_path: Path, form: str):
    for model, right in (("a", (1, 0, 1)), ("b", (0, 0, 1))):
        path = tmp_path / f"{model}.{form}"
        if form == "parquet":
            pd.DataFrame({"ok": right}).to_parquet(path)
        elif form == "json":
            path.write_text(json.dumps([{"ok": each} for each in right]))
        elif form == "jsonl":
            path.write_text("".join(json.dumps({"ok": each}) + "\n" for each in right))
        else:
            separator = "\t" if form == "tsv" else ","
            path.write_text(f"ok{separator}x\n" + "".join(f"{each}{separator}y\n" for each in right))
    assert read(tmp_path, {"model": "@file", "prompt": "@row", "correct": "ok"}) == [
        ("a", "0", True),
        ("a", "1", False),
        ("a", "2", True),
        ("b", "0", False),
        ("b", "1", False),
        ("b", "2", True),
    ]


@pytest.mark.parametrize(
    ("name", "odd"), [("t.jsonl", '{"ok": 1\n'), ("t.jsonl", "[1]\n"), ("t.csv", "1,2,3\n"), ("t.jsonl", "null\n")]
)
def test_a_row_that_is_skipped_keeps_its_place(tmp_path: Path, name: str, odd: str):
    lines = {"t.csv": ["ok,x\n", "1,y\n", "1,y\n"], "t.jsonl": ["", '{"ok": 1}\n', '{"ok": 1}\n']}[name]
    (tmp_path / name).write_text(lines[0] + lines[1] + odd + lines[2])
    assert read(tmp_path / name, {"prompt": "@row", "correct": "ok"}, model="m") == [
        ("m", "0", True),
        ("m", "2", True),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl-test", b'{"id": "p", "ok": 1}\n{"id": "q", "ok": 0}\n'),
        ("t", b'[{"id": "p", "ok": 1}, {"id": "q", "ok": 0}]'),
        ("2023-04-16_12-09-25", b'{"id": "p", "ok": 1}\n{"id": "q", "ok": 0}\n'),
        ("t.log", b"id,ok\np,1\nq,0\n"),
        ("t.txt", b"id\tok\np\t1\nq\t0\n"),
        ("t.results", b'\xef\xbb\xbf{"rows": [{"id": "p", "ok": 1}, {"id": "q", "ok": 0}]}'),
        ("t.bak", gzip.compress(b"id,ok\np,1\nq,0\n", mtime=0)),
        ("t.jsonl", gzip.compress(b'{"id": "p", "ok": 1}\n{"id": "q", "ok": 0}\n', mtime=0)),
        ("t.csv", b"\xef\xbb\xbf\xef\xbb\xbfid,ok\np,1\nq,0\n"),
        ("t.csv", b"\xef\xbb\xbfid,ok\r\np,1\r\nq,0\r\n"),
        ("t.csv", b"id\tok\tsaid\np\t1\tone, two\nq\t0\tx\n"),
        ("t.csv", b"id;ok;said\np;1;one, two\nq;0;x\n"),
        ("t.csv", b'"id";"ok"\n"p";"1"\n"q";"0"\n'),
        ("t.csv", b"id|ok\np|1\nq|0\n"),
        ("t.csv", b"id,ok,a;b\np,1,x\nq,0,y\n"),
        ("t.tsv", b"id\tok, of one\tok\np\tx\t1\nq\tx\t0\n"),
    ],
)
def test_what_the_name_does_not_tell_the_first_bytes_do(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name, {"prompt": "id", "correct": "ok"}, model="m") == [
        ("m", "p", True),
        ("m", "q", False),
    ]


def test_parquet_is_known_by_its_first_bytes_and_read_no_further_than_is_wanted(tmp_path: Path):
    frame = pd.DataFrame({"id": ["p"], "s": [[{"k": "a", "v": 1}, {"k": "b", "v": 0}]], "long": ["x"]})
    frame.to_parquet(tmp_path / "t")
    assert read(tmp_path / "t", {"prompt": "id", "correct": "s[k=b].v"}, model="m") == [("m", "p", False)]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (
            {"p": {"a": [{"s": 1}], "b": [{"s": 0}]}, "q": {"a": [{"s": 1}]}},
            {"prompt": "@key", "correct": "{model}.*.s"},
        ),
        (
            {"p": {"a": {"s": [1]}, "b": {"s": [0]}}, "q": {"a": {"s": [1]}}},
            {"prompt": "@key", "correct": "{model}.s"},
        ),
        (
            {"n": 2, "all": [{"id": "p", "a": 1, "b": 0}, {"id": "q", "a": 1, "b": ""}]},
            {"prompt": "id", "correct": "{model}"},
        ),
        ([{"a": 1, "b": 0}, {"a": 1, "b": None}], {"prompt": "@row", "correct": "{model}"}),
    ],
)
def test_models_that_are_named_are_columns_wherever_the_rows_stand(
    tmp_path: Path, content: Any, columns: dict[str, str]
):
    (tmp_path / "t.json").write_text(json.dumps(content))
    found = table.read(tmp_path / "t.json", Mapped(columns, models=("a", "b")))
    assert [(sample.model, sample.correct) for sample in found.samples] == [("a", True), ("b", False), ("a", True)]


@pytest.mark.parametrize(
    ("content", "way"),
    [
        ({"model": "m", "n": 2, "results": ROWS}, "; if the rows are inside, give --rows results."),
        (
            {"model": "m", "n": 2, "info": {"a": 1}, "samples": ROWS, "others": ROWS},
            "; if the rows are inside, give --rows samples.",
        ),
        ({"model": "m", "n": 2, "tags": ["a"], "none": []}, "'none'."),
        ([{"model": "m", "runs": ROWS}, {"model": "k", "runs": ROWS}], "'runs'."),
    ],
)
def test_where_the_rows_may_stand_is_said_where_no_place_has_all_columns(tmp_path: Path, content: Any, way: str):
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="has no column 'id', 'ok'") as told:
        table.read(tmp_path / "t.json", Mapped({"model": "model", "prompt": "id", "correct": "ok"}))
    assert str(told.value).endswith(way)


def test_tries_within_a_row_are_samples(tmp_path: Path):
    tries = [{"ok": True, "said": {"text": "a"}}, {"ok": False, "said": {"text": "b"}}]
    (tmp_path / "t.jsonl").write_text(json.dumps({"id": "p", "tries": tries}) + "\n")
    columns = {"prompt": "id", "correct": "tries.*.ok", "text": "tries.*.said.text"}
    found = table.read(tmp_path / "t.jsonl", Mapped(columns, model="m"))
    assert [(sample.correct, sample.text, sample.number) for sample in found.samples] == [
        (True, "a", 0),
        (False, "b", 1),
    ]
