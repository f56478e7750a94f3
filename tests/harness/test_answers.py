"""Finding answers in reasoning, and the form their votes are counted on."""

import pytest

from harness.answers import boxed, choice_letter, final_answer, last_number, math_equal, math_key, stated_number


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{5} and then \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{x = \boxed{7}}", "7"),
        (r"\fbox{3}, cut off in \boxed{4", "3"),
        (r"} a stray brace, then \boxed {8}", "8"),
        (r"\boxed{  }", None),
        ("5", None),
        (r"\boxed{" + "1" * 501 + "}", None),
        (r"The final answer is \boxed{2} - This is within \boxed{}.", "2"),
        (r"\boxed{}", None),
        (r"so $boxed{5}$", "5"),
        (r"\\boxed{5}", "5"),
        (r"$$\boxed 42$$", "42"),
        (r"The final answer is \boxed{42", None),
    ],
)
def test_boxed_is_the_last_whole_box(text: str, answer: str | None) -> None:
    assert boxed(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Final Answer: The final answer is $3.5$. I hope it is correct.", "$3.5$"),
        ("The answer is 4. No: the final answer is 5\nThe answer is wrong", "5"),
        ("**Answer:** 12 apples", "12 apples"),
        ("**Final Answer**: 7", "7"),
        (r"The final answer is: $\boxed{\sqrt{2}}$.", r"\sqrt{2}"),
        ("The answer\nis 4", "4"),
        ("The answer should be 4. Step 3 is done", "4"),
        ("The answer to the question is 4. Well", "4"),
        ("4", None),
    ],
)
def test_final_answer_is_what_is_called_so(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("18 + 24 = 42 eggs.", "42"),
        ("costs $1,234,567.50!", "1234567.50"),
        ("drops to -3", "-3"),
        ("drops to \N{MINUS SIGN}3", "-3"),
        ("x-3", "3"),
        ("5 - 3", "3"),
        ("#### 72", "72"),
        ("probability .25", ".25"),
        ("1{,}250", "1250"),
        (r"1\,250", "1250"),
        ("42 m^2", "42"),
        ("x^{10}", None),
        (r"\frac{1}{2}", "1/2"),
        ("3/4", "3/4"),
        ("\N{ARABIC-INDIC DIGIT THREE}", None),
        ("none", None),
        ("9" * 501, None),
    ],
)
def test_the_last_number_is_read_in_ascii_digits(text: str, answer: str | None) -> None:
    assert last_number(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # lm-eval's flexible-extract finds "$." here.
        ("Her annual salary is $\\boxed{57500}$.", "57500"),
        ("Claire eats \\(\\boxed{7}\\) dozen of eggs in 4 weeks.", "7"),
        ("The answer is 9 x 60 = 540 meters. He runs 3 times.", "540"),
        ("The answer is 2 bolts of blue and half that much white.\n\nQ: 7", "2"),
        ("The answer is $1,250.", "1250"),
        ("The answer is given in the question: 12 eggs.", "12"),
        ("So the answer is plain.\n3 + 4 = 7", "7"),
        ("I \\boxed{guess}, so 8", "8"),
        ("The answer is 42 apples, which is 3 more than before.", "42"),
        ("The answer is 42 (6 times 7).", "42"),
        ("The answer is 42 in 3 days.", "42"),
        ("The answer is 42 and not 41.", "42"),
        ("The answer is 42 - 3 = 39 apples, 3 fewer.", "39"),
        ("The answer is 42 - 3, which is 39.", "39"),
        ("The answer is x = 42", "42"),
        (r"\boxed{42 = x}", "42"),
        (r"\boxed{1{,}250}", "1250"),
        (r"\boxed{42 m^2}", "42"),
        (r"\boxed{\frac{1}{2}}", "1/2"),
        ("The answer is 320/2.", "160"),
        ("The answer is 1/0.", "1/0"),
        ("The answer would be 42. Step 3 is done", "42"),
        ("3 + 4 = 7 eggs.", "7"),
        ("It costs $160.00", "160"),
        ("The answer is not 18", None),
        ("The answer isn't 18.", None),
        ("The answer is not 18 but 19", "19"),
        ("The answer is 18, not 19", "18"),
        ("The answer is 18 million", "18000000"),
        (r"\boxed{1.5 \text{ million}}", "1500000"),
        ("It is $1,250 thousand in all", "1250000"),
        ("The answer is 7 dozen", "7"),
        ("The answer is 18 and 19", None),
        ("The answer is between 18 and 19", None),
        (r"\boxed{18 and 19}", None),
        ("They are 3 and 4", None),
        ("3 and 4 make 7", "7"),
        ("The answer is 42, the sum of 40 and 2.", "42"),
        ("The answer is 5 hours and 30 minutes", "5"),
        ("It costs $160.50", "160.50"),
        ("The answer is 12 or 13.", None),
        ("\\boxed{12 \\text{ or } 13}", None),
        ("It takes 12 days or $13", None),
        ("$18k", "18000"),
        (r"\boxed{18\text{k}}", "18000"),
        ("It costs $1.5M", "1500000"),
        ("It costs $1.5 bn", "1500000000"),
        ("He ran a 5K in 18 minutes", "18"),
        ("The answer is minus 18", "-18"),
        ("It is negative $18", "-18"),
        ("The answer is -$18", "-18"),
        (r"The answer is $-\$18$", "-18"),
        ("It falls from $20 to $2, 20-$2", "2"),
        ("20 minus 2 is 18", "18"),
        ("The answer is 20 minus 2", None),
        ("The answer is 18 plus 1, so 19", "19"),
        ("The answer is half of 36, which is 18", "18"),
        ("The answer is half of 18", None),
        ("The answer is twice 18", None),
        ("The answer is 18 squared", None),
        (r"The answer is \sqrt{18}", None),
        ("The answer is sqrt(324) = 18", "18"),
        ("The answer cannot be 18", None),
        ("The answer is never 18", None),
        ("The answer is anything but 18", None),
        (r"\boxed{\ne18}", None),
        (r"\boxed{\text{not }18}", None),
        (r"\boxed{18 \lor 19}", None),
        (r"\boxed{18\vee19}", None),
        (r"\boxed{18\pm1}", None),
        ("The answer is 18, no wait, 19", None),
        ("The answer is 18, actually 19", None),
        ("The answer is 18. Wait, it is 19.", None),
        ("The answer is 18 eggs.\nActually, it should be $19.", None),
        (r"\boxed{18} Oops, 19", None),
        (r"\boxed{18}. Wait, \boxed{19}", "19"),
        ("The answer is 18. Wait, it is 18.0.", "18"),
        ("The answer is 18. Wait, let me check: 9 * 2 = 18. Yes.", "18"),
        ("The answer is 18. No tax of 19 applies.", "18"),
        ("The answer is 18 (mod 3).", None),
        (r"\boxed{18 \pmod{3}}", None),
        ("The answer is 18 tenths", "1.8"),
        ("There are 18 tenth-graders", "18"),
        ("17? No, 18", "18"),
        ("The answer is 18, no more, no less", "18"),
        ("12 or 13 were tried. The answer is 14 eggs.", "14"),
        ("none", None),
    ],
)
def test_the_number_that_a_text_states_is_boxed_or_called_the_answer_or_last(
    text: str, answer: str | None
) -> None:
    assert stated_number(text) == answer


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("C", "C"),
        (" (b). ", "B"),
        (r"I think \boxed{\text{(D)}}", "D"),
        ("Not (A). The answer is (C) because B is false", "C"),
        ("The answer is **D**.", "D"),
        ("The correct option is B.", "B"),
        (r"so \boxed{B) 42}", "B"),
        ("Not A. <answer>B</answer>", "B"),
        (r"The answer is \(B\).", "B"),
        ("the answer is b.", "B"),
        ("The answer is: [B]", "B"),
        ('The answer is "B".', "B"),
        ("the answer would be B", "B"),
        ("The answer is the letter B", "B"),
        ("The answer is A because B is false", "A"),
        ("The answer is A cat, so (C)", "C"),
        ("The answer is I think (B)", "B"),
        ("The correct answer is: option B", "B"),
        ("The answer is a good one", None),
        ("The final answer is J", "J"),
        ("A) one\nB) two\nI choose (B), since...", "B"),
        ("thinking\n\n**E**", "E"),
        ("Z", None),
        ("A cat sat", None),
        (r"\boxed{C) 12}", "C"),
        (r"\boxed{\text{C) } 12}", "C"),
        (r"\boxed{(C)\ 12}", "C"),
        (r"\boxed{\textbf{(C) }12}", "C"),
        (r"\boxed{\text{Option D}}", "D"),
        ("option D is correct", "D"),
        ("So Option (D) is the correct answer.", "D"),
        ("Option A is wrong, option D is right.", "D"),
        ("The answer is C. A and B are wrong", "C"),
        ("The answer is C, as B is too large", "C"),
        ("The answer is `C`", "C"),
        ("The answer is 'C'.", "C"),
        ("(A) is false, (B) is false, so (C).", "C"),
        ("C is the answer", "C"),
        ("I choose option C.", "C"),
        ("<answer>Option B</answer>", "B"),
        ("<answer>B. 12</answer>", "B"),
        ("Option D is incorrect", None),
        ("Option D is not correct", None),
        ("Neither A nor B is correct", None),
        ("A is the best cat, so (B)", "B"),
    ],
)
def test_a_choice_is_one_letter(text: str, letter: str | None) -> None:
    assert choice_letter(text) == letter


