"""Inspect's logs, *.eval (a zip of JSON, deflated or zstd) and *.json, as inspect_ai 0.3.285 writes them."""

import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from results.folder import find_visible
from results.ingest.outcomes import OLDER, Ingested, Known, Sample, Tokens, choose
from results.ingest.scores import grade

ZSTD = 93
LOCAL_HEADER_BYTES = 30
ERRED = "the sample ended in an error of the engine or scorer"
UNSCORED = "the sample has no score"
# What reading a log meets that is cut short, damaged or none.
BROKEN = (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, zipfile.BadZipFile, zlib.error)


class Log(NamedTuple):
    """The header of a log and its samples, one at a time."""

    header: Mapping[str, Any]
    samples: Iterator[Mapping[str, Any]]


def find_logs(source: Path) -> list[Path]:
    """The logs at or below a path, oldest first: their names begin with the time."""
    if source.is_file():
        return [source] if source.suffix in (".eval", ".json") else []
    return sorted([*find_visible(source, "**/*.eval"), *find_visible(source, "**/*.json")])


def read(source: Path, *, model: str | None, scorer: str | None, correct_at: float | None) -> Ingested:
    """The outcomes of every log at or below `source`, an epoch a sample.

    A reasoning effort is part of the model's name, a limit on reasoning tokens is the budget. Tokens are those of the
    evaluated model alone; reasoning counts among its output. Samples that erred are missing, not wrong. Of several
    logs of one model, task and budget the newest counts. Raises ValueError where a log has several scorers and none is
    chosen, and for files that are no log.
    """
    found = Ingested()
    newest: dict[_Place, Path] = {}
    for path in find_logs(source):
        place = _place(_open(path).header, model)
        if (older := newest.get(place)) is not None:
            found.dropped[OLDER] += sum(1 for _ in _open(older).samples)
        newest[place] = path
    for place, path in newest.items():
        _read_log(found, path, place, scorer=scorer, correct_at=correct_at)
    return found


class _Place(NamedTuple):
    """What a log is of: the model's name with its reasoning effort, the task's, and the budget, None without one."""

    model: str
    task: str
    budget: int | None


def _place(header: Mapping[str, Any], model: str | None) -> _Place:
    evaluated = header["eval"]
    config = evaluated.get("model_generate_config") or {}
    effort = config.get("reasoning_effort")
    name = (model or str(evaluated["model"])) + (f" ({effort} effort)" if effort else "")
    return _Place(name, str(evaluated["task"]).rsplit("/", 1)[-1], config.get("reasoning_tokens"))


def _read_log(found: Ingested, path: Path, place: _Place, *, scorer: str | None, correct_at: float | None) -> None:
    log = _open(path)
    evaluated = log.header["eval"]["model"]
    model, task, budget = place
    found.models[model] = Known()
    for sample in log.samples:
        prompt = str(sample["id"])
        found.prompts[task, prompt] = {"text": _text(sample["input"]), "dials": sample.get("metadata") or {}}
        graded = _grade(found, sample, path, scorer, correct_at)
        if graded is not None:
            found.samples.append(
                Sample(
                    model=model,
                    task=task,
                    prompt=prompt,
                    number=int(sample["epoch"]) - 1,
                    text=(sample.get("output") or {}).get("completion"),
                    budget=budget,
                    tokens=_tokens((sample.get("model_usage") or {}).get(evaluated) or {}),
                    **graded,
                )
            )


def _grade(
    found: Ingested, sample: Mapping[str, Any], path: Path, scorer: str | None, correct_at: float | None
) -> dict[str, Any] | None:
    """Correct, score, answer, outcome and whether it was cut; None where the sample is missing."""
    scores = sample.get("scores") or {}
    if sample.get("error") or not scores:
        found.dropped[ERRED if sample.get("error") else UNSCORED] += 1
        return None
    score = scores[choose(f"scorer in {path.name}", sorted(scores), scorer, option="--metric")]
    correct, value = grade(score["value"], correct_at=correct_at)
    choices = (sample.get("output") or {}).get("choices") or [{}]
    cut = bool(sample.get("limit")) or choices[0].get("stop_reason") in ("max_tokens", "model_length")
    unanswered = score.get("answer") in (None, "") or score["value"] == "N"
    outcome = None if correct else "truncated" if cut else "unanswered" if unanswered else None
    answer = None if score.get("answer") in (None, "") else str(score["answer"])
    return {"correct": correct, "score": value, "answer": answer, "outcome": outcome, "truncated": cut}


def _tokens(usage: Mapping[str, Any]) -> Tokens:
    if not usage:
        return Tokens()
    cached = (usage.get("input_tokens_cache_read") or 0) + (usage.get("input_tokens_cache_write") or 0)
    return Tokens(
        prompt=usage["input_tokens"] + cached,
        decoded=usage["output_tokens"],
        thinking=usage.get("reasoning_tokens") or 0,
        usd=usage.get("total_cost"),
    )


def _text(prompt: Any) -> str:
    """A prompt as text: itself, or its messages."""
    if isinstance(prompt, str):
        return prompt
    return "\n".join(f"{message.get('role')}: {message.get('content')}" for message in prompt)


def _open(path: Path) -> Log:
    try:
        if path.suffix == ".json":
            log = json.loads(path.read_bytes())
            return Log(_checked(log), iter(log.get("samples") or []))
        archive = zipfile.ZipFile(path)
        header = json.loads(_member(archive, path, "header.json"))
        return Log(_checked(header), _stored_samples(archive, path))
    except BROKEN as error:
        raise _no_log(path, error) from None


def _no_log(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is no whole log of Inspect ({error}); an evaluation still running has none.")


def _checked(header: Any) -> Mapping[str, Any]:
    if not isinstance(header, dict) or "model" not in header.get("eval", {}):
        raise KeyError("no model under eval")
    return header


def _stored_samples(archive: zipfile.ZipFile, path: Path) -> Iterator[Mapping[str, Any]]:
    for name in sorted(archive.namelist()):
        if name.startswith("samples/") and name.endswith(".json"):
            try:
                sample = json.loads(_member(archive, path, name))
            except BROKEN as error:
                raise _no_log(path, error) from None
            yield sample


def _member(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    """A file of the archive; zstd, which zipfile learns in Python 3.14, is decoded by Arrow."""
    entry = archive.getinfo(name)
    if entry.compress_type != ZSTD:
        return archive.read(name)
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        header = file.read(LOCAL_HEADER_BYTES)
        name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
        file.seek(name_bytes + extra_bytes, 1)
        packed = file.read(entry.compress_size)
    return bytes(pa.CompressedInputStream(pa.BufferReader(packed), "zstd").read())
