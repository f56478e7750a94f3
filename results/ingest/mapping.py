"""Which columns of a table are which nouns. Knows names and rows, nothing of what comes of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from results.ingest.lists import MODEL
from results.ingest.paths import Row, find
from results.ingest.rows import KEY

REQUIRED = ("model", "prompt")
OF_SAMPLES = ("correct", "gold", "sample", "answer", "text")
OF_COUNTS = ("num_samples", "num_correct")
OF_SCORES = ("verifier", "step_scores")
OF_TOKENS = ("prompt_tokens", "decoded_tokens", "thinking_tokens", "usd")
OF_MODELS = ("num_params", "billion_params", "pretraining_tokens")
OTHERS = ("task", "budget", "effort", "prompt_text")
NOUNS = (*REQUIRED, *OF_SAMPLES, *OF_SCORES, *OF_COUNTS, *OF_TOKENS, *OF_MODELS, *OTHERS)
DIAL = "dial."
# Columns that every file has: its own name, those of the folders it lies in, and a row's place or name in it.
OF_FILES = ("@file", "@folder", "@folder2", "@folder3", "@row", KEY)
MOST_NAMED = 120


@dataclass(frozen=True)
class Mapped:
    """How a table is read: NOUN -> column, `dial.NAME` for a prompt's labels, and what holds for all of it.

    model, task: names where no column tells. models: those that are asked for. scale: what scores are divided by.
    rows_at: where in a JSON object the rows stand. scorer: the name of what gave a verifier's scores.
    """

    columns: Mapping[str, str]
    model: str | None = None
    task: str = "outside"
    models: Sequence[str] = ()
    correct_at: float | None = None
    scale: float = 1.0
    rows_at: str | None = None
    scorer: str | None = None

    @property
    def scorer_name(self) -> str | None:
        """The name of what gave a verifier's scores: as given, else that of their column; None without scores."""
        column = next((self.columns[noun] for noun in OF_SCORES if noun in self.columns), None)
        return column and (self.scorer or column.replace(MODEL, "").strip("|_.-/ ") or OF_SCORES[0])

    @property
    def tells_files_apart(self) -> bool:
        """Whether a file's name says something of its rows, so that two of equal bytes are two."""
        return bool({*self.columns.values()} & set(OF_FILES))

    @property
    def wanted(self) -> list[str]:
        """The columns to look for; of a wide table whose models are not named, those that every file has."""
        columns = list(self.columns.values())
        if any(MODEL in column for column in columns) and not self.models:
            return [column for column in columns if column.startswith("@")]
        named = [[column.replace(MODEL, model) for model in self.models] for column in columns if MODEL in column]
        return [column for column in columns if MODEL not in column] + [each for part in named for each in part]

    @property
    def holds_counts(self) -> bool:
        return "num_correct" in self.columns or "num_samples" in self.columns


class UnfitError(ValueError):
    """A file that is no table, or not one that the mapping is of."""


def check_nouns(mapped: Mapped) -> None:
    """Raise ValueError where a noun is none, or one that is needed is not mapped."""
    unknown = [noun for noun in mapped.columns if noun not in NOUNS and not noun.startswith(DIAL)]
    if unknown:
        raise ValueError(f"{', '.join(unknown)} cannot be mapped; map any of {', '.join(NOUNS)}, or {DIAL}NAME.")
    if mapped.holds_counts and mapped.scorer_name:
        raise ValueError("Counts have no single samples to be scored; leave out verifier and step_scores.")
    is_wide = any(MODEL in column for column in mapped.columns.values())
    given = {*mapped.columns} | ({"model"} if mapped.model is not None or is_wide else set())
    of_counts = ("num_samples",) if "correct" in given else OF_COUNTS
    of_answers = ("answer",) if "gold" in given and "correct" not in given else ("correct",)
    outcomes: tuple[str, ...] = of_counts if mapped.holds_counts else of_answers
    lacking = [noun for noun in (*REQUIRED, *outcomes) if noun not in given]
    if lacking:
        raise ValueError(f"Map {', '.join(lacking)} as well, as --map {lacking[0]}=COLUMN.")


def check_columns(columns: Sequence[str], rows: Sequence[Row], names: Collection[str]) -> None:
    """Raise UnfitError where a table lacks a column that is mapped."""
    absent = [
        column for column in dict.fromkeys(columns) if column not in OF_FILES and not has(column, rows, names)
    ]
    if absent:
        inner = _list_within(rows)
        way = f"; if the rows are inside, give --rows {inner}" if inner else ""
        raise UnfitError(f"The table has no column {_listed(absent)}; it has {_listed(names)}{way}.")


def _list_within(rows: Sequence[Row]) -> str | None:
    """The name of a list of objects in an object that was taken for the only row."""
    cells = rows[0].items() if len(rows) == 1 else ()
    return next(
        (name for name, cell in cells if isinstance(cell, list) and cell and isinstance(cell[0], dict)), None
    )


def has(column: str, rows: Sequence[Row], names: Collection[str]) -> bool:
    """Whether some row has a column, or a path into one."""
    return column in names or any(find(row, column) is not None for row in rows)


def names_of(rows: Sequence[Row]) -> list[str]:
    """The columns of all rows, in their order."""
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in OF_FILES]


def _listed(names: Collection[str]) -> str:
    """The first names, and how many there are beside them."""
    told: list[str] = []
    for name in names:
        if told and sum(map(len, told)) + len(name) > MOST_NAMED:
            return f"{', '.join(told)} and {len(names) - len(told)} more"
        told.append(repr(name if len(name) <= 40 else f"{name[:37]}..."))
    return ", ".join(told)