ALIKE = [
    (r"\frac{1}{2}", "1/2", "0.5", r"\dfrac12", ".50", "$0.5$"),
    ("1,234", "1234", "1234.0", r"\$1{,}234"),
    (r"2\sqrt{2}", r"\sqrt8", r"\frac{4}{\sqrt 2}"),
    ("2x+1", "1 + 2x", r"y = 2 \cdot x + 1"),
    ("(x-1)(x+1)", "x^2 - 1"),
    (r"\{1, 2\}", r"\{2,1\}"),
    (r"\left(1, 2, 3\right)", "(1,2,3)"),
    (r"\text{Evelyn}", "evelyn"),
    (r"50\%", "50%", "50"),
    ("x < 2", "2 > x"),
    (r"5\text{ cm}", "5", "x=5"),
]


@pytest.mark.parametrize("alike", ALIKE, ids=lambda alike: alike[0])
def test_equal_answers_in_other_notations_vote_together(alike: tuple[str, ...]) -> None:
    assert len({math_key(one) for one in alike}) == 1
    assert math_key(alike[0]) is not None
    assert all(math_equal(one, alike[0]) for one in alike)


def test_different_answers_vote_apart() -> None:
    keys = [math_key(alike[0]) for alike in ALIKE]
    assert len(set(keys)) == len(ALIKE)
    assert not any(math_equal(one[0], other[0]) for one in ALIKE for other in ALIKE if one is not other)


