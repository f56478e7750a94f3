"""Outside outcomes as rows of a run's tables, under one identity a model and task.
Rerunning adds nothing twice.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from results import schema, store
from results.folder import check_plain
from results.ingest.appending import Appending
from results.ingest.outcomes import Count, Ingested, Known, Sample, Tokens
from results.ingest.verifier import rows_of_scores
from results.inspection import check, check_folders
from results.shards import entered_shards
from results.twice import find_twice, withdraw_twice

GRADER, GRADER_VERSION = "outside", "1"
POOL = "evaluation"
Row = dict[str, Any]


class Stored(NamedTuple):
    """What one model's outcomes on one task became: the table's name, and how many prompts and samples."""

    model: str
    task: str
    table: str
    num_prompts: int
    num_samples: int
    was_there: bool


def write(root: Path, found: Ingested, *, source: str, as_counts: bool = False) -> list[Stored]:
    """Append every model's outcomes to the run at `root`; what is there already stays as it is.

    Samples without answers hold no votes, so they become counts, unless some are neither right nor wrong or have a
    verifier's scores; as_counts asks for counts, which keep no scores. Raises ValueError where the run holds other
    outcomes of the same model on the same task, and where there is nothing to store.
    """
    check_plain(root)
    groups = _groups(found)
    if not groups:
        dropped = [f"{count:,} dropped ({reason})" for reason, count in found.dropped.items() if count]
        notes = [note.rstrip(".") for note in found.notes]
        raise ValueError(f"{source} has no outcomes: {'; '.join([*dropped, *notes]) or 'it is empty'}.")
    _mend(root)
    stored = {(row["model"], row["task"]): row["identity"] for row in store.scan(root, schema.MODELS).to_pylist()}
    named = {place: _identity(*place, outcomes, source) for place, outcomes in groups.items()}
    for place, (identity, _) in named.items():
        if stored.get(place, identity) != identity:
            raise ValueError(
                f"{root} already holds other outcomes of {place[0]} on {place[1]}. Give another RUN, or --model "
                "NAME."
            )
    # One writer for all, so that what is stored is read once and many models are a few files.
    writer = store.INGESTING + _digest(sorted(identity for identity, _ in named.values()))
    with store.lock(root, writer):
        appending = Appending(root, writer)
        tasks = {task for _, task in groups}
        appending.add(
            schema.PROMPTS, [_prompt_row(*at, said) for at, said in found.prompts.items() if at[0] in tasks]
        )
        told = []
        for (model, task), outcomes in groups.items():
            identity, parts = named[model, task]
            rows, becomes = _rows(outcomes, identity, as_counts=as_counts, scorer=found.scorer)
            for table, content in rows:
                appending.add(table, content)
            appending.add(schema.MODELS, [_model_row(identity, model, task, found.models[model], parts)])
            appending.flush_if_many()
            told.append(_told((model, task), outcomes, becomes, was_there=(model, task) in stored))
        appending.flush()
    return told


def _mend(root: Path) -> None:
    """Put aside what is damaged of outcomes from elsewhere, a line each: what is ingested again fills the gap."""
    check_folders(root)
    entered = entered_shards(root)
    for writer in filter(_is_ours, store.list_writers(root)):
        with store.lock(root, writer):
            for line in (*store.tidy_up(root, writer), *store.set_damaged_aside(root, writer)):
                print(line)
    for writer in filter(_is_ours, store.list_writers(root)):
        with store.lock(root, writer):
            for line in withdraw_twice(root, find_twice(root, entered), writer):
                print(line)
            store.enter(root, writer)
    for note in check(root):
        print(note)


def _is_ours(writer: str) -> bool:
    return writer.startswith(store.INGESTING)


def _groups(found: Ingested) -> dict[tuple[str, str], list[Sample | Count]]:
    groups: dict[tuple[str, str], list[Sample | Count]] = defaultdict(list)
    for outcome in found.outcomes:
        groups[outcome.model, outcome.task].append(outcome)
    return dict(groups)


def _identity(model: str, task: str, outcomes: Sequence[Sample | Count], source: str) -> tuple[str, Row]:
    """Sixteen hex digits over the outcomes themselves, and what they are a hash of."""
    digest = hashlib.sha256("\n".join(sorted(map(repr, outcomes))).encode(errors="replace")).hexdigest()
    parts = {"model": model, "task": task, "outcomes": f"sha256:{digest}"}
    if _are_kept_for_scores(outcomes):
        # The same outcomes without scores are counts, and no run holds both.
        parts["samples"] = "scored"
    return _digest(parts), parts | {"source": source}


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _are_kept_for_scores(outcomes: Sequence[Sample | Count]) -> bool:
    """Whether samples that would be counts by their grades and answers have a verifier's scores."""
    samples = [outcome for outcome in outcomes if isinstance(outcome, Sample)]
    return _could_be_counts(samples) and any(sample.is_scored for sample in samples)


