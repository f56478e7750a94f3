"""Any table, of a row a sample, a row a prompt with lists or counts,
or a column a model, by a mapping of columns.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from results.ingest.cells import SUFFIXES, find_tables, read_rows, text
from results.ingest.gold import compare, leave_out_ungraded
from results.ingest.lists import as_list, of_model, spread, wide_models
from results.ingest.mapping import DIAL, OF_TOKENS, Mapped, UnfitError, check_columns, check_nouns, has, names_of
from results.ingest.outcomes import Count, Ingested, Known, Sample, Tokens
from results.ingest.paths import Row, find
from results.ingest.scores import MissingError, grade
from results.ingest.sizes import LEAST_PARAMS, LEAST_TOKENS, MOST, parse_size
from results.ingest.verifier import score, step_scores
from results.schema import UNLIMITED

AGAIN = "it is the same row again"
COPY = "it is a copy of a file before it"


def read(source: Path, mapped: Mapped) -> Ingested:
    """The outcomes of a table, or of every table below a folder.

    Needs model (or one name for all), prompt, and correct, or gold and answer, or num_samples and num_correct. A
    file or row that cannot be read is skipped and named. Raises ValueError that lists nouns and columns where the
    mapping does not fit, and where two rows give one prompt different counts.
    """
    check_nouns(mapped)
    found, problems = Ingested(scorer=mapped.scorer_name), []
    reading = _Reading(found, mapped)
    paths = find_tables(source)
    copies = set() if mapped.tells_files_apart else _copies(paths)
    for path in paths:
        if path in copies:
            found.skip(COPY, path.name)
            continue
        try:
            _read_file(reading, path)
        except UnfitError as error:
            problems.append(error)
            found.skip(error, path.name)
    if len(problems) == len(paths):
        none = f"{source} has no table ({', '.join(SUFFIXES)}). Give a table with another ending by its own path."
        raise ValueError(str(problems[0]) if problems else none)
    leave_out_ungraded(found, reading.ungraded)
    return found


def _copies(paths: Sequence[Path]) -> set[Path]:
    """The files that hold the bytes of one before them."""
    first: dict[bytes, Path] = {}
    several = paths if len(paths) > 1 else []
    return {path for path in several if first.setdefault(sha256(path.read_bytes()).digest(), path) is not path}


@dataclass
class _Reading:
    """What is found under a mapping.

    counts: the first of each model, task, prompt and budget. ungraded: of a model and task the answers that take a
    grader to compare with the gold ones, and count as wrong so far.
    """

    found: Ingested
    mapped: Mapped
    counts: dict[tuple[Any, ...], Count] = field(default_factory=dict)
    ungraded: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))


def _read_file(reading: _Reading, path: Path) -> None:
    found, mapped = reading.found, reading.mapped
    try:
        rows = read_rows(path, columns=mapped.wanted, rows_at=mapped.rows_at, skip=found.skip)
    except ValueError as error:
        raise UnfitError(str(error)) from None
    if not rows:
        reason = f": {list(found.odd)[-1]}" if found.odd else ""
        raise UnfitError(f"No row of {path.name} can be read{reason}.")
    mappings = _mappings(rows, mapped)
    of_file = _of_file(path)
    for number, row in enumerate(rows, start=1):
        for model, columns in mappings:
            cells = {noun: of_file.get(column) or find(row, column) for noun, column in columns.items()}
            if model is not None:
                cells["model"] = model
            try:
                _read_row(reading, cells)
            except MissingError as error:
                found.dropped[str(error)] += 1
            except _RefusedError:
                raise
            except ValueError as error:
                found.skip(error, f"row {number:,} of {path.name}")


def _mappings(rows: Sequence[Row], mapped: Mapped) -> list[tuple[str | None, dict[str, str]]]:
    """A mapping for each model of a wide table, and the one of any other;
    None for the name where a column tells it.
    """
    names = names_of(rows)
    others = [name for name in names if name not in mapped.columns.values()]
    models = wide_models(mapped.columns, others, mapped.models, is_there=lambda column: has(column, rows, names))
    mappings: list[tuple[str | None, dict[str, str]]] = [(name, of_model(mapped.columns, name)) for name in models]
    mappings = mappings or [(mapped.model, dict(mapped.columns))]
    check_columns([column for _, columns in mappings for column in columns.values()], rows, names)
    return mappings


def _of_file(path: Path) -> dict[str, str]:
    """What a file's place says of its rows."""
    folders = [folder.name for folder in path.resolve().parents[:3]]
    names = ["@folder", "@folder2", "@folder3"][: len(folders)]
    return dict(zip(names, folders, strict=True)) | {"@file": path.name.removesuffix(".gz").rsplit(".", 1)[0]}


class _RefusedError(ValueError):
    """What is wrong with the mapping and no single row's fault."""


def _read_row(reading: _Reading, cells: Mapping[str, Any]) -> None:
    found, mapped = reading.found, reading.mapped
    name, task, prompt = _place(cells, mapped.task)
    if mapped.holds_counts:
        count = _count(cells, (name, task, prompt))
        _note(found, cells, (name, task, prompt))
        _add_count(reading, count)
    else:
        if "correct" not in cells:
            cells = {
                **cells,
                "correct": compare(cells.get("answer"), cells.get("gold"), reading.ungraded[name, task]),
            }
        samples = [_sample(each, (name, task, prompt), mapped) for each in spread(dict(cells))]
        kept = [sample for sample in samples if sample is not None]
        found.dropped["it has no score"] += len(samples) - len(kept)
        if kept:
            _note(found, cells, (name, task, prompt))
        found.samples += kept


