"""lm-eval's logs of other versions and settings, votes and repeats, and what was never scored."""

import json
from pathlib import Path
from typing import Any

import pytest

from results.ingest import lm_eval
from results.ingest.lm_eval import Choices, read
from results.ingest.outcomes import OLDER
from tests.door import ingest as main

DATES = [f"2026-11-2{day}T10-00-00.000001" for day in range(5)]
Parts = dict[str, Any]


def row(number: int = 0, *, answers: list[str] | None = None, score: Any = 1.0, **more: Any) -> Parts:
    answers = answers or ["4"]
    return {
        "doc_id": number,
        "doc": {},
        "target": "4",
        "arguments": {"gen_args_0": {"arg_0": f"q{number}", "arg_1": {}}},
        "resps": [[f"It is {answer}." for answer in answers]],
        "filtered_resps": answers[:1],
        "filter": "none",
        "metrics": ["exact_match"],
        "exact_match": score,
    } | more


def old(number: int = 0, **more: Any) -> Parts:
    """A row before filters and metrics had names."""
    return {name: value for name, value in row(number, **more).items() if name not in ("filter", "metrics")}


def write(folder: Path, rows: list[Parts], *, at: int = 0, results: Parts | None = None) -> Path:
    path = folder / f"samples_toy_{DATES[at]}.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    if results is not None:
        (folder / f"results_{DATES[at]}.json").write_text(json.dumps(results))
    return path


def config(arguments: Any, **more: Any) -> Parts:
    return {"model_name": "a/b", "config": {"model_args": arguments} | more, "results": {}}


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"pretrained": "a/b", "revision": "step1000"}, "a/b@step1000"),
        ("pretrained=a/b,revision=step1000,dtype=float16", "a/b@step1000"),
        ({"pretrained": "a/b", "peft": "c/d"}, "a/b + c/d"),
        ("pretrained=a/b,peft=c/d,revision=x", "a/b@x + c/d"),
        ({"pretrained": "a/b", "revision": "main"}, "a/b"),
        ({"model": "served"}, "served"),
        ({}, "a/b"),
    ],
)
def test_a_checkpoint_and_an_adapter_are_part_of_the_name(tmp_path: Path, arguments: Any, name: str):
    write(tmp_path, [row()], results=config(arguments))
    assert [sample.model for sample in read(tmp_path, Choices()).samples] == [name]


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (config("pretrained=a/b,revision=x"), config("pretrained=a/b,revision=y"), ["a/b@x", "a/b@y"]),
        (config({"dtype": "int8"}), config({}), ["a/b (dtype int8)", "a/b"]),
        (
            config({}, gen_kwargs={"temperature": 0.5}),
            config({}, gen_kwargs="temperature=1.0"),
            ["a/b (temperature 0.5)", "a/b (temperature 1.0)"],
        ),
        (
            config({}) | {"n-shot": {"toy": 0}},
            config({}) | {"n-shot": {"toy": 5}},
            ["a/b (shots 0)", "a/b (shots 5)"],
        ),
        (config({}), config({}) | {"chat_template_sha": "1f"}, ["a/b", "a/b (template 1f)"]),
    ],
)
def test_runs_under_other_settings_are_not_one(tmp_path: Path, first: Parts, second: Parts, names: list[str]):
    write(tmp_path, [row()], results=first)
    write(tmp_path, [row()], at=1, results=second)
    assert [sample.model for sample in read(tmp_path, Choices()).samples] == names


@pytest.mark.parametrize(
    "setting", ["batch_size", "device", "max_batch_size", "gpu_memory_utilization", "num_concurrent"]
)
def test_the_newest_counts_of_runs_that_differ_in_nothing_that_counts(tmp_path: Path, setting: str):
    write(tmp_path, [row(score=0.0)], results=config({setting: 1}))
    write(tmp_path, [row()], at=1, results=config({setting: 2}))
    found = read(tmp_path, Choices())
    assert [sample.correct for sample in found.samples] == [True] and found.dropped[OLDER] == 1


@pytest.mark.parametrize("seeds", [(1, 2), ("a", "b"), (0, 1234)])
def test_seeds_are_samples_where_that_is_asked_for(tmp_path: Path, seeds: tuple[Any, Any]):
    for at, seed in enumerate(seeds):
        results = config({}, gen_kwargs={"seed": seed})
        write(tmp_path, [row(0, score=float(at)), row(1, score=float(at))], at=at, results=results)
    found = read(tmp_path, Choices())
    assert [sample.correct for sample in found.samples] == [True, True] and found.dropped[lm_eval.OTHER_SEED] == 2
    found = read(tmp_path, Choices(seeds_are_samples=True))
    assert [(s.prompt, s.number, s.correct) for s in found.samples] == [
        (prompt, f"{seed}.0", bool(at)) for at, seed in enumerate(seeds) for prompt in ("0", "1")
    ]