def _could_be_counts(samples: Sequence[Sample]) -> bool:
    """Whether nothing but right and wrong is known of them."""
    return all(sample.answer is None and sample.score in (None, 0, 1) for sample in samples)


def _rows(
    outcomes: Sequence[Sample | Count], identity: str, *, as_counts: bool, scorer: str | None
) -> tuple[list[tuple[schema.Table, list[Row]]], str]:
    """A model's rows, and the name of the table that its outcomes stand in."""
    samples = [outcome for outcome in outcomes if isinstance(outcome, Sample)]
    counts = [outcome for outcome in outcomes if isinstance(outcome, Count)]
    is_scored = any(sample.is_scored for sample in samples)
    if as_counts and is_scored:
        raise ValueError("Counts keep no scores of a verifier; leave out --counts, or do not map the scores.")
    if samples and (as_counts or (_could_be_counts(samples) and not is_scored)):
        samples, counts = [], [*counts, *_count(samples)]
    if samples:
        return _sample_rows(samples, identity, scorer), schema.ANSWERS.name
    return _count_rows(counts, identity), schema.COUNTS.name


def _told(place: tuple[str, str], outcomes: Sequence[Sample | Count], table: str, *, was_there: bool) -> Stored:
    return Stored(
        *place,
        table,
        num_prompts=len({outcome.prompt for outcome in outcomes}),
        num_samples=sum(outcome.num_samples if isinstance(outcome, Count) else 1 for outcome in outcomes),
        was_there=was_there,
    )


def _count(samples: Iterable[Sample]) -> list[Count]:
    """Successes of each prompt and budget, with mean tokens where every sample has them."""
    groups: dict[tuple[str, int | None], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.prompt, sample.budget].append(sample)
    return [
        Count(
            each[0].model,
            each[0].task,
            prompt,
            num_samples=len(each),
            num_correct=sum(sample.correct for sample in each),
            budget=budget,
            tokens=Tokens(*(_mean([getattr(sample.tokens, name) for sample in each]) for name in _TOKEN_FIELDS)),
        )
        for (prompt, budget), each in groups.items()
    ]


_TOKEN_FIELDS = ("prompt", "decoded", "thinking", "usd")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _sample_rows(
    samples: Sequence[Sample], identity: str, scorer: str | None
) -> list[tuple[schema.Table, list[Row]]]:
    """Answers, their grades, a verifier's scores and the cells they fill.
    Samples of a prompt are numbered without gaps, in their order.
    """
    groups: dict[tuple[str, int | None], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.prompt, sample.budget].append(sample)
    answers, grades, scored = [], [], []
    for (prompt, budget), each in groups.items():
        for number, sample in enumerate(sorted(each, key=_place_of)):
            key = {
                "identity": identity,
                "prompt_id": _prompt_id(sample.task, prompt),
                "pool": POOL,
                "sample": number,
            }
            answers.append(key | {"budget": budget} | _answer(sample))
            grades.append(key | {"budget": budget} | _grade(sample))
            if sample.is_scored:
                scored.append(
                    key | {"budget": budget} | {"score": sample.verifier, "step_scores": sample.step_scores}
                )
    sizes = [(budget, len(each)) for (_, budget), each in groups.items()]
    return [
        *[(schema.ANSWERS, answers), (schema.GRADES, grades), (schema.CELLS, _cell_rows(sizes, identity))],
        *(rows_of_scores(scorer, scored) if scorer is not None and scored else []),
    ]


