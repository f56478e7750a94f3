"""Training text of the embedded ladder: countdown problems and search traces. Knows no model.

A trace is a search: left-to-right calculations over all the numbers, each worked out step by step,
closest guesses likelier first, stopped at the first hit or cut off.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import reasoning_gym

from harness.tasks.countdown import render_prompt
from ladder.examples import Course, Example
from ladder.tokenizer import ALPHABET, END_OF_TEXT, END_THINK, THINK, build_tokenizer, number_tokens, vocab_size

PARAMS = {"min_numbers": 3, "max_numbers": 4, "min_value": 1, "max_value": 20, "min_target": 10, "max_target": 99}
# reasoning-gym draws item i of seed s from Random(s + i), so a pool owns the seeds [first, first + size).
TRAIN_SEEDS = range(0, 100_000)
# What conf/task/countdown.yaml draws from; problems that also stand here are taken out of the training pool.
EVALUATION_SEEDS = range(1_000_000, 1_001_000)
MAX_THINKING_TOKENS = 256
# The longest prompt, the longest thinking, both markers and the longest answer.
CONTEXT = MAX_THINKING_TOKENS + 64
TOKENS_PER_STEP = 6000
# How fast a guess loses weight with its distance from the target: exp(-distance / GUESS_SCALE).
GUESS_SCALE = 8.0
LARGEST_VALUE = 1000
CUT_SHARE = 0.35
CUT_AT_ZERO_SHARE = 0.3

TOKEN_IDS = number_tokens(ALPHABET)


@dataclass(frozen=True)
class Problem:
    """Numbers to combine, each used once, into the target."""

    numbers: tuple[int, ...]
    target: int

    @property
    def key(self) -> tuple[tuple[int, ...], int]:
        """What makes two problems the same, whatever the order of their numbers."""
        return tuple(sorted(self.numbers)), self.target


class Folds(NamedTuple):
    """Algebraically distinct left folds of n operands: `order` (F,
    n) positions, `ops` (F, n-1) indices into OPS.
    """

    order: np.ndarray
    ops: np.ndarray


OPS = "+-*/"


def load_problems(seeds: range) -> list[Problem]:
    """Problems of reasoning-gym's countdown generator, one a seed."""
    dataset = reasoning_gym.create_dataset("countdown", seed=seeds.start, size=len(seeds), **PARAMS)
    return [Problem(tuple(m["numbers"]), m["target"]) for m in (item["metadata"] for item in dataset)]


def without_held_out(problems: list[Problem]) -> list[Problem]:
    """The problems that no evaluation seed draws, in whatever order of their numbers."""
    held_out = {problem.key for problem in load_problems(EVALUATION_SEEDS)}
    return [problem for problem in problems if problem.key not in held_out]


