"""How the tasks of lm_eval_yaml grade, in the form that lm-eval calls. Knows answers, nothing of models.

What is boxed has to be worked out as far as gold is: a question's own expression is worth its answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.answers import behind_box, boxed, digits_of_base, math_equal, same_worth


def score_boxed(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Whether what the last \\boxed{} holds is the document's answer, and worked out as far."""
    gold = str(doc["answer"] if "answer" in doc else doc["Answer"])
    extracted = boxed(results[0])
    if extracted is None:
        return {"exact_match": 0}
    is_right = is_correct(extracted, gold)
    # \\boxed{841 - 34} = 807 is worked out behind its box.
    if not is_right and same_worth(extracted, gold):
        stated = behind_box(results[0])
        is_right = stated is not None and is_correct(stated, gold)
    return {"exact_match": int(is_right)}


def is_correct(answer: str, gold: str) -> bool:
    """Whether the answer is gold; where one of the two leaves out the base of its digits, the other's is meant."""
    digits = digits_of_base(answer), digits_of_base(gold)
    if (digits[0] is None) != (digits[1] is None):
        answer, gold = digits[0] or answer, digits[1] or gold
    return math_equal(answer, gold)
