"""The revision ladder's training text: earlier answers are what they are said to be, and the trace makes use of
them.
"""

import json
import re
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from transformers import AutoTokenizer, Qwen3ForCausalLM

from harness.tasks.countdown import FULL, list_numbers, read_arithmetic, render_prompt, score_countdown, work_out
from ladder import countdown
from ladder.countdown import MAX_THINKING_TOKENS, TOKEN_IDS, Problem, load_problems
from ladder.examples import batches
from ladder.revision import (
    BEFORE_ANSWER,
    CONTEXT,
    LONGEST_ANSWER,
    MALFORMED_SHARE,
    MAX_EARLIER,
    PLAIN_SHARE,
    RIGHT_LAST_SHARE,
    RIGHT_SHARE,
    Earlier,
    draw_earlier,
    draw_examples,
    draw_malformed,
    make_course,
    revise,
    write_example,
)
from ladder.rungs import LADDER, REVISION_LADDER, Rung
from ladder.tokenizer import END_OF_TEXT, END_THINK, THINK
from ladder.train import WARMUP_STEPS, collate, next_token_loss, train

RUNGS = Path("ladder/checkpoints")
NAMES = {i: token for token, i in TOKEN_IDS.items()}
Drawn = list[tuple[Problem, list[Earlier]]]


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return load_problems(range(5_000_000, 5_000_200))


@pytest.fixture(scope="module")
def drawn(problems: list[Problem]) -> Drawn:
    rng = np.random.default_rng(0)
    return [(problem, draw_earlier(problem, rng)) for problem in problems for _ in range(5)]


def is_right(problem: Problem, answer: str) -> bool:
    entry = {"metadata": {"numbers": problem.numbers, "target": problem.target}}
    return score_countdown(answer, entry) == FULL


def read_numbers(answer: str) -> list[int]:
    tree = read_arithmetic(answer)
    assert tree is not None
    return sorted(list_numbers(tree))


