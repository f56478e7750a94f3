"""Small inputs that others kept since a reader got them wrong; they are no part of this repository."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from results import schema, store
from tests.door import ingest as main

Outside = Callable[[str], Path]
KEY = ["model=model", "prompt=id"]


def grades(root: Path) -> list[tuple[Any, ...]]:
    found = store.scan(root, schema.GRADES).to_pylist()
    return [(row["prompt_id"].split("/", 1)[1], row["vote_key"], row["correct"]) for row in found]


@pytest.mark.parametrize(
    ("name", "mapped", "right"),
    [
        (
            "gold_named_answer.csv",
            [*KEY, "sample=i", "correct=ok", "answer=pred"],
            [("p1", "5", True), ("p1", "7", False), ("p1", "7", False)]
            + [("p2", "4", False), ("p2", "4", False), ("p2", "9", True)],
        ),
        (
            "text_named_prompt.csv",
            [*KEY, "correct=ok", "answer=ans"],
            [("q1", "2", True), ("q2", "3", False), ("q3", "4", True)],
        ),
        (
            "text_named_prompt.csv",
            ["model=model", "prompt=prompt", "prompt_text=prompt", "correct=ok", "answer=ans"],
            [("What is 1+1?", "2", True), ("What is 1+1?", "3", False), ("What is 2+2?", "4", True)],
        ),
        (
            "big_ids.jsonl",
            [*KEY, "correct=ok", "answer=ans"],
            [(f"1000000000000000000000{at}", said, at == 1) for at, said in ((1, "007"), (2, "7"), (3, "1.50"))],
        ),
        (
            "dates.jsonl",
            [*KEY, "correct=ok", "answer=date"],
            [("p", "05/01/2021", True), ("p", "01/05/2021", False), ("q", "20210501", False)],
        ),
        (
            "ids_na.csv",
            ["model=model", "prompt=country", "sample=i", "correct=ok", "answer=ans"],
            [("NA", "a", True), ("null", "b", False), ("DE", "c", True)],
        ),
        (
            "empty_answers.csv",
            [*KEY, "sample=i", "correct=ok", "answer=ans"],
            [("p", None, False), ("p", None, False), ("p", "5", True)],
        ),
        (
            "empty_answers.jsonl",
            [*KEY, "sample=i", "correct=ok", "answer=ans"],
            [("p", None, False), ("p", None, False), ("p", "5", True)],
        ),
        (
            "list_columns.jsonl",
            ["prompt=idx", "correct=score", "answer=pred"],
            [("0", "2", True), ("0", "3", False), ("0", "2", True)]
            + [("1", "4", True), ("1", "4", True), ("1", "5", False)],
        ),
        ("array.json", [*KEY, "correct=ok", "answer=ans"], [("p", "4", True)]),
    ],
)
def test_tables_come_in_right(
    outside_data: Outside, tmp_path: Path, name: str, mapped: list[str], right: list[tuple[Any, ...]]
):
    options = ["--model", "m"] if name.startswith("list") else []
    assert (
        main([str(outside_data(f"cases/ingest/{name}")), str(tmp_path / "run"), *options, "--map", *mapped]) == 0
    )
    assert grades(tmp_path / "run") == right


def answers(root: Path) -> list[dict[str, Any]]:
    return store.scan(root, schema.ANSWERS).to_pylist()


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("inspect_openai_cached.json", (15235, 0, 281)),
        ("inspect_gemini_usage.json", (15 + 661, 661, 359)),
        ("inspect_old_output_usage.json", (66, 0, 2)),
        ("inspect_evalset", (15235, 0, 281)),
    ],
)
def test_tokens_of_inspect_reconcile(
    outside_data: Outside, tmp_path: Path, name: str, tokens: tuple[int, int, int]
):
    """The prompt that a request read holds the thinking before it."""
    assert main([str(outside_data(f"cases/ingest/{name}")), str(tmp_path / "run")]) == 0
    (row,) = answers(tmp_path / "run")
    assert (row["num_prompt_tokens"], row["num_thinking_tokens"], row["num_answer_tokens"]) == tokens


def test_inspect_is_read_at_each_budget_without_what_was_not_scored(
    outside_data: Outside, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([str(outside_data("cases/ingest/inspect_plan_budget")), str(tmp_path / "plan")]) == 0
    assert sorted(row["budget"] for row in answers(tmp_path / "plan")) == [1024, 4096]
    assert len(store.scan(tmp_path / "plan", schema.MODELS)) == 1
    assert main([str(outside_data("cases/ingest/inspect_nan_score.json")), str(tmp_path / "nan")]) == 0
    assert "Dropped 1: the sample has no score." in capsys.readouterr().out and len(answers(tmp_path / "nan")) == 1
    scored = str(outside_data("cases/ingest/inspect_dict_score.json"))
    assert main([scored, str(tmp_path / "dict")]) == 2
    assert "of m.correct, m.format with --metric" in capsys.readouterr().err
    assert main([scored, str(tmp_path / "dict"), "--metric", "correct"]) == 0
    assert grades(tmp_path / "dict") == [("1", "2", True)]


def test_lm_eval_is_read_by_version_and_checkpoint_or_refused_in_words(
    outside_data: Outside, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([str(outside_data("cases/ingest/lmeval_043")), str(tmp_path / "old")]) == 0
    assert grades(tmp_path / "old") == [("0", "4", True), ("1", "5", False)]
    assert main([str(outside_data("cases/ingest/lmeval_revisions")), str(tmp_path / "two")]) == 0
    assert sorted(store.scan(tmp_path / "two", schema.MODELS)["model"].to_pylist()) == [
        "EleutherAI/pythia-70m@step1000",
        "EleutherAI/pythia-70m@step143000",
    ]
    capsys.readouterr()
    assert (
        main([str(outside_data("cases/ingest/lmeval_majority")), str(tmp_path / "maj"), "--filter", "maj@3"]) == 2
    )
    assert "not a sample" in capsys.readouterr().err
    assert main([str(outside_data("cases/ingest/lmeval_predict_only")), str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert "was not scored" in error and "samples_toy_2026-11-28T10-00-00.000001.jsonl" in error
