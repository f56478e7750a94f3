"""On every generator of reasoning-gym gold is right however it is spelled, and what is not right buys nothing."""

import contextlib
import dataclasses
import itertools
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pytest
import reasoning_gym

from harness.tasks.reasoning_gym import ReasoningGym, read_tagged
from harness.types import Prompt
from tests.harness.bought import BOUGHT, LINEAR, Bought
from tests.harness.cheats import spell, write_cheats
from tests.harness.test_reasoning_gym import LOADED, NO_GOLD, NONSENSE, make

# An answer that is graded is right or wrong within this, whatever it holds.
SECONDS = 2.0
# Entries that are looked through, and on how many each answer has to buy its marks.
TRIED, NUM_BOUGHT = 120, 2


# A half as one sign, and by a slash that is made for fractions.
HALVES = ("\u00bd", "1\u20442")


def is_spelling(cheat: str, gold: str) -> bool:
    """Whether a made-up answer happens to be the gold one."""
    with contextlib.suppress(ValueError):
        return math.isclose(float(cheat), float(gold), rel_tol=1e-12) and cheat.isascii()
    gold = "".join(gold.split()).lower()
    return "".join(cheat.split()).lower() == gold or (cheat in HALVES and gold == r"\frac{1}{2}")


@pytest.mark.parametrize("name", LOADED)
def test_no_cheat_is_right_on_any_generator(name: str) -> None:
    task, prompts = make(name)
    golds = [str(prompt.reference["answer"] or NONSENSE) for prompt in prompts]
    other = golds[1] if golds[1] != golds[0] else NONSENSE
    bought = []
    for cheat in write_cheats(prompts[0].text, golds[0], other):
        start = time.process_time()
        grade = task.grade(prompts[0], cheat)
        assert time.process_time() - start < SECONDS, cheat[:80]
        if grade.correct and not is_spelling(cheat, golds[0]):
            bought.append(cheat[:120])
    assert bought == []


@pytest.mark.parametrize("bought", BOUGHT, ids=lambda bought: bought.name)
def test_what_buys_full_marks_of_the_official_scorer_is_not_right_here(bought: Bought) -> None:
    entries = reasoning_gym.create_dataset(bought.name, seed=7, size=TRIED, **bought.params)
    task = ReasoningGym(bought.name, 7, TRIED, bought.params)
    fitting = ({**entry, **bought.changes} for entry in entries if bought.holds(entry))
    num_bought = 0
    for entry in itertools.islice(fitting, NUM_BOUGHT):
        answer = bought.write(entry)
        num_bought += entries.score_answer(answer=answer, entry=entry) >= 1
        assert not task.grade(Prompt("p", entry["question"], entry), answer).correct, (answer, entry["answer"])
    assert num_bought == NUM_BOUGHT


@pytest.mark.parametrize("name", sorted(set(LOADED) - NO_GOLD))
def test_gold_is_right_in_three_spellings_on_any_generator(name: str) -> None:
    loose, prompts = make(name)
    tagged = dataclasses.replace(loose, extract=read_tagged)
    for prompt in prompts:
        spelled = [
            f"<think>{NONSENSE}</think> So <answer>{gold}</answer>" for gold in spell(prompt.reference["answer"])
        ]
        assert [tagged.grade(prompt, text).correct for text in spelled] == [True] * len(spelled)
        assert not tagged.grade(prompt, f"<think><answer>{prompt.reference['answer']}</answer></think>").correct


SPELLED: list[tuple[str, Mapping[str, Any], Callable[[str], str]]] = [
    ("chain_sum", {}, lambda gold: f"{int(gold):+,}.00"),
    ("products", {}, lambda gold: f"0{gold}"),
    ("number_format", {}, lambda gold: f"{float(gold):.15e}"),
    ("number_format", {"max_delta": 1e-3}, lambda gold: f"{float(gold):,.6f}"),
    ("decimal_arithmetic", {}, lambda gold: f"{float(gold):.6g}"),
    ("decimal_arithmetic", {}, lambda gold: f"{gold}00"),
    ("countdown", {}, lambda gold: f"({gold.replace(' ', '')})"),
    ("polynomial_multiplication", {}, lambda gold: f"({gold}) + 0"),
    ("simple_integration", {}, lambda gold: gold.replace(" + C", "").replace(" ", "") + " + 7"),
    ("intermediate_integration", LINEAR, lambda gold: f"C + ({gold})"),
    ("complex_arithmetic", {}, lambda gold: f"({gold.replace(' ', '')})"),
    ("coin_flip", {}, lambda gold: str(Fraction(gold))),
    ("fraction_simplification", {}, lambda gold: "/".join(re.findall("[0-9]+", gold))),
    ("number_sorting", {}, lambda gold: gold.replace("'", '"').replace('.0"', '"')),
    ("game_of_life", {}, lambda gold: gold.replace(",", ", ").replace("], [", "],\n[")),
    ("knights_knaves", {}, lambda gold: gold.replace(",", "").replace(".", "").upper()),
    ("word_sorting", {}, lambda gold: gold.replace(", ", ",")),
    ("prime_factorization", {}, lambda gold: gold.replace(" ", "")),
    ("bitwise_arithmetic", {}, lambda gold: str(int(gold, 16))),
    ("advanced_geometry", {"task_types": ["orthocenter"]}, lambda gold: gold.strip("()")),
    ("quantum_lock", {}, lambda gold: gold.replace(" \u2192 ", "->")),
    ("rotate_matrix", {}, lambda gold: f"{gold}\n"),
]


@pytest.mark.parametrize(("name", "params", "write"), SPELLED, ids=[name for name, _, _ in SPELLED])
def test_gold_that_is_written_otherwise_is_right(
    name: str, params: Mapping[str, Any], write: Callable[[str], str]
) -> None:
    task = ReasoningGym(name, 7, 5, params, extract=read_tagged)
    for prompt in task.load():
        text = f"<answer>{write(str(prompt.reference['answer']))}</answer>"
        assert task.grade(prompt, text).correct, text


def write_step(square: str, thing: str, goal: str) -> dict[str, str]:
    return {f"Agent[{square}]": f"move({thing}, {goal})"}


def test_boxes_are_moved_to_their_targets_and_not_the_other_way_round() -> None:
    task, prompts = make("boxnet")
    entry = {**prompts[0].reference}
    entry["metadata"] = {**entry["metadata"], "initial_state": {"0.5_0.5": ["target_red"], "1.5_0.5": ["box_red"]}}
    prompt = Prompt("p", prompts[0].text, entry)
    there = [
        write_step("1.5, 0.5", "box_red", "square[0.5, 0.5]"),
        write_step("0.5, 0.5", "box_red", "target_red"),
    ]
    back = [
        write_step("0.5, 0.5", "target_red", "square[1.5, 0.5]"),
        write_step("1.5, 0.5", "box_red", "target_red"),
    ]
    scorer = reasoning_gym.create_dataset("boxnet", seed=7, size=1)
    assert [scorer.score_answer(json.dumps(plan), entry) for plan in (there, back)] == [1.0] * 2
    assert [task.grade(prompt, json.dumps(plan)).outcome for plan in (there, back)] == ["correct", "unparsed"]
