"""Answers in what reasoning models write: named ways to find one, what votes are counted on, when two are equal.

The modules part what is read. Their names are no part of a task's: a record names harness.answers.boxed.
"""

from harness.answers.boxes import behind_box, boxed
from harness.answers.equality import math_equal, math_key, same_worth
from harness.answers.letters import choice_letter
from harness.answers.numbers import last_number, stated_number
from harness.answers.phrases import final_answer
from harness.answers.texts import after_thoughts
from harness.answers.values import digits_of_base

__all__ = [
    "after_thoughts",
    "behind_box",
    "boxed",
    "choice_letter",
    "digits_of_base",
    "final_answer",
    "last_number",
    "math_equal",
    "math_key",
    "same_worth",
    "stated_number",
]
