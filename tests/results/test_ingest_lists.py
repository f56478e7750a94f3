"""Samples that stand in one row, in lists or in a column a model."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from results.ingest.lists import spread
from results.ingest.mapping import Mapped
from results.ingest.table import read

KEY = {"prompt": "id", "correct": "ok", "answer": "ans"}
Cells = dict[str, Any]


@pytest.mark.parametrize("form", ["jsonl", "parquet", "json text", "python text", "nested"])
def test_lists_in_a_row_are_samples(tmp_path: Path, form: str):
    rows = [
        {"id": "p", "ok": [True, False, True], "ans": ["2", "3", "2"]},
        {"id": "q", "ok": [False, True], "ans": ["4", "5"]},
    ]
    path = tmp_path / "t.jsonl"
    if form == "parquet":
        path = tmp_path / "t.parquet"
        pd.DataFrame(rows).to_parquet(path)
    elif form in ("json text", "python text"):
        told = json.dumps if form == "json text" else str
        path = tmp_path / "t.csv"
        pd.DataFrame([row | {name: told(row[name]) for name in ("ok", "ans")} for row in rows]).to_csv(path)
    else:
        nested = [row | {"ans": [row["ans"]]} if form == "nested" else row for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in nested))
    found = read(path, Mapped(KEY, model="m"))
    assert [(s.prompt, s.number, s.correct, s.answer) for s in found.samples] == [
        ("p", 0, True, "2"),
        ("p", 1, False, "3"),
        ("p", 2, True, "2"),
        ("q", 0, False, "4"),
        ("q", 1, True, "5"),
    ]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"correct": ["1", "0"], "answer": ["2", "3", "2"]}, "answer has a list of 3 values and correct has 2"),
        ({"correct": ["1", "0"], "answer": "2"}, "answer has one value for 2 scores"),
        ({"correct": ["1", "0"], "decoded_tokens": "80"}, "decoded_tokens has one value for 2 scores"),
        ({"correct": "1", "answer": ["2", "3", "2"]}, "answer has a list of 3 values, but there is one score"),
        ({"correct": "1", "text": []}, "text has a list of 0 values, but there is one score"),
    ],
)
def test_lists_that_do_not_fit_are_told(cells: Cells, said: str):
    with pytest.raises(ValueError, match=said):
        list(spread(cells))


@pytest.mark.parametrize(
    ("cells", "rows"),
    [
        ({"correct": "1", "answer": "[1, 2]"}, [{"correct": "1", "answer": "[1, 2]"}]),
        ({"correct": "1", "answer": ["2"]}, [{"correct": "1", "answer": "2"}]),
        (
            {"correct": ["1", "0"], "prompt_tokens": "9", "sample": "7"},
            [
                {"correct": "1", "prompt_tokens": "9", "sample": "7.0"},
                {"correct": "0", "prompt_tokens": "9", "sample": "7.1"},
            ],
        ),
        (
            {"correct": ["1", "0"], "sample": ["a", "b"]},
            [{"correct": "1", "sample": "a"}, {"correct": "0", "sample": "b"}],
        ),
        ({"correct": []}, []),
    ],
)
def test_what_stands_once_is_of_every_sample(cells: Cells, rows: list[Cells]):
    assert list(spread(cells)) == rows


WIDE = "id,q,gpt-4,gpt-4|cost,gpt-4|text,a/b-7b,a/b-7b|cost,a/b-7b|text\n0,x,1,.2,t,0,.1,u\n1,y,0,.3,v,,.1,w\n"


@pytest.mark.parametrize(
    ("columns", "models"),
    [
        ({"correct": "{model}", "usd": "{model}|cost"}, ()),
        ({"correct": "{model}", "text": "{model}|text", "usd": "{model}|cost"}, ()),
        ({"correct": "{model}"}, ("gpt-4", "a/b-7b")),
    ],
)
def test_a_column_a_model_is_a_row_a_model(tmp_path: Path, columns: dict[str, str], models: tuple[str, ...]):
    (tmp_path / "t.csv").write_text(WIDE)
    found = read(tmp_path / "t.csv", Mapped({"prompt": "id"} | columns, models=models))
    assert [(s.model, s.prompt, s.correct) for s in found.samples] == [
        ("gpt-4", "0", True),
        ("a/b-7b", "0", False),
        ("gpt-4", "1", False),
    ]
    assert found.dropped["it has no score"] == 1
    if "usd" in columns:
        assert [s.tokens.usd for s in found.samples] == [0.2, 0.1, 0.3]


@pytest.mark.parametrize(
    ("columns", "models"),
    [
        ({"correct": "{model}.ok"}, ["a", "b"]),
        ({"correct": "{model}.ok", "text": "{model}.said"}, ["a"]),
        ({"correct": "{model}.tries.*.ok"}, ["c"]),
        ({"correct": "{model}.tries[n=1].ok"}, ["c"]),
        ({"correct": "{model}.tries.0.ok"}, ["c"]),
    ],
)
def test_cells_of_a_column_a_model_tell_which_columns_are_models(
    tmp_path: Path, columns: dict[str, str], models: list[str]
):
    row = {
        "q": "p",
        "meta": {"level": 1},
        "a": {"ok": True, "said": "x"},
        "b": {"ok": False},
        "c": {"tries": [{"n": 0, "ok": False}, {"n": 1, "ok": True}]},
    }
    (tmp_path / "t.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"q": "r", "a": None}) + "\n")
    found = read(tmp_path / "t.jsonl", Mapped({"prompt": "q"} | columns))
    assert sorted({sample.model for sample in found.samples}) == models


@pytest.mark.parametrize(
    ("columns", "models", "said"),
    [
        ({"correct": "{model}"}, (), "Name the columns that are models, such as --models 'q' 'gpt-4'"),
        ({"correct": "{model} ok"}, (), "No model fits {model} ok; name them with --models"),
        ({"correct": "{model}"}, ("gpt-5",), "The table has no column 'gpt-5'; it has 'id', 'q', 'gpt-4'"),
    ],
)
def test_columns_that_may_be_no_models_are_not_guessed(
    tmp_path: Path, columns: dict[str, str], models: tuple[str, ...], said: str
):
    (tmp_path / "t.csv").write_text(WIDE)
    with pytest.raises(ValueError, match=said.replace("{", r"\{")):
        read(tmp_path / "t.csv", Mapped({"prompt": "id"} | columns, models=models))
