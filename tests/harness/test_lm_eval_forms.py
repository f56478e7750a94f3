"""The form that a task of lm-eval takes by itself: the one that its own filter reads its gold answers back in."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.forms import FORMS
from harness.tasks.lm_eval import LmEval
from tests.harness.test_lm_eval import SHARED

# What a task's filter reads, and the form that follows from it.
READERS = {
    "boxed": r"boxed\\{(\\d+)\\}",
    "tagged": r"<answer>(\\d+)</answer>",
    "hashes": r"#### (\\d+)",
    "letter": r"answer is \\((\\d+)\\)",
    "phrase": r"final answer is (\\d+)",
    # As the tasks of BIG-bench hard read it.
    "conclusion": r"(?<=the answer is )(.*)(?=.)",
    "whole": r"^(\\d+)$",
}
TAKES_ALL = "filter_list: [{name: all, filter: [{function: take_first}]}]\n"
SCORES = """
def never(doc, results):
    return {"exact_match": 0}

def tenfold(doc, results):
    return {"exact_match": 10 * (results[0] == str(doc["a"] + doc["b"])), "close": 1}


def below(doc, results):
    return {"exact_match": -1 * (results[0] != str(doc["a"] + doc["b"])), "close": 1}
"""
LOOSE = (
    "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true, ignore_punctuation: true}]\n"
)
# Targets as tasks write them, whose filter takes all of a text.
WHOLE = {
    "several": "doc_to_target: \"{{[(a + b) | string, 'many']}}\"\n" + TAKES_ALL,
    "choices": "doc_to_target: 1\ndoc_to_choice: ['no', 'yes']\n" + TAKES_ALL,
    # Squad's way to compare, to which #### 11 is 11.
    "loose": LOOSE + TAKES_ALL,
    # No target that could be right, as of tasks whose metric looks elsewhere.
    "unread": "doc_to_target: '{{a}} and more'\nprocess_results: !function scores.never\n" + TAKES_ALL,
}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., LmEval]:
    data = tmp_path / "sums.jsonl"
    data.write_text("".join(json.dumps({"a": i, "b": 10 * i}) + "\n" for i in (1, 2)))
    (tmp_path / "shared").write_text(SHARED.format(data=data))
    (tmp_path / "scores.py").write_text(SCORES)

    def make(yaml: str, **fields: str) -> LmEval:
        (tmp_path / "own.yaml").write_text(f"include: shared\ntask: own\n{yaml}")
        return LmEval("own", 2, include_path=str(tmp_path), trust=True, **fields)  # type: ignore[arg-type]

    return make


@pytest.mark.parametrize("form", READERS)
def test_a_task_without_a_form_takes_the_one_that_its_own_filter_reads(
    form: str, make: Callable[..., LmEval]
) -> None:
    reader = f'{{function: regex, regex_pattern: "{READERS[form]}"}}'
    yaml = f"filter_list: [{{name: f, filter: [{reader}, {{function: take_first}}]}}]\n"
    assert make(yaml).answer_form == FORMS[form]  # type: ignore[index]
    assert make(yaml, form="number").answer_form == FORMS["number"]


@pytest.mark.parametrize("target", WHOLE)
def test_a_task_that_takes_any_text_for_the_answer_is_led_to_nothing_else(
    target: str, make: Callable[..., LmEval]
) -> None:
    assert make(WHOLE[target]).answer_form == FORMS["whole"]


@pytest.mark.parametrize(("scorer", "score"), [("tenfold", "10"), ("below", "-1")])
def test_a_metric_that_does_not_run_from_zero_to_one_is_refused_with_the_others(
    make: Callable[..., LmEval], scorer: str, score: str
) -> None:
    told = rf"'exact_match' gives {score} to one answer, .* Choose another, such as close\."
    with pytest.raises(ValueError, match=told):
        make(f"process_results: !function scores.{scorer}\n" + TAKES_ALL).load()
