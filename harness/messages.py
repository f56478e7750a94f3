"""A grade as a line of JSON: what a process says
that a stranger's answer ran in is data, and is checked as such.
"""

import json
from typing import Any, get_args

from harness.types import Grade, Outcome

# No answer of use is longer, and no process can say more in its grade.
LONGEST_CHARS, LONGEST_LINE = 1 << 16, 1 << 21
TROUBLE_CHARS = 200
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


def write_grade(grade: Grade, trouble: str | None = None) -> bytes:
    """The line, without its end; texts are cut at LONGEST_CHARS."""
    texts = [None if text is None else str(text)[:LONGEST_CHARS] for text in (grade.extracted, grade.vote_key)]
    trouble = trouble and trouble[:TROUBLE_CHARS]
    return json.dumps([*texts, bool(grade.correct), float(grade.score), grade.outcome, trouble]).encode()


def read_grade(line: bytes) -> tuple[Grade, str | None]:
    """The grade and what was wrong with the grader; raises ValueError where the line is no such thing."""
    try:
        # Of bytes json would guess the encoding, and load what decodes it.
        extracted, vote_key, correct, score, outcome, trouble = json.loads(line.decode("ascii"))
        texts = [_read_text(extracted, LONGEST_CHARS), _read_text(vote_key, LONGEST_CHARS)]
        score, trouble = float(score), _read_text(trouble, TROUBLE_CHARS)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"A line of grades is damaged: {str(error)[:TROUBLE_CHARS]}") from error
    if type(correct) is not bool or outcome not in OUTCOMES or correct != (outcome == "correct"):
        raise ValueError("A line of grades contradicts itself.")
    # Of which NaN is no part.
    if not 0 <= score <= 1:
        raise ValueError(f"A score must be between 0 and 1; got {score}.")
    return Grade(texts[0], texts[1], correct, score, outcome), trouble


def _read_text(value: Any, longest: int) -> str | None:
    """Text that can be stored: half a surrogate pair, which no encoding has, becomes a question mark."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"expected a text of at most {longest} characters")
    return value.encode(errors="replace").decode()
