"""lm-eval's sample logs: a document a sample, or its repeats, by the score of one filter."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from results.ingest.lm_eval_files import Row, Said, find_logs, read_rows, read_said, task_of
from results.ingest.lm_eval_regrade import Grader
from results.ingest.outcomes import OLDER, Ingested, Known, Sample, choose
from results.ingest.scores import MissingError, grade
from results.ingest.variants import tell_apart

UNREADABLE = "[invalid]"
READ = "extracted_answers"
SEVERAL_AT_ONCE = "it has one score for several different answers"
UNGRADED = (
    "it is a further repeat, and lm-eval logs one score a document and filter (--regrade scores every repeat)"
)
OTHER_SEED = "it is in a log of another seed (--seeds-are-samples reads it as another sample)"
NO_SCORE = (
    "it was not scored (lm-eval ran with --predict_only); plain answers can be compared with --map prompt=doc_id "
    "gold=target answer=filtered_resps.0"
)
UNSCORED = "the document has no score"
VOTE = re.compile(r"maj|vote|consensus|cons@", re.IGNORECASE)
__all__ = ["Choices", "find_logs", "read"]


@dataclass(frozen=True)
class Choices:
    """What of a log is read: metrics and filters by preference, and how repeats and seeds count.

    regrade: repeats are scored by the task's own filter. seeds_are_samples: logs that differ in their seed alone
    are samples of one model.
    """

    model: str | None = None
    metrics: Sequence[str] = ()
    filters: Sequence[str] = ()
    correct_at: float | None = None
    regrade: bool = False
    seeds_are_samples: bool = False


class _Place(NamedTuple):
    """What a log is of: the model's name with its settings, the task's, and the budget, None without one."""

    model: str
    task: str
    budget: int | None


class _Log(NamedTuple):
    path: Path
    model: str
    task: str
    said: Said


def read(source: Path, choices: Choices) -> Ingested:
    """The outcomes of every sample log at or below `source`.

    A model's name is that of results.json with its revision and adapter, or of the log's folder, unless given;
    settings are part of it where they differ. Of several logs of one model and task the newest counts. Tokens, and
    whether a limit cut an answer, are not in these logs. A log that was not scored is skipped and named. Raises
    ValueError where a log has several filters or metrics and none is chosen, where it lacks the one that is asked
    for, and where that is a vote.
    """
    found = Ingested()
    for place, logs in _by_place(_find(found, source, choices)).items():
        if choices.seeds_are_samples:
            logs = list({str(log.said.seed): log for log in logs}.values())
        else:
            *older, newest = logs
            for log in older:
                reason = OLDER if log.said.seed == newest.said.seed else OTHER_SEED
                found.dropped[reason] += len(read_rows(log.path, lambda *_: None))
            logs = [newest]
        for log in logs:
            seed = log.said.seed if choices.seeds_are_samples else None
            _read_log(found, log, place, choices, seed=seed)
    return found


def _find(found: Ingested, source: Path, choices: Choices) -> list[_Log]:
    logs = []
    for path in find_logs(source):
        try:
            said = read_said(path)
            logs.append(_Log(path, choices.model or said.model or path.parent.name, task_of(path), said))
        except ValueError as error:
            found.skip(error, path.name)
    return logs


def _by_place(logs: Sequence[_Log]) -> dict[_Place, list[_Log]]:
    """Logs of one thing, oldest first, told apart by the settings in which those of one model and task differ."""
    named: list[tuple[Hashable, Mapping[str, Any]]] = [((log.model, log.task), log.said.settings) for log in logs]
    groups: dict[_Place, list[_Log]] = defaultdict(list)
    for log, settings in zip(logs, tell_apart(named), strict=True):
        model = log.model + (f" ({settings})" if settings else "")
        groups[_Place(model, log.task, log.said.budget)].append(log)
    return groups


def _read_log(found: Ingested, log: _Log, place: _Place, choices: Choices, *, seed: Any) -> None:
    model, task, path = place.model, place.task, log.path
    rows = read_rows(path, found.skip)
    if not rows:
        found.skip("it has no documents; did the evaluation stop early?", path.name)
        return
    filters = sorted({row["filter"] for row in rows})
    chosen = choose(f"filter in {path.name}", filters, choices.filters, option="--filter")
    if all(set(row["metrics"]) <= {"bypass"} for row in rows):
        found.skip(NO_SCORE, path.name)
        return
    kept = [row for row in rows if row["filter"] == chosen]
    num_held, num_told = len({str(row["doc_id"]) for row in kept}), log.said.num_documents or 0
    if num_held < num_told:
        found.notes.append(f"{path.name} holds {num_held:,} of the {num_told:,} documents that its results cover.")
    for name, count in Counter(row["filter"] for row in rows if row["filter"] != chosen).items():
        found.dropped[f"under filter {name}, not {chosen}"] += count
    grader = Grader(log.said.task, chosen, path.name) if choices.regrade else None
    if grader is None:
        _check_no_vote(kept, chosen, log)
    found.models.setdefault(model, Known())
    for row in kept:
        scorer = choose(f"metric in {path.name}", sorted(row["metrics"]), choices.metrics, option="--metric")
        prompt = str(row["doc_id"])
        found.prompts[task, prompt] = {"text": _prompt_text(row), "hash": row.get("doc_hash")}
        try:
            samples = list(_samples(found, row, row.get(scorer), place, choices.correct_at, grader, seed=seed))
        except MissingError:
            found.dropped[UNSCORED] += 1
        except (ValueError, TypeError, KeyError, IndexError) as error:
            found.skip(error, f"document {prompt} of {path.name}")
        else:
            found.samples += samples


def _check_no_vote(rows: Sequence[Row], name: str, log: _Log) -> None:
    """Raise ValueError where a filter makes one answer of several repeats by a vote: it is then no sample."""
    repeated = [row for row in rows if len(_flat(row["resps"])) > 1 and not _is_choice(row)]
    steps = log.said.filters.get(name)
    says_so = any("majority" in str(step.get("function")) for step in steps) if steps else VOTE.search(name)
    if repeated and (says_so or any(map(_is_of_a_later_repeat, repeated))):
        raise ValueError(
            f"Filter {name} in {log.path.name} is a vote over {len(_flat(repeated[0]['resps']))} repeats, not a "
            "sample. Choose another --filter, or give --regrade to score each repeat."
        )


def _is_of_a_later_repeat(row: Row) -> bool:
    """Whether the one answer of a document is not in its first repeat, but in another."""
    texts, answers = _flat(row["resps"]), _flat(row["filtered_resps"])
    return len(answers) == 1 and answers[0] not in texts[0] and any(answers[0] in text for text in texts[1:])


def _samples(
    found: Ingested,
    row: Row,
    value: Any,
    place: _Place,
    correct_at: float | None,
    grader: Grader | None,
    *,
    seed: Any,
) -> Iterator[Sample]:
    """The document's graded samples: one for each repeat that the log tells the score of."""
    is_choice = _is_choice(row)
    texts = [] if is_choice else _flat(row["resps"])
    if grader is not None and not is_choice:
        graded: list[tuple[str | None, Any]] = [*grader.grade(texts, row)]
    else:
        graded = _graded(found, row, value, is_choice=is_choice)
        found.dropped[UNGRADED] += max(len(texts) - len(graded), 0) if graded else 0
    for number, (answer, each) in enumerate(graded):
        correct, score = grade(each, correct_at=correct_at)
        is_readable = is_choice or answer != UNREADABLE
        yield Sample(
            model=place.model,
            task=place.task,
            budget=place.budget,
            prompt=str(row["doc_id"]),
            number=number if seed is None else f"{seed}.{number}",
            correct=correct,
            # A log of choices names the right one only; one answer a document makes no other vote.
            answer=(str(row["target"]) if correct else f"not {row['target']}") if is_choice else _readable(answer),
            outcome=None if is_readable else "unparsed",
            score=score,
            text=texts[number] if len(texts) == len(graded) else next(iter(texts), None),
        )


