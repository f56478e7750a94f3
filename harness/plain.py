"""What reads answers by searching and comparing alone: of anything else, an answer may become code."""

from collections.abc import Callable
from typing import Any

# Read by a person. ast.parse, which countdown's key calls, makes a tree and runs nothing.
PLAIN_READERS = {
    *(f"harness.answers.{name}" for name in ("boxed", "final_answer", "last_number", "stated_number", "choice_letter")),
    *(f"harness.tasks.reasoning_gym.{name}" for name in ("read_whole", "read_tagged", "identical")),
    "harness.tasks.lm_eval.identical",
    "harness.tasks.countdown.vote_key",
}


def is_plain(*readers: Callable[..., Any] | None) -> bool:
    """Whether each of these functions, where there is one, is known to evaluate nothing."""
    return all(reader is None or f"{reader.__module__}.{reader.__qualname__}" in PLAIN_READERS for reader in readers)
