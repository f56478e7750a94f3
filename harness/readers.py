"""The closed list of what a recorded task may name: the tasks,
and the functions that write prompts and read answers.

A run folder may come from anyone, so nothing is imported by a name that stands in one: a name is looked up here,
and is here or not.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

TASKS: tuple[str, ...] = (
    "harness.tasks.lm_eval.LmEval",
    "harness.tasks.multi_hop.MultiHop",
    "harness.tasks.reasoning_gym.ReasoningGym",
    "harness.tasks.world.World",
)
# By the field of a task that takes them: dotted name -> whether it searches and compares alone, read by a person.
# Of anything else an answer may become code. ast.parse, which countdown's key calls, makes a tree and runs
# nothing.
FUNCTIONS: Mapping[str, Mapping[str, bool]] = {
    "render": {
        "harness.tasks.reasoning_gym.render_question": False,
        "harness.tasks.reasoning_gym.render_expression": False,
        "harness.tasks.countdown.render_compact": False,
    },
    "extract": {
        "harness.answers.boxed": True,
        "harness.answers.final_answer": True,
        "harness.answers.last_number": True,
        "harness.answers.stated_number": True,
        "harness.answers.choice_letter": True,
        "harness.tasks.reasoning_gym.read_whole": True,
        "harness.tasks.reasoning_gym.read_tagged": True,
    },
    "vote_key": {
        # It hands an answer to a parser of LaTeX.
        "harness.answers.math_key": False,
        "harness.tasks.lm_eval.identical": True,
        "harness.tasks.multi_hop.normalise": True,
        "harness.tasks.reasoning_gym.identical": True,
        "harness.tasks.countdown.vote_key": True,
    },
    "dials": {"harness.tasks.countdown.read_dials": False},
}


def name_code(code: type | Callable[..., Any]) -> str:
    """The dotted name of a class or function, where it is defined."""
    return f"{code.__module__}.{code.__qualname__}"


def find_task(name: object) -> type | None:
    """The task class of this dotted name; None where the list has none."""
    return next((_load(kind) for kind in TASKS if kind == name), None)


def find_function(field: str, name: object) -> Callable[..., Any] | None:
    """The function of this dotted name that the field of a task takes; None where the list has none."""
    return next((_load(function) for function in FUNCTIONS[field] if function == name), None)


def is_plain(*readers: Callable[..., Any] | None) -> bool:
    """Whether each of these functions, where there is one, is known to evaluate nothing."""
    return all(reader is None or reader in _load_plain() for reader in readers)


@cache
def _load_plain() -> frozenset[Callable[..., Any]]:
    return frozenset(_load(name) for named in FUNCTIONS.values() for name, plain in named.items() if plain)


def _load(name: str) -> Any:
    """What a name of the list stands for; the tasks import this module, so that it imports them late."""
    module, _, code = name.rpartition(".")
    return getattr(import_module(module), code)
