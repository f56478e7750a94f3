"""Multi-hop questions: HotpotQA's own grades, gold documents by id, and the layouts of others."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from harness.answers import final_answer
from harness.grading import grade_texts
from harness.readers import find_function, find_task
from harness.tasks.multi_hop import MultiHop, f1_of, is_match, normalise
from harness.tasks.reasoning_gym import read_whole

ROWS: list[dict[str, Any]] = [
    {"id": "q1", "question": "Where was the author born?", "answer": "The Hague", "supporting_ids": ["d1", "d2"]},
    {"id": "q2", "question": "Is it older?", "answer": "yes", "supporting_ids": ["d3"]},
    {"id": 3, "question": "How many?", "answer": ["4,000", "four thousand"], "supporting_ids": ["d1", "d1", 9]},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def task(tmp_path: Path) -> MultiHop:
    return MultiHop("hotpotqa", 10, str(write(tmp_path / "q.jsonl", ROWS)), template="Answer this. {question}")


def test_questions_become_prompts_with_their_gold_documents(task: MultiHop) -> None:
    prompts = task.load()
    assert [prompt.prompt_id for prompt in prompts] == ["hotpotqa/q1", "hotpotqa/q2", "hotpotqa/3"]
    assert prompts[0].text == "Answer this. Where was the author born?"
    assert [prompt.reference["gold_ids"] for prompt in prompts] == [["d1", "d2"], ["d3"], ["d1", "9"]]
    assert [prompt.dials for prompt in prompts] == [{"num_gold": 2}, {"num_gold": 1}, {"num_gold": 2}]


def test_every_gold_answer_grades_correct_and_anothers_wrong(task: MultiHop) -> None:
    prompts = task.load()
    for prompt, other in zip(prompts, [*prompts[1:], prompts[0]], strict=True):
        grade = task.grade(prompt, task.write_gold(prompt))
        assert (grade.correct, grade.outcome, grade.score) == (True, "correct", 1.0) and grade.vote_key
        assert task.grade(prompt, task.write_gold(other)).outcome == "wrong"


def test_graders_run_in_their_processes(task: MultiHop) -> None:
    prompts = task.load()
    graded = grade_texts(task, [(prompt.prompt_id, task.write_gold(prompt)) for prompt in prompts])
    assert all(grade.correct for grade in graded.grades) and not graded.troubles and not task.evaluates


@pytest.mark.parametrize(
    ("text", "outcome", "score"),
    [
        ("<answer>the hague!</answer>", "correct", 1.0),
        ("<answer>Hague</answer>", "correct", 1.0),
        ("<answer>The Hague, Netherlands</answer>", "wrong", 2 / 3),
        ("<answer>Paris</answer>", "wrong", 0.0),
        ("<think><answer>The Hague</answer></think><answer>Paris</answer>", "wrong", 0.0),
        ("<think>The Hague</think>", "unanswered", 0.0),
        ("The Hague", "unparsed", 0.0),
        ("<answer></answer>", "unparsed", 0.0),
        ("<answer>!</answer>", "wrong", 0.0),
        ("", "unanswered", 0.0),
    ],
)
def test_an_answer_is_read_and_graded(task: MultiHop, text: str, outcome: str, score: float) -> None:
    grade = task.grade(task.load()[0], text)
    assert (grade.outcome, grade.score) == (outcome, pytest.approx(score))


def test_yes_is_no_part_of_a_longer_answer() -> None:
    assert f1_of("yes it is", "yes") == 0.0 and f1_of("no", "yes") == 0.0 and f1_of("Yes.", "yes") == 1.0


def test_answers_of_articles_alone_match_only_as_written() -> None:
    assert (
        is_match("The", "The") and not is_match("The", "a") and not is_match("!", "?") and not is_match("The", "x")
    )
    assert normalise("The  Quick, (brown) fox's an") == "quick brown foxs" and normalise("a. The") is None


def test_f1_is_that_of_the_public_grader() -> None:
    """As SQuAD's evaluate-v1.1.py and HotpotQA's work it out, written again by the formula of the papers."""
    rng = random.Random(0)
    words = ["the", "red", "Fox,", "a", "jumps", "over", "dog.", "yes", "no"]
    for _ in range(2000):
        one, other = (" ".join(rng.choices(words, k=rng.randint(1, 5))) for _ in range(2))
        left, right = (normalise(text) or "" for text in (one, other))
        if not left or not right:
            continue
        shared = sum(min(left.split().count(word), right.split().count(word)) for word in set(left.split()))
        if (left in ("yes", "no") or right in ("yes", "no")) and left != right or not shared:
            expected = 0.0
        else:
            precision, recall = shared / len(left.split()), shared / len(right.split())
            expected = 2 * precision * recall / (precision + recall)
        assert f1_of(one, other) == pytest.approx(expected), (one, other)


def test_the_best_of_several_answers_counts(task: MultiHop) -> None:
    prompt = task.load()[2]
    assert task.grade(prompt, "<answer>Four thousand</answer>").correct
    assert task.grade(prompt, "<answer>4000</answer>").correct


def test_other_layouts_are_read_by_the_names_of_their_fields(tmp_path: Path) -> None:
    documents = [{"docid": 5, "text": "long", "url": "u"}, {"docid": "7", "text": "", "url": ""}]
    row = {
        "query_id": 11,
        "query": "Who?",
        "answer": "Ada",
        "gold_docs": documents[:1],
        "evidence_docs": documents,
    }
    task = MultiHop(
        "browsecomp_plus",
        5,
        str(write(tmp_path / "b.jsonl", [row])),
        id_key="query_id",
        question_key="query",
        gold_key="gold_docs",
        evidence_key="evidence_docs",
    )
    (prompt,) = task.load()
    assert prompt.prompt_id == "browsecomp_plus/11"
    assert prompt.reference == {"answer": "Ada", "aliases": [], "gold_ids": ["5"], "evidence": ["5", "7"]}
    row = {
        "id": "a",
        "question": "Who?",
        "answer": "Ada",
        "supporting_facts": [["Ada", 0], ["Ada", 2], ["Bob", 1]],
    }
    task = MultiHop("h", 5, str(write(tmp_path / "h.jsonl", [row])), gold_key="supporting_facts")
    assert task.load()[0].reference["gold_ids"] == ["Ada", "Bob"]


def test_half_a_surrogate_pair_becomes_text_that_can_be_stored(tmp_path: Path) -> None:
    row = {"id": "\ud800", "question": "\udfff?", "answer": "\ud800", "supporting_ids": ["\ud800"]}
    (prompt,) = MultiHop("h", 1, str(write(tmp_path / "q.jsonl", [row]))).load()
    assert (prompt.prompt_id, prompt.text, prompt.reference["answer"]) == ("h/?", "??", "?") and prompt.prompt_hash


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no questions"),
        ([{"id": "a"}], "line 1: 'id' must be"),
        ([ROWS[0], ROWS[0]], "line 2: there is a question with this id"),
        ([ROWS[0] | {"answer": []}], "'answer' a text or a list"),
        ([ROWS[0] | {"answer": [""]}], "'answer' a text or a list"),
        ([ROWS[0] | {"answer": 4}], "'answer' a text or a list"),
        ([ROWS[0] | {"question": " "}], "'question' a text"),
        ([ROWS[0] | {"id": None}], "'id' must be"),
        ([ROWS[0] | {"supporting_ids": "d1"}], "must be a list of ids"),
        ([ROWS[0] | {"supporting_ids": [[]]}], "must be a list of ids"),
        ([ROWS[0] | {"supporting_ids": [{"url": 1}]}], "must be a list of ids"),
        ([ROWS[0] | {"supporting_ids": [True]}], "must be a list of ids"),
    ],
)
def test_what_is_no_question_is_told_with_its_place(tmp_path: Path, rows: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiHop("h", 10, str(write(tmp_path / "q.jsonl", rows))).load()


def test_a_task_without_its_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="task.data must be given: a file of JSON lines with 'id'"):
        MultiHop("h", 10).load()
    with pytest.raises(ValueError, match="cannot be read"):
        MultiHop("h", 10, str(tmp_path / "nowhere.jsonl")).load()
    for change in ({"size": 0}, {"template": "no place"}):
        with pytest.raises(ValueError, match="task."):
            MultiHop(**{"name": "h", "size": 1, **change})  # type: ignore[arg-type]


def test_documents_of_other_ids_are_refused(tmp_path: Path) -> None:
    questions = str(write(tmp_path / "q.jsonl", ROWS))
    right = write(tmp_path / "right.jsonl", [{"id": "d1", "text": "x"}, {"id": "z", "text": "y"}])
    wrong = write(tmp_path / "wrong.jsonl", [{"id": "D1", "text": "x"}])
    task = MultiHop("h", 10, questions, documents=str(right))
    assert len(task.load()) == 3 and [document.id for document in task.corpus()] == ["d1", "z"]
    with pytest.raises(
        ValueError, match="has none of the 4 documents that 'supporting_ids' of the questions names"
    ):
        MultiHop("h", 10, questions, documents=str(wrong)).load()
    with pytest.raises(ValueError, match="task.documents must be given"):
        MultiHop("h", 10, questions).corpus()


def test_size_is_no_part_of_its_identity_and_the_rest_is(task: MultiHop, tmp_path: Path) -> None:
    fields = {"name": task.name, "data": task.data, "template": task.template}
    fewer = MultiHop(size=2, **fields)  # type: ignore[arg-type]
    assert fewer.identity == task.identity
    assert [prompt.text for prompt in fewer.load()] == [prompt.text for prompt in task.load()[:2]]
    other = MultiHop(size=2, **fields | {"template": "{question}"})  # type: ignore[arg-type]
    longer = MultiHop("hotpotqa", 2, str(write(tmp_path / "r.jsonl", ROWS[:2])), template=task.template)
    assert len({json.dumps(one.identity) for one in (task, other, longer)}) == 3
    assert task.grader_version != MultiHop("h", 1, extract=final_answer).grader_version


def test_it_is_one_of_the_tasks_that_a_record_may_name() -> None:
    assert find_task("harness.tasks.multi_hop.MultiHop") is MultiHop
    assert find_function("vote_key", "harness.tasks.multi_hop.normalise") is normalise
    assert MultiHop("h", 1, vote_key=str.lower).evaluates and not MultiHop("h", 1, extract=read_whole).evaluates
