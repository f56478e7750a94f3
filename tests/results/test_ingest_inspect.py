"""Inspect's logs of other versions and providers: settings, tokens, scores, and logs that are not whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from results.ingest import inspect_log
from results.ingest.inspect_log import read
from results.ingest.inspect_usage import tokens
from results.ingest.outcomes import OLDER, Ingested

Parts = dict[str, Any]


def log(*samples: Parts, config: Parts | None = None, plan: Parts | None = None, **evaluated: Any) -> Parts:
    said = {"task": "sums", "model": "lab/m", "model_generate_config": config or {}} | evaluated
    return {
        "status": "success",
        "eval": said,
        "plan": {"config": plan or {}},
        "samples": list(samples or [sample()]),
    }


def sample(number: int = 0, *, value: Any = "C", **more: Any) -> Parts:
    choice = {"message": {"role": "assistant", "content": "2"}, "stop_reason": "stop"}
    return {
        "id": number,
        "epoch": 1,
        "input": "1+1=",
        "scores": {"match": {"value": value, "answer": "2"}},
        "output": {"choices": [choice], "completion": "2"},
        "model_usage": {},
    } | more


def read_logs(folder: Path, *logs: Parts, scorers: tuple[str, ...] = ()) -> Ingested:
    for number, each in enumerate(logs):
        (folder / f"{number}.json").write_text(json.dumps(each))
    return read(folder, model=None, scorers=scorers, correct_at=None)


@pytest.mark.parametrize(
    ("config", "plan", "name", "budget"),
    [
        ({}, {"reasoning_tokens": 1024}, "lab/m", 1024),
        ({"reasoning_tokens": 512}, {"reasoning_tokens": 1024}, "lab/m", 1024),
        ({"reasoning_effort": "low"}, {"reasoning_effort": "high"}, "lab/m (high effort)", None),
        ({"reasoning_effort": "low"}, {"temperature": 0.5, "reasoning_effort": None}, "lab/m (low effort)", None),
        ({}, {"reasoning_effort": "high", "reasoning_tokens": 64}, "lab/m (high effort)", 64),
        ({}, {"reasoning_tokens": 0}, "lab/m", 0),
        ({}, {"reasoning_effort": "none"}, "lab/m", 0),
        ({}, {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}, "lab/m", 0),
        ({}, {"extra_body": {"chat_template_kwargs": {"enable_thinking": True}}}, "lab/m", None),
        ({}, {"extra_body": {"thinking": {"type": "disabled"}}}, "lab/m", 0),
        ({}, {"extra_body": {"thinking": {"type": "enabled", "budget_tokens": 2048}}}, "lab/m", 2048),
        ({"extra_body": {"google": {"thinking_config": {"thinking_budget": 0}}}}, {}, "lab/m", 0),
        ({}, {}, "lab/m", None),
    ],
)
def test_effort_and_budget_are_those_of_plan_and_model_together(
    tmp_path: Path, config: Parts, plan: Parts, name: str, budget: int | None
):
    (found,) = read_logs(tmp_path, log(config=config, plan=plan)).samples
    assert (found.model, found.budget) == (name, budget)


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({"temperature": 0.5}, {"temperature": 1.0}, ["lab/m (temperature 0.5)", "lab/m (temperature 1.0)"]),
        ({}, {"top_p": 0.9}, ["lab/m", "lab/m (top_p 0.9)"]),
        ({"seed": 1, "top_k": 5}, {"seed": 2, "top_k": 5}, ["lab/m (seed 1)", "lab/m (seed 2)"]),
        ({"max_tokens": 10}, {"max_tokens": 20}, ["lab/m (max_tokens 10)", "lab/m (max_tokens 20)"]),
        ({"reasoning_effort": "low"}, {"reasoning_effort": "high"}, ["lab/m (low effort)", "lab/m (high effort)"]),
        ({"max_tokens": 9, "reasoning_tokens": 5}, {"max_tokens": 99, "reasoning_tokens": 50}, ["lab/m", "lab/m"]),
    ],
)
def test_runs_under_other_options_are_not_one(tmp_path: Path, first: Parts, second: Parts, names: list[str]):
    found = read_logs(tmp_path, log(plan=first), log(plan=second))
    assert [sample.model for sample in found.samples] == names and not found.dropped[OLDER]


@pytest.mark.parametrize(
    "plumbing", [{"max_connections": 9}, {"max_retries": 1}, {"timeout": 5}, {"cache": True}, {}]
)
def test_runs_that_differ_in_nothing_that_counts_are_one(tmp_path: Path, plumbing: Parts):
    found = read_logs(tmp_path, log(sample(value="I")), log(plan=plumbing))
    assert [(each.model, each.correct) for each in found.samples] == [("lab/m", True)] and found.dropped[
        OLDER
    ] == 1


def test_checkpoints_and_variants_of_a_task_are_told_apart(tmp_path: Path):
    found = read_logs(
        tmp_path,
        log(model_args={"revision": "step1"}, task_args={"cot": True}),
        log(model_args={"revision": "step2"}, task_args={"cot": True}),
        log(model_args={"revision": "step1"}, task_args={"cot": False}),
    )
    assert [(each.model, each.task) for each in found.samples] == [
        ("lab/m (revision step1)", "sums (cot True)"),
        ("lab/m (revision step2)", "sums (cot True)"),
        ("lab/m", "sums (cot False)"),
    ]


def test_a_log_that_ended_counts_before_a_newer_one_that_did_not(tmp_path: Path):
    ended = log(sample(), created="2026-11-20T10:00:00") | {"status": "success"}
    failed = log(sample(value="I"), created="2026-11-21T10:00:00") | {"status": "error"}
    assert [each.correct for each in read_logs(tmp_path, ended, failed).samples] == [True]


@pytest.mark.parametrize(
    ("usage", "prompt", "decoded", "thinking"),
    [
        # OpenAI: what was cached and what was thought are parts.
        (
            {"input_tokens": 15235, "output_tokens": 281, "total_tokens": 15516, "input_tokens_cache_read": 9088},
            15235,
            281,
            0,
        ),
        ({"input_tokens": 50, "output_tokens": 900, "total_tokens": 950, "reasoning_tokens": 800}, 50, 900, 800),
        # Anthropic: what was cached stands beside the input.
        (
            {
                "input_tokens": 4,
                "output_tokens": 60,
                "total_tokens": 3064,
                "input_tokens_cache_read": 1000,
                "input_tokens_cache_write": 2000,
            },
            3004,
            60,
            0,
        ),
        ({"input_tokens": 4, "output_tokens": 6, "total_tokens": 110, "input_tokens_cache_read": 100}, 104, 6, 0),
        # Gemini: thinking stands beside the output.
        ({"input_tokens": 15, "output_tokens": 359, "total_tokens": 1035, "reasoning_tokens": 661}, 15, 1020, 661),
        # No total: what is larger than the whole is no part of it.
        (
            {"input_tokens": 4, "output_tokens": 6, "input_tokens_cache_read": 100, "reasoning_tokens": 20},
            104,
            26,
            20,
        ),
        (
            {"input_tokens": 400, "output_tokens": 60, "input_tokens_cache_read": 100, "reasoning_tokens": 20},
            400,
            60,
            20,
        ),
        ({"input_tokens": 5, "output_tokens": 9, "total_tokens": 14, "reasoning_tokens": None}, 5, 9, 0),
        ({}, None, None, None),
    ],
)
def test_tokens_add_up_to_the_total(usage: Parts, prompt: int | None, decoded: int | None, thinking: int | None):
    found = tokens(usage)
    assert (found.prompt, found.decoded, found.thinking) == (prompt, decoded, thinking)
    if usage.get("total_tokens"):
        assert prompt is not None and decoded is not None and prompt + decoded == usage["total_tokens"]


def test_tokens_are_of_the_last_request_where_no_sum_is_told(tmp_path: Path):
    old = sample()
    old["output"] |= {"usage": {"input_tokens": 66, "output_tokens": 2, "total_tokens": 68}}
    del old["model_usage"]
    (found,) = read_logs(tmp_path, log(old)).samples
    assert (found.tokens.prompt, found.tokens.decoded) == (66, 2)


@pytest.mark.parametrize("value", [float("nan"), None, "NaN", ""])
def test_a_sample_without_a_score_is_dropped_and_counted(tmp_path: Path, value: Any):
    found = read_logs(tmp_path, log(sample(), sample(1, value=value)))
    assert [each.prompt for each in found.samples] == ["0"] and +found.dropped == {inspect_log.UNSCORED: 1}


@pytest.mark.parametrize("value", [[1, 0], "maybe", float("inf"), {}, "0,5"])
def test_a_score_that_is_none_is_skipped_and_named(tmp_path: Path, value: Any):
    found = read_logs(tmp_path, log(sample(), sample(1, value=value)))
    assert [each.prompt for each in found.samples] == ["0"]
    assert found.dropped[inspect_log.UNSCORED] or list(found.odd.values()) == [["sample 2 of 0.json"]]


DICT = {"m": {"value": {"correct": 1, "format": 0}, "answer": "2"}, "judge": {"value": "I", "answer": "3"}}


@pytest.mark.parametrize(
    ("scorers", "right"),
    [
        (("m.correct",), True),
        (("format",), False),
        (("judge",), False),
        (("none", "correct", "judge"), True),
        (("judge", "correct"), False),
    ],
)
def test_a_key_of_a_score_and_an_order_of_scorers_can_be_chosen(
    tmp_path: Path, scorers: tuple[str, ...], right: bool
):
    (found,) = read_logs(tmp_path, log(sample(scores=DICT)), scorers=scorers).samples
    assert found.correct == right


@pytest.mark.parametrize("scorers", [(), ("none",)])
def test_scores_that_are_not_chosen_are_listed(tmp_path: Path, scorers: tuple[str, ...]):
    with pytest.raises(ValueError, match="Choose one score in 0.json of judge, m.correct, m.format with --metric"):
        read_logs(tmp_path, log(sample(scores=DICT)), scorers=scorers)


@pytest.mark.parametrize("name", ["eval-set.json", "logs.json", "notes.json", "sub/listing.json", "torn.eval"])
def test_a_folder_holds_other_files_beside_logs(tmp_path: Path, name: str):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text('{"tasks": []}')
    found = read_logs(tmp_path, log())
    assert len(found.samples) == 1
    # What belongs to Inspect is passed over, what may be a log is named.
    assert [places for places in found.odd.values()] == ([[name]] if name in ("notes.json", "torn.eval") else [])


@pytest.mark.parametrize("form", ["folder", "samples.json", "samples.jsonl"])
def test_a_header_beside_its_samples_is_a_log(tmp_path: Path, form: str):
    whole, folder = log(sample(0), sample(1, value="I")), tmp_path / "unpacked"
    (folder / "samples").mkdir(parents=True)
    (folder / "header.json").write_text(json.dumps({key: whole[key] for key in ("status", "eval", "plan")}))
    for each in whole["samples"]:
        if form == "folder":
            (folder / "samples" / f"{each['id']}_epoch_1.json").write_text(json.dumps(each))
    if form != "folder":
        lines = "\n".join(map(json.dumps, whole["samples"]))
        (folder / form).write_text(lines if form.endswith("l") else json.dumps(whole["samples"]))
    found = read(tmp_path, model=None, scorers=(), correct_at=None)
    assert [(each.prompt, each.correct) for each in found.samples] == [("0", True), ("1", False)] and not found.odd


@pytest.mark.parametrize(
    ("stop", "cut"),
    [("max_tokens", True), ("model_length", True), ("stop", False), (None, None), ("unknown", None)],
)
def test_what_cut_an_answer_is_unknown_where_the_log_does_not_say(
    tmp_path: Path, stop: str | None, cut: bool | None
):
    each = sample()
    each["output"]["choices"][0]["stop_reason"] = stop
    (found,) = read_logs(tmp_path, log(each)).samples
    assert found.truncated is cut
