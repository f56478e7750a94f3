"""A small run over three serial axes whose accuracy in every cell is planted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.schema import ANSWERS, GRADES, TRACES
from tests.results.made_runs import GRADER, Made

# Every sample calls a tool after OPENS tokens, closes its thinking after CLOSES, and once extended after EXTENDED.
OPENS, CLOSES, EXTENDED = 12, 20, 30
BUDGETS, EXTENSIONS, CALLS = (8, 64), (0, 1), (0, 1)
# Of 12 prompts as many are right, in all samples, of an answer at each place.
RIGHT: dict[str, dict[int, int]] = {
    "small": {8: 3, OPENS: 4, CLOSES: 6, EXTENDED: 9},
    "large": {8: 4, OPENS: 6, CLOSES: 8, EXTENDED: 11},
}
# What the tool and the marker that extends put between what was written.
TOOL_TOKENS, WAIT_TOKENS = 7, 2


@dataclass(frozen=True)
class Axes(Made):
    """Budgets x extensions x calls. lacking: prompts of which the extended answer was not drawn.

    Where the run is scored, extended answers are not.
    """

    size: int = 12
    budgets: Sequence[int] = BUDGETS
    is_scored: bool = False
    extensions: Sequence[int] = EXTENSIONS
    calls: Sequence[int] = CALLS
    lacking: Sequence[int] = ()

    def _spread(self, cell: dict[str, Any]) -> list[dict[str, Any]]:
        calls = [each or None for each in self.calls]
        if cell["pool"] == "bins":
            return [cell | {"extensions": None, "calls": calls[-1]}]
        return [cell | {"extensions": e or None, "calls": c} for e in self.extensions for c in calls]

    def _write_scores(self, root: Path, model: str, answers: Sequence[dict[str, Any]]) -> None:
        super()._write_scores(root, model, [answer for answer in answers if not answer.get("extension")])

    def _sample(self, identity: str, index: int, pool: str, sample: int, budgets: Sequence[int]) -> dict[str, Any]:
        key = {"identity": identity, "prompt_id": f"sums/{index:05d}", "pool": pool, "sample": sample}
        request = {"num_prompt_tokens": 5, "finish_reason": "stop", "seed": index, "seconds": 0.5}
        segments = [(0, OPENS, False, None), (OPENS, CLOSES, True, OPENS), (CLOSES, EXTENDED, True, None)]
        traces = [
            key
            | request
            | {"start_token": start, "num_thinking_tokens": end - start, "ended": ended, "opened": opened}
            | {"opened_by": opened and opened + 1}
            | {"token_ids": [1] * (end - start), "text": "x"}
            | ({"extend_ids": [9] * WAIT_TOKENS} if start == CLOSES else {})
            for start, end, ended, opened in segments
        ]
        model = next(name for name in self.models if self.identity(name) == identity)
        places = [(8, {}), (OPENS, {}), (CLOSES, {"budget": None, "forced": False})]
        if index not in self.lacking:
            places.append((EXTENDED, {"extension": 1, "forced": False}))
        found = [self._answer(key, request, RIGHT[model], place, index, told) for place, told in places]
        answers, grades = zip(*found, strict=True)
        return {TRACES.name: traces, ANSWERS.name: list(answers), GRADES.name: list(grades)}

    def _answer(
        self,
        key: Mapping[str, Any],
        request: Mapping[str, Any],
        right: Mapping[int, int],
        place: int,
        index: int,
        told: Mapping[str, Any],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        given = TOOL_TOKENS * (place > OPENS) + WAIT_TOKENS * (place > CLOSES)
        # Nested, and spread over the prompts.
        is_right = 5 * index % self.size < right[place]
        text = str(index + is_right)
        spent = {"num_thinking_tokens": place, "num_answer_tokens": 2, "text": text, "num_given_tokens": given}
        spent |= {"budget": place, "forced": True, "num_prompt_tokens": 5 + place + given} | dict(told)
        read = {"extracted": text, "vote_key": text, "correct": is_right, "score": float(is_right)}
        graded = {"outcome": "correct" if is_right else "wrong", "grader": GRADER, "grader_version": self.version}
        return dict(key) | dict(request) | spent, dict(key) | {"budget": spent["budget"]} | read | graded
