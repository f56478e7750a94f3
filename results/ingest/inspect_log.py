"""Inspect's logs, as inspect_ai up to 0.3.285 writes them, an epoch a sample."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from results.ingest import inspect_files
from results.ingest.inspect_files import find_logs
from results.ingest.inspect_usage import settings, tokens
from results.ingest.outcomes import OLDER, Ingested, Known, Sample, choose
from results.ingest.scores import MissingError, grade
from results.ingest.thinking import thinking
from results.ingest.variants import flatten, tell_apart

ERRED = "the sample ended in an error of the engine or scorer"
UNSCORED = "the sample has no score"
CUT = ("max_tokens", "model_length")
CAP = "max_tokens"
__all__ = ["find_logs", "read"]


class _Place(NamedTuple):
    """What a log is of: the model's name with its effort, the task's, and the budget, None without one."""

    model: str
    task: str
    budget: int | None


class _Found(NamedTuple):
    """A log, where it belongs, and what else it was made under."""

    path: Path
    place: _Place
    options: Mapping[str, Any]
    task_args: Mapping[str, Any]
    # Whether it ended, and when it began: of two that are of one thing, the greater counts.
    rank: tuple[bool, str]


def read(source: Path, *, model: str | None, scorers: Sequence[str], correct_at: float | None) -> Ingested:
    """The outcomes of every log at or below `source`, an epoch a sample.

    A reasoning effort is part of the model's name, a limit on reasoning tokens is the budget, and other options
    are part of the name where they differ. Tokens are those of the evaluated model alone. Samples that erred are
    missing, not wrong. Of several logs of one thing the newest that ended counts. A log or sample that cannot be
    read is skipped and named. scorers: those to be read, the first that a sample has; raises ValueError where
    there are several, or one with several values, and none is chosen.
    """
    found = Ingested()
    logs = [log for path in find_logs(source) if (log := _find(found, path, model)) is not None]
    for place, several in _by_place(logs).items():
        *older, newest = sorted(several, key=lambda log: log.rank)
        for log in older:
            found.dropped[OLDER] += sum(1 for _ in inspect_files.open_log(log.path).samples)
        _read_log(found, newest.path, place, scorers=scorers, correct_at=correct_at)
    return found


def _find(found: Ingested, path: Path, model: str | None) -> _Found | None:
    """The log of a file; None, and entered as skipped, where it is none."""
    try:
        header = inspect_files.open_log(path).header
        effort, budget, options = thinking(settings(header))
        evaluated = header["eval"]
        name = (model or str(evaluated["model"])) + (f" ({effort} effort)" if effort else "")
        place = _Place(
            name, str(evaluated.get("task")).rsplit("/", 1)[-1], None if budget is None else int(budget)
        )
        rank = (header.get("status") in (None, "success"), str(evaluated.get("created") or path.name))
        return _Found(path, place, options, flatten(evaluated.get("task_args") or {}), rank)
    except inspect_files.BROKEN as error:
        found.skip(error, path.name)
        return None


def _by_place(logs: list[_Found]) -> dict[_Place, list[_Found]]:
    """The logs of each thing, told apart by the options in which those of one model and task differ."""
    logs = _renamed(logs, "task", lambda log: (log.place.task, log.task_args))
    logs = _renamed(logs, "model", lambda log: (log.place[:2], {k: v for k, v in log.options.items() if k != CAP}))
    # A cap on all tokens grows with that on thinking, and tells nothing apart but at one budget.
    logs = _renamed(logs, "model", lambda log: (log.place, {k: v for k, v in log.options.items() if k == CAP}))
    groups: dict[_Place, list[_Found]] = defaultdict(list)
    for log in logs:
        groups[log.place].append(log)
    return groups


def _renamed(
    logs: list[_Found], noun: str, named: Callable[[_Found], tuple[Hashable, Mapping[str, Any]]]
) -> list[_Found]:
    """The logs with what tells apart those of one name behind the name of their model or task."""
    told = tell_apart([named(log) for log in logs])
    return [
        log._replace(place=_Place(**(log.place._asdict() | {noun: f"{getattr(log.place, noun)} ({each})"})))
        if each
        else log
        for log, each in zip(logs, told, strict=True)
    ]


def _read_log(
    found: Ingested, path: Path, place: _Place, *, scorers: Sequence[str], correct_at: float | None
) -> None:
    log = inspect_files.open_log(path)
    found.models.setdefault(place.model, Known())
    num_held = 0
    for num_held, part in enumerate(log.samples, start=1):  # noqa: B007
        if part.sample is None:
            found.skip(part.reason, part.place)
            continue
        try:
            sample = _sample(part.sample, log.header["eval"]["model"], place, path, scorers, correct_at)
            said = {"text": _text(part.sample.get("input")), "dials": dict(part.sample.get("metadata") or {})}
        except MissingError as error:
            found.dropped[str(error)] += 1
        except _ChoiceError:
            raise
        except inspect_files.BROKEN as error:
            found.skip(error, part.place)
        else:
            found.prompts[place.task, sample.prompt] = said
            found.samples.append(sample)
    _tell_lacking(found, path, log.header, num_held)


def _tell_lacking(found: Ingested, path: Path, header: Mapping[str, Any], num_held: int) -> None:
    """Say where a log holds fewer samples than its results are of, as one that was cut to be shown."""
    results = header.get("results")
    num_told = results.get("total_samples") if isinstance(results, dict) else None
    if not isinstance(num_told, int):
        return
    if num_told and not num_held:
        told = f"it has results of {num_told:,} samples, but not the samples; give the log with its samples"
        found.skip(told, path.name)
    elif num_held < num_told:
        found.notes.append(f"{path.name} holds {num_held:,} of the {num_told:,} samples that its results cover.")


class _ChoiceError(ValueError):
    """A choice that only the reader can make."""


def _sample(
    sample: Mapping[str, Any],
    evaluated: str,
    place: _Place,
    path: Path,
    scorers: Sequence[str],
    correct_at: float | None,
) -> Sample:
    """One epoch; raises MissingError where it erred or has no score."""
    if sample.get("error"):
        raise MissingError(ERRED)
    value, answer = _score(sample, path, scorers)
    try:
        correct, score = grade(value, correct_at=correct_at)
    except MissingError:
        raise MissingError(UNSCORED) from None
    output = sample.get("output") or {}
    cut = _was_cut(sample, output)
    # Of an old log that tells no sum of each model, the last request alone.
    usage = (sample.get("model_usage") or {}).get(evaluated) or output.get("usage") or {}
    unanswered = answer in (None, "") or value == "N"
    return Sample(
        model=place.model,
        task=place.task,
        prompt=str(sample["id"]),
        number=int(sample.get("epoch") or 1) - 1,
        correct=correct,
        score=score,
        answer=None if answer in (None, "") else str(answer),
        outcome=None if correct else "truncated" if cut else "unanswered" if unanswered else None,
        truncated=cut,
        text=_completion(output),
        budget=place.budget,
        tokens=tokens(usage),
    )


def _score(sample: Mapping[str, Any], path: Path, scorers: Sequence[str]) -> tuple[Any, Any]:
    """The value and the answer of the scorer that is chosen; of a value of several, the one that is."""
    scores = sample.get("scores") or ({"score": sample["score"]} if sample.get("score") else {})
    values: dict[str, tuple[Any, Any]] = {}
    for scorer, score in scores.items():
        several = score["value"] if isinstance(score["value"], dict) else None
        for key, value in (several or {None: score["value"]}).items():
            values[scorer if key is None else f"{scorer}.{key}"] = (value, score.get("answer"))
    if not values:
        raise MissingError(UNSCORED)
    wanted = [name for wish in scorers for name in values if wish in (name, name.partition(".")[2])]
    try:
        return values[
            wanted[0] if wanted else choose(f"score in {path.name}", sorted(values), scorers, option="--metric")
        ]
    except ValueError as error:
        raise _ChoiceError(str(error)) from None


def _was_cut(sample: Mapping[str, Any], output: Mapping[str, Any]) -> bool | None:
    """Whether a limit ended the sample; None where the log does not say how it ended."""
    if sample.get("limit"):
        return True
    stop = ((output.get("choices") or [{}])[0] or {}).get("stop_reason")
    return None if stop in (None, "unknown") else stop in CUT


def _completion(output: Mapping[str, Any]) -> str | None:
    if output.get("completion") is not None:
        return str(output["completion"])
    message = ((output.get("choices") or [{}])[0] or {}).get("message") or {}
    return None if message.get("content") is None else _content(message["content"])


def _text(prompt: Any) -> str | None:
    """A prompt as text: itself, or its messages."""
    if prompt is None or isinstance(prompt, str):
        return prompt
    return "\n".join(f"{message.get('role')}: {_content(message.get('content'))}" for message in prompt)


def _content(content: Any) -> str:
    """A message's text, of one in parts those that are text."""
    if isinstance(content, list):
        return "\n".join(
            str(part["text"]) for part in content if isinstance(part, dict) and part.get("text") is not None
        )
    return str(content)