def keeps_whole(answer: str) -> bool:
    """Whether every division leaves no rest, from left to right."""
    first, *steps = re.findall(r"^\d+|[-+*/]\d+", answer.replace("(", "").replace(")", ""))
    value = int(first)
    for step in steps:
        operator, operand = step[0], int(step[1:])
        if operator == "/" and value % operand:
            return False
        value = {"+": value + operand, "-": value - operand, "*": value * operand, "/": value // operand}[operator]
    return True


def as_answer(attempt: str) -> str:
    """The answer that an attempt stands for: ((18+11)-20)+7 of 18+11=29-20=9+7=16."""
    first, *steps = re.findall(r"^\d+|[-+*/]\d+(?==)", attempt)
    return "(" * (len(steps) - 1) + first + ")".join(steps)


def test_at_most_one_earlier_answer_is_right_and_all_but_the_malformed_are_attempts(drawn: Drawn) -> None:
    for problem, earlier in drawn:
        assert 1 <= len(earlier) <= MAX_EARLIER
        assert sum(is_right(problem, each.text) for each in earlier) <= 1
        for each in earlier:
            is_attempt = keeps_whole(each.text) and read_numbers(each.text) == sorted(problem.numbers)
            assert is_attempt == (each.fold is not None)


def test_earlier_answers_are_drawn_in_their_shares(drawn: Drawn) -> None:
    right = [[is_right(problem, each.text) for each in earlier] for problem, earlier in drawn]
    assert np.mean([any(each) for each in right]) == pytest.approx(RIGHT_SHARE, abs=0.05)
    several = [each for each in right if any(each) and len(each) > 1]
    assert RIGHT_LAST_SHARE < np.mean([each[-1] for each in several]) < 0.9
    malformed = [each.fold is None for _, earlier in drawn for each in earlier]
    assert np.mean(malformed) == pytest.approx(MALFORMED_SHARE, abs=0.03)
    assert {len(earlier) for _, earlier in drawn} == set(range(1, MAX_EARLIER + 1))


def test_wrong_answers_come_close_and_malformed_ones_are_of_every_kind(drawn: Drawn) -> None:
    kinds, misses = set(), []
    for problem, earlier in drawn:
        for each in earlier:
            used, tree = read_numbers(each.text), read_arithmetic(each.text)
            assert tree is not None
            if each.fold is not None:
                misses.append(abs(float(work_out(tree)) - problem.target))
            elif len(used) < len(problem.numbers):
                kinds.add("left out")
            else:
                kinds.add("not whole" if used == sorted(problem.numbers) else "used twice")
    assert kinds == {"left out", "used twice", "not whole"}
    assert np.median(misses) < countdown.GUESS_SCALE


def test_a_malformed_answer_is_wrong_also_where_a_fraction_on_the_way_leads_to_the_target() -> None:
    problem, rng = Problem((12, 8, 16), 24), np.random.default_rng(6)
    assert is_right(problem, "(12/8)*16") and not keeps_whole("(12/8)*16")
    answers = {draw_malformed(problem, rng) for _ in range(400)}
    assert any("/" in answer for answer in answers) and not any(is_right(problem, answer) for answer in answers)


def test_the_last_answer_is_worked_out_first_then_a_right_one_and_no_other_wrong_one(drawn: Drawn) -> None:
    rng, seen = np.random.default_rng(1), set()
    for problem, earlier in drawn:
        revised = revise(problem, earlier, rng)
        if revised is None:
            continue
        trace, answer, found = revised
        # A search that grew too long is cut anyhow.
        attempts = [as_answer(attempt) for attempt in trace.split(";")]
        right = [each.text for each in earlier if is_right(problem, each.text)]
        rest = attempts
        if earlier[-1].fold is not None:
            assert attempts[0] == earlier[-1].text
            rest = attempts[1:]
        assert not {each.text for each in earlier if not is_right(problem, each.text)} & set(rest)
        if right:
            assert found and answer == right[0] and rest == [answer] * (earlier[-1].text != answer)
        assert is_right(problem, answer) and (attempts[-1] == answer or not found)
        seen.add((earlier[-1].fold is None, bool(right), len(rest)))
    assert {(False, True, 0), (False, True, 1), (True, True, 1), (False, False, 3), (True, False, 3)} <= seen


def test_an_answer_is_not_tried_again_where_equal_numbers_make_two_folds_read_alike() -> None:
    problem, rng = Problem((1, 1, 2, 3), 10), np.random.default_rng(2)
    num_attempts = 0
    for _ in range(200):
        earlier = draw_earlier(problem, rng)
        trace, _, _ = revise(problem, [*earlier, Earlier("1+1", None)], rng) or ("", "", False)
        attempts = {as_answer(attempt) for attempt in trace.split(";")}
        num_attempts += len(attempts)
        assert not {each.text for each in earlier if not is_right(problem, each.text)} & attempts
    assert num_attempts > 200


def test_without_earlier_answers_it_is_the_search_of_countdown(problems: list[Problem]) -> None:
    for problem in problems[:40]:
        assert revise(problem, [], np.random.default_rng(3)) == countdown.search(problem, np.random.default_rng(3))


def test_texts_end_right_fit_the_context_and_count_no_prompt_and_no_forced_close(problems: list[Problem]) -> None:
    rng, closes, num_earlier = np.random.default_rng(4), [], []
    for example, problem in draw_with_problems(problems, rng):
        text = "".join(NAMES[i] for i in example.ids)
        prompt, _, written = text.partition(THINK)
        thinking, _, answer = written.partition(END_THINK)
        head, *earlier = prompt.split(BEFORE_ANSWER)
        assert head == render_prompt(problem.numbers, problem.target)
        assert is_right(problem, answer.removesuffix(END_OF_TEXT)) and answer.endswith(END_OF_TEXT)
        assert len(thinking) <= MAX_THINKING_TOKENS and len(example.ids) <= CONTEXT
        think, close = len(prompt), len(prompt) + 1 + len(thinking)
        assert not any(example.counted[: think + 1])
        assert all(example.counted[think + 1 : close]) and all(example.counted[close + 1 :])
        closes.append(example.counted[close])
        num_earlier.append(len(earlier))
    assert 0.4 < np.mean(closes) < 0.75
    assert np.mean(np.array(num_earlier) == 0) == pytest.approx(PLAIN_SHARE, abs=0.06)


def draw_with_problems(
    problems: list[Problem], rng: np.random.Generator
) -> list[tuple[countdown.Example, Problem]]:
    written = [(write_example(problem, rng), problem) for problem in problems * 3]
    return [(example, problem) for example, problem in written if example is not None]


def test_the_tokenizer_agrees_with_the_training_ids(problems: list[Problem]) -> None:
    tokenizer = make_course(problems).tokenizer
    for example in islice(draw_examples(problems, np.random.default_rng(5)), 50):
        text = "".join(NAMES[i] for i in example.ids)
        assert tokenizer.encode(text, add_special_tokens=False) == example.ids
        assert tokenizer.decode(example.ids) == text


def test_texts_depend_on_the_rng_alone_and_training_resumes_where_it_was(problems: list[Problem]) -> None:
    draw = partial(draw_examples, problems)
    stream = batches(draw, tokens_per_batch=500, seed=0, pool=4)
    first = [next(stream) for _ in range(8)]
    resumed = batches(draw, tokens_per_batch=500, seed=0, pool=4, first_batch=4)
    assert [next(resumed) for _ in range(4)] == first[4:] != first[:4]


def test_a_rung_begins_with_the_weights_of_another_and_goes_on_at_half_its_rates(
    tmp_path: Path, problems: list[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "countdown-33k").symlink_to((RUNGS / "countdown-33k").resolve())
    rates: list[float] = []

    def take_no_step(*_: Any, lr: float, **__: Any) -> float:
        rates.append(lr)
        return 1.0

    monkeypatch.setattr("ladder.train.take_step", take_no_step)
    rung = Rung("mine", 3, 32, 64, num_steps=WARMUP_STEPS * 2, begins_as="countdown-33k")
    train(rung, make_course(problems), out=tmp_path, cache=tmp_path / "cache")
    assert max(rates) == 0.5
    mine, before = (
        Qwen3ForCausalLM.from_pretrained(path) for path in (tmp_path / "mine", RUNGS / "countdown-33k")
    )
    assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), before.parameters(), strict=True))
    assert mine.config.max_position_embeddings == CONTEXT