FIVES = (
    r"\text{5 apples}",
    "5 eggs",
    r"5~\mathrm{km/h}",
    r"\$5\text{ in total}",
    "**5**",
    "`5`",
    "5;",
    "The answer is 5",
)


@pytest.mark.parametrize("written", [*FIVES, "Answer: 5", "2 + 3 = 5", "5 = 2 + 3"])
def test_words_and_marks_around_a_number_do_not_change_it(written: str) -> None:
    assert math_equal(written, "5") and math_key(written) == "5"
    assert not math_equal(written, "6")


@pytest.mark.parametrize(
    "written", ["5 pi", "5 million", "5 or 6", "5 x", "5 hundred eggs", "x eggs", "5 junk", "5 more eggs"]
)
def test_what_changes_a_number_stays_with_it(written: str) -> None:
    assert not math_equal(written, "5") and math_key(written) != "5"


def test_thousands_may_stand_apart() -> None:
    assert all(math_key(written) == "1250" for written in (r"1\,250", r"1\ 250", "1{,}250", r"\text{1,250 eggs}"))


def test_a_rounded_number_is_equal_and_votes_apart() -> None:
    assert math_equal("0.333333", r"\frac13") and not math_equal("0.33", r"\frac13")
    assert math_key("0.333333") != math_key(r"\frac13")


