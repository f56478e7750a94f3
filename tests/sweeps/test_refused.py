"""Where the sandbox refuses a task's grader, the grading pass says so and stores no zeros."""

import pytest

from harness.grading import Graded
from harness.types import Grade
from sweeps.grade import check_refused
from tests.harness.test_probe_answers import PROMPTS, Sums

REFUSED = Grade(None, None, False, 0.0, "refused")
WRONG = Grade("1", "1", False, 0.0, "wrong")


def graded(num_refused: int, num_wrong: int) -> tuple[list[tuple[str, str]], Graded]:
    grades = [REFUSED] * num_refused + [WRONG] * num_wrong
    return [("p/0", "It is 1.")] * len(grades), Graded(grades, dict.fromkeys(range(num_refused), "refused: exec"))


@pytest.mark.parametrize(("num_refused", "num_wrong"), [(4, 0), (48, 0), (19, 2)])
def test_a_grader_that_is_refused_nearly_always_ends_the_pass_with_an_example(
    num_refused: int, num_wrong: int
) -> None:
    texts, given = graded(num_refused, num_wrong)
    with pytest.raises(
        ValueError, match=rf"grader of sums cannot run: {num_refused} of .* \(refused: exec\), .*p/0"
    ):
        check_refused(Sums(), texts, given)


@pytest.mark.parametrize(("num_refused", "num_wrong"), [(0, 9), (1, 0), (3, 0), (9, 9)])
def test_single_answers_that_are_refused_are_outcomes(num_refused: int, num_wrong: int) -> None:
    check_refused(Sums(), *graded(num_refused, num_wrong))


def test_the_probes_prompts_are_the_tasks() -> None:
    assert Sums().load() == PROMPTS
