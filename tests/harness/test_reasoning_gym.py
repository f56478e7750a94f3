"""Every generator of reasoning-gym: its gold answers grade correct,
other answers wrong, and its dials are columns.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
import reasoning_gym
from reasoning_gym.factory import DATASETS

from harness.tasks.reasoning_gym import ReasoningGym
from harness.tasks.scorers import UNTRUSTED
from harness.types import Prompt

# Their entries carry no answer: any that their scorer accepts will do.
NO_GOLD = {"boxnet", "graph_color", "rubiks_cube", "rush_hour"}
# Searches that take seconds at their own size.
SMALLER: Mapping[str, Mapping[str, Any]] = {
    "futoshiki": {"max_board_size": 4},
    "sudoku": {"min_empty": 30, "max_empty": 32},
    "zebra_puzzles": {"num_people": 3, "num_characteristics": 3},
}
# It searches for seconds an entry, whatever its parameters; its gold answers were graded correct by hand.
SLOW = {"knight_swap"}
# Neither difficulties nor parameters that are numbers; arc_agi has the weights of its augmentations.
NO_DIALS = {"arc_agi", "list_functions"}
LOADED = sorted(DATASETS.keys() - SLOW - UNTRUSTED.keys())
NONSENSE = "zzz"


@cache
def make(name: str, size: int = 2) -> tuple[ReasoningGym, list[Prompt]]:
    task = ReasoningGym(name, 7, size, SMALLER.get(name, {}))
    return task, task.load()


@pytest.mark.parametrize("name", [name for name in LOADED if name not in NO_GOLD])
def test_gold_grades_correct_and_another_entrys_answer_wrong(name: str) -> None:
    task, prompts = make(name)
    golds = [str(prompt.reference["answer"]) for prompt in prompts]
    assert [task.grade(prompt, gold).correct for prompt, gold in zip(prompts, golds, strict=True)] == [True] * 2
    for prompt, gold, other in zip(prompts, golds, reversed(golds), strict=True):
        wrong = NONSENSE if other == gold else other
        assert not task.grade(prompt, wrong).correct, (gold, wrong)


@pytest.mark.parametrize("name", sorted(NO_GOLD))
def test_an_entry_without_gold_grades_nonsense_wrong(name: str) -> None:
    task, prompts = make(name)
    assert [prompt.reference["answer"] for prompt in prompts] == [None] * 2
    assert not any(task.grade(prompt, NONSENSE).correct for prompt in prompts)


@pytest.mark.parametrize("name", LOADED)
def test_what_makes_it_hard_is_told_in_numbers(name: str) -> None:
    _, prompts = make(name)
    assert all(bool(prompt.dials) != (name in NO_DIALS) for prompt in prompts)
    assert all(type(value) is float for prompt in prompts for value in prompt.dials.values())


def test_a_dial_is_the_entrys_own_value_where_the_generator_tells_it_and_a_range_elsewhere() -> None:
    chains = make("chain_sum", 8)[1]
    assert [prompt.dials["num_terms"] for prompt in chains] == [
        1 + sum(word in "+-" for word in prompt.reference["metadata"]["expression"].split()) for prompt in chains
    ]
    assert len({prompt.dials["num_terms"] for prompt in chains}) > 1
    assert make("count_primes")[1][0].dials == {"n_min": 1.0, "n_max": 10_000.0}


def test_a_generator_without_difficulties_is_told_apart_by_its_parameters() -> None:
    prompts = ReasoningGym("syllogism", 7, 2, {"invalid_ratio": 0.5}).load()
    assert [prompt.dials["invalid_ratio"] for prompt in prompts] == [0.5] * 2


@pytest.mark.parametrize(
    ("name", "cheat"),
    [
        ("game_of_life_halting", lambda entry: "zzz"),
        ("propositional_logic", lambda entry: entry["metadata"]["premises"][0]),
    ],
)
def test_a_scorer_that_lets_wrong_answers_through_is_refused(
    name: str, cheat: Callable[[Mapping[str, Any]], str]
) -> None:
    entries = reasoning_gym.create_dataset(name, seed=7, size=2)
    assert [entries.score_answer(answer=cheat(entry), entry=entry) for entry in entries] == [1.0] * 2
    with pytest.raises(ValueError, match="is refused: its scorer accepts"):
        ReasoningGym(name, 7, 2)


def test_a_mixture_of_others_is_refused() -> None:
    with pytest.raises(ValueError, match="is refused: it mixes"):
        ReasoningGym("composite", 7, 2)