@pytest.mark.parametrize("text", ["", "$$", "*", "0/0", r"\frac{1}{0}", "9**9", "1" * 501, r"\frac{"])
def test_what_is_no_mathematics_does_not_vote(text: str) -> None:
    assert math_key(text) is None


BOUNDED = [
    *("99999999!", "2001!", r"\binom{100000}{50000}", "x^{100000}", "(x+1)^{99999}", r"\sin(10^{10000})"),
    *(
        "e^{e^{e^{e^{9}}}}",
        r"\sinh 100000",
        "7^{7000}",
        "(10^{5000})^{5000}",
        "10^{10^{50}}-10^{10^{50}}",
        "100!^{100}",
    ),
    *(
        "x!" + "!" * 400,
        "+".join("1" * 250),
        "1/" * 200 + "1",
        "2^" * 100 + "2",
        r"\frac" * 80,
        "|" * 300,
        "a_{" * 100,
    ),
    *(
        "=".join("x" * 250),
        "<".join("x" * 250),
        r"\pm" * 200,
        "1," * 250,
        r"\text{" * 100 + "}" * 100,
        "0.(" + "9" * 300,
    ),
    *(
        "x^{10^{50}}",
        "1.1^{100000}",
        "(1+10^{-9})^{10^9}",
        "1/(x-x)",
        "0^0",
        r"\ln 0",
        r"\tan 90^\circ",
        r"\log_1 5",
    ),
    *("2^{2^{4999}}", "2^{-2^{19999}}", "(-1)^{2^{19999}}", "(2^{2^{4999}})^{2^{4999}}", r"6^{2^{19999}} \cdot 3"),
    *("i^{(-1)!}", "(x-x-1)!", r"\pi^{(-1)!}", r"\cot 0", r"\sin(2^{2^{19999}})", r"x^{2^{2^{19999}}}"),
    *(
        "100!^{100}",
        "0.(" + "9" * 300,
        "lim" * 100,
        "__import__('os')",
        "S.One",
        "lambda: 5",
        "x.__class__",
        r"\input{a}",
        "\0" * 9,
        "\uff15",
    ),
]


@pytest.mark.parametrize("written", BOUNDED, ids=lambda written: written[:20])
def test_whatever_is_written_is_read_in_bounds_or_not_at_all(written: str) -> None:
    key = math_key(written)
    assert key is None or len(key) <= 500
    assert not math_equal(written, "5") and not math_equal("5", written)


@pytest.mark.parametrize(
    ("one", "other", "is_equal"),
    [
        ("100^{50000}", "10^{100000}", True),
        ("100^{50000}", "10^{100001}", False),
        (r"7^{3500}\cdot 7^{3500}", "7^{7000}", True),
        (r"\frac{10^{12000}}{10^{6000}}", "10^{6000}", True),
        (r"\frac{1}{10^{3000}}", "10^{-3000}", True),
        ("2^{2^{100}}", "4^{2^{99}}", True),
        ("2^{2^{100}}", "2^{2^{101}}", False),
        ("2^{2^{4999}}", "4^{2^{4998}}", True),
        ("2^{2^{19999}}", "2^{2^{19998}}", False),
        (r"\sqrt{10^{240}+1}", r"\sqrt{10^{240}+2}", False),
        (r"\sqrt{2}+10^{-500}", r"\sqrt{2}", False),
    ],
)
def test_long_numbers_are_compared_by_their_powers_and_exactly(one: str, other: str, is_equal: bool) -> None:
    assert math_equal(one, other) == is_equal == (math_key(one) == math_key(other))


@pytest.mark.parametrize("huge", ["9^{9^{9^9}}", "(9!)!!!", "10^{10^{10}}"])
def test_a_number_too_long_to_work_out_is_compared_as_it_is_written(huge: str) -> None:
    assert math_key(huge) is not None
    assert math_equal(huge + "+0", huge) == (math_key(huge + "+0") == math_key(huge))
    assert not math_equal(huge, "7")


