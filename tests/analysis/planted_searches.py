"""Searches of planted outcomes, written beside a run's samples as a sweep would write them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from results import schema, store

# Of a path by its prompt's number and its own: whether it is right, and its score.
Outcome = Callable[[int, int, np.random.Generator], tuple[bool, float]]


class Plan(NamedTuple):
    """A search: its paths, whether they are chosen together, and of each way on (start,
    tokens) and what was read.
    """

    width: int
    together: bool = False
    ways: tuple[tuple[int, int], ...] = ((0, 10), (0, 12), (12, 8), (12, 9))
    readings: tuple[int, ...] = (24, 26, 34, 35, 40)
    thinking: int = 20
    answer: int = 5


def search(
    root: Path,
    model: str,
    plan: Plan,
    outcome: Outcome,
    *,
    budget: int = 256,
    seed: int = 0,
    name: str = "",
    leave_out: Callable[[int, int], bool] = lambda prompt, path: False,
    **settings: Any,
) -> str:
    """Write the paths of a search of one of a run's models on all of its prompts; its identity.

    settings: further ones of its strategy, or others.
    """
    models = store.scan(root, schema.MODELS).to_pylist()
    [row] = [row for row in models if row["model"] == model and row["identity_parts"] is None]
    identity = f"{row['identity']}-{name or plan.width}{'-beam' if plan.together else ''}"
    strategy: dict[str, Any] = {"together": plan.together, "expansions": 2}
    strategy |= {"width": plan.width} if plan.together else {}
    parts = store.encode_json({"strategy": strategy | settings})
    answers = store.scan(root, schema.ANSWERS, columns=["prompt_id"]).to_pandas()
    prompt_ids = sorted(answers["prompt_id"].astype(str).unique())
    rng = np.random.default_rng(seed)
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in ("answers", "grades", "searches")}
    for number, prompt_id in enumerate(prompt_ids):
        for path in range(plan.width):
            is_right, score = outcome(number, path, rng)
            if leave_out(number, path):
                continue
            key = {
                "identity": identity,
                "prompt_id": prompt_id,
                "pool": "evaluation",
                "sample": path,
                "budget": None,
            }
            tables["answers"].append(
                key
                | {"num_thinking_tokens": plan.thinking, "num_answer_tokens": plan.answer, "forced": False}
                | {"num_prompt_tokens": 14 + plan.thinking, "finish_reason": "stop"}
            )
            graded = {"grader": "planted", "grader_version": "1", "vote_key": "right" if is_right else f"w{path}"}
            outcome_name = "correct" if is_right else "wrong"
            tables["grades"].append(key | graded | {"correct": is_right, "outcome": outcome_name})
            written = [tokens for _, tokens in plan.ways]
            tables["searches"].append(
                key
                | {"scorer": "rm", "scorer_version": "1", "num_steps": 2, "num_expansions": len(written)}
                | {"num_written_tokens": sum(written) + plan.answer, "num_read_tokens": sum(plan.readings)}
                | {"expansion_steps": [0] * len(written), "expansion_starts": [start for start, _ in plan.ways]}
                | {"expansion_tokens": written, "reading_tokens": list(plan.readings), "score": score}
            )
    cell = {"identity": identity, "pool": "evaluation", "budget": budget}
    cell |= {"num_samples": plan.width, "num_prompts": len(prompt_ids)}
    store.append(root, schema.MODELS, [row | {"identity": identity, "identity_parts": parts}], writer=model)
    store.append(root, schema.CELLS, [cell], writer=model)
    for table in (schema.SEARCHES, schema.ANSWERS, schema.GRADES):
        store.append(root, table, tables[table.name], writer=model)
    return identity
