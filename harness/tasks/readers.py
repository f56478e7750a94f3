"""The closed list of what a recorded task may name: the tasks, and the functions that write prompts and read answers.

A run folder may come from anyone, so nothing that it names is imported: a name is looked up here, and is here or not.
"""

from collections.abc import Callable, Mapping
from typing import Any

from harness.answers import boxed, choice_letter, final_answer, last_number, math_key, stated_number
from harness.tasks import countdown, lm_eval, reasoning_gym

TASKS: tuple[type, ...] = (lm_eval.LmEval, reasoning_gym.ReasoningGym)
# By the field of a task that takes them.
FUNCTIONS: Mapping[str, tuple[Callable[..., Any], ...]] = {
    "render": (reasoning_gym.render_question, reasoning_gym.render_expression, countdown.render_compact),
    "extract": (
        *(boxed, final_answer, last_number, stated_number, choice_letter),
        *(reasoning_gym.read_whole, reasoning_gym.read_tagged),
    ),
    "vote_key": (math_key, lm_eval.identical, reasoning_gym.identical, countdown.vote_key),
    "dials": (countdown.read_dials,),
}


def name_code(code: type | Callable[..., Any]) -> str:
    """The dotted name of a class or function."""
    return f"{code.__module__}.{code.__qualname__}"


def find_task(name: object) -> type | None:
    """The task class of this dotted name; None where the list has none."""
    return next((kind for kind in TASKS if name_code(kind) == name), None)


def find_function(field: str, name: object) -> Callable[..., Any] | None:
    """The function of this dotted name that the field of a task takes; None where the list has none."""
    return next((function for function in FUNCTIONS[field] if name_code(function) == name), None)
