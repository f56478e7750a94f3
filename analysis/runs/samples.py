"""One model's stored answers and grades of one pool as dense arrays.
Knows the tables, nothing of bins or curves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.arrays import Array, Bools, Floats, Ints
from results import schema, store
from results.ingest.write import GRADER as OUTSIDE

# How an answer may be graded, right first; and what stands for a budget without a limit.
OUTCOMES, UNLIMITED = schema.OUTCOMES, schema.UNLIMITED
# Stands for the budget of an answer that its trace came to by itself.
NATURAL = -1
# Samples of a prompt are numbered from 0: a number far beyond all rows there are is damage, and would fill the
# memory.
MOST_GAPS = 10_000
_KEY = ["prompt_id", "pool", "sample", "budget"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Arrays (B budgets, P prompts, S samples) of one model; a cell that is not `present` holds zeros.

    cut: thinking was still going at the budget. forced: the answer was forced out of it, as the harness may do
    also where thinking had ended. score: what each answer is worth, from 0 to 1, where outcomes from elsewhere
    hold more than right and wrong; None where they do not, and `correct` says all.
    """

    present: Bools
    correct: Bools
    votes: Ints
    thinking_tokens: Ints
    closing_tokens: Ints
    answer_tokens: Ints
    cut: Bools
    forced: Bools
    capped: Bools
    outcome: Ints
    score: Floats | None = None

    def take(self, *, budgets: Ints, prompts: Ints, num_samples: int) -> "Samples":
        """The part at these positions, and each prompt's first `num_samples` samples."""
        at = np.ix_(budgets, prompts, np.arange(num_samples))
        return self._each(lambda array: array[at])

    def pick(self, which: slice) -> "Samples":
        """The samples of that slice, of every prompt and budget."""
        return self._each(lambda array: array[:, :, which])

    def split(self, num_samples: int) -> "tuple[Samples, Samples]":
        """The first `num_samples` samples of each prompt, and the rest."""
        return self.pick(slice(num_samples)), self.pick(slice(num_samples, None))

    def turned(self, start: int) -> "Samples":
        """The same samples, those from `start` on first."""
        return self._each(lambda array: np.roll(array, -start, axis=2))

    def _each(self, change: Callable[[Array], Array]) -> "Samples":
        told = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        return Samples(**{name: change(getattr(self, name)) for name in told})

    @property
    def worth(self) -> Array:
        """What each answer counts for: its score where there is one, else whether it is right; (B, P, S)."""
        return self.correct if self.score is None else self.score

    @property
    def num_samples(self) -> Ints:
        """Number of samples, present or not; (B, P)."""
        return np.full(self.correct.shape[:2], self.correct.shape[2])

    @property
    def num_correct(self) -> Ints:
        """How many of them are right; (B, P)."""
        correct: Ints = self.correct.sum(axis=2)
        return correct

    def num_ready(self) -> Ints:
        """Number of leading samples without a gap; (B, P)."""
        ready: Ints = np.cumprod(self.present, axis=2, dtype=np.int64).sum(axis=2)
        return ready


def read(
    root: Path,
    *,
    identity: str,
    pool: str,
    budgets: Sequence[int],
    prompt_ids: pd.Index,
    prompt_tokens: Ints,
    grader: tuple[str, str],
) -> Samples:
    """The graded answers of one identity and pool, each budget served by what a run capped there would have given.

    The answer of a trace that ended by itself at T tokens serves every budget b >= T; below, the forced one does.
    Not so outcomes from elsewhere, whose runs are independent: an answer serves its own budget, schema.UNLIMITED
    where none is stored. prompt_tokens (P,) is the length of each prompt before thinking; grader is its name and
    version.
    """
    answers = store.scan(root, schema.ANSWERS, columns=[*_KEY, *_ANSWER_COLUMNS], identity=identity)
    wanted = [*_GRADE_COLUMNS, *(["score"] if grader[0] == OUTSIDE else [])]
    grades = store.scan(root, schema.GRADES, columns=[*_KEY, *wanted], identity=identity)
    answers = answers.filter(pc.field("pool") == pool)
    named, version = grader
    grades = grades.filter(
        (pc.field("pool") == pool) & (pc.field("grader") == named) & (pc.field("grader_version") == version)
    )
    num_samples = 1 + max(pc.max(answers["sample"]).as_py() or 0, pc.max(grades["sample"]).as_py() or 0)
    if num_samples > len(answers) + MOST_GAPS:
        last = f"sample {num_samples - 1:,}"
        raise ValueError(
            f"{root} is damaged: a row of {identity} is of {last}, and its rows are {len(answers):,}."
        )
    shape = (1 + len(budgets), len(prompt_ids), num_samples)
    null = schema.UNLIMITED if named == OUTSIDE else NATURAL
    columns = _answer_columns(answers, _Slots(answers, budgets, prompt_ids, shape, null=null), prompt_tokens)
    columns |= _grade_columns(grades, _Slots(grades, budgets, prompt_ids, shape, null=null))
    columns["present"] = columns.pop("answered") & columns.pop("graded")
    return Samples(**_serve(columns, budgets))


