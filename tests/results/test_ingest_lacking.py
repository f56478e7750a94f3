"""Sources that hold less than they tell of: pointers of Git LFS, cut logs, results without samples."""

import json
from pathlib import Path
from typing import Any

import pytest

from results.ingest import inspect_log, lm_eval
from results.ingest.lm_eval import Choices
from tests.door import ingest as main

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0c6b8f5db920\nsize 6499\n"
MAP = ["--map", "model=model", "prompt=id", "correct=ok"]
Parts = dict[str, Any]


def refused(source: Path, run: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([str(source), str(run), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and len(error) < 300
    return error


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("t.csv", MAP),
        ("t.tsv", MAP),
        ("t.json", MAP),
        ("t.jsonl", MAP),
        ("t.jsonl.gz", MAP),
        ("t.yaml", MAP),
        ("details_math|0.parquet", MAP),
        ("t", MAP),
        ("2026-11-20_sums.eval", []),
        ("2026-11-20_sums.json", []),
        ("samples_toy_2026-11-20T10-00-00.000001.jsonl", []),
        ("samples_toy.jsonl", []),
    ],
)
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_pointer_of_git_lfs_is_named_with_what_fetches_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, arguments: list[str], is_folder: bool
):
    if is_folder and name == "t":
        pytest.skip("a name without an ending is read by itself alone")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text(POINTER)
    source = tmp_path / "in" if is_folder else tmp_path / "in" / name
    error = refused(source, tmp_path / "run", capsys, *arguments)
    assert f"{name} is a Git LFS pointer" in error and "`git lfs pull`" in error


def document(number: int, **more: Any) -> Parts:
    return {
        "doc_id": number,
        "doc": {},
        "target": "4",
        "resps": [["It is 4."]],
        "filtered_resps": ["4"],
        "filter": "none",
        "metrics": ["exact_match"],
        "exact_match": 1.0,
    } | more


def write_logs(folder: Path, day: int, results: Parts | str) -> None:
    date = f"2026-11-{day:02}T10-00-00.000001"
    (folder / f"samples_toy_{date}.jsonl").write_text(json.dumps(document(0)) + "\n")
    (folder / f"results_{date}.json").write_text(results if isinstance(results, str) else json.dumps(results))


def test_a_log_whose_settings_were_not_fetched_is_skipped_and_the_rest_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_logs(tmp_path, 1, POINTER)
    write_logs(tmp_path, 2, {"model_name": "a/b", "config": {}, "results": {}})
    assert main([str(tmp_path), str(tmp_path / "run")]) == 0
    assert "Skipped 1: results_2026-11-01T10-00-00.000001.json is a Git LFS pointer" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("generation", "name", "budget"),
    [
        ({"max_tokens_thinking": 2000, "max_gen_toks": 32768}, "a/b", 2000),
        ("max_gen_toks=32768,max_tokens_thinking=2000", "a/b", 2000),
        ({"thinking_token_budget": 512}, "a/b", 512),
        ({"thinking_budget": "1024"}, "a/b", 1024),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "a/b", 4096),
        ({"thinking": {"type": "disabled"}}, "a/b", 0),
        ({"chat_template_kwargs": {"enable_thinking": False}}, "a/b", 0),
        ({"chat_template_kwargs": {"enable_thinking": True}}, "a/b", None),
        ("enable_thinking=False", "a/b", 0),
        ({"reasoning_effort": "none"}, "a/b", 0),
        ({"max_tokens_thinking": "auto"}, "a/b", None),
        ({"temperature": 0.5}, "a/b", None),
        (None, "a/b", None),
    ],
)
def test_a_limit_on_thinking_among_lm_evals_arguments_is_the_budget(
    tmp_path: Path, generation: Any, name: str, budget: int | None
):
    write_logs(tmp_path, 1, {"model_name": "a/b", "config": {"gen_kwargs": generation}, "results": {}})
    (sample,) = lm_eval.read(tmp_path, Choices()).samples
    assert (sample.model, sample.budget) == (name, budget)