@pytest.mark.parametrize(
    ("name", "lines", "results"),
    [
        (f"samples_toy_{DATES[0]}.jsonl", True, None),
        ("samples_toy.jsonl", True, None),
        (f"samples_toy_{DATES[0]}.json", False, None),
        (
            "pretrained__a__b,dtype__half_toy.jsonl",
            False,
            {"results": {"toy": {}}, "config": {"model_args": "pretrained=a/b"}},
        ),
        ("pretrained__a__b_toy.jsonl", False, None),
    ],
)
def test_old_forms_are_read(tmp_path: Path, name: str, lines: bool, results: Parts | None):
    rows = [old(0), old(1, score=0.0) | {"arguments": [["q1", {}]]}]
    (tmp_path / name).write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows, indent=2))
    if results:
        (tmp_path / "results.json").write_text(json.dumps(results))
    found = read(tmp_path, Choices())
    assert [(s.task, s.prompt, s.correct, s.answer) for s in found.samples] == [
        ("toy", "0", True, "4"),
        ("toy", "1", False, "4"),
    ]
    assert found.prompts["toy", "1"]["text"] == "q1"
    assert {sample.model for sample in found.samples} == {"a/b" if results else tmp_path.name}


@pytest.mark.parametrize(
    ("results", "names"),
    [
        (None, ["number 1", "number 2"]),
        (
            {"exact_match,strict": 1, "exact_match_stderr,strict": 0, "exact_match,loose": 1, "alias": "toy"},
            ["loose", "strict"],
        ),
        ({"exact_match,strict": 1}, ["number 1", "number 2"]),
    ],
)
def test_filters_without_names_are_not_mixed(tmp_path: Path, results: Parts | None, names: list[str]):
    rows = [old(0), old(0, score=0.0), old(1), old(1, score=0.0)]
    write(tmp_path, rows, results=config({}) | {"results": {"toy": results}} if results else None)
    with pytest.raises(ValueError, match=f"Choose one filter in .* of {', '.join(names)} with --filter"):
        read(tmp_path, Choices())
    first = "strict" if "strict" in names else "number 1"
    assert [sample.correct for sample in read(tmp_path, Choices(filters=[first])).samples] == [True, True]


@pytest.mark.parametrize("filters", [["strict-match"], ["NONE"], ["a", "b"], ["none2"], ["exact_match"]])
def test_a_filter_that_is_asked_for_and_missing_is_refused(tmp_path: Path, filters: list[str]):
    write(tmp_path, [row()])
    with pytest.raises(ValueError, match="Choose one filter in samples_toy_.* of none with --filter, not"):
        read(tmp_path, Choices(filters=filters))
    assert len(read(tmp_path, Choices(filters=[*filters, "none"])).samples) == 1


VOTED = row(answers=["5", "4", "4"], filter="x") | {"filtered_resps": ["4"]}


