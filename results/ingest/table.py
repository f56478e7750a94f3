"""Any CSV, JSON lines or parquet with a row a sample, or a row a prompt with counts, under a mapping of columns."""

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from results.ingest.outcomes import Count, Ingested, Known, Sample, Tokens, grade

REQUIRED = ("model", "prompt")
OF_SAMPLES = ("correct", "sample", "answer", "text")
OF_COUNTS = ("num_samples", "num_correct")
OF_TOKENS = ("prompt_tokens", "decoded_tokens", "thinking_tokens", "usd")
OF_MODELS = ("num_params", "pretraining_tokens")
OTHERS = ("task", "budget", "effort", "prompt_text")
NOUNS = (*REQUIRED, *OF_SAMPLES, *OF_COUNTS, *OF_TOKENS, *OF_MODELS, *OTHERS)
DIAL = "dial."
AGAIN = "the same row again"
NO_SCORE = "it has no score"
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".gz")


def read(source: Path, columns: Mapping[str, str], *, model: str | None, task: str, correct_at: float) -> Ingested:
    """The outcomes of a table whose columns the mapping names: NOUN -> column, `dial.NAME` for a prompt's labels.

    Needs model (or one name for all), prompt, and correct or both num_samples and num_correct. Raises ValueError that
    lists nouns and columns where the mapping does not fit, and where two rows give one prompt different counts.
    """
    table = _load(source)
    _check(columns, list(table.columns), model)
    named = table.rename(columns={column: noun for noun, column in columns.items()})[list(columns)]
    if model is not None:
        named = named.assign(model=model)
    return _counts(named, task) if "num_correct" in columns else _samples(named, task, correct_at)


def _load(source: Path) -> pd.DataFrame:
    """The table of a file, which its name tells the form of; raises ValueError where it is not of that form."""
    try:
        return _parse(source)
    except (ValueError, TypeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{source} is no table that can be read ({reason}); give CSV, TSV or JSON lines in UTF-8, or parquet."
        ) from None


def _parse(source: Path) -> pd.DataFrame:
    name = source.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        return pd.read_parquet(source)
    if name.endswith(".jsonl"):
        return pd.read_json(source, lines=True)
    return pd.read_csv(source, sep="\t" if name.endswith(".tsv") else ",")


def _check(columns: Mapping[str, str], there: list[str], model: str | None) -> None:
    unknown = [noun for noun in columns if noun not in NOUNS and not noun.startswith(DIAL)]
    if unknown:
        raise ValueError(f"Cannot map {', '.join(unknown)}; map any of {', '.join(NOUNS)}, or {DIAL}NAME.")
    absent = [column for column in columns.values() if column not in there]
    if absent:
        raise ValueError(f"No column {', '.join(map(repr, absent))}; the table has {', '.join(map(repr, there))}.")
    given = {*columns} | ({"model"} if model is not None else set())
    outcomes = ("num_samples", "num_correct") if given & set(OF_COUNTS) else ("correct",)
    lacking = [noun for noun in (*REQUIRED, *outcomes) if noun not in given]
    if lacking:
        raise ValueError(
            f"Map {', '.join(lacking)} as well, as --map {lacking[0]}=COLUMN; the table has "
            f"{', '.join(map(repr, there))}."
        )


def _samples(table: pd.DataFrame, task: str, correct_at: float) -> Ingested:
    found = Ingested()
    for row in table.to_dict("records"):
        if pd.isna(row["correct"]):
            found.dropped[NO_SCORE] += 1
            continue
        correct, score = grade(row["correct"], correct_at=correct_at)
        name, place = _note(found, row, task)
        number, answer = _number(row.get("sample")), _text(row.get("answer"))
        found.samples.append(
            Sample(
                model=name,
                task=place[0],
                prompt=place[1],
                correct=correct,
                number=None if number is None else int(number),
                answer=answer,
                outcome="unparsed" if "answer" in row and answer is None and not correct else None,
                score=score,
                text=_text(row.get("text")),
                budget=_budget(row),
                tokens=_tokens(row),
            )
        )
    return found


def _counts(table: pd.DataFrame, task: str) -> Ingested:
    found = Ingested()
    seen: dict[tuple[Any, ...], Count] = {}
    for row in table.to_dict("records"):
        name, (of_task, prompt) = _note(found, row, task)
        n, c = _number(row["num_samples"]), _number(row["num_correct"])
        if n is None or c is None or not (0 <= c <= n and n >= 1 and n == int(n) and c == int(c)):
            raise ValueError(f"{c} correct of {n} samples of {prompt} by {name} cannot be.")
        count = Count(name, of_task, prompt, int(n), int(c), _budget(row), _tokens(row))
        first = seen.setdefault((name, of_task, prompt, count.budget), count)
        if first is count:
            found.counts.append(count)
        elif first == count:
            found.dropped[AGAIN] += 1
        else:
            raise ValueError(
                f"{name} on {prompt} has {first.num_correct} of {first.num_samples} in one row and {count.num_correct} "
                f"of {count.num_samples} in another; is a column (task, budget, effort) not mapped?"
            )
    return found


def _note(found: Ingested, row: Mapping[str, Any], task: str) -> tuple[str, tuple[str, str]]:
    """Enter the row's model and prompt; return the model's name, and the task and prompt."""
    effort = _text(row.get("effort"))
    name = str(row["model"]) + (f" ({effort} effort)" if effort else "")
    known = Known(_number(row.get("num_params")), _number(row.get("pretraining_tokens")))
    if found.models.setdefault(name, known) != known:
        raise ValueError(f"{name} has different sizes or pretraining tokens in different rows.")
    place = (_text(row.get("task")) or task, str(_text(row["prompt"])))
    dials = {noun.removeprefix(DIAL): _plain(row[noun]) for noun in row if str(noun).startswith(DIAL)}
    found.prompts[place] = {"text": _text(row.get("prompt_text")), "dials": dials}
    return name, place


def _tokens(row: Mapping[str, Any]) -> Tokens:
    return Tokens(*(_number(row.get(noun)) for noun in OF_TOKENS))


def _budget(row: Mapping[str, Any]) -> int | None:
    budget = _number(row.get("budget"))
    return None if budget is None else int(budget)


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _text(value: Any) -> str | None:
    if value is None or pd.isna(value):
        return None
    # A column of whole numbers with holes is read as floats: 4.0 there is the answer 4.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain(value: Any) -> Any:
    """A dial as JSON can hold it."""
    return None if pd.isna(value) else json.loads(json.dumps(value, default=lambda scalar: scalar.item()))
