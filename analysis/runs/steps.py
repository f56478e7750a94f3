"""The steps of a stored text, as a process reward model split it, each with its score.
Knows no table and no HTML.
"""

from collections.abc import Sequence
from typing import NamedTuple

from analysis.runs.verifiers import Verifier
from results.folder import read_object


class Splitting(NamedTuple):
    """What stands between two steps, and whether those of the trace stand before those of the answer."""

    delimiter: str
    reads_thinking: bool


class Step(NamedTuple):
    """The number of characters up to a step's last one, and its score."""

    end: int
    score: float


def splitting(verifier: Verifier) -> Splitting | None:
    """How a verifier splits what it reads, None where it scores no steps or came from elsewhere.

    Raises ValueError where its parts are not those of a scorer.
    """
    parts = read_object(verifier.parts or "{}", where=f"scorer_parts of {verifier.name}")
    steps, layout = (part if isinstance(part := parts.get(name), dict) else {} for name in ("steps", "layout"))
    delimiter = steps.get("step")
    if not isinstance(delimiter, str) or not delimiter:
        return None
    return Splitting(delimiter, layout.get("thinking") is not None)


def ends(text: str, delimiter: str) -> list[int]:
    """Where each step of a text ends: what stands between delimiters and is not blank,
    without the space around.
    """
    found, start = [], 0
    for part in text.split(delimiter):
        if part.strip():
            found.append(start + len(part.rstrip()))
        start += len(part) + len(delimiter)
    return found


def place(text: Sequence[str | int], scores: Sequence[float], delimiter: str, *, behind: str | None) -> list[Step]:
    """The scores of a trace's steps at their places in it; none where its steps are not those that were scored.

    text: as `texts.clip` gives it; of a clipped one the steps that end in its beginning are placed. behind: the
    answer whose steps follow in scores; None where it is clipped, so that their number is not known.
    """
    if not text or not isinstance(text[0], str):
        return []
    found = ends(text[0], delimiter)
    if len(text) > 1:
        # The last one may go on in what is left out.
        found = found[:-1]
    elif behind is not None and len(found) + len(ends(behind, delimiter)) != len(scores):
        return []
    return (
        [Step(end, float(score)) for end, score in zip(found, scores, strict=False)]
        if len(found) <= len(scores)
        else []
    )