@pytest.mark.parametrize(
    ("rows", "steps"),
    [
        ([row(answers=["4", "4", "5"], filter="maj@3")], None),
        ([row(answers=["4", "4"], filter="majority-vote")], None),
        ([row(answers=["4", "4"], filter="score-cons@2")], None),
        ([row(1, answers=["4", "4", "5"], filter="x"), VOTED], None),
        ([row(answers=["4", "4"], filter="x")], [{"function": "majority_vote"}, {"function": "take_first"}]),
    ],
)
def test_a_vote_is_no_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[Parts], steps: Any):
    task = {"filter_list": [{"name": rows[0]["filter"], "filter": steps}]} if steps else {}
    write(tmp_path, rows, results=config({}) | {"configs": {"toy": task}})
    assert main([str(tmp_path), str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert "is a vote over" in error and "not a sample" in error and len(error) < 300


@pytest.mark.parametrize(
    ("rows", "steps"),
    [
        ([row(answers=["5", "4", "4"], score=0.0, filter="first")], None),
        ([row(answers=["4"], filter="maj@1")], None),
        ([row(answers=["4", "5"], filter="majors")], [{"function": "take_first"}]),
    ],
)
def test_the_first_of_repeats_is_a_sample(tmp_path: Path, rows: list[Parts], steps: Any):
    task = {"filter_list": [{"name": rows[0]["filter"], "filter": steps}]} if steps else {}
    write(tmp_path, rows, results=config({}) | {"configs": {"toy": task}})
    assert len(read(tmp_path, Choices()).samples) == 1


@pytest.mark.parametrize(
    "unscored",
    [{"metrics": ["bypass"], "bypass": None}, {"metrics": ["bypass"], "bypass": 999}, {"metrics": []}],
)
def test_what_was_not_scored_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], unscored: Parts):
    path = write(tmp_path, [row() | unscored])
    assert main([str(tmp_path), str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert f"{path.name}: it was not scored" in error and error.count("\n") == 1
    (tmp_path / "scored").mkdir()
    write(tmp_path / "scored", [row()])
    assert main([str(tmp_path), str(tmp_path / "run")]) == 0
    assert (
        "Skipped 1: it was not scored (lm-eval ran with --predict_only); plain answers can be compared"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("score", [None, float("nan")])
def test_a_document_without_a_score_is_dropped_and_counted(tmp_path: Path, score: Any):
    write(tmp_path, [row(), row(1, score=score)])
    found = read(tmp_path, Choices())
    assert len(found.samples) == 1 and +found.dropped == {lm_eval.UNSCORED: 1}


REGEX = {"function": "regex", "regex_pattern": r"is (\S+)\."}
EXACT = {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}


@pytest.mark.parametrize(
    ("task", "answers", "read_as"),
    [
        (
            {"filter": [REGEX, {"function": "take_first"}]},
            ["4", "5", "4"],
            [("4", True), ("5", False), ("4", True)],
        ),
        (
            {"filter": [REGEX, {"function": "majority_vote"}, {"function": "take_first"}]},
            ["5", "4", "4"],
            [("5", False), ("4", True), ("4", True)],
        ),
        ({"filter": [REGEX]}, ["", "4"], [(None, False), ("4", True)]),
        ({"filter": [REGEX], "ignore_punctuation": True}, ["4,", "5"], [("4,", True), ("5", False)]),
        ({"filter": [REGEX], "regexes_to_ignore": [r"\$"]}, ["$4", "5"], [("$4", True), ("5", False)]),
    ],
)
def test_each_repeat_is_regraded_by_the_filter_of_its_task(
    tmp_path: Path, task: Parts, answers: list[str], read_as: list[tuple[str | None, bool]]
):
    steps, options = task["filter"], {key: value for key, value in task.items() if key != "filter"}
    of_task = {"filter_list": [{"name": "maj@3", "filter": steps}], "metric_list": [EXACT | options]}
    write(tmp_path, [row(answers=answers, filter="maj@3")], results=config({}) | {"configs": {"toy": of_task}})
    found = read(tmp_path, Choices(regrade=True))
    assert [(s.answer, s.correct) for s in found.samples] == read_as
    assert [s.number for s in found.samples] == list(range(len(answers)))


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (None, "does not hold the task's settings"),
        ({"process_results": "<function>", "metric_list": [EXACT]}, "a function of its own"),
        ({"metric_list": [{"metric": "acc"}]}, "scores by acc, not by exact_match"),
        ({"filter_list": []}, "scores by nothing, not by exact_match"),
    ],
)
def test_what_cannot_be_regraded_is_refused(tmp_path: Path, task: Parts | None, said: str):
    write(tmp_path, [row(answers=["4", "5"])], results=config({}) | {"configs": {"toy": task}})
    with pytest.raises(ValueError, match=f"cannot be graded again: .*{said}"):
        read(tmp_path, Choices(regrade=True))


def test_logs_of_inspect_beside_are_not_passed_over_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write(tmp_path, [row()])
    (tmp_path / "log.eval").write_bytes(b"PK")
    assert main([str(tmp_path), str(tmp_path / "run")]) == 0
    told = "logs of lm-eval and of Inspect, and only one kind is read at a time; not read: log.eval."
    assert told in capsys.readouterr().out


def test_nor_are_those_in_json_among_other_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write(tmp_path, [row()])
    (tmp_path / "other.json").write_text('{"evaluation": {}, "eval": "none"}')
    assert main([str(tmp_path), str(tmp_path / "run")]) == 0
    assert "Inspect" not in capsys.readouterr().out, "lm-eval's results and other JSON are no logs of Inspect"
    logs = tmp_path / "inspect"
    logs.mkdir()
    for name, indent in (("a.json", None), ("b.json", 2)):
        log = {"version": 2, "status": "success", "eval": {"model": "m", "task": "t"}, "samples": []}
        (logs / name).write_text(json.dumps(log, indent=indent))
    assert main([str(tmp_path), str(tmp_path / "run")]) == 0
    assert "only one kind is read at a time; not read: a.json and 1 more." in capsys.readouterr().out


def test_whether_a_limit_cut_an_answer_is_not_known(tmp_path: Path):
    write(tmp_path, [row()])
    assert [sample.truncated for sample in read(tmp_path, Choices()).samples] == [None]
