"""Countdown through reasoning-gym: gold grades correct, wrong does not, votes are never on the value."""

import pytest

from harness.tasks.countdown import read_dials, render_compact, vote_key
from harness.tasks.reasoning_gym import ReasoningGym, read_tagged
from harness.types import Prompt
from ladder.countdown import PARAMS


@pytest.fixture(scope="module")
def countdown() -> ReasoningGym:
    return ReasoningGym(
        "countdown", 1_000_000, 30, PARAMS, render=render_compact, vote_key=vote_key, dials=read_dials
    )


@pytest.fixture(scope="module")
def prompts(countdown: ReasoningGym) -> list[Prompt]:
    return countdown.load()


def test_every_gold_answer_grades_correct(countdown: ReasoningGym, prompts: list[Prompt]) -> None:
    grades = [countdown.grade(prompt, prompt.reference["answer"]) for prompt in prompts]
    assert all(grade.correct and grade.outcome == "correct" and grade.vote_key for grade in grades)


def test_a_gold_answer_of_another_problem_grades_wrong(countdown: ReasoningGym, prompts: list[Prompt]) -> None:
    rotated = [*prompts[1:], prompts[0]]
    grades = [countdown.grade(p, o.reference["answer"]) for p, o in zip(prompts, rotated, strict=True)]
    assert all(grade.outcome == "wrong" and not grade.correct for grade in grades)


@pytest.mark.parametrize(
    ("text", "outcome"), [("", "unanswered"), ("  ", "unanswered"), ("((1+2", "unparsed"), ("9**9", "unparsed")]
)
def test_no_answer_and_no_expression_are_told_apart(
    countdown: ReasoningGym, prompts: list[Prompt], text: str, outcome: str
) -> None:
    assert countdown.grade(prompts[0], text).outcome == outcome


def test_prompts_are_compact_and_carry_their_dials(prompts: list[Prompt]) -> None:
    assert prompts[0].text == "5 5 2=15"
    assert prompts[0].dials == {"num_numbers": 3, "target": 15}
    assert len({prompt.prompt_id for prompt in prompts}) == len(prompts)


def test_more_prompts_are_the_same_task(prompts: list[Prompt], countdown: ReasoningGym) -> None:
    larger = ReasoningGym("countdown", 1_000_000, 32, PARAMS, render=render_compact, vote_key=vote_key)
    assert larger.identity == countdown.identity
    assert [p.text for p in larger.load()[:30]] == [p.text for p in prompts]


def test_an_unknown_generator_is_named() -> None:
    with pytest.raises(ValueError, match="cannot make task 'countdwn'"):
        ReasoningGym("countdwn", 0, 3).load()


def test_any_generator_runs_with_its_own_question_and_scorer() -> None:
    task = ReasoningGym("chain_sum", 0, 5, {"min_terms": 2, "max_terms": 3}, extract=read_tagged)
    for prompt in task.load():
        assert task.grade(prompt, f"so <answer>{prompt.reference['answer']}</answer>").correct
        assert task.grade(prompt, "no tag").outcome == "unparsed"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("((18+7)-20)+11", "11+7+18-20"),
        ("(2*3)/(4-1)", "3/(4-1)*2"),
        ("4-3", "-3+4"),
        ("8-(3-2)", "8+2-3"),
        ("12/(3/2)", "12*2/3"),
    ],
)
def test_reordered_operands_vote_together(one: str, other: str) -> None:
    assert vote_key(one) == vote_key(other) is not None


@pytest.mark.parametrize(("one", "other"), [("2*6", "3*4"), ("10+2", "6+6"), ("2+2", "2*2"), ("8-3", "3-8")])
def test_equal_values_by_other_means_vote_apart(one: str, other: str) -> None:
    assert vote_key(one) != vote_key(other)


@pytest.mark.parametrize("text", ["", "x+1", "1+", "2**3", "__import__('os')", "(" * 5000, "1" * 10_000, "1.5+2"])
def test_what_is_no_arithmetic_does_not_vote(text: str) -> None:
    assert vote_key(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<answer>5</answer>", "5"),
        ("<answer> 5 </answer> and that is it", "5"),
        ("I answer in <answer> tags, as asked: <answer>5</answer>", "5"),
        ("<answer><answer>5</answer>", "5"),
        ("<answer>4</answer> No: <answer>5</answer></answer>", "5"),
        ("<answer>5</answer> or <answer>6", "5"),
        ("<answer></answer>", ""),
        ("</answer><answer>5", None),
        ("5", None),
        ("", None),
    ],
)
def test_the_last_tag_that_is_closed_is_read(text: str, found: str | None) -> None:
    assert read_tagged(text) == found
