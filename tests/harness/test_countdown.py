"""Our grader of countdown beside reasoning-gym's own:
the same marks for every honest answer, none for a way round.
"""

import random
import time
from collections import Counter

import pytest
import reasoning_gym

from harness.tasks.countdown import read_arithmetic, score_countdown, score_puzzle24, vote_key
from ladder.countdown import PARAMS

ENTRY = {"metadata": {"numbers": [5, 3, 17, 15], "target": 40}}
TOWERS = (
    "9**9**9**9",
    "9**(9**9)",
    "2**2",
    "9^9",
    "9" * 199,
    "9*" * 90 + "9",
    "-" * 190 + "9",
    "(" * 90 + "9" + ")" * 90,
)
SECONDS = 0.1


def draw_expression(numbers: list[int], rng: random.Random) -> str:
    if len(numbers) == 1:
        return str(numbers[0])
    cut = rng.randrange(1, len(numbers))
    left, right = draw_expression(numbers[:cut], rng), draw_expression(numbers[cut:], rng)
    text = rng.choice(["{}{}{}", "{} {} {}"]).format(left, rng.choice("+-*/"), right)
    return f"({text})" if rng.random() < 0.7 else text


def draw_answers(gold: str, numbers: list[int], rng: random.Random) -> list[str]:
    """Gold in other spellings, and expressions over its numbers, one too few and one that is not given."""
    answers = [gold, gold.replace(" ", ""), f"({gold})", f"+{gold}", f"-(-({gold}))", f"{gold}+{numbers[0]}"]
    for _ in range(6):
        drawn = rng.sample(numbers, len(numbers))
        answers.append(draw_expression(rng.choice([drawn, drawn, drawn[1:], [drawn[0] + 1, *drawn[1:]]]), rng))
    return answers


def test_honest_answers_have_the_official_scorers_marks() -> None:
    rng = random.Random(7)
    marks: Counter[float] = Counter()
    for params in (PARAMS, {}):
        entries = reasoning_gym.create_dataset("countdown", seed=7, size=25, **params)
        for entry in entries:
            for answer in draw_answers(entry["answer"], entry["metadata"]["numbers"], rng):
                ours = score_countdown(answer, entry)
                assert ours == entries.score_answer(answer=answer, entry=entry), (answer, entry["metadata"])
                marks[ours or 0.0] += 1
    assert marks.total() == 600 and min(marks[1.0], marks[0.05]) > 150


@pytest.mark.parametrize(
    "answer", ["(5+3+17+15)*0", "40", "=40", "5+3+17+15+0", "5+3+17+15+5-5", "5+3+17", "8+17+15"]
)
def test_other_numbers_than_those_given_are_wrong(answer: str) -> None:
    assert score_countdown(answer, ENTRY) in (None, 0.05)


@pytest.mark.parametrize(
    "answer",
    [
        *(
            "5+3+17+15 # 40",
            "5+3+17+15=40",
            "5 3 17 15",
            "[5,3,17,15]",
            "5+3+17+15.0",
            "5+3+17+1_5",
            "0x5+3+17+15",
        ),
        *("5+3++17+15", "5+3-+17+15", "5*+3+17+15"),
        *(
            "5+3+17+15+S.Zero",
            "(5+3+17+15)*S.One",
            "5+3+17+15if 1else 0",
            "5//3+17+15",
            "5%3+17+15",
            "5<3",
            "True",
        ),
        *("\uff15+3+17+15", "\u0665+3+17+15", "\u202e5+3+17+15", "5\u00d73+17+15", "5+3+17\n+15", "f(5)+3+17+15"),
    ],
)
def test_what_is_no_arithmetic_is_unparsed_and_does_not_vote(answer: str) -> None:
    assert score_countdown(answer, ENTRY) is None and vote_key(answer) is None


@pytest.mark.parametrize("answer", TOWERS)
def test_size_and_depth_end_by_their_limits(answer: str) -> None:
    start = time.process_time()
    assert score_countdown(answer, ENTRY) in (None, 0.05) and (read_arithmetic(answer) is None) == (
        vote_key(answer) is None
    )
    assert time.process_time() - start < SECONDS


def test_puzzle24_takes_the_puzzles_own_numbers_alone() -> None:
    entry = {"metadata": {"numbers": [7, 4, 4, 1]}}
    answers = ("1*(7*4 - 4)", "1*1*4*6", "7*4-4", "7+4+4+1", "24", "7*4-4*S.One")
    assert [score_puzzle24(answer, entry) for answer in answers] == [1.0, 0.01, 0.01, 0.01, 0.01, None]
