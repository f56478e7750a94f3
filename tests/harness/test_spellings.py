r"""How people set, count and say a right answer, and what near it is another one: in \boxed{}, and in words."""

import pytest

from harness.answers import choice_letter, math_equal, math_key, stated_number
from harness.tasks.scoring import score_boxed

SAME = [
    *[
        ("5", text)
        for text in (r"\underline{\underline{5}}", r"\textcolor{blue}{5}", r"\color{red} 5", r"{\large 5}")
    ],
    *[("5", text) for text in (r"\Large{5}", r"\ensuremath{5}", r"5{}", "\N{YEN SIGN}5", "5\N{CENT SIGN}")],
    *[("5", text) for text in (r"m\angle ABC = 5^\circ", r"\measuredangle XYZ = 5", r"\underline{5\text{ cm}}")],
    *[
        ("5", text)
        for text in (r"5\text{ one-dollar bills}", r"5\text{ sixteen-year-olds}", r"5\text{ short tons}")
    ],
    *[("5", text) for text in (r"5\text{ horsepower}", r"5\text{ canteens}", r"5\text{ teenagers}")],
    *[(r"\frac{4}{3}", text) for text in ("1 1/3", r"x = 1 1/3", r"1 1/3\text{ cups}", r"1\tfrac13")],
    *[("(1, \\frac{5}{2})", "(1, 2 1/2)"), ("-\\frac{4}{3}", "-1 1/3"), (r"33\frac13", "33 1/3")],
    *[("2516_8", text) for text in ("(2516)_8", "(2516)_{8}", r"2516_{\text{eight}}", r"2516_{\mathrm{eight}}")],
    *[("11110_2", r"11110_{\text{two}}"), ("2516", "(2516)_8")],
]
ANOTHER = [
    *[("5", rf"5\text{{ {words}}}") for words in ("six", "zero", "twenty", "thirteen", "elevenths", "twentieths")],
    *[("5", rf"5\text{{ {words}}}") for words in ("threefold", "hundredfold", "quadrupled", "below freezing")],
    *[
        ("5", rf"5\text{{ {words}}}")
        for words in ("in debt", "short of ten", "unless", "I guess", "to the power two")
    ],
    *[("5", text) for text in ("--5", "- -5", "---5", r"--\frac{10}{2}", "--5.0")],
    *[
        ("5", text)
        for text in (r"\underline{5}6", r"\color{red}5\color{blue}6", "5{}6", "5 1/3", "5 0/1", "4 2/2")
    ],
    *[("52_8", text) for text in ("52_9", "(52)_9", r"52_{\text{nine}}", "52_{10}", "42")],
    *[(r"\frac{1}{3}", "1 1/3"), (r"\frac{11}{3}", "1 1/3"), (r"\frac{4}{3}", "11/3")],
]
SAID = [
    *[("12 1/2", "25/2"), ("-7 degrees", "-7"), ("- 7", "-7"), ("\N{EN DASH} 7", "-7"), ("\N{EN DASH}7", "-7")],
    *[("\N{FULLWIDTH HYPHEN-MINUS}7", "-7"), ("\N{NON-BREAKING HYPHEN}7", "-7"), ("\N{SUPERSCRIPT MINUS}7", "-7")],
    *[
        ("1 250", "1250"),
        ("1'250", "1250"),
        ("1\N{NARROW NO-BREAK SPACE}250", "1250"),
        ("2 000 000 people", "2000000"),
    ],
    *[("1.25 x 10\N{SUPERSCRIPT THREE}", "1250"), ("12 lakh", "1200000"), ("3 crore rupees", "30000000")],
    *[("3 and a half hours", "7/2"), ("3 and a quarter", "13/4"), ("\N{VULGAR FRACTION ONE HALF}", "1/2")],
    *[(r"\frac12", "1/2"), (r"\frac1{2}", "1/2"), (r"3\frac12", "7/2"), (r"\cfrac{36}2", "18")],
    *[
        ("42 - 3, which is 39", "39"),
        ("42 - 3 = 39 eggs", "39"),
        ("7 - well done", "7"),
        ("30 less than before", "30"),
    ],
    *[("no more than 18", "18"), ("at least 18", "18"), ("20 (10 x 2)", "20"), ("5-year-old", "5")],
]
NOT_SAID = [
    *["more than 18", "less than 18", "anything except 18", "unlikely 18", "unlikely to be 18"],
    *["20 - 2", "18 minus two", "18 less 2", "18 mod 7", "99 + 18", "36 / 18", "2 x 3 x 18", "18 vs 19"],
]


@pytest.mark.parametrize(("gold", "text"), SAME)
def test_a_right_answer_is_right_however_it_is_set(gold: str, text: str) -> None:
    assert score_boxed({"answer": gold}, [rf"\boxed{{{text}}}"])["exact_match"] == 1
    assert "_" in gold + text or math_key(text) == math_key(gold)


@pytest.mark.parametrize(("gold", "text"), ANOTHER)
def test_what_makes_a_number_another_one_is_read(gold: str, text: str) -> None:
    assert score_boxed({"answer": gold}, [rf"\boxed{{{text}}}"])["exact_match"] == 0
    assert not math_equal(text, gold)


@pytest.mark.parametrize(("text", "number"), SAID)
def test_a_number_that_is_said_is_read_as_people_write_it(text: str, number: str) -> None:
    assert stated_number(f"The answer is {text}.") == number


@pytest.mark.parametrize("text", NOT_SAID)
def test_a_sum_that_is_left_and_a_bound_state_no_number(text: str) -> None:
    assert stated_number(f"The answer is {text}") is None


def test_a_sum_in_a_box_is_worked_out_behind_it() -> None:
    assert stated_number(r"The answer is \boxed{66 - 1,126} = -1,060 kilograms.") == "-1060"
    assert stated_number(r"The answer is \boxed{66 - 1,126}.") is None


@pytest.mark.parametrize("denied", ["isn't", "isn\N{RIGHT SINGLE QUOTATION MARK}t"])
def test_a_number_is_denied_with_either_apostrophe(denied: str) -> None:
    assert stated_number(f"The answer {denied} 18") is None
    assert stated_number(f"It {denied} 18, it is 19") == "19"


@pytest.mark.parametrize("text", ["So:\n- 3 eggs", "So:\n\N{EN DASH} 3 eggs", "Parts: - 3 eggs"])
def test_what_begins_an_item_of_a_list_is_no_sign(text: str) -> None:
    assert stated_number(text) == "3"


@pytest.mark.parametrize(
    "text", ["The answer is not A but B", "(A) is the wrong answer, so B is correct", "(B) A is wrong"]
)
def test_a_letter_that_is_denied_leaves_the_other(text: str) -> None:
    assert choice_letter(text) == "B"


@pytest.mark.parametrize(
    "text",
    [
        *[
            "I don't think the answer is B",
            "I do not believe that it is (B)",
            "I don\N{RIGHT SINGLE QUOTATION MARK}t think it is B",
        ],
        *[
            "(B) is the wrong answer",
            "(B) is incorrect",
            "(B) seems wrong",
            "The answer isn\N{RIGHT SINGLE QUOTATION MARK}t B",
        ],
    ],
)
def test_a_letter_that_is_only_denied_is_no_choice(text: str) -> None:
    assert choice_letter(text) is None
