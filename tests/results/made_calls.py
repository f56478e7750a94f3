"""A small run whose samples search for the documents of their prompt, call after call."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import store
from results.schema import ANSWERS, GRADES, PROMPTS, TRACES
from tests.results.made_runs import GRADER, Made, hash_parts

# Every call takes so many tokens, the last of them its query; thinking closes after the last call.
CALL_TOKENS, QUERY_TOKENS, MOST_CALLS, CLOSES = 10, 4, 5, 55
BUDGETS, CALLS = (0, 12, 24, 36, 48, 64), (0, 1, 2, 3, 4, 5)
RESULT_TOKENS = 3
# Of 100 samples as many find the next document by a call, are right with all of them, and are right without.
FINDS = {"small": 60, "large": 90}
RIGHT, LUCKY = 90, 10


@dataclass(frozen=True)
class Searching(Made):
    """Budgets x calls; prompt i has 1 + i % 3 gold documents, and none where it is not `names_gold`."""

    size: int = 45
    budgets: Sequence[int] = BUDGETS
    is_scored: bool = False
    names_gold: bool = True

    def write(self, root: Path) -> Path:
        prompts = [
            {
                "task": self.task,
                "prompt_id": f"sums/{index:05d}",
                "prompt_hash": hash_parts([index]),
                "text": f"question {index}",
                "dials": json.dumps({"hops": self.hops(index)}),
                "gold_ids": [f"{index}-{hop}" for hop in range(self.hops(index))] if self.names_gold else None,
            }
            for index in range(self.size)
        ]
        with store.lock(root, self.task):
            store.append(root, PROMPTS, prompts, writer=self.task)
        for model in self.models:
            with store.lock(root, model):
                self._write_model(root, model)
        self._write_records(root)
        return root

    @staticmethod
    def hops(index: int) -> int:
        return 1 + index % 3

    def found_at(self, model: str, index: int, sample: int) -> int | None:
        """After how many tokens a sample has all documents, None where it never has."""
        found = [call for call in range(MOST_CALLS) if self._chance(model, index, sample, call) < FINDS[model]]
        hops = self.hops(index)
        return CALL_TOKENS * (1 + found[hops - 1]) if len(found) >= hops else None

    def is_right(self, model: str, index: int, sample: int, place: int) -> bool:
        """Whether the answer after so many tokens is."""
        found_at = self.found_at(model, index, sample)
        chance = RIGHT if found_at is not None and found_at <= place else LUCKY
        return self._chance(model, index, sample, "answer") < chance

    def _chance(self, *of: object) -> int:
        return int(hash_parts(of), 16) % 100

    def _spread(self, cell: dict[str, Any]) -> list[dict[str, Any]]:
        return [cell | {"calls": c or None} for c in (CALLS if cell["pool"] == "evaluation" else CALLS[-1:])]

    def _sample(self, identity: str, index: int, pool: str, sample: int, budgets: Sequence[int]) -> dict[str, Any]:
        model = next(name for name in self.models if self.identity(name) == identity)
        key = {"identity": identity, "prompt_id": f"sums/{index:05d}", "pool": pool, "sample": sample}
        request = {"num_prompt_tokens": 5, "finish_reason": "stop", "seed": index, "seconds": 0.5}
        traces = [key | request | self._call(model, index, sample, call) for call in range(MOST_CALLS)]
        rest = CLOSES - CALL_TOKENS * MOST_CALLS
        last = {"start_token": CLOSES - rest, "num_thinking_tokens": rest, "ended": True}
        traces.append(key | request | last | {"token_ids": [1] * rest, "text": "so"})
        opens = [CALL_TOKENS * (1 + call) - QUERY_TOKENS for call in range(MOST_CALLS)]
        places = [(place, place) for place in sorted({*opens, *(b for b in budgets if b < CLOSES)})]
        answers, grades = [], []
        for place, budget in [*places, (CLOSES, None)]:
            is_right = self.is_right(model, index, sample, place)
            text = str(index) if is_right else "no"
            given = RESULT_TOKENS * (place // CALL_TOKENS)
            spent = {"num_thinking_tokens": place, "num_answer_tokens": 2, "text": text, "num_given_tokens": given}
            spent |= {"forced": budget is not None, "num_prompt_tokens": 5 + place + given, "budget": budget}
            read = {"extracted": text, "vote_key": text, "correct": is_right, "score": float(is_right)}
            graded = {
                "outcome": "correct" if is_right else "wrong",
                "grader": GRADER,
                "grader_version": self.version,
            }
            answers.append(key | request | spent)
            grades.append(key | {"budget": budget} | read | graded)
        return {TRACES.name: traces, ANSWERS.name: answers, GRADES.name: grades}

    def _call(self, model: str, index: int, sample: int, call: int) -> dict[str, Any]:
        """The segment that ends in a call, with what the call brought."""
        start, opened = CALL_TOKENS * call, CALL_TOKENS * (1 + call) - QUERY_TOKENS
        before = sum(self._chance(model, index, sample, each) < FINDS[model] for each in range(call))
        finds = self._chance(model, index, sample, call) < FINDS[model]
        written = {"start_token": start, "num_thinking_tokens": CALL_TOKENS, "ended": False, "text": "x"}
        written |= {"opened": opened, "opened_by": opened + 1, "token_ids": [1] * CALL_TOKENS}
        brought = {"tool": "search", "query": "who", "tool_seconds": 0.1, "observed_ids": [2] * RESULT_TOKENS}
        return written | brought | {"result_ids": [f"{index}-{before}" if finds else "none of them"]}
