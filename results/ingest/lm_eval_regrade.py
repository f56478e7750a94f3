"""Repeats that lm-eval scored as one, each scored by the task's own filter. Needs lm_eval, imported where used."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Steps that make one answer of several repeats; without them a filter reads each.
OVER_REPEATS = ("take_first", "take_first_k", "majority_vote", "map_all_first")
METRIC = "exact_match"


class Grader:
    """Scores texts as a task's filter and exact match would score each alone.

    task: its settings as results.json holds them. Raises ValueError where they do not tell how an answer is
    scored: where there are none, where a function of the task's own scores it, and where the metric is another
    one.
    """

    def __init__(self, task: Mapping[str, Any], filter_name: str, log: str) -> None:
        metrics = {str(each.get("metric")): each for each in task.get("metric_list") or []}
        reason = (
            "results.json beside it does not hold the task's settings"
            if not task
            else "the task scores by a function of its own"
            if task.get("process_results")
            else f"the task scores by {', '.join(metrics) or 'nothing'}, not by {METRIC}"
            if METRIC not in metrics
            else None
        )
        if reason is not None:
            raise ValueError(f"{log} cannot be graded again: {reason}. Leave out --regrade.")
        steps = {each["name"]: each["filter"] for each in task.get("filter_list") or []}.get(filter_name, [])
        self._steps = [(step["function"], _options(step, "function")) for step in steps if _is_of_each(step)]
        self._options = _options(metrics[METRIC], "metric", "aggregation", "higher_is_better")

    def grade(self, texts: Sequence[str], row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
        """The answer that the filter reads in each text, and its score."""
        from lm_eval.api.metrics import exact_match_hf_evaluate
        from lm_eval.filters import build_filter_ensemble

        read: list[list[str]] = [[text] for text in texts]
        for step in build_filter_ensemble("regraded", self._steps).filters:
            read = [list(each) for each in step().apply(read, [dict(row.get("doc") or {})] * len(texts))]
        for (answer,) in read:
            told = exact_match_hf_evaluate(predictions=[answer], references=[str(row["target"])], **self._options)
            yield answer, float(told[METRIC])


def _is_of_each(step: Mapping[str, Any]) -> bool:
    return step["function"] not in OVER_REPEATS


def _options(settings: Mapping[str, Any], *named: str) -> dict[str, Any]:
    """A step's or metric's own options: beside its names, or under kwargs."""
    beside = {name: value for name, value in settings.items() if name not in (*named, "kwargs")}
    return beside | dict(settings.get("kwargs") or {})