def _sample(cells: Mapping[str, Any], place: tuple[str, str, str], mapped: Mapped) -> Sample | None:
    """The sample of a row; None where it has no score."""
    try:
        correct, worth = grade(text(cells["correct"]), correct_at=mapped.correct_at, scale=mapped.scale)
    except MissingError:
        return None
    answer = text(cells.get("answer"))
    return Sample(
        *place,
        correct=correct,
        number=_label(text(cells.get("sample"))),
        answer=answer,
        outcome="unparsed" if "answer" in cells and answer is None and not correct else None,
        score=worth,
        text=text(cells.get("text")),
        budget=_budget(cells),
        tokens=_tokens(cells),
        verifier=score(cells.get("verifier")),
        step_scores=step_scores(cells.get("step_scores")),
    )


def _count(cells: Mapping[str, Any], place: tuple[str, str, str]) -> Count:
    """The success count of a row, also where it tells a share of correct samples and their number."""
    n = _number(cells, "num_samples")
    c = _number(cells, "num_correct")
    if c is None and n is not None and "num_correct" not in cells:
        share = grade(text(cells["correct"]), correct_at=None)[1]
        c = share * n
        c = float(round(c)) if abs(c - round(c)) < 1e-3 else c
    if n is None or c is None or not (0 <= c <= n and n >= 1 and n == int(n) and c == int(c)):
        raise ValueError(f"{_told(c)} correct of {_told(n)} samples is not possible")
    return Count(*place, num_samples=int(n), num_correct=int(c), budget=_budget(cells), tokens=_tokens(cells))


def _add_count(reading: _Reading, count: Count) -> None:
    found = reading.found
    first = reading.counts.setdefault((count.model, count.task, count.prompt, count.budget), count)
    if first is count:
        found.counts.append(count)
    elif first == count:
        found.dropped[AGAIN] += 1
    else:
        raise _RefusedError(
            f"{count.model} on {count.prompt} has {first.num_correct} of {first.num_samples} in one row and "
            f"{count.num_correct} of {count.num_samples} in another. Map the column that differs (task, budget, "
            "effort)."
        )


def _place(cells: Mapping[str, Any], task: str) -> tuple[str, str, str]:
    """The names of the row's model, task and prompt."""
    model, prompt, effort = (text(cells.get(noun)) for noun in ("model", "prompt", "effort"))
    for noun, name in (("model", model), ("prompt", prompt)):
        if name is None:
            raise ValueError(f"it has no {noun}")
    return f"{model} ({effort} effort)" if effort else str(model), text(cells.get("task")) or task, str(prompt)


def _note(found: Ingested, cells: Mapping[str, Any], place: tuple[str, str, str]) -> None:
    """Enter the row's model and prompt."""
    name, task, prompt = place
    known = Known(_size(cells), _parsed(cells, "pretraining_tokens", LEAST_TOKENS))
    if found.models.setdefault(name, known) != known:
        raise _RefusedError(f"{name} has different sizes or pretraining tokens in different rows.")
    dials = {noun.removeprefix(DIAL): _dial(cell) for noun, cell in cells.items() if noun.startswith(DIAL)}
    found.prompts[task, prompt] = {"text": text(cells.get("prompt_text")), "dials": dials}


def _size(cells: Mapping[str, Any]) -> float | None:
    billions = _number(cells, "billion_params")
    if billions is not None and billions * 1e9 >= MOST:
        raise ValueError(f"{billions:g} is not possible, under billion_params")
    return _parsed(cells, "num_params", LEAST_PARAMS) if billions is None else billions * 1e9


def _parsed(cells: Mapping[str, Any], noun: str, least: float) -> float | None:
    written = text(cells.get(noun))
    try:
        return None if written is None else parse_size(written, least=least)
    except ValueError as error:
        billions = " (a table with billions: map billion_params)" if noun == "num_params" else ""
        raise _RefusedError(f"{noun}: {error}{billions}.") from None


def _tokens(cells: Mapping[str, Any]) -> Tokens:
    return Tokens(*(_number(cells, noun) for noun in OF_TOKENS))


def _budget(cells: Mapping[str, Any]) -> int | None:
    budget = _number(cells, "budget")
    if budget is not None and (budget != int(budget) or budget >= UNLIMITED):
        raise ValueError(f"a budget of {budget:g} tokens is not possible")
    return None if budget is None else int(budget)


def _number(cells: Mapping[str, Any], noun: str) -> float | None:
    """A number that is not below 0; None where the cell is empty."""
    written = text(cells.get(noun))
    try:
        number = None if written is None else float(written)
    except ValueError:
        raise ValueError(f"{str(written)[:40]!r} is not a number, under {noun}") from None
    if number is not None and not 0 <= number < float("inf"):
        raise ValueError(f"{written} is not possible, under {noun}")
    return number


def _label(written: str | None) -> int | str | None:
    """A sample's number, or its label where it is none."""
    return (
        int(written) if written is not None and written.isdecimal() and str(int(written)) == written else written
    )


def _dial(cell: Any) -> Any:
    """A label as JSON can hold it: a number where it is written as one, since bins are made of them."""
    written = text(cell)
    for kind in (int, float):
        try:
            if written is not None and str(kind(written)) == written and written not in ("inf", "-inf", "nan"):
                return kind(written)
        except ValueError:
            continue
    return written if as_list(cell) is None and not isinstance(cell, dict) else cell


def _told(number: float | None) -> str:
    return "no number" if number is None else f"{number:g}"
