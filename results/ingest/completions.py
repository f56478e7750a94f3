"""Whether what a source gives as answers are whole completions, on which no vote can be counted."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from results.ingest.outcomes import Sample

# Answers as long as this, of which nearly all of a prompt's are different, are texts and no answers.
LONG_CHARS, MOSTLY_DISTINCT = 80, 0.9


def without_completions(samples: list[Sample]) -> tuple[list[Sample], list[str]]:
    """The samples without answers that are whole completions, and a line for each model and task that had such."""
    groups: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.model, sample.task].append(sample)
    texts = {place for place, each in groups.items() if are_completions(each)}
    kept = [replace(sample, answer=None) if (sample.model, sample.task) in texts else sample for sample in samples]
    lines = [
        f"Answers of {model} on {task} are whole completions, long and nearly all different, so no votes are "
        "counted."
        for model, task in sorted(texts)
    ]
    return kept if texts else samples, lines


def are_completions(samples: Sequence[Sample]) -> bool:
    """Whether most answers are long, and hardly two of a prompt's are alike."""
    by_prompt: dict[tuple[str, int | None], list[str]] = defaultdict(list)
    for sample in samples:
        if sample.answer is not None:
            by_prompt[sample.prompt, sample.budget].append(sample.answer)
    answers = [answer for each in by_prompt.values() for answer in each]
    if not answers or median(map(len, answers)) < LONG_CHARS:
        return False
    several = [each for each in by_prompt.values() if len(each) > 1]
    num_distinct = sum(len(set(each)) for each in several)
    return num_distinct >= MOSTLY_DISTINCT * sum(map(len, several))