_ANSWER_COLUMNS = ("num_thinking_tokens", "num_answer_tokens", "num_prompt_tokens", "forced", "finish_reason")
_GRADE_COLUMNS = ("grader", "grader_version", "vote_key", "correct", "outcome")


class _Slots:
    """Where each row of a table belongs in arrays (1 + B, P, S), whose first layer holds the natural answers.

    null: the budget that a row without one is of, NATURAL or one of `budgets`.
    """

    def __init__(
        self,
        table: pa.Table,
        budgets: Sequence[int],
        prompt_ids: pd.Index,
        shape: tuple[int, int, int],
        *,
        null: int,
    ):
        layer = pd.Index([NATURAL, *budgets]).get_indexer(_ints(table["budget"], null=null))
        codes, names = _dictionary(table["prompt_id"])
        prompt = prompt_ids.get_indexer(pd.Index(names, dtype=object))[codes] if len(names) else codes
        self.kept = (layer >= 0) & (prompt >= 0)
        self.prompt = prompt[self.kept]
        self.at = layer[self.kept], self.prompt, _ints(table["sample"])[self.kept]
        self.shape = shape
        self.null = null

    def fill(self, values: Array) -> Array:
        """The kept rows' values in their places, zeros elsewhere."""
        dense = np.zeros(self.shape, dtype=values.dtype)
        dense[self.at] = values
        return dense


def _answer_columns(table: pa.Table, slots: _Slots, prompt_tokens: Ints) -> dict[str, Array]:
    kept = slots.kept
    thinking, forced = _ints(table["num_thinking_tokens"])[kept], _bools(table["forced"])[kept]
    # A forced request holds the prompt, the cut thinking and the marker that closes it: the rest is the marker.
    closing = _ints(table["num_prompt_tokens"])[kept] - thinking - prompt_tokens[slots.prompt]
    return {
        "answered": slots.fill(np.ones(len(thinking), dtype=bool)),
        "thinking_tokens": slots.fill(thinking),
        "closing_tokens": slots.fill(np.where(forced, np.maximum(closing, 0), 0)),
        "answer_tokens": slots.fill(_ints(table["num_answer_tokens"])[kept]),
        # Outcomes from elsewhere do not say whether thinking was going on at their limit.
        "cut": slots.fill(np.full(len(thinking), slots.null == NATURAL)),
        "forced": slots.fill(forced),
        "capped": slots.fill(_is(table["finish_reason"], "length")[kept]),
    }


def _grade_columns(table: pa.Table, slots: _Slots) -> dict[str, Array]:
    kept = slots.kept
    votes, _ = _dictionary(pc.dictionary_encode(table["vote_key"]))
    codes, names = _dictionary(table["outcome"])
    outcome = pd.Index(OUTCOMES).get_indexer(pd.Index(names, dtype=object))[codes] if len(names) else codes
    correct = _bools(table["correct"])[kept]
    columns = {
        "graded": slots.fill(np.ones(int(kept.sum()), dtype=bool)),
        "correct": slots.fill(correct),
        "votes": slots.fill(votes[kept]),
        "outcome": slots.fill(outcome[kept]),
    }
    score = _scores(table, kept, correct)
    return columns if score is None else columns | {"score": slots.fill(score)}


def _scores(table: pa.Table, kept: Bools, correct: Bools) -> Floats | None:
    """The scores of the kept rows, where some lie between 0 and 1; None where all say right or wrong."""
    if "score" not in table.column_names:
        return None
    told = np.asarray(pc.fill_null(table["score"].cast(pa.float64()), np.nan).to_numpy())[kept]
    score = np.where(np.isnan(told), correct, told)
    return score if ((score > 0) & (score < 1)).any() else None


def _serve(columns: dict[str, Array], budgets: Sequence[int]) -> dict[str, Array]:
    """Layers (natural, cut at each budget) as what each budget yields; (1 + B, P, S) -> (B, P, S)."""
    ends_in_time = columns["present"][0] & (columns["thinking_tokens"][0] <= np.asarray(budgets)[:, None, None])
    served = {name: np.where(ends_in_time, layers[0], layers[1:]) for name, layers in columns.items()}
    return served | {"cut": served["present"] & served["cut"] & ~ends_in_time}


def _ints(column: pa.ChunkedArray, *, null: int = 0) -> Ints:
    return np.asarray(pc.fill_null(column, null).to_numpy(), dtype=np.int64)


def _bools(column: pa.ChunkedArray) -> Bools:
    return np.asarray(pc.fill_null(column, False).to_numpy(), dtype=bool)


def _is(column: pa.ChunkedArray, value: str) -> Bools:
    return _bools(pc.equal(column.cast(pa.string()), value))


def _dictionary(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """Codes of a dictionary column, -1 where null, and the values they stand for."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.chunked_array(array.chunks, type=array.type).unify_dictionaries().combine_chunks()
    return np.asarray(
        pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64
    ), array.dictionary.to_pylist()
