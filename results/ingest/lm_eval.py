"""lm-eval's sample logs: samples_<task>_<date>.jsonl beside results_<date>.json, as lm-eval 0.4.13 writes them."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from results.ingest.outcomes import OLDER, Ingested, Known, Sample, choose
from results.ingest.scores import grade

NAME = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT.+)\.jsonl")
UNREADABLE = "[invalid]"
# What the log holds of a document beside its metrics.
FIELDS = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
SEVERAL_AT_ONCE = "its one score is of several different answers at once"
UNGRADED = "a further repeat: lm-eval logs one score a document and filter"


def find_logs(source: Path) -> list[Path]:
    """The sample logs at or below a path."""
    paths = [source] if source.is_file() else sorted(source.rglob("samples_*.jsonl"))
    return [path for path in paths if NAME.fullmatch(path.name)]


def read(
    source: Path, *, model: str | None, metric: Sequence[str], filter_name: str | None, correct_at: float | None
) -> Ingested:
    """The outcomes of every sample log at or below `source`, one sample a document.

    A model's name is that of results_<date>.json, or of the log's folder, unless given. Of several logs of one model
    and task the newest counts. Tokens are not in these logs. Raises ValueError where a log has several filters or
    metrics and none is chosen.
    """
    found = Ingested()
    newest: dict[tuple[str, str], Path] = {}
    for path in sorted(find_logs(source), key=lambda path: _parts(path)["date"]):
        name = model or _model_name(path)
        task = _parts(path)["task"]
        if (older := newest.get((name, task))) is not None:
            found.dropped[OLDER] += sum(1 for _ in _rows(older))
        newest[name, task] = path
    for (name, task), path in newest.items():
        found.models[name] = Known()
        _read_log(found, path, name, task, metric=metric, filter_name=filter_name, correct_at=correct_at)
    return found


def _read_log(
    found: Ingested,
    path: Path,
    model: str,
    task: str,
    *,
    metric: Sequence[str],
    filter_name: str | None,
    correct_at: float | None,
) -> None:
    filters = sorted({row["filter"] for row in _rows(path)})
    if not filters:
        raise ValueError(f"{path} holds no documents; was the evaluation stopped?")
    # The tasks of one evaluation differ in their filters; one that has no choice needs none.
    wanted = [filter_name] if filter_name and len(filters) > 1 else []
    chosen = choose(f"filter in {path.name}", filters, wanted, option="--filter")
    for row in _rows(path):
        if row["filter"] != chosen:
            found.dropped[f"under filter {row['filter']}, not {chosen}"] += 1
            continue
        scorer = choose(f"metric in {path.name}", sorted(row["metrics"]), metric, option="--metric")
        prompt = str(row["doc_id"])
        found.prompts[task, prompt] = {"text": _prompt_text(row), "hash": row.get("doc_hash")}
        found.samples += _samples(found, row, row[scorer], model=model, task=task, correct_at=correct_at)


def _samples(
    found: Ingested, row: dict[str, Any], value: Any, *, model: str, task: str, correct_at: float | None
) -> Iterator[Sample]:
    """The document's graded samples: one for each repeat that the log tells the score of."""
    is_choice = len(row["resps"]) > 1 or isinstance(row["resps"][0][0], list)
    answers = [None] if is_choice else _flat(row["filtered_resps"])
    texts = [None] if is_choice else _flat(row["resps"])
    if isinstance(value, list) and len(value) == len(answers):
        values = value
    elif len(set(answers)) == 1:
        values = [value] * len(answers)
    else:
        found.dropped[SEVERAL_AT_ONCE] += len(texts)
        return
    if len(texts) > len(answers):
        found.dropped[UNGRADED] += len(texts) - len(answers)
    for number, (answer, each) in enumerate(zip(answers, values, strict=True)):
        correct, score = grade(each, correct_at=correct_at)
        readable = is_choice or answer != UNREADABLE
        yield Sample(
            model=model,
            task=task,
            prompt=str(row["doc_id"]),
            number=number,
            correct=correct,
            # A log of choices names the right one only; one answer a document makes no other vote.
            answer=(str(row["target"]) if correct else f"not {row['target']}") if is_choice else _readable(answer),
            outcome=None if readable else "unparsed",
            score=score,
            text=texts[number] if len(texts) == len(answers) else texts[0],
        )


def _readable(answer: str | None) -> str | None:
    return None if answer == UNREADABLE else answer


def _flat(nested: Any) -> list[str]:
    """[["a", "b"]] and ["a", "b"] alike."""
    return [str(leaf) for part in nested for leaf in (part if isinstance(part, list) else [part])]


def _prompt_text(row: dict[str, Any]) -> str | None:
    """The context of the document's first request."""
    first = next(iter(row.get("arguments", {}).values()), None)
    return str(first["arg_0"]) if isinstance(first, dict) and "arg_0" in first else None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    # As bytes, whose lines end at line feeds alone: text holds other characters that end one.
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
        except ValueError:
            raise ValueError(f"{path}, line {number} is no JSON; was the evaluation cut short?") from None
        if not isinstance(row, dict) or not row.keys() >= FIELDS - {"arguments", "doc"}:
            raise ValueError(f"{path}, line {number} is no document of lm-eval's sample logs (version 0.4.13).")
        yield row


def _parts(path: Path) -> dict[str, str]:
    match = NAME.fullmatch(path.name)
    assert match is not None, path
    return match.groupdict()


def _model_name(path: Path) -> str:
    """As results_<date>.json beside the log has it, else the folder's name."""
    results = path.with_name(f"results_{_parts(path)['date']}.json")
    if not results.exists():
        return path.parent.name
    try:
        said = json.loads(results.read_bytes())
        arguments = said.get("config", {}).get("model_args") or {}
        return str((arguments.get("pretrained") if isinstance(arguments, dict) else None) or said["model_name"])
    except (ValueError, KeyError, AttributeError):
        raise ValueError(f"{results} names no model, or is damaged; give the model's name as --model.") from None
