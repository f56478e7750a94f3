"""How the tasks of lm_eval_yaml grade, in the form that lm-eval calls. Knows answers, nothing of models."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.answers import boxed, math_equal


def score_boxed(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Whether math-verify takes what the last \\boxed{} holds for the document's answer."""
    gold = doc["answer"] if "answer" in doc else doc["Answer"]
    extracted = boxed(results[0])
    return {"math_verify": int(extracted is not None and math_equal(extracted, str(gold)))}