def _place_of(sample: Sample) -> tuple[int, int, str]:
    """Where a sample stands among its prompt's: by number, behind those by label."""
    number = sample.number
    if isinstance(number, int):
        return 1, number, ""
    return (0, 0, "") if number is None else (2, 0, number)


def _answer(sample: Sample) -> Row:
    prompt, decoded, thinking = sample.tokens.prompt, sample.tokens.decoded, sample.tokens.thinking or 0
    return {
        # Unknown thinking counts as none, and all that was written as the answer: their sum is what is spent.
        "num_thinking_tokens": min(round(thinking), round(decoded)) if decoded is not None else round(thinking),
        "num_answer_tokens": None if decoded is None else max(round(decoded) - round(thinking), 0),
        "num_prompt_tokens": None if prompt is None else round(prompt) + round(thinking),
        "forced": False,
        "finish_reason": None if sample.truncated is None else "length" if sample.truncated else "stop",
        "text": _storable(sample.text),
        "usd": sample.tokens.usd,
    }


def _grade(sample: Sample) -> Row:
    return {
        "grader": GRADER,
        "grader_version": GRADER_VERSION,
        "extracted": _storable(sample.answer),
        "vote_key": _storable(sample.answer),
        "correct": sample.correct,
        "score": sample.score,
        "outcome": sample.outcome or ("correct" if sample.correct else "wrong"),
    }


def _count_rows(counts: Sequence[Count], identity: str) -> list[tuple[schema.Table, list[Row]]]:
    rows = [
        {
            "identity": identity,
            "prompt_id": _prompt_id(count.task, count.prompt),
            "budget": count.budget,
            "num_samples": count.num_samples,
            "num_correct": count.num_correct,
            "mean_prompt_tokens": count.tokens.prompt,
            "mean_thinking_tokens": count.tokens.thinking,
            "mean_decoded_tokens": count.tokens.decoded,
            "mean_usd": count.tokens.usd,
        }
        for count in counts
    ]
    sizes = [(count.budget, count.num_samples) for count in counts]
    return [(schema.COUNTS, rows), (schema.CELLS, _cell_rows(sizes, identity))]


def _cell_rows(sizes: Iterable[tuple[int | None, int]], identity: str) -> list[Row]:
    """A cell for each budget and each number of samples that a prompt has there,
    and how many prompts have so many.
    """
    sizes = [(schema.UNLIMITED if budget is None else budget, size) for budget, size in sizes]
    return [
        {
            "identity": identity,
            "pool": POOL,
            "budget": budget,
            "num_samples": size,
            "num_prompts": sum(at == budget and other >= size for at, other in sizes),
        }
        for budget, size in sorted(set(sizes))
    ]


def _prompt_row(task: str, prompt: str, said: Mapping[str, Any]) -> Row:
    text = _storable(said.get("text"))
    return {
        "task": task,
        "prompt_id": _prompt_id(task, prompt),
        "prompt_hash": said.get("hash") or hashlib.sha256((text or f"{task}/{prompt}").encode()).hexdigest()[:16],
        "text": text,
        "dials": json.dumps(dict(said.get("dials") or {}), sort_keys=True, default=str),
    }


def _model_row(identity: str, model: str, task: str, known: Known, parts: Row) -> Row:
    size = None if known.num_params is None else round(known.num_params)
    return {
        "identity": identity,
        "model": model,
        "task": task,
        "num_params": size,
        # A size from elsewhere is one number: the input lookup that a product never meets cannot be taken off.
        "num_matmul_params": size,
        "pretraining_tokens": None if known.pretraining_tokens is None else round(known.pretraining_tokens),
        "identity_parts": store.encode_json(parts),
    }


def _storable(text: str | None) -> str | None:
    """The text with a question mark for half a surrogate pair, which no encoding has."""
    return None if text is None else text.encode(errors="replace").decode()


def _prompt_id(task: str, prompt: str) -> str:
    return f"{task}/{prompt}"
