"""Values that JSON and CSV can hold and no table of a run can: one row is skipped and named, the others stay."""

import json
from pathlib import Path
from typing import Any

import pytest

from results import schema, store
from tests.door import ingest as main
from tests.results.test_ingest_inspect import log, sample
from tests.results.test_ingest_logs import document, write_log

NEVER = float("inf")
HALF = "\ud800"


def ingest_table(folder: Path, rows: list[dict[str, Any]], *mapped: str) -> int:
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    named = ["model=m", "prompt=p", *mapped]
    return main([str(folder / "rows.jsonl"), str(folder / "run"), "--map", *named])


@pytest.mark.parametrize(
    ("noun", "value"),
    [
        ("decoded_tokens", "1e300"),
        ("prompt_tokens", 2**31),
        ("usd", "1e308"),
        ("budget", 2**31),
        ("billion_params", "1e308"),
        ("billion_params", "7B"),
        ("model", HALF),
        ("prompt", HALF),
        ("task", HALF),
    ],
)
def test_a_row_of_a_table_with_what_cannot_be_stored_is_skipped(
    tmp_path: Path, noun: str, value: Any, capsys: pytest.CaptureFixture[str]
):
    column = {"model": "m", "prompt": "p"}.get(noun, "x")
    rows: list[dict[str, Any]] = [{"m": "A", "p": number, "c": 1, "a": "5", "x": "7"} for number in range(8)]
    rows.append({"m": "B", "p": "odd", "c": 1, "a": "5", "x": "7", column: value})
    mapped = ["correct=c", "answer=a", *([f"{noun}=x"] if column == "x" else [])]
    assert ingest_table(tmp_path, rows, *mapped) == 0
    assert "row 9 of rows.jsonl" in capsys.readouterr().out
    assert store.scan(tmp_path / "run", schema.ANSWERS).num_rows == 8


@pytest.mark.parametrize("number", ["1e300", "1e19", "1e18", str(2**31)])
def test_more_samples_than_can_be_counted_are_skipped(
    tmp_path: Path, number: str, capsys: pytest.CaptureFixture[str]
):
    rows = [{"m": "A", "p": prompt, "n": number if prompt == 4 else "10", "k": "5"} for prompt in range(5)]
    assert ingest_table(tmp_path, rows, "num_samples=n", "num_correct=k") == 0
    assert "more than can be counted" in capsys.readouterr().out
    assert store.scan(tmp_path / "run", schema.COUNTS).num_rows == 4


@pytest.mark.parametrize("size", ["1e300", "1e30T", str(10**18)])
def test_a_size_that_no_model_has_is_refused(tmp_path: Path, size: str, capsys: pytest.CaptureFixture[str]):
    rows = [{"m": "A", "p": 1, "c": 1, "x": size}]
    assert ingest_table(tmp_path, rows, "correct=c", "num_params=x") == 2
    assert "is not a size" in capsys.readouterr().err


def test_half_a_character_in_a_text_becomes_a_question_mark(tmp_path: Path):
    rows = [{"m": "A", "p": number, "c": number, "a": f"5{HALF}", "t": HALF, "q": HALF} for number in (0, 1)]
    assert ingest_table(tmp_path, rows, "correct=c", "answer=a", "text=t", "prompt_text=q") == 0
    assert set(store.scan(tmp_path / "run", schema.ANSWERS)["text"].to_pylist()) == {"?"}
    assert set(store.scan(tmp_path / "run", schema.GRADES)["vote_key"].to_pylist()) == {"5?"}
    assert set(store.scan(tmp_path / "run", schema.PROMPTS)["text"].to_pylist()) == {"?"}


@pytest.mark.parametrize(
    "odd",
    [
        {"epoch": NEVER},
        {"epoch": [1]},
        {"id": HALF},
        {"metadata": [1]},
        {"metadata": "x"},
        {"input": [1, 2]},
        {"output": [1]},
        {"model_usage": {"lab/m": {"input_tokens": 1, "output_tokens": NEVER}}},
        {"model_usage": {"lab/m": {"input_tokens": 10**30, "output_tokens": 1}}},
        {"model_usage": {"lab/m": {"input_tokens": 5, "output_tokens": 1, "reasoning_tokens": -5}}},
    ],
)
def test_an_odd_sample_of_inspect_is_skipped_and_the_others_stay(
    tmp_path: Path, odd: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    samples = [sample(number) for number in range(6)] + [sample(6, **odd)]
    (tmp_path / "log.json").write_text(json.dumps(log(*samples)))
    assert main([str(tmp_path / "log.json"), str(tmp_path / "run")]) == 0
    assert "sample 7 of log.json" in capsys.readouterr().out
    assert store.scan(tmp_path / "run", schema.ANSWERS).num_rows == 6


@pytest.mark.parametrize("results", [{"total_samples": "5"}, {"total_samples": NEVER}, [1], "5", 5])
def test_odd_results_of_inspect_tell_nothing(tmp_path: Path, results: Any):
    (tmp_path / "log.json").write_text(json.dumps(log(sample(0), sample(1)) | {"results": results}))
    assert main([str(tmp_path / "log.json"), str(tmp_path / "run")]) == 0


@pytest.mark.parametrize("budget", [NEVER, 10**30, -7, [1]])
def test_a_budget_of_inspect_that_is_none_is_named(
    tmp_path: Path, budget: Any, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "log.json").write_text(json.dumps(log(plan={"reasoning_tokens": budget})))
    assert main([str(tmp_path / "log.json"), str(tmp_path / "run")]) == 2
    assert "log.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    "odd",
    [
        {"resps": 5},
        {"resps": "55"},
        {"filtered_resps": 5},
        {"filtered_resps": None},
        {"filter": ["strict"]},
        {"metrics": "exact_match"},
        {"metrics": [1]},
        {"metrics": None},
        {"arguments": 5},
        {"arguments": "q"},
    ],
)
def test_an_odd_document_of_lm_eval_is_skipped_and_the_others_stay(
    tmp_path: Path, odd: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    rows = [document(number, ["2"], score=1.0) for number in range(6)]
    write_log(tmp_path, [*rows, document(6, ["2"], score=1.0) | odd])
    assert main([str(tmp_path), str(tmp_path / "run")]) == 0
    assert "not a document of lm-eval's sample logs" in capsys.readouterr().out
    assert store.scan(tmp_path / "run", schema.ANSWERS).num_rows == 6
