"""Every task that ships: gold answers grade correct and wrong ones wrong,
on made-up and on published documents.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from omegaconf import OmegaConf

from harness.types import Prompt, Task
from sweeps.compose import build

SHIPPED = sorted(path.stem for path in Path("conf/task").glob("*.yaml"))


class Source(NamedTuple):
    """Documents in a task's own format, how its gold solution reads, and where published ones lie, if they do."""

    documents: list[dict[str, Any]]
    solve: Callable[[Mapping[str, Any]], str]
    published: str | None = None


def box(answer: Any) -> str:
    return f"Therefore $\\boxed{{{answer}}}$."


GSM8K = Source(
    [
        {"question": "Ann has 12 eggs and eats 3. How many are left?", "answer": "12-3=<<12-3=9>>9\n#### 9"},
        {"question": "A car costs $1,200 and a bike $300. Both?", "answer": "It is 1,500.\n#### 1,500"},
    ],
    lambda document: f"{document['answer']}\nThe answer is {document['answer'].rpartition('#### ')[2]}.",
    "gsm8k/test.jsonl",
)
HOTPOTQA = Source(
    [
        {"id": "5a", "question": "Who wrote it?", "answer": "Ada Lovelace", "supporting_ids": ["d1", "d2"]},
        {"id": "5b", "question": "Where is its end?", "answer": "the North Sea", "supporting_ids": ["d3"]},
    ],
    lambda reference: f"So <answer>{reference['answer']}</answer>",
)
SOURCES = {
    "hotpotqa": HOTPOTQA,
    "hotpotqa_search_r1": HOTPOTQA,
    "browsecomp_plus": Source(
        [
            {"query_id": 1, "query": "Who?", "answer": "Bob", "gold_docs": [{"docid": 5}], "evidence_docs": ["6"]},
            {"query_id": 2, "query": "What?", "answer": "A kite", "gold_docs": [], "evidence_docs": []},
        ],
        HOTPOTQA.solve,
    ),
    "gsm8k": GSM8K,
    "lm_eval": GSM8K,
    "math500": Source(
        [
            {
                "problem": "Half of one?",
                "solution": "It is " + box(r"\frac{1}{2}"),
                "answer": r"\frac{1}{2}",
                "level": 1,
            },
            {"problem": "Solve $x^2=4$.", "solution": "So " + box("2, -2"), "answer": "-2, 2", "level": 3},
        ],
        lambda document: document["solution"],
        "math/math500.jsonl",
    ),
    "aime24": Source(
        [{"problem": "Count to 73.", "answer": "073"}, {"problem": "Count to 204.", "answer": "204"}],
        lambda document: box(document["answer"]),
        "math/aime24.jsonl",
    ),
    "svamp": Source(
        [
            {"Body": "There are 290 bananas in 2 groups", "Question": "How big is each?", "Answer": "145.0"},
            {"Body": "Jo had 30 pens and lost 11.", "Question": "How many are left?", "Answer": "19.0"},
        ],
        lambda document: box(int(float(document["Answer"]))),
        "math/svamp.jsonl",
    ),
}

PUBLISHED = {name: source.published for name, source in SOURCES.items() if source.published}


def make(name: str, **changes: Any) -> tuple[Task, list[Prompt]]:
    part: dict[str, Any] = OmegaConf.to_container(OmegaConf.load(f"conf/task/{name}.yaml"))  # type: ignore[assignment]
    task = build({**part, **changes}, "task")
    return task, task.load()


def solve(name: str, prompt: Prompt) -> str:
    """The gold answer as a model would write it."""
    if name in SOURCES:
        return SOURCES[name].solve(prompt.reference.get("doc", prompt.reference))
    answer = str(prompt.reference["answer"])
    return answer if name in ("countdown", "world") else f"So <answer>{answer}</answer>"


def check(name: str, task: Task, prompts: list[Prompt], *, every: int = 1) -> None:
    """Gold solutions grade correct and vote; those of the prompt before,
    where they differ, do not grade correct.
    """
    golds = [task.grade(prompt, solve(name, prompt)) for prompt in prompts]
    missed = [
        (prompt.prompt_id, grade.extracted)
        for prompt, grade in zip(prompts, golds, strict=True)
        if not (grade.correct and grade.outcome == "correct" and grade.vote_key)
    ]
    assert missed == []
    for i in range(0, len(prompts), every):
        grade = task.grade(prompts[i], solve(name, prompts[i - 1]))
        assert grade.correct == (grade.vote_key == golds[i].vote_key), (prompts[i].prompt_id, grade)


@pytest.mark.parametrize("name", SHIPPED)
def test_gold_grades_correct_and_wrong_wrong(name: str, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"size": 20}
    if name in SOURCES:
        (tmp_path / "data.jsonl").write_text(
            "".join(json.dumps(document) + "\n" for document in SOURCES[name].documents)
        )
        changes["data"] = str(tmp_path / "data.jsonl")
    task, prompts = make(name, **changes)
    assert len(prompts) == (len(SOURCES[name].documents) if name in SOURCES else 20)
    check(name, task, prompts)
    wrongs = [task.grade(prompt, solve(name, prompts[i - 1])) for i, prompt in enumerate(prompts)]
    assert sum(grade.correct for grade in wrongs) < len(prompts) / 10
    assert task.grade(prompts[0], "  ").outcome == "unanswered"
    assert not task.grade(prompts[0], "I do not know").correct


@pytest.mark.parametrize("name", [name for name in SHIPPED if name in PUBLISHED and name != "lm_eval"])
def test_every_published_gold_solution_grades_correct(name: str, outside_data: Callable[[str], Path]) -> None:
    task, prompts = make(name, data=str(outside_data(PUBLISHED[name])))
    assert len(prompts) == task.size
    check(name, task, prompts, every=10)


def test_aimes_own_solutions_grade_correct_but_for_one(outside_data: Callable[[str], Path]) -> None:
    task, prompts = make("aime24", data=str(outside_data(PUBLISHED["aime24"])))
    missed = [p.prompt_id for p in prompts if not task.grade(p, p.reference["doc"]["solution"]).correct]
    # It boxes nothing.
    assert missed == ["aime24/00000"]