def _graded(found: Ingested, row: Row, value: Any, *, is_choice: bool) -> list[tuple[str | None, Any]]:
    """Answers with their scores; none where one score is of several answers."""
    answers: list[str | None] = [None] if is_choice else [*_flat(row["filtered_resps"])]
    # What a task reads in the answers stands beside its metrics; a filter that reads nothing leaves whole texts.
    if isinstance(read := row.get(READ), list) and len(read) == len(answers):
        answers = [None if each is None else str(each) for each in read]
    if isinstance(value, list) and len(value) == len(answers):
        return list(zip(answers, value, strict=True))
    if len(set(answers)) == 1:
        return [(answer, value) for answer in answers]
    found.dropped[SEVERAL_AT_ONCE] += len(_flat(row["resps"]))
    return []


def _is_choice(row: Row) -> bool:
    """Whether the document was scored by the likelihood of its choices, not by what was written."""
    return len(row["resps"]) > 1 or isinstance(_first(row["resps"][0]), (list, float, int))


def _first(nested: Any) -> Any:
    return nested[0] if isinstance(nested, list) and nested else nested


def _readable(answer: str | None) -> str | None:
    return None if answer == UNREADABLE else answer


def _flat(nested: Any) -> list[str]:
    """[["a", "b"]] and ["a", "b"] alike."""
    return [str(leaf) for part in nested for leaf in (part if isinstance(part, list) else [part])]


def _prompt_text(row: Row) -> str | None:
    """The context of the document's first request."""
    arguments = row.get("arguments") or {}
    first = next(iter(arguments.values() if isinstance(arguments, dict) else arguments), None)
    context = first.get("arg_0") if isinstance(first, dict) else _first(first)
    return None if context is None else str(context)
