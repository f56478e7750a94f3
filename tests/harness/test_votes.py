"""Votes are counted on what a grader takes for the same answer, over all pairs of answers of the audit."""

import itertools
import re

import pytest

from harness.answers import math_equal, math_key, same_worth
from tests.harness.pairs_of_forms import list_pairs

ANSWERS = sorted({answer for _, pair in list_pairs() for answer in (pair.gold, pair.answer)})
KEYS = {answer: math_key(answer) for answer in ANSWERS}
# A decimal that may be the rounding of another number: then three numbers can be equal in pairs and not together.
DECIMAL = re.compile(r"\.[0-9]{6}")
PAIRS = list(itertools.combinations(ANSWERS, 2))


def test_answers_with_one_key_are_equal() -> None:
    merged = [(one, other) for one, other in PAIRS if KEYS[one] is not None and KEYS[one] == KEYS[other]]
    assert len(merged) > 500
    assert [pair for pair in merged if not (math_equal(*pair) and math_equal(*reversed(pair)))] == []


def test_equal_answers_have_one_key() -> None:
    equal = [(one, other) for one, other in PAIRS if math_equal(one, other) and math_equal(other, one)]
    split = [(one, other) for one, other in equal if KEYS[one] is None or KEYS[one] != KEYS[other]]
    assert len(equal) > 500 and [pair for pair in split if not DECIMAL.search("".join(pair))] == []


def test_what_is_equal_one_way_alone_leaves_something_to_work_out_the_other_way() -> None:
    one_way = [(one, other) for one, other in PAIRS if math_equal(one, other) != math_equal(other, one)]
    assert one_way and all(same_worth(one, other) and same_worth(other, one) for one, other in one_way)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x=3, y=5", "x=5, y=3"),
        ("52_8", "52_7"),
        ("(1, 2)", "(2, 1)"),
        ("(1, 2)", "[1, 2]"),
        (r"\frac{5^{30}}{6^{30}}", r"\frac{5^{29}}{6^{29}}"),
        (r"\sqrt{10^{40}+1}", "10^{20}"),
        ("3R^2", "3r^2"),
        ("xy", "x+y"),
        ("ab", "ba c"),
        ("no", "on"),
        (r"i+2\mathbf{j}", "i+2"),
        ("3h", "3"),
        ("3 hours and 20 minutes", "20 hours and 3 minutes"),
        (r"3\text{ hours and }20\text{ minutes}", r"20\text{ hours and }3\text{ minutes}"),
    ],
)
def test_different_answers_do_not_vote_together(one: str, other: str) -> None:
    assert math_key(one) != math_key(other) and not math_equal(one, other) and not math_equal(other, one)


def test_what_is_left_to_work_out_votes_for_itself_alone() -> None:
    assert math_key("3+3") == math_key("4+2") != math_key("6")
    assert math_equal("6", "3+3") and not math_equal("3+3", "6")


@pytest.mark.parametrize(
    ("right", "wrong", "gold"),
    [
        ("0.333333", r"\frac{333333}{1000000}", r"\frac{1}{3}"),
        ("0.333333", "0.3333330", r"\frac{1}{3}"),
        ("1.414214", "1.4142140", r"\sqrt{2}"),
        ("-0.1666667", r"-\frac{1666667}{10000000}", r"-\frac{1}{6}"),
        ("(0.333333, 2)", "(0.3333330, 2)", r"(\frac{1}{3}, 2)"),
    ],
)
def test_what_a_gold_answer_parts_votes_apart(right: str, wrong: str, gold: str) -> None:
    assert math_equal(right, gold) and not math_equal(wrong, gold)
    assert math_key(right) != math_key(wrong)


@pytest.mark.parametrize(
    ("one", "other"), [("0.500000", "0.5"), ("63.000000", "63"), ("1.25000000", r"\frac{5}{4}")]
)
def test_decimals_that_end_early_vote_with_what_they_are(one: str, other: str) -> None:
    assert math_key(one) == math_key(other)
