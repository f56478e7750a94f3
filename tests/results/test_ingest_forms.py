"""Small files in the forms of public harnesses and papers, each read by one mapping."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from isoquant.parser import build, parse
from results.ingest.command import read
from results.ingest.gold import is_gold
from results.ingest.lm_eval import Choices
from results.ingest.lm_eval import read as read_lm_eval
from results.ingest.mapping import Mapped
from results.ingest.table import read as read_table

Rows = list[dict[str, Any]]
PAGE = Path(__file__).parent.parent.parent / "docs" / "ingest.md"


def lines(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def evalchemy(folder: Path) -> Path:
    examples = [
        {"id": "p", "expected_answer": "204", "model_outputs": ["a", "b"], "model_answers": ["204", "7"]},
        {"id": "q", "expected_answer": 25, "model_outputs": ["c", "d"], "model_answers": ["", "025"]},
    ]
    said = {
        "results": {"AIME24": {"examples": examples, "num_total": 2, "accuracy_avg": 0.5}},
        "config": {"model": "m"},
    }
    (folder / "results_2026.json").write_text(json.dumps(said))
    return folder / "results_2026.json"


def lighteval(folder: Path) -> Path:
    path = folder / "details" / "lab" / "m" / "2026-11-20T10-00-00" / "details_aime24_2026-11-20.parquet"
    path.parent.mkdir(parents=True)
    rows = [
        {
            "doc": {"query": f"Problem {name}", "id": name},
            "metric": {"extractive_match": float(right)},
            "model_response": {"text": ["long text"], "output_tokens": [[1, 2, 3]], "input_tokens": [5, 6]},
        }
        for name, right in (("p", 1), ("p", 0), ("q", 0), ("q", 1))
    ]
    pd.DataFrame(rows).to_parquet(path)
    return folder / "details"


def nemo_skills(folder: Path) -> Path:
    for seed, right in enumerate([(True, False), (False, True)]):
        rows = [
            {"problem": name, "predicted_answer": "1", "symbolic_correct": each, "num_generated_tokens": 3}
            for name, each in zip("pq", right, strict=True)
        ]
        lines(folder / "m" / f"output-rs{seed}.jsonl", rows)
    lines(folder / "m" / "metrics.jsonl", [{"pass@1": 0.5}])
    return folder


def evalscope(folder: Path) -> Path:
    rows = [
        {
            "index": at,
            "input": f"Problem {name}",
            "sample_score": {
                "score": {"value": {"acc": right}, "extracted_prediction": "1"},
                "sample_id": at,
                "group_id": name,
            },
        }
        for at, (name, right) in enumerate([("p", 1.0), ("p", 0.0), ("q", 0.0), ("q", 1.0)])
    ]
    lines(folder / "reviews" / "m" / "aime24_default.jsonl", rows)
    return folder / "reviews"


def math_arena(folder: Path) -> Path:
    rows = [
        {
            "problem_idx": name,
            "model_name": "m",
            "idx_answer": at,
            "gold_answer": "1",
            "parsed_answer": "1" if right else "2",
            "correct": right,
            "output_tokens": 3,
            "cost": 0.01,
        }
        for name, at, right in [("p", 0, True), ("p", 1, False), ("q", 0, False), ("q", 1, True)]
    ]
    pd.DataFrame(rows).to_parquet(folder / "outputs.parquet")
    return folder / "outputs.parquet"


def monkeys(folder: Path) -> Path:
    for name, right in (("p", [True, False]), ("q", [False, True])):
        said = {
            "question": f"Problem {name}",
            "gt_answer": "1",
            "samples": ["text: 1", "text: 2"],
            "is_corrects": right,
        }
        (folder / "m").mkdir(exist_ok=True)
        (folder / "m" / f"{name}.yaml").write_text(yaml.safe_dump(said))
    return folder


def search_and_learn(folder: Path) -> Path:
    rows = [
        {
            "unique_id": name,
            "answer": "1",
            "completions": ["a", "b"],
            "completion_tokens": [3, 3],
            "pred": ["1", "2"],
        }
        | {"score": right}
        for name, right in (("p", [True, False]), ("q", [False, True]))
    ]
    lines(folder / "best_of_n_completions.jsonl", rows)
    return folder / "best_of_n_completions.jsonl"


def helm(folder: Path) -> Path:
    """Two trials of each instance, whose scores stand behind counts
    of tokens and beside those of another split.
    """
    rows = [
        {
            "instance_id": name,
            "train_trial_index": trial,
            "stats": [
                {"name": {"name": "num_references", "split": "test"}, "mean": 4.0},
                {"name": {"name": "exact_match", "split": "valid"}, "mean": float(not right)},
                {"name": {"name": "exact_match", "split": "test"}, "mean": float(right)},
            ],
        }
        for trial, rights in enumerate([(True, False), (False, True)])
        for name, right in zip("pq", rights, strict=True)
    ]
    (folder / "m").mkdir()
    (folder / "m" / "per_instance_stats.json").write_text(json.dumps(rows))
    return folder / "m"


def live_code_bench(folder: Path) -> Path:
    rows = [
        {"question_id": name, "graded_list": list(rights), "output_list": ["a", "b"], "pass@1": 0.5}
        for name, rights in (("p", (True, False)), ("q", (False, True)))
    ]
    (folder / "m").mkdir()
    (folder / "m" / "Scenario.codegeneration_2_0.2_eval_all.json").write_text(json.dumps(rows))
    return folder


def human_eval(folder: Path) -> Path:
    """Beside the samples themselves, which hold no verdict."""
    rows = [("p", True), ("p", False), ("q", False), ("q", True)]
    lines(folder / "samples_of_m.jsonl", [{"task_id": name, "completion": "code"} for name, _ in rows])
    graded = [
        {"task_id": name, "completion": f"code {right}", "result": "failed: ", "passed": right}
        for name, right in rows
    ]
    lines(folder / "m.jsonl", graded)
    return folder


def bigcode(folder: Path) -> Path:
    logs = {
        name: [
            [number, {"task_id": name, "completion_id": number, "passed": right}]
            for number, right in enumerate(rights)
        ]
        for name, rights in (("p", (True, False)), ("q", (False, True)))
    }
    (folder / "logs.json").write_text(json.dumps(logs))
    return folder


def crux_eval(folder: Path) -> Path:
    scored = {
        "raw_generations": {"p": ["a", "b"], "q": ["a", "b"]},
        "raw_scored_generations": {"p": [True, False], "q": [False, True]},
        "pass_at_1": 50.0,
    }
    (folder / "m.json").write_text(json.dumps(scored))
    return folder


def tau_bench(folder: Path) -> Path:
    rows = [
        {"task_id": name, "trial": trial, "reward": float(right), "traj": [{"role": "system", "content": "x"}]}
        for trial, rights in enumerate([(True, False), (False, True)])
        for name, right in zip("pq", rights, strict=True)
    ]
    (folder / "m-airline.json").write_text(json.dumps(rows))
    return folder


FORMS = {
    "evalchemy": evalchemy,
    "lighteval, details": lighteval,
    "NeMo-Skills": nemo_skills,
    "evalscope, reviews": evalscope,
    "MathArena": math_arena,
    "LLMonkeys": monkeys,
    "search-and-learn, scored": search_and_learn,
    "HELM, per_instance_stats": helm,
    "LiveCodeBench, submissions": live_code_bench,
    "human-eval, results": human_eval,
    "bigcode, logs": bigcode,
    "CRUXEval": crux_eval,
    "tau-bench": tau_bench,
}


@pytest.mark.parametrize("name", FORMS)
def test_a_public_form_is_read_by_the_mapping_that_the_page_gives(tmp_path: Path, name: str):
    words = re.search(rf"^\| {name} \| `(.*)` \|$", PAGE.read_text(), re.MULTILINE)
    assert words is not None
    source = FORMS[name](tmp_path)
    options = parse(build("ingest")[0], ["ingest", str(source), "run", *shlex.split(words[1])])
    found = read(source, options)
    right: dict[str, list[bool]] = {}
    for sample in found.samples:
        right.setdefault(sample.prompt, []).append(sample.correct)
    assert right == {"p": [True, False], "q": [False, True]}
    assert {sample.model for sample in found.samples} == {"m"}
    assert {sample.tokens.decoded for sample in found.samples} == {3.0 if "tokens" in words[1] else None}


def test_s1_writes_logs_of_lm_eval_with_answers_of_their_own(tmp_path: Path):
    row = {
        "doc_id": 0,
        "target": "1",
        "arguments": {"gen_args_0": {"arg_0": "Problem p"}},
        "resps": [["long text one", "long text two"]],
        "filtered_resps": ["long text one", "long text two"],
        "filter": "none",
        "metrics": ["exact_match", "exact_matches", "extracted_answers"],
        "exact_match": 1,
        "exact_matches": [1, 0],
        "extracted_answers": ["1", "2"],
    }
    lines(tmp_path / "samples_aime24_nofigures_2026-11-20T10-00-00.000001.jsonl", [row])
    found = read_lm_eval(tmp_path, Choices(metrics=["exact_matches"]))
    assert [(s.answer, s.correct) for s in found.samples] == [("1", True), ("2", False)]


def test_a_share_of_many_samples_is_a_count(tmp_path: Path):
    """lighteval's pass@1 of several samples is one number a prompt, beside all texts."""
    rows = [{"id": "p", "metric": {"pass@1": 0.25}, "text": ["a", "b", "c", "d"]}]
    lines(tmp_path / "t.jsonl", rows)
    columns = {"prompt": "id", "correct": "metric.pass@1", "num_samples": "len(text)"}
    assert [(c.num_correct, c.num_samples) for c in read_table(tmp_path, Mapped(columns, model="m")).counts] == [
        (1, 4)
    ]


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("25", "025", True),
        ("1,000", "1000", True),
        ("1,5", "15", None),
        ("0.50", "0.5", True),
        ("b", "B", True),
        ("C", "B", False),
        (None, "7", False),
        ("x+1", "x+1", True),
        (r"\frac12", "0.5", None),
        ("7 apples", "7", None),
        ("inf", "7", None),
        ("7", None, None),
    ],
)
def test_an_answer_is_the_gold_one_only_where_no_grader_is_needed(
    answer: str | None, gold: str | None, right: bool | None
):
    if right is None:
        with pytest.raises(ValueError, match="need a grader|no gold answer"):
            is_gold(answer, gold)
    else:
        assert is_gold(answer, gold) == right
