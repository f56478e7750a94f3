"""The ladder's training text: true to the task, disjoint from what is evaluated, in the tokenizer's own tongue."""

import re
from functools import partial

import numpy as np
import pytest
import yaml

from harness.tasks.reasoning_gym import ReasoningGym
from ladder.countdown import (
    EVALUATION_SEEDS,
    MAX_THINKING_TOKENS,
    PARAMS,
    TOKEN_IDS,
    TRAIN_SEEDS,
    Problem,
    draw_examples,
    load_problems,
    search,
    without_held_out,
    write_example,
)
from ladder.examples import batches
from ladder.tokenizer import END_THINK, build_tokenizer


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return load_problems(range(5_000_000, 5_000_200))


def test_training_and_evaluation_seeds_are_disjoint() -> None:
    with open("conf/task/countdown.yaml") as file:
        task = yaml.safe_load(file)
    evaluated = range(task["seed"], task["seed"] + task["size"])
    assert not set(TRAIN_SEEDS) & set(EVALUATION_SEEDS)
    assert set(evaluated) <= set(EVALUATION_SEEDS)
    assert task["params"] == PARAMS


def test_an_evaluation_problem_is_taken_out_of_training_in_any_order_of_its_numbers() -> None:
    held_out = load_problems(range(EVALUATION_SEEDS.start, EVALUATION_SEEDS.start + 3))
    shuffled = [Problem(tuple(reversed(p.numbers)), p.target) for p in held_out]
    other = Problem((1, 1, 1), 98)
    assert without_held_out([*held_out, *shuffled, other]) == [other]


def test_every_finished_search_ends_in_its_first_hit_and_its_answer_scores_full_marks(
    problems: list[Problem],
) -> None:
    task = ReasoningGym("countdown", 0, 1, PARAMS)
    rng = np.random.default_rng(0)
    finished = 0
    for problem in problems:
        trace, answer, found = search(problem, rng) or ("", "", False)
        if not found:
            continue
        finished += 1
        results = [int(re.findall(r"=(-?\d+)", attempt)[-1]) for attempt in trace.split(";")]
        assert results[-1] == problem.target
        assert problem.target not in results[:-1]
        entry = {"metadata": {"numbers": list(problem.numbers), "target": problem.target}}
        assert task._dataset.score_answer(answer=answer, entry=entry) == 1.0
    assert finished > 100


def test_every_step_of_a_search_is_right_and_uses_the_problems_numbers(problems: list[Problem]) -> None:
    rng = np.random.default_rng(1)
    for problem in problems[:60]:
        trace, _, _ = search(problem, rng) or ("", "", False)
        for attempt in trace.split(";") if trace else []:
            first, *steps = re.findall(r"^\d+|[-+*/]\d+=-?\d+", attempt)
            value, used = int(first), [int(first)]
            for step in steps:
                operator, operand, result = re.match(r"([-+*/])(\d+)=(-?\d+)", step).groups()  # type: ignore[union-attr]
                value = {"+": value + int(operand), "-": value - int(operand), "*": value * int(operand)}.get(
                    operator, value // int(operand)
                )
                assert value == int(result)
                used.append(int(operand))
            assert sorted(used) == sorted(problem.numbers)


def test_examples_fit_the_budget_and_a_forced_close_is_never_learned(problems: list[Problem]) -> None:
    rng = np.random.default_rng(2)
    closes = []
    for problem in problems:
        example = write_example(problem, rng)
        if example is None:
            continue
        think, close = (example.ids.index(TOKEN_IDS[token]) for token in ("<think>", END_THINK))
        assert close - think - 1 <= MAX_THINKING_TOKENS
        assert not any(example.counted[: think + 1])
        closes.append(example.counted[close])
    assert 0.3 < np.mean(closes) < 0.9


def test_the_tokenizer_agrees_with_the_training_ids(problems: list[Problem]) -> None:
    tokenizer = build_tokenizer()
    names = {i: token for token, i in TOKEN_IDS.items()}
    rng = np.random.default_rng(3)
    for problem in problems[:40]:
        example = write_example(problem, rng)
        if example is not None:
            text = "".join(names[i] for i in example.ids)
            assert tokenizer.encode(text, add_special_tokens=False) == example.ids
            assert tokenizer.decode(example.ids) == text


def test_training_resumes_at_the_batch_it_had_reached(problems: list[Problem]) -> None:
    draw = partial(draw_examples, problems)
    stream = batches(draw, tokens_per_batch=500, seed=0, pool=4)
    first = [next(stream) for _ in range(8)]
    resumed = batches(draw, tokens_per_batch=500, seed=0, pool=4, first_batch=4)
    assert [next(resumed) for _ in range(4)] == first[4:]