def test_the_context_holds_four_answers_as_long_as_a_sweep_lets_them_be() -> None:
    with open("conf/sampling/plain.yaml") as file:
        assert yaml.safe_load(file)["max_answer_tokens"] == LONGEST_ANSWER
    prompt = "20 20 20 20=99" + MAX_EARLIER * (BEFORE_ANSWER + "0" * LONGEST_ANSWER)
    assert len(prompt) + len([THINK, END_THINK]) + MAX_THINKING_TOKENS + LONGEST_ANSWER <= CONTEXT


@pytest.mark.parametrize("rung", REVISION_LADDER, ids=lambda rung: rung.name)
def test_a_rung_is_another_of_the_same_shape_with_a_longer_context(rung: Rung) -> None:
    names = [rung.name, f"{rung.begins_as}"]
    config, before = (json.loads((RUNGS / name / "config.json").read_text()) for name in names)
    assert config.pop("max_position_embeddings") == CONTEXT > before.pop("max_position_embeddings")
    assert config == before
    tokenizers = [AutoTokenizer.from_pretrained(RUNGS / name) for name in names]
    assert tokenizers[0].get_vocab() == tokenizers[1].get_vocab()
    assert replace(rung, name=names[1], num_steps=0, begins_as=None) in [
        replace(each, num_steps=0) for each in LADDER
    ]


@torch.no_grad()
def test_a_rung_foretells_texts_with_earlier_answers_better_than_what_it_began_as(problems: list[Problem]) -> None:
    rng = np.random.default_rng(7)
    ids, labels = collate([example for example, _ in draw_with_problems(problems[:60], rng)], "cpu")
    models = [(rung.name, f"{rung.begins_as}") for rung in REVISION_LADDER]
    losses = [
        [next_token_loss(Qwen3ForCausalLM.from_pretrained(RUNGS / name), ids, labels).item() for name in pair]
        for pair in models
    ]
    assert all(after < before for after, before in losses)
    assert [after for after, _ in losses] == sorted((after for after, _ in losses), reverse=True)
