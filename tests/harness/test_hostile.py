"""Hostile answers through everything that reads answers: each ends as a grade and none is executed."""

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import reasoning_gym

from harness import answers
from harness.grading import Graded, grade_texts
from harness.tasks import countdown
from harness.tasks.reasoning_gym import ReasoningGym, identical, read_tagged, read_whole
from harness.types import Grade, Outcome, Prompt
from tests.harness.hostile import NESTING, list_code, write_families

SECONDS, MEBIBYTE, LIMIT_MEBIBYTES = 0.15, 1 << 20, 512
LONGEST = 130_000
GOLD = r"\frac{7}{3}"
FINDERS = (
    answers.boxed,
    answers.final_answer,
    answers.last_number,
    answers.stated_number,
    answers.choice_letter,
    read_whole,
    read_tagged,
)
READERS: dict[str, Callable[[str], object]] = {
    **{find.__name__: find for find in FINDERS},
    "identical": identical,
    "countdown": countdown.vote_key,
    "math_key": answers.math_key,
    "math_equal": lambda text: answers.math_equal(text, GOLD),
}
# Scorers that hand the answer to eval, to sympy's parser, or look at it themselves.
EVALUATING = ("string_insertion", "n_queens")
PARSING = ("countdown", "polynomial_multiplication")
COMPARING = ("chain_sum", "prime_factorization", "word_sorting", "knights_knaves", "sudoku")


@dataclass(frozen=True)
class Gauntlet:
    """A prompt a reader; the grade says what it made of the text, and its vote the memory at its worst, in MiB."""

    name: str = "gauntlet"
    size: int = len(READERS)
    grader: str = "gauntlet"
    grader_version: str = "1"
    # As of the tasks that read so: answers share a process.
    evaluates: bool = False

    @property
    def identity(self) -> Mapping[str, Any]:
        return {}

    def load(self) -> list[Prompt]:
        # What they import is imported here, or each worker would spend its first answer on it.
        for read in READERS.values():
            read("1")
        return [Prompt(name, name, {}) for name in READERS]

    def grade(self, prompt: Prompt, text: str) -> Grade:
        found = READERS[prompt.prompt_id](text)
        outcome: Outcome = "correct" if found is True else "wrong" if found else "unparsed"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return Grade(found if isinstance(found, str) else None, str(memory), found is True, 0.0, outcome)


@pytest.mark.parametrize(
    "part", ["\n", " \n*", "<answer>", "<answer> ", "</answer>", "<think>", r"\boxed{", "1,", "A ", "{1"]
)
@pytest.mark.parametrize("find", FINDERS, ids=lambda find: find.__name__)
def test_a_model_that_repeats_itself_to_its_limit_is_read_at_once(
    find: Callable[[str], object], part: str
) -> None:
    start = time.process_time()
    find(part * (LONGEST // len(part)))
    assert time.process_time() - start < 1.0


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def families(canary: Path) -> dict[str, list[str]]:
    families = write_families(canary)
    assert len({text for family in families.values() for text in family}) >= 300
    return families


def run(task: Any, pairs: list[tuple[str, str]]) -> Graded:
    return grade_texts(task, pairs, num_workers=2, seconds=SECONDS, memory_bytes=LIMIT_MEBIBYTES * MEBIBYTE)


def test_every_reader_ends_on_every_hostile_answer(families: dict[str, list[str]], canary: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    marked = [(find.__name__, text) for text in families.pop("marked") for find in FINDERS]
    texts = [text for family in families.values() for text in family]
    # The slowest reader, which parses as math_key does, reads every third.
    pairs = marked + [
        (reader, text) for reader in READERS for text in texts[:: 3 if reader == "math_equal" else 1]
    ]
    graded = run(Gauntlet(), pairs)
    assert len(graded.grades) == len(pairs)
    assert {grade.outcome for grade in graded.grades} == {"wrong", "unparsed", "timeout"}
    assert not canary.exists()
    assert max(float(grade.vote_key or 0) for grade in graded.grades) < before + LIMIT_MEBIBYTES


@pytest.mark.parametrize("every", [18, pytest.param(2, marks=pytest.mark.long)])
def test_no_scorer_of_reasoning_gym_is_taken_over(
    families: dict[str, list[str]], canary: Path, every: int
) -> None:
    for name in (*EVALUATING, *PARSING, *COMPARING):
        reached = (
            ("code", "numbers") if name in EVALUATING + PARSING else ("formats", "unicode", "control", "markup")
        )
        texts = (
            [text for family in reached for text in families[family]][::every]
            + families["sizes"][:1]
            + NESTING[:2]
        )
        task = ReasoningGym(name, 0, 1, vote_key=countdown.vote_key if name == "countdown" else identical)
        graded = run(task, [(task.load()[0].prompt_id, text) for text in texts])
        assert {grade.outcome for grade in graded.grades} <= {
            "wrong",
            "unparsed",
            "unanswered",
            "timeout",
            "refused",
        }, name
        assert not canary.exists(), name


def test_what_a_scorer_would_evaluate_does_not_reach_it(canary: Path) -> None:
    task = ReasoningGym("string_insertion", 0, 1)
    text = list_code(str(canary))[1]
    prompt = task.load()[0]
    graded = run(task, [(prompt.prompt_id, text)])
    assert not canary.exists() and graded.grades[0].outcome == "unparsed" and graded.troubles == {}
    scorer = reasoning_gym.create_dataset("string_insertion", seed=0, size=1)
    scorer.score_answer(answer=text, entry=scorer[0])
    assert canary.exists()
