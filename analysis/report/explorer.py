"""The prompts one by one: what each rung got right, and the texts of a seeded sample."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.reading import Reading
from analysis.report import html
from analysis.report.sections import Section
from analysis.runs import steps, texts
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.runs.texts import Sample
from analysis.text import wording

# What all texts together may take of a page, as they are embedded.
MAX_BYTES = 6_000_000


class Size(NamedTuple):
    """How many prompts, and samples of each and every rung, are shown at most."""

    num_prompts: int = 200
    num_samples: int = 4


def section(root: Path, reading: Reading, *, size: Size, room: int) -> Section:
    """A list of prompts to search, and what every rung wrote for the one that is chosen.

    room: bytes that the page has left; texts take no more than that, nor than MAX_BYTES, but for a single
    prompt's.
    """
    outcomes, seed = reading.asked, reading.seed
    wanted = {
        prompt: texts.choose_samples(prompt, outcomes.num_samples, size.num_samples, seed=seed)
        for prompt in texts.choose_prompts(outcomes.prompt_ids, size.num_prompts, seed=seed)
    }
    prompts = _within(min(room, MAX_BYTES), _prompts(root, reading, wanted))
    names = [arm.rung.name for arm in outcomes.arms]
    data = {
        "models": list(wording.short_names(names).values()),
        "axis": outcomes.along.words.choice,
        "by_place": not outcomes.along.is_usual,
        "budgets": outcomes.budgets,
        "num_samples": None if outcomes.holds_counts else outcomes.num_samples,
        "prompts": sorted(prompts, key=lambda prompt: str(prompt["id"])),
    } | _scorer(outcomes)
    body = [
        html.paragraph(_rule(root, outcomes, len(prompts), size, seed), kind="note"),
        '<div id="explorer"></div>',
        html.embed(data, name="explorer-data"),
    ]
    return Section("prompts", "Prompt by prompt", "\n".join(body))


def _scorer(outcomes: Outcomes) -> dict[str, str]:
    """Who scored the answers, where a reader asked for a verifier."""
    named = {arm.verifier.name for arm in outcomes.arms if arm.verifier is not None}
    return {"scorer": ", ".join(sorted(named))} if named else {}


def _rule(root: Path, outcomes: Outcomes, num_shown: int, size: Size, seed: int) -> str:
    """Which prompts and samples the page holds, so that nobody takes them for all."""
    total, num_samples = len(outcomes.prompt_ids), min(size.num_samples, outcomes.num_samples)
    of_prompts = (
        f"This page has all {total:,} prompts"
        if num_shown == total
        else f"This page has {num_shown:,} of {total:,} prompts, chosen by a hash of the seed ({seed}) and their names"
    )
    of_samples = (
        f"all {num_samples} samples"
        if num_samples == outcomes.num_samples
        else f"{num_samples} of {outcomes.num_samples:,} samples, chosen by the same hash, the same for every model"
    )
    if not any(arm.rung.has_votes for arm in outcomes.arms):
        return f"{of_prompts}. The run has only counts of right samples, without texts."
    if without := texts.left_out(root):
        return f"{of_prompts}, with the outcomes of {of_samples}. {without[0]}"
    long = sum(texts.TRACE_ENDS)
    return (
        f"{of_prompts}, with the texts of {of_samples}; the counts of right answers are over all samples. "
        f"Of traces longer than {long:,} characters, the beginning and the end are shown."
    )


def _prompts(root: Path, reading: Reading, wanted: dict[str, list[int]]) -> list[dict[str, Any]]:
    """What the page knows of each prompt, in the order they were chosen."""
    outcomes = reading.asked
    held, written = texts.read(root, outcomes, wanted), texts.read_prompts(root, outcomes.task, list(wanted))
    at = {str(name): number for number, name in enumerate(outcomes.prompt_ids)}
    in_bin = _bins(reading)
    return [
        {
            "id": prompt,
            "text": written.get(prompt, []),
            "bin": in_bin[at[prompt]],
            "dials": {name: _dial(values[at[prompt]]) for name, values in outcomes.dials.items()},
            "right": [arm.stored.num_correct[:, at[prompt]] for arm in outcomes.arms],
            # Of counts each prompt has its own number of samples.
            "of": [arm.stored.num_samples[:, at[prompt]] for arm in outcomes.arms]
            if outcomes.holds_counts
            else None,
            "samples": [
                _sample(*place, sample) | _scored(outcomes.arms[place[0]], sample)
                for place, sample in held[prompt].items()
                if _is_there(sample)
            ],
        }
        for prompt in wanted
    ]


def _bins(reading: Reading) -> list[str]:
    """The bin of every prompt; "" where there are none, or each model has its own."""
    named = [(part.name, part.weights[0] > 0) for part in reading.bins if part.name != ALL_PROMPTS]
    return [
        next((name for name, inside in named if inside[at]), "") for at in range(len(reading.asked.prompt_ids))
    ]


def _sample(rung: int, number: int, sample: Sample) -> dict[str, Any]:
    """A sample as the page reads it; answers from the least budget on, the natural one last,
    without text where that is the trace's.
    """
    rows = sample.segments.values()
    return {
        "model": rung,
        "sample": number,
        "tokens": sum(row["num_thinking_tokens"] for row in rows),
        "ended": any(row["ended"] for row in rows),
        "trace": texts.trace(sample),
        "answers": [
            [
                budget,
                row["forced"],
                row["num_thinking_tokens"],
                None if _is_trace(budget, row) else row["text"],
                row.get("extracted", []),
                row.get("outcome"),
            ]
            for budget, row in _in_order(sample)
        ],
    }


def _scored(arm: Arm, sample: Sample) -> dict[str, Any]:
    """What the verifier gave: the scores of answers in their order, and those of the trace's steps with the place
    behind each, in the units that a page counts characters in; nothing where nobody was asked for.
    """
    if arm.verifier is None:
        return {}
    scores = [row.get("score") for _, row in _in_order(sample)]
    splitting = steps.splitting(arm.verifier)
    last = _in_order(sample)[-1:]
    if splitting is None or not last or not last[0][1].get("step_scores"):
        return {"scores": scores}
    budget, row = last[0]
    is_trace = _is_trace(budget, row)
    if not (is_trace or splitting.reads_thinking):
        return {"scores": scores}
    text, answer = texts.trace(sample), row["text"]
    behind = "" if is_trace else answer[0] if len(answer) == 1 else None
    placed = steps.place(text, row["step_scores"], splitting.delimiter, behind=behind)
    return {"scores": scores, "steps": [[_units(text[0], step.end), step.score] for step in placed]}


def _units(text: str, end: int) -> int:
    """A number of characters as a browser counts them: two for those beyond the basic plane."""
    return len(text[:end].encode("utf-16-le", "surrogatepass")) // 2


def _in_order(sample: Sample) -> list[tuple[int | None, dict[str, Any]]]:
    """Answers from the least budget on, the natural one last."""
    return sorted(sample.answers.items(), key=lambda pair: np.inf if pair[0] is None else pair[0])


def _is_trace(budget: int | None, row: dict[str, Any]) -> bool:
    """Whether the trace, which ended by itself, is its own answer: nothing was written after it."""
    return budget is None and row["num_answer_tokens"] == 0 and not row["forced"]


def _is_there(sample: Sample) -> bool:
    return bool(sample.segments or sample.answers)


def _dial(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _within(max_bytes: int, prompts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first prompts whose texts together take no more than this, at least one."""
    spent = np.cumsum([len(html.encode(prompt).encode()) for prompt in prompts])
    return prompts[: max(1, int(np.searchsorted(spent, max_bytes, side="right")))]