@pytest.mark.parametrize(
    "hedge",
    [
        *(
            "18, 19",
            "18; 19",
            "18 19",
            "[18, 19, 20]",
            "either 18, 19",
            "one of 18 19 20",
            "18 | 19",
            "18 & 19",
            "18 to 19",
        ),
        *("18 & 19", "18 to 19", "17 18 19 20", "18,1900", "18 = 19", "$18, $19", "18:30", "18\u200b9", "1 8"),
    ],
)
def test_a_list_of_numbers_states_none(hedge: str) -> None:
    assert stated_number(f"The answer is {hedge}.") is None
    assert stated_number(rf"So \boxed{{{hedge}}}") is None


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("18 millions", "18000000"),
        ("18 Million", "18000000"),
        ("1.8e1", "18"),
        ("18e3", "18000"),
        ("18e-5", "0.00018"),
        (r"1.8 \times 10^{4}", "18000"),
        ("18 1/2", "37/2"),
        ("18\N{VULGAR FRACTION ONE HALF}", "37/2"),
        (r"18\frac{1}{2}", "37/2"),
        ("18^2", None),
        ("18\N{SUPERSCRIPT TWO}", None),
        ("2**18", None),
        ("18 m^2", "18"),
        ("18, which is 2 more", "18"),
        ("$18.00", "18"),
        ("18 = 18.0", "18"),
        ("60 - 42 = 18", "18"),
        ("<<20-2=18>>18", "18"),
    ],
)
def test_a_number_is_stated_whole(said: str, number: str | None) -> None:
    assert stated_number(f"The answer is {said}.") == number


@pytest.mark.parametrize(
    "words", ["millions", "Million", "dozens", "Hundreds", "fifths", "tens", "mln", "incorrect"]
)
def test_words_that_make_another_number_are_no_unit(words: str) -> None:
    for written in (rf"18\text{{ {words}}}", rf"\text{{18 {words}}}", rf"18~\mathrm{{{words}}}"):
        assert not math_equal(written, "18") and math_key(written) != math_key("18")


def test_a_scale_in_the_plural_is_that_scale() -> None:
    assert math_key(r"5\text{ millions}") == math_key(r"5\text{ Million}") == math_key("5000000")
    assert math_key(r"2\text{ dozens}") == math_key("24")


@pytest.mark.parametrize(
    "hedge",
    [
        *(
            "The answer is A or B",
            "The answer is (A)/(B)",
            "The answer is A, B",
            "The answer is (A)(B)",
            "The answer is A & B",
        ),
        *(
            "The answer is A or maybe B",
            "The answer is (A) and (B)",
            "The answer is A, B or C.",
            "I choose A or B",
        ),
        *("The answer is $A$ or $B$", r"The answer is \text{A} or \text{B}", "The answer is “A” or “B”"),
        *(
            "The answer is (a) or (b)",
            "The answer is (a), (b)",
            "The answer is A as well as B",
            r"The answer is A\&C",
        ),
        *("The answer is A, alternatively B", "The answer is A (or B)", "The answer is A B", "A) B)", "A. B."),
        *("Both (A) and (B) are correct", "neither (A) nor (B)", "(A)(B)", "The answer is everything but (A)"),
        *("(A) (B) (C) (D)", r"\boxed{A. B. C. D.}", r"\boxed{A: all, B: none}", "<answer>(A) (B)</answer>"),
        *("The answer is not (A)", "The answer is other than (A)", r"\boxed{(A)\text{ or }(B)}", "I pick A, B"),
    ],
)
def test_two_letters_or_one_that_is_denied_are_no_choice(hedge: str) -> None:
    assert choice_letter(hedge) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "The answer is (C) B cells",
            "The answer is C, I think",
            "The answer is C. B is wrong",
            "(A) is out, so (C)",
        ),
        *(
            "The answer is C, A having failed",
            "I choose C and not B",
            r"\boxed{C. vitamin B12}",
            "It is not (A) but (C).",
        ),
        *(
            "The answer is C - A was wrong.",
            "The answer is **C**, because B is odd",
            "The answer is (C), since (A) fails",
        ),
    ],
)
def test_another_letter_further_on_takes_nothing_from_a_choice(text: str) -> None:
    assert choice_letter(text) == "C"
