"""Our grades beside lm-eval's own on 1,000 gold answers that are written otherwise;
agreement.md tells the rest.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.answers import math_equal, stated_number
from harness.tasks.lm_eval import cut_at
from tests.harness.audit import PAGE, grade_by_ours, list_errors, write_errors, write_table
from tests.harness.mutations import LATEX, NUMBERS, mutate
from tests.harness.pairs import Pair
from tests.harness.pairs_of_forms import MISSED, list_pairs
from tests.harness.test_shipped_tasks import make

SIZE = 500
# Right answers that lm-eval grades wrong: it compares strings, and takes the last number or dollar sign.
LATEX_BY_STRING_ALONE = {"as a fraction", "decimal point"}
NUMBERS_NOT_READ = {"point zero zero", "trailing number", "boxed", "boxed, then a number"}


def grade_by_lm_eval(data: Path, answers: list[tuple[int, str]]) -> list[bool]:
    """lm-eval's own way through its gsm8k_cot: what its models cut at `until`, its filters and its metric."""
    import lm_eval.tasks
    from lm_eval.models.utils import postprocess_generated_text

    files: dict[str, Any] = {"dataset_path": "json", "dataset_name": None}
    files["dataset_kwargs"] = {"data_files": {"test": str(data)}}
    folder = Path(lm_eval.tasks.__file__).parent / "gsm8k"
    manager = lm_eval.tasks.TaskManager(include_path=str(folder), include_defaults=False)
    task = manager.load({"group": "g", "task": [{"task": "gsm8k_cot", **files}]})["tasks"]["gsm8k_cot"]
    task.set_config("num_fewshot", 0)
    task.build_all_requests(limit=SIZE, rank=0, world_size=1)
    grades = []
    for position, text in answers:
        instance = task.instances[position]
        instance.resps = [postprocess_generated_text(text, instance.args[1]["until"], None)]
        for ensemble in task._filters:
            ensemble.apply([instance])
        scored = task.process_results(instance.doc, [instance.filtered_resps["flexible-extract"]])
        grades.append(bool(scored["exact_match"]))
    return grades


def test_on_gsm8k_the_shipped_task_and_lm_evals_filter_grade_as_lm_eval_does(
    outside_data: Callable[[str], Path],
) -> None:
    data = outside_data("gsm8k/test.jsonl")
    task, prompts = make("gsm8k", data=str(data), size=SIZE)
    golds = [prompt.reference["doc"]["answer"].rpartition("#### ")[2] for prompt in prompts]
    mutated = mutate(golds, NUMBERS, SIZE)
    ours = [task.grade(prompts[position], text).correct for position, _, text, _ in mutated]
    theirs = grade_by_lm_eval(data, [(position, text) for position, _, text, _ in mutated])
    as_theirs, _ = make("gsm8k", data=str(data), size=SIZE, filter="flexible-extract")
    assert [as_theirs.grade(prompts[position], text).correct for position, _, text, _ in mutated] == theirs
    assert [text for (_, _, text, right), grade in zip(mutated, ours, strict=True) if grade != right] == []
    assert {name for (_, name, _, right), grade in zip(mutated, theirs, strict=True) if grade != right} == (
        NUMBERS_NOT_READ
    )
    assert len(mutated) == SIZE and {name for _, name, _, _ in mutated} == NUMBERS.keys()


def test_on_gsm8k_votes_tell_right_from_wrong_whatever_the_notation(outside_data: Callable[[str], Path]) -> None:
    task, prompts = make("gsm8k", data=str(outside_data("gsm8k/test.jsonl")), size=60)
    golds = [prompt.reference["doc"]["answer"].rpartition("#### ")[2] for prompt in prompts]
    for position, name, text, right in mutate(golds, NUMBERS, 180):
        extracted = stated_number(cut_at(text, ["Q:"]))
        assert extracted is not None and math_equal(extracted, golds[position].replace(",", "")) == right, (
            name,
            text,
        )


def test_on_math500_lm_eval_agrees_but_where_it_compares_strings(outside_data: Callable[[str], Path]) -> None:
    from lm_eval.tasks.aime.utils import process_results as score_by_lm_eval

    task, prompts = make("math500", data=str(outside_data("math/math500.jsonl")))
    golds = [prompt.reference["doc"]["answer"] for prompt in prompts]
    mutated = mutate(golds, LATEX, SIZE)
    differing: Counter[str] = Counter()
    for position, name, text, right in mutated:
        ours = task.grade(prompts[position], text).correct
        assert ours == right, (name, golds[position], text)
        theirs = bool(score_by_lm_eval({"answer": golds[position]}, [text])["exact_match"])
        differing[name] += ours != theirs
    assert {name for name, count in differing.items() if count} == LATEX_BY_STRING_ALONE
    assert len(mutated) == SIZE and {name for _, name, _, _ in mutated} == LATEX.keys()


def test_no_wrong_answer_of_the_audit_is_taken_and_what_is_missed_has_a_reason() -> None:
    assert list_errors() == [Pair(gold, answer, True) for gold, answer in MISSED]


def test_the_audit_has_pairs_of_both_verdicts_of_every_kind() -> None:
    verdicts = Counter((kind, pair.is_right) for kind, pair in list_pairs())
    assert sum(verdicts.values()) >= 500
    assert all(verdicts[kind, is_right] >= 5 for kind, is_right in verdicts if not is_right)
    assert {kind for kind, is_right in verdicts if not is_right} | {"known to be missed"} == {
        kind for kind, _ in verdicts
    }


def test_pairs_that_others_gave_are_graded_right(outside_data: Callable[[str], Path]) -> None:
    pairs = [json.loads(line) for line in outside_data("cases/math_pairs.jsonl").read_text().splitlines()]
    graded = [grade_by_ours(pair["gold"], rf"\boxed{{{pair['answer']}}}") for pair in pairs]
    assert graded == [pair["right"] for pair in pairs]


def test_the_page_says_what_the_audit_finds() -> None:
    lines = PAGE.read_text().splitlines()
    assert all(row in lines for row in write_errors())
    boxed = [(kind, pair._replace(answer=f"\\boxed{{{pair.answer}}}")) for kind, pair in list_pairs()]
    for row in write_table(boxed, {"ours": grade_by_ours})[2:-1]:
        assert any(line.startswith(row.removesuffix("|")) for line in lines), row
