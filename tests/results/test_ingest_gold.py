"""Answers against gold ones: what can be seen without a grader, and what becomes of the rest."""

import csv
from pathlib import Path

import pytest

from results.ingest import table
from results.ingest.gold import UngradedError, is_gold
from results.ingest.mapping import Mapped

COLUMNS = {"model": "model", "task": "task", "prompt": "id", "gold": "gold", "answer": "answer"}


def write(folder: Path, rows: list[tuple[str, str, str, str]]) -> Path:
    """A table of model, task, gold and answer."""
    with (folder / "t.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["model", "task", "id", "gold", "answer"])
        lines.writerows(
            [model, task, number, gold, answer] for number, (model, task, gold, answer) in enumerate(rows)
        )
    return folder / "t.csv"


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("(B)", "(B)", True),
        ("(A)", "(B)", False),
        ("b)", "(B)", True),
        ("C.", "D", False),
        ("[a]", "A", True),
        ("False", "True", False),
        ("false", "False", True),
        ("No", "Yes", False),
        ("invalid", "valid", False),
        ("Ja", "Nein", False),
        ("да", "нет", False),
        ("A", "None", None),
        ("two words", "one word", None),
        ("True or False", "True", None),
        ("seven", "7", None),
        ("] )", "> )", None),
        ("7b", "7", None),
    ],
)
def test_letters_and_words_are_told_apart_and_anything_else_takes_a_grader(
    answer: str, gold: str, right: bool | None
):
    if right is None:
        with pytest.raises(UngradedError, match="need a grader"):
            is_gold(answer, gold)
    else:
        assert is_gold(answer, gold) == right


@pytest.mark.parametrize("wrong", ["two words", r"\frac12", "x + 1", "12 apples", "(A) or (B)", "A: yes", "3:2"])
def test_where_wrong_answers_cannot_be_compared_the_right_ones_say_nothing(tmp_path: Path, wrong: str):
    """The answers that are the gold text are right, and to leave out only the others would read 100%."""
    mixed = [("m", "hard", "some text", "some text")] * 6 + [("m", "hard", "some text", wrong)] * 4
    easy = [("m", "easy", "7", "7")] * 3 + [("m", "easy", "7", "8")]
    found = table.read(write(tmp_path, mixed + easy), Mapped(COLUMNS))
    assert {(sample.task, sample.correct) for sample in found.samples} == {("easy", True), ("easy", False)}
    told = f"4 of 10 answers, such as {wrong!r} and 'some text' need a grader to compare"
    assert found.odd == {
        f"{told}; map correct=COLUMN instead of gold": ["m on hard"],
    }
    with pytest.raises(ValueError, match="4 of 10 answers, such as .* map correct=COLUMN instead of gold"):
        table.read(write(tmp_path, mixed), Mapped(COLUMNS))


def test_the_one_odd_answer_of_a_hundred_is_wrong_and_told(tmp_path: Path):
    rows = [("m", "t", "7", "7")] * 60 + [("m", "t", "7", "8")] * 40 + [("m", "t", "7", r"\frac{14}{2}")]
    found = table.read(write(tmp_path, rows), Mapped(COLUMNS))
    assert [sample.correct for sample in found.samples] == [True] * 60 + [False] * 41
    assert found.notes == [
        r"m on t: 1 of 101 answers, such as '\\frac{14}{2}' and '7' need a grader to compare. They count as wrong."
    ]


def test_what_one_model_writes_costs_no_other(tmp_path: Path):
    rows = [("plain", "t", "7", "7"), ("plain", "t", "7", "8"), ("wordy", "t", "7", "it is 7")]
    found = table.read(write(tmp_path, rows), Mapped(COLUMNS))
    assert [sample.model for sample in found.samples] == ["plain", "plain"]
    assert list(found.models) == ["plain"]
