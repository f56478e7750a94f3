"""Scores as written -> right or wrong. Knows numbers and words, no files."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from results.ingest.outcomes import Sample

# From where a score counts as correct, unless told.
FULL = 1.0
WORDS = {
    **{"c": 1.0, "correct": 1.0, "true": 1.0, "yes": 1.0, "pass": 1.0, "passed": 1.0},
    "p": 0.5,
    **{"i": 0.0, "n": 0.0, "incorrect": 0.0, "wrong": 0.0, "false": 0.0, "no": 0.0, "fail": 0.0, "failed": 0.0},
}


class MissingError(ValueError):
    """There is no score."""


def grade(value: Any, *, correct_at: float | None, scale: float = 1.0) -> tuple[bool, float]:
    """Whether a score counts as correct, and the score over `scale`; raises ValueError for what is no score.

    True, 'C' (Inspect's correct), 'correct' and the like are 1; False, 'I', 'N', 'incorrect' and the like are 0;
    'P' is a half; '80%' is .8 and numbers are themselves. Raises MissingError where there is none, NaN included.
    """
    text = str(value).strip().lower()
    if value is None or text in ("", "nan"):
        raise MissingError("it has no score")
    try:
        percent = text.endswith("%")
        score = WORDS[text] if text in WORDS else float(text.rstrip("%")) / (100 if percent else scale)
    except ValueError:
        raise ValueError(
            f"{_short(value)} is not a score; expected a number, true or false, or C, P, I, N"
        ) from None
    if not math.isfinite(score):
        raise ValueError(f"{_short(value)} is not a score; expected a finite number")
    return score >= (FULL if correct_at is None else correct_at), score


def check_range(samples: Sequence[Sample]) -> None:
    """Raise ValueError where a score lies outside 0 to 1, so that nobody said what is right."""
    outside = next((sample for sample in samples if not 0 <= (sample.score or 0) <= 1), None)
    if outside is not None:
        raise ValueError(
            f"A score of {outside.model} is {outside.score:g}, and scores must be from 0 to 1. Give --scale 100 "
            "for percent, --correct-at NUMBER for the lowest score that counts as right, or map another column."
        )


def tell_fractions(samples: Sequence[Sample]) -> list[str]:
    """A line for each model and task with scores that are neither 0 nor 1: their mean, and what they count for."""
    groups: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.model, sample.task].append(sample)
    lines = []
    for (model, task), each in groups.items():
        num_between = sum(sample.score not in (None, 0, 1) for sample in each)
        if num_between:
            mean = sum(sample.score or 0 for sample in each) / len(each)
            lines.append(
                f"{model} on {task}: {num_between:,} of {len(each):,} scores are neither 0 nor 1; the mean of "
                f"all is {mean:.4g}. They are used as they are. With --correct-at NUMBER, scores from NUMBER up "
                "count as right and the others as wrong."
            )
    return lines


def right_or_wrong(samples: Sequence[Sample]) -> list[Sample]:
    """The samples with a score of 1 or 0, as whoever said from where a score is right has it."""
    return [replace(sample, score=float(sample.correct)) for sample in samples]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:36]}...{text[-1]}"
