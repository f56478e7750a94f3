"""Graders in workers: order kept, hangs and hogs become outcomes, their neighbours are graded all the same."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from harness import grading
from harness.types import Grade, Prompt


@dataclass(frozen=True)
class Moody:
    """A task whose grader hangs, hogs memory, dies or answers, as the text says."""

    name: str = "moody"
    size: int = 1
    grader: str = "moody"
    grader_version: str = "1"

    @property
    def identity(self) -> Mapping[str, Any]:
        return {}

    def load(self) -> list[Prompt]:
        return [Prompt("p", "text", {})]

    def grade(self, prompt: Prompt, text: str) -> Grade:
        if text == "hang":
            time.sleep(60)
        if text == "hog":
            bytearray(64 << 30)
        if text == "raise":
            raise ZeroDivisionError(text)
        if text == "die":
            import os

            os._exit(1)
        return Grade(text, text, text == "right", 1.0, "correct" if text == "right" else "wrong")


def test_grades_come_back_in_order() -> None:
    texts = [("p", "right" if i % 3 else f"wrong {i}") for i in range(200)]
    grades = grading.grade_texts(Moody(), texts, num_workers=2)
    assert [grade.extracted for grade in grades] == [text for _, text in texts]


def test_an_answer_that_makes_its_grader_raise_is_unparsed() -> None:
    grades = grading.grade_texts(Moody(), [("p", "right"), ("p", "raise"), ("p", "right")], num_workers=2)
    assert [grade.outcome for grade in grades] == ["correct", "unparsed", "correct"]


@pytest.mark.parametrize("mood", ["hang", "hog", "die"])
def test_a_grader_that_never_returns_is_a_timeout_and_its_neighbours_are_graded(
    mood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "SECONDS_A_GRADE", 0.5)
    grades = grading.grade_texts(Moody(), [("p", "right"), ("p", mood), ("p", "right")], num_workers=2)
    assert [grade.outcome for grade in grades] == ["correct", "timeout", "correct"]
