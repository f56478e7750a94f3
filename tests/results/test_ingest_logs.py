"""Logs as lm-eval 0.4.13 (model `dummy`) and inspect_ai 0.3.285 (model `mockllm`) were seen to write them."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from results.ingest import inspect_log, lm_eval
from results.ingest.outcomes import OLDER
from tests.door import ingest as main

DATE = "2026-11-22T07-58-38.481266"


def document(number: int, answers: list[str], *, score: Any, name: str = "strict") -> dict[str, Any]:
    """One line of a sample log of generated text."""
    request = {"arg_0": f"{number}+2=", "arg_1": {"until": ["\n"], "do_sample": True, "temperature": 0.7}}
    return {
        "doc_id": number,
        "doc": {"q": f"{number}+2"},
        "target": str(number + 2),
        "arguments": {"gen_args_0": request},
        "resps": [[f"It is {answer}" for answer in answers]],
        "filtered_resps": [answers],
        "filter": name,
        "metrics": ["exact_match"],
        "doc_hash": f"hash-{number}",
        "prompt_hash": "b",
        "target_hash": "c",
        "exact_match": score,
    }


CHOICE = {
    "doc_id": 0,
    "doc": {"q": "2+2"},
    "target": "0",
    "arguments": {"gen_args_0": {"arg_0": "2+2=", "arg_1": " 4"}, "gen_args_1": {"arg_0": "2+2=", "arg_1": " 8"}},
    "resps": [[["-0.109", "False"]], [["-0.551", "False"]]],
    "filtered_resps": [["-0.109", "False"], ["-0.551", "False"]],
    "filter": "none",
    "metrics": ["acc", "acc_norm"],
    "doc_hash": "d",
    "prompt_hash": "e",
    "target_hash": "f",
    "acc": 1.0,
    "acc_norm": 0.0,
}


def write_log(folder: Path, rows: list[dict[str, Any]], *, task: str = "sums", date: str = DATE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"samples_{task}_{date}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_lm_eval(source: Path, **options: Any) -> Any:
    return lm_eval.read(source, lm_eval.Choices(**options))


def test_a_document_is_a_sample_with_its_answer_text_and_prompt(tmp_path: Path):
    rows = [document(0, ["2"], score=1.0), document(1, ["5"], score=0.0), document(2, ["[invalid]"], score=0.0)]
    write_log(tmp_path / "org__model", rows)
    found = read_lm_eval(tmp_path)
    assert [(s.model, s.task, s.prompt, s.correct) for s in found.samples] == [
        ("org__model", "sums", "0", True),
        ("org__model", "sums", "1", False),
        ("org__model", "sums", "2", False),
    ]
    assert [(s.answer, s.outcome) for s in found.samples] == [("2", None), ("5", None), (None, "unparsed")]
    assert found.samples[0].text == "It is 2"
    assert found.prompts["sums", "1"] == {"text": "1+2=", "hash": "hash-1"}


def test_the_model_is_named_as_in_the_results_beside_the_log(tmp_path: Path):
    write_log(tmp_path, [document(0, ["2"], score=1.0)])
    results = tmp_path / f"results_{DATE}.json"
    results.write_text(json.dumps({"model_name": "org/model", "config": {"model_args": {}}}))
    assert read_lm_eval(tmp_path).samples[0].model == "org/model"
    results.write_text(json.dumps({"model_name": "x", "config": {"model_args": {"pretrained": "org/other"}}}))
    assert read_lm_eval(tmp_path).samples[0].model == "org/other"
    assert read_lm_eval(tmp_path, model="mine").samples[0].model == "mine"


def test_repeats_whose_score_the_log_does_not_tell_are_dropped_and_counted(tmp_path: Path):
    alike, apart = document(0, ["2", "2", "2"], score=1.0), document(1, ["3", "4"], score=0.5)
    first = document(2, ["4", "5"], score=1.0) | {"filtered_resps": ["4"]}
    listed = document(3, ["5", "6"], score=[1.0, 0.0])
    write_log(tmp_path, [alike, apart, first, listed])
    found = read_lm_eval(tmp_path)
    assert [(s.prompt, s.number, s.correct) for s in found.samples] == [
        ("0", 0, True),
        ("0", 1, True),
        ("0", 2, True),
        ("2", 0, True),
        ("3", 0, True),
        ("3", 1, False),
    ]
    assert +found.dropped == {lm_eval.SEVERAL_AT_ONCE: 2, lm_eval.UNGRADED: 1}


def test_several_filters_or_metrics_ask_for_one(tmp_path: Path):
    write_log(tmp_path, [document(0, ["2"], score=1.0), document(0, ["2"], score=0.0, name="first")])
    with pytest.raises(ValueError, match="Choose one filter in samples_sums_.* of first, strict with --filter"):
        read_lm_eval(tmp_path)
    found = read_lm_eval(tmp_path, filters=["strict"])
    assert [s.correct for s in found.samples] == [True]
    assert +found.dropped == {"under filter first, not strict": 1}
    write_log(tmp_path / "choice", [CHOICE], task="choice")
    with pytest.raises(ValueError, match="Choose one metric in samples_choice_.* of acc, acc_norm with --metric"):
        read_lm_eval(tmp_path / "choice", filters=["strict", "none"])
    assert [read_lm_eval(tmp_path / "choice", metrics=[m]).samples[0].correct for m in ("acc", "acc_norm")] == [
        True,
        False,
    ]


def test_the_newest_log_of_a_model_and_task_counts(tmp_path: Path):
    write_log(tmp_path, [document(0, ["2"], score=0.0)], date="2026-11-21T07-58-38.481266")
    write_log(tmp_path, [document(0, ["2"], score=1.0)])
    found = read_lm_eval(tmp_path, model="m")
    assert [s.correct for s in found.samples] == [True]
    assert sum(found.dropped.values()) == 1


def test_a_score_between_right_and_wrong_counts_from_where_it_is_told_to(tmp_path: Path):
    write_log(tmp_path, [document(0, ["2"], score=0.6)])
    assert [read_lm_eval(tmp_path, correct_at=at).samples[0].correct for at in (1.0, 0.6)] == [False, True]


def test_a_torn_line_is_skipped_and_named(tmp_path: Path):
    path = write_log(tmp_path, [document(0, ["2"], score=1.0)])
    for torn in (b'{"doc_id": 1, "do', b'{"doc_id": "\xe9"}'):
        path.write_bytes(json.dumps(document(0, ["2"], score=1.0)).encode() + b"\n" + torn)
        found = read_lm_eval(tmp_path)
        assert [sample.prompt for sample in found.samples] == ["0"]
        assert found.odd == {"it is not JSON; did the evaluation stop early?": [f"line 2 of {path.name}"]}


def test_a_line_separator_within_a_text_ends_no_line(tmp_path: Path):
    path = write_log(tmp_path, [document(0, ["2\u20283"], score=1.0)])
    path.write_text(json.dumps(json.loads(path.read_text()), ensure_ascii=False))
    assert [sample.text for sample in read_lm_eval(tmp_path).samples] == ["It is 2\u20283"]


@pytest.mark.parametrize("content", ['{"model_na', "{}", "[]"])
def test_results_that_name_no_model_are_named(tmp_path: Path, content: str):
    path = write_log(tmp_path, [document(0, ["2"], score=1.0)])
    results = path.with_name(path.name.replace("samples_sums", "results")).with_suffix(".json")
    results.write_text(content)
    found = read_lm_eval(tmp_path)
    ((reason, places),) = found.odd.items()
    assert reason == f"{results.name} names no model, or is damaged. Give the model's name as --model."
    assert places == [path.name] and not found.samples


HEADER: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {"task": "inspect_evals/sums", "model": "openai/o-small", "model_generate_config": {}},
}


def inspect_sample(number: int, epoch: int, value: Any, answer: str | None = "2", **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 5, "output_tokens": 30, "total_tokens": 35, "reasoning_tokens": 20}
    choice = {"message": {"role": "assistant", "content": answer}, "stop_reason": more.pop("stop_reason", "stop")}
    return {
        "id": f"s{number}",
        "epoch": epoch,
        "input": f"{number}+2=",
        "target": str(number + 2),
        "scores": {"match": {"value": value, "answer": answer, "explanation": answer, "history": []}},
        "metadata": {"level": number},
        "output": {"model": "openai/o-small", "choices": [choice], "completion": answer},
        "model_usage": {"openai/o-small": usage, "openai/grader": usage | {"output_tokens": 999}},
    } | more


def write_eval(path: Path, samples: list[dict[str, Any]], *, header: dict[str, Any] = HEADER, zstd: bool) -> Path:
    """A .eval archive, deflated or, as newer versions do, with zstd under a method that zipfile does not know."""
    members = {"header.json": header} | {f"samples/{s['id']}_epoch_{s['epoch']}.json": s for s in samples}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if zstd else zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            packed = json.dumps(content).encode()
            archive.writestr(name, pa.compress(packed, "zstd", asbytes=True) if zstd else packed)
    if zstd:
        content = bytearray(path.read_bytes())
        for signature, method_at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            at = content.find(signature)
            while at >= 0:
                content[at + method_at : at + method_at + 2] = struct.pack("<H", 93)
                at = content.find(signature, at + 4)
        path.write_bytes(content)
    return path


def read_inspect(source: Path, **options: Any) -> Any:
    return inspect_log.read(source, **({"model": None, "scorers": [], "correct_at": 1.0} | options))


@pytest.mark.parametrize("form", ["json", "deflated", "zstd"])
def test_an_epoch_is_a_sample_with_the_tokens_of_the_evaluated_model(tmp_path: Path, form: str):
    samples = [
        inspect_sample(0, 1, "C"),
        inspect_sample(0, 2, "I", answer="7"),
        inspect_sample(1, 1, 1.0, answer="3"),
    ]
    if form == "json":
        (tmp_path / "log.json").write_text(json.dumps(HEADER | {"samples": samples}))
    else:
        write_eval(tmp_path / "log.eval", samples, zstd=form == "zstd")
    found = read_inspect(tmp_path)
    assert [(s.prompt, s.number, s.correct, s.answer) for s in found.samples] == [
        ("s0", 0, True, "2"),
        ("s0", 1, False, "7"),
        ("s1", 0, True, "3"),
    ]
    assert (found.samples[0].model, found.samples[0].task) == ("openai/o-small", "sums")
    tokens = found.samples[0].tokens
    assert (tokens.prompt, tokens.decoded, tokens.thinking) == (5, 30, 20)
    assert found.prompts["sums", "s1"] == {"text": "1+2=", "dials": {"level": 1}}


def test_an_errored_sample_is_missing_and_one_without_an_answer_is_wrong(tmp_path: Path):
    samples = [
        inspect_sample(0, 1, "I", error={"message": "rate limit"}),
        inspect_sample(1, 1, "I", scores={}),
        inspect_sample(2, 1, "N", answer=None),
        inspect_sample(3, 1, "I", answer=None, stop_reason="max_tokens"),
    ]
    write_eval(tmp_path / "log.eval", samples, zstd=False)
    found = read_inspect(tmp_path)
    assert +found.dropped == {inspect_log.ERRED: 1, inspect_log.UNSCORED: 1}
    assert [(s.prompt, s.correct, s.outcome, s.truncated) for s in found.samples] == [
        ("s2", False, "unanswered", False),
        ("s3", False, "truncated", True),
    ]


def test_effort_is_part_of_the_name_and_a_limit_on_reasoning_is_the_budget(tmp_path: Path):
    config = {"reasoning_effort": "high", "reasoning_tokens": 4096}
    header = HEADER | {"eval": HEADER["eval"] | {"model_generate_config": config}}
    write_eval(tmp_path / "log.eval", [inspect_sample(0, 1, "C")], header=header, zstd=False)
    (sample,) = read_inspect(tmp_path).samples
    assert (sample.model, sample.budget) == ("openai/o-small (high effort)", 4096)


def test_the_newest_log_of_each_budget_counts(tmp_path: Path):
    """Three logs of one model and task: an older one at 4,096 tokens of reasoning, and one at 1,024."""
    logs = [("2026-11-20", 4096, "I"), ("2026-11-21", 1024, "I"), ("2026-11-22", 4096, "C")]
    for date, limit, value in logs:
        header = HEADER | {"eval": HEADER["eval"] | {"model_generate_config": {"reasoning_tokens": limit}}}
        write_eval(tmp_path / f"{date}.eval", [inspect_sample(0, 1, value)], header=header, zstd=False)
    found = read_inspect(tmp_path)
    assert [(s.budget, s.correct) for s in found.samples] == [(4096, True), (1024, False)]
    assert found.dropped == {OLDER: 1}


def test_several_scorers_ask_for_one(tmp_path: Path):
    scores = {"match": {"value": "C", "answer": "2"}, "judge": {"value": "I", "answer": "2"}}
    write_eval(tmp_path / "log.eval", [inspect_sample(0, 1, "C", scores=scores)], zstd=False)
    with pytest.raises(ValueError, match="Choose one score in log.eval of judge, match with --metric"):
        read_inspect(tmp_path)
    assert [s.correct for s in read_inspect(tmp_path, scorers=["judge"]).samples] == [False]


def test_what_is_no_log_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, content in (("log.json", b'{"results": 3}'), ("log.eval", b"PK torn")):
        (tmp_path / name).write_bytes(content)
        assert main([str(tmp_path / name), str(tmp_path / "run")]) == 2
        error = capsys.readouterr().err
        assert f"{name} is not a complete log of Inspect" in error and error.count("\n") == 1 and len(error) < 300


@pytest.mark.parametrize("zstd", [False, True], ids=["deflated", "zstd"])
def test_a_damaged_sample_of_a_log_is_skipped_and_named(tmp_path: Path, zstd: bool):
    path = tmp_path / "log.eval"
    write_eval(path, [inspect_sample(0, 1, "C"), inspect_sample(1, 1, "C")], zstd=zstd)
    entry = next(entry for entry in zipfile.ZipFile(path).infolist() if entry.filename.startswith("samples/"))
    content = bytearray(path.read_bytes())
    start = entry.header_offset + 30 + len(entry.filename)
    content[start : start + entry.compress_size] = b"\xff" * entry.compress_size
    path.write_bytes(content)
    found = read_inspect(tmp_path)
    assert [sample.prompt for sample in found.samples] == ["s1"]
    ((reason, places),) = found.odd.items()
    assert reason.startswith("it is damaged (") and places == ["samples/s0_epoch_1.json of log.eval"]
