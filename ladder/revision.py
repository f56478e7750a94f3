"""Training text of the revision ladder: countdown problems with earlier answers to them. Knows no model.

The trace works the last answer out. Where that misses, a search goes on that leaves out the others:

    18 20 7 11=16;((18+11)-20)+11;((20-18)+7)+11<think>20-18=2+7=9+11=20;18+11=29-20=9+7=16</think>((18+11)-20)+7
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from harness.tasks.countdown import FULL, render_prompt, score_countdown
from ladder import countdown
from ladder.countdown import (
    GUESS_SCALE,
    TOKENS_PER_STEP,
    Problem,
    distinct_folds,
    fold_values,
    lay_out,
    search,
    write_answer,
)
from ladder.examples import Course, Example
from ladder.tokenizer import ALPHABET, build_tokenizer, vocab_size

# Of the texts: those without earlier answers, as the rungs of countdown learn from.
PLAIN_SHARE = 0.4
MAX_EARLIER = 4
# What stands before each earlier answer.
BEFORE_ANSWER = ";"
# Of the texts with earlier answers: those where one is right. Of these: those where it is put last, not anywhere.
RIGHT_SHARE, RIGHT_LAST_SHARE = 0.25, 0.6
# Of the wrong answers: those that no search would try. Of these: those with a division that leaves a rest, where
# there is one. Of the others: those that leave a number out, not put another in its place.
MALFORMED_SHARE, NOT_WHOLE_SHARE, LEFT_OUT_SHARE = 0.1, 0.5, 0.2
# As conf/sampling/plain.yaml lets an answer be.
LONGEST_ANSWER = 32
CONTEXT = countdown.CONTEXT + MAX_EARLIER * (len(BEFORE_ANSWER) + LONGEST_ANSWER)


class Earlier(NamedTuple):
    """An earlier answer, and the fold that it is; None where it is malformed."""

    text: str
    fold: int | None


def write_fold(problem: Problem, fold: int) -> str:
    """A fold as an answer: ((18+11)-20)+7."""
    folds = distinct_folds(len(problem.numbers))
    return write_answer(np.array(problem.numbers)[folds.order[fold]], folds.ops[fold])


def read_folds(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """How far every fold (F,) ends from the target, and a mask (F,) of those that a search may try."""
    running, valid = fold_values(problem)
    return np.abs(running[:, -1] - problem.target), valid


def draw_fold(distance: np.ndarray, among: np.ndarray, rng: np.random.Generator) -> int:
    """One of the folds of a mask (F,), likelier the closer it ends, as a search draws its guesses."""
    score = np.where(among, -distance / GUESS_SCALE + rng.gumbel(size=len(distance)), -np.inf)
    return int(np.argmax(score))


def draw_malformed(problem: Problem, rng: np.random.Generator) -> str:
    """A wrong answer that no search would try, of the kinds that models give."""
    distance, valid = read_folds(problem)
    if rng.random() < NOT_WHOLE_SHARE and not valid.all():
        answer = write_fold(problem, draw_fold(distance, ~valid, rng))
        entry = {"metadata": {"numbers": problem.numbers, "target": problem.target}}
        # 12/8*2 is whole in the end.
        if score_countdown(answer, entry) != FULL:
            return answer
    mistaken = mistake_numbers(problem, rng)
    return write_fold(mistaken, draw_fold(*read_folds(mistaken), rng))


def mistake_numbers(problem: Problem, rng: np.random.Generator) -> Problem:
    """The problem with one of its numbers left out, or with another in its place."""
    numbers = list(problem.numbers)
    at, other = rng.choice(len(numbers), 2, replace=False)
    if numbers[at] == numbers[other] or rng.random() < LEFT_OUT_SHARE:
        del numbers[at]
    else:
        numbers[at] = numbers[other]
    return replace(problem, numbers=tuple(numbers))


def draw_earlier(problem: Problem, rng: np.random.Generator) -> list[Earlier]:
    """One to four earlier answers, the oldest first, of which at most one is right."""
    distance, valid = read_folds(problem)
    earlier = []
    for _ in range(rng.integers(1, MAX_EARLIER + 1)):
        if rng.random() < MALFORMED_SHARE:
            earlier.append(Earlier(draw_malformed(problem, rng), None))
        else:
            fold = draw_fold(distance, valid & (distance > 0), rng)
            earlier.append(Earlier(write_fold(problem, fold), fold))
    hits = valid & (distance == 0)
    if hits.any() and rng.random() < RIGHT_SHARE:
        at = -1 if rng.random() < RIGHT_LAST_SHARE else rng.integers(len(earlier))
        fold = draw_fold(distance, hits, rng)
        earlier[at] = Earlier(write_fold(problem, fold), fold)
    return earlier


def revise(problem: Problem, earlier: Sequence[Earlier], rng: np.random.Generator) -> tuple[str, str, bool] | None:
    """As `search`, where answers are known: the last is worked out, then a right one,
    then what is none of them.
    """
    distance, _ = read_folds(problem)
    known = [each.fold for each in earlier if each.fold is not None]
    last = [each.fold for each in earlier[-1:] if each.fold is not None]
    right = [fold for fold in known if distance[fold] == 0 and fold not in last]
    return search(problem, rng, first=[*last, *right], never=folds_written_as(problem, known))


def folds_written_as(problem: Problem, known: Sequence[int]) -> list[int]:
    """The folds that are written as one of these is: more than these where numbers are equal."""
    folds = distinct_folds(len(problem.numbers))
    written = np.concatenate([np.array(problem.numbers)[folds.order], folds.ops], axis=1)
    alike = [(written == written[fold]).all(axis=1) for fold in known]
    return np.flatnonzero(np.any(alike, axis=0)).tolist() if known else []


def write_example(problem: Problem, rng: np.random.Generator) -> Example | None:
    """One training text, with earlier answers or without.
    None where the problem has no left-fold solution.
    """
    if rng.random() < PLAIN_SHARE:
        return countdown.write_example(problem, rng)
    earlier = draw_earlier(problem, rng)
    found = revise(problem, earlier, rng)
    if found is None:
        return None
    prompt = render_prompt(problem.numbers, problem.target)
    return lay_out(prompt + "".join(BEFORE_ANSWER + each.text for each in earlier), *found, rng)


def draw_examples(problems: list[Problem], rng: np.random.Generator) -> Iterator[Example]:
    """Endless training texts over these problems."""
    while True:
        example = write_example(problems[rng.integers(len(problems))], rng)
        if example is not None:
            yield example


def make_course(problems: list[Problem]) -> Course:
    """Revision as its ladder learns it."""
    return Course(
        partial(draw_examples, problems), TOKENS_PER_STEP, build_tokenizer(), vocab_size(ALPHABET), CONTEXT
    )