@cache
def distinct_folds(num_numbers: int) -> Folds:
    """Every left fold of `num_numbers` operands, one for each algebraically distinct result."""
    # Folds that agree at a random real point are the same expression (with probability one).
    point = np.random.default_rng(0).uniform(1, 2, num_numbers)
    seen: dict[float, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    for order in itertools.permutations(range(num_numbers)):
        for ops in itertools.product(range(4), repeat=num_numbers - 1):
            value = point[order[0]]
            for op, position in zip(ops, order[1:], strict=True):
                operand = point[position]
                value = (value + operand, value - operand, value * operand, value / operand)[op]
            seen.setdefault(round(float(value), 9), (order, ops))
    return Folds(np.array([f[0] for f in seen.values()]), np.array([f[1] for f in seen.values()]))


def fold_values(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Running values (F, n-1) of every fold, and a mask (F,) of those that stay whole and small."""
    folds = distinct_folds(len(problem.numbers))
    operands = np.array(problem.numbers)[folds.order]
    value, valid, running = operands[:, 0], np.ones(len(operands), bool), []
    for i in range(1, operands.shape[1]):
        op, operand = folds.ops[:, i - 1], operands[:, i]
        valid &= (op != 3) | (value % operand == 0)
        value = np.choose(op, [value + operand, value - operand, value * operand, value // operand])
        valid &= np.abs(value) < LARGEST_VALUE
        running.append(value)
    return np.stack(running, axis=1), valid


def write_attempt(operands: np.ndarray, ops: np.ndarray, running: np.ndarray) -> str:
    """One attempt worked out: 18+11=29-20=9+7=16."""
    steps = (f"{OPS[op]}{operand}={value}" for op, operand, value in zip(ops, operands[1:], running, strict=True))
    return f"{operands[0]}" + "".join(steps)


def write_answer(operands: np.ndarray, ops: np.ndarray) -> str:
    """The same left fold as an expression: ((18+11)-20)+7."""
    steps = [f"{OPS[op]}{operand}" for op, operand in zip(ops, operands[1:], strict=True)]
    return "(" * (len(steps) - 1) + f"{operands[0]}" + ")".join(steps)


def search(
    problem: Problem, rng: np.random.Generator, *, first: Sequence[int] = (), never: Sequence[int] = ()
) -> tuple[str, str, bool] | None:
    """A search trace, the answer it leads to and whether the search got there; None where no fold hits the target.

    The folds `first` are tried before all others, and of the others none of `never`.
    """
    folds = distinct_folds(len(problem.numbers))
    operands = np.array(problem.numbers)[folds.order]
    running, valid = fold_values(problem)
    distance = np.abs(running[:, -1] - problem.target)
    if not (valid & (distance == 0)).any():
        return None
    # Gumbel noise on log weights draws without replacement in proportion to the weights.
    score = np.where(valid, -distance / GUESS_SCALE + rng.gumbel(size=len(distance)), -np.inf)
    ranked = np.argsort(-score)
    ranked = np.concatenate([np.array(first, dtype=int), ranked[~np.isin(ranked, [*first, *never])]])
    first_hit = int(np.argmax(distance[ranked] == 0))
    hit = ranked[first_hit]
    trace, length = [], 0
    for guess in ranked[: first_hit + 1]:
        trace.append(write_attempt(operands[guess], folds.ops[guess], running[guess]))
        length += len(trace[-1]) + 1
        if length > MAX_THINKING_TOKENS:
            break
    text = ";".join(trace)
    found = len(text) < MAX_THINKING_TOKENS and len(trace) == first_hit + 1
    return text, write_answer(operands[hit], folds.ops[hit]), found


def write_example(problem: Problem, rng: np.random.Generator) -> Example | None:
    """One training text: prompt, thinking (whole or cut), answer.
    None where the problem has no left-fold solution.
    """
    found = search(problem, rng)
    if found is None:
        return None
    return lay_out(render_prompt(problem.numbers, problem.target), *found, rng)


def lay_out(prompt: str, trace: str, answer: str, finished: bool, rng: np.random.Generator) -> Example:
    """A training text of a prompt, a search trace (whole or cut) and its answer."""
    cut = not finished or rng.random() < CUT_SHARE
    if cut:
        longest = min(len(trace), MAX_THINKING_TOKENS)
        length = 0 if rng.random() < CUT_AT_ZERO_SHARE else int(rng.integers(0, longest + 1))
        trace = trace[:length]
    # The model never learns to give up: a close that was forced is given, not predicted.
    pieces = [(prompt, False), ([THINK], False), (trace, True), ([END_THINK], not cut), (answer, True)]
    pieces.append(([END_OF_TEXT], True))
    ids = [TOKEN_IDS[token] for piece, _ in pieces for token in piece]
    counted = [count for piece, count in pieces for _ in piece]
    return Example(ids, counted)


def draw_examples(problems: list[Problem], rng: np.random.Generator) -> Iterator[Example]:
    """Endless training texts over these problems."""
    while True:
        example = write_example(problems[rng.integers(len(problems))], rng)
        if example is not None:
            yield example


def make_course(problems: list[Problem]) -> Course:
    """Countdown as a ladder learns it."""
    return Course(
        partial(draw_examples, problems), TOKENS_PER_STEP, build_tokenizer(), vocab_size(ALPHABET), CONTEXT
    )