def test_runs_under_other_limits_on_thinking_are_budgets_of_one_model(tmp_path: Path):
    for day, generation in enumerate(
        [{"max_tokens_thinking": 500}, {"max_tokens_thinking": 2000}, {"max_tokens_thinking": 500}, {"top_k": 1}],
        1,
    ):
        write_logs(tmp_path, day, {"model_name": "a/b", "config": {"gen_kwargs": generation}, "results": {}})
    found = lm_eval.read(tmp_path, Choices())
    assert sorted((sample.model, sample.budget or -1) for sample in found.samples) == [
        ("a/b", 500),
        ("a/b", 2000),
        ("a/b (top_k 1)", -1),
    ]


def inspect(num_held: int, results: Parts | None) -> Parts:
    sample = {"epoch": 1, "input": "1+1=", "scores": {"match": {"value": "C", "answer": "2"}}, "output": {}}
    samples = [sample | {"id": number} for number in range(num_held)]
    return {"status": "success", "eval": {"task": "sums", "model": "m"}, "samples": samples, "results": results}


@pytest.mark.parametrize(
    ("num_held", "results", "told"),
    [
        (1, {"total_samples": 2340}, ["log.json holds 1 of the 2,340 samples that its results cover."]),
        (
            2,
            {"total_samples": 3, "completed_samples": 2},
            ["log.json holds 2 of the 3 samples that its results cover."],
        ),
        (2, {"total_samples": 2}, []),
        (3, {"total_samples": 2}, []),
        (2, {"total_samples": 0}, []),
        (2, {"scores": []}, []),
        (2, {}, []),
        (2, None, []),
    ],
)
def test_a_log_of_inspect_that_holds_fewer_samples_than_its_results_says_so(
    tmp_path: Path, num_held: int, results: Parts | None, told: list[str]
):
    (tmp_path / "log.json").write_text(json.dumps(inspect(num_held, results)))
    found = inspect_log.read(tmp_path, model=None, scorers=(), correct_at=None)
    assert (len(found.samples), found.notes) == (num_held, told)


@pytest.mark.parametrize(
    ("counted", "told"),
    [
        ({"original": 5000, "effective": 5000}, " holds 1 of the 5,000 documents that its results cover."),
        ({"original": 5000, "effective": 2}, " holds 1 of the 2 documents that its results cover."),
        ({"original": 5000, "effective": 1}, None),
        ({"original": 5000}, None),
        (None, None),
    ],
)
def test_a_log_of_lm_eval_that_holds_fewer_documents_than_its_results_says_so(
    tmp_path: Path, counted: Parts | None, told: str | None
):
    results = {"model_name": "a/b", "config": {}, "results": {}} | (
        {"n-samples": {"toy": counted}} if counted else {}
    )
    write_logs(tmp_path, 1, results)
    notes = lm_eval.read(tmp_path, Choices()).notes
    assert notes == ([f"samples_toy_2026-11-01T10-00-00.000001.jsonl{told}"] if told else [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (inspect(0, {"total_samples": 1000}), "it has results of 1,000 samples, but not the samples"),
        (
            {"results": {"toy": {"acc": 1}}, "versions": {"toy": 1}},
            "only the results of lm-eval, without samples; run lm-eval with --log_samples",
        ),
        (
            {"results": {"toy": {"acc,none": 1}}, "configs": {}},
            "only the results of lm-eval, without samples; run lm-eval with --log_samples",
        ),
        ({"results": {"toy": {"acc": 1}}}, "if it is a table, give --map model=COLUMN"),
        ({"rows": [{"id": 1}]}, "if it is a table, give --map model=COLUMN"),
        ([{"id": 1}], "if it is a table, give --map model=COLUMN"),
        ({"eval": {"name": "x"}}, "if it is a table, give --map model=COLUMN"),
        (3, "if it is a table, give --map model=COLUMN"),
    ],
)
def test_what_holds_no_samples_is_told_with_the_way_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, said: str
):
    (tmp_path / "log.json").write_text(json.dumps(content))
    assert said in refused(tmp_path / "log.json", tmp_path / "run", capsys)


def test_what_was_left_out_is_counted_only_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "t.csv").write_text("model,id,ok\nm,a,\nm,b,\n")
    error = refused(tmp_path / "t.csv", tmp_path / "run", capsys, *MAP)
    assert error == "error: t.csv has no outcomes: 2 dropped (it has no score).\n"
