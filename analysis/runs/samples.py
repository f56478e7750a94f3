"""One model's stored answers and grades of one pool as dense arrays.
Knows the tables, nothing of bins or curves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.arrays import Array, Bools, Floats, Ints
from analysis.runs import scores
from analysis.runs.scores import Scores
from analysis.runs.serving import Serving
from analysis.runs.slots import Slots, bools, dictionary, ints
from analysis.runs.verifiers import Verifier
from results import schema, store
from results.cuts import NATURAL, Caps
from results.ingest.write import GRADER as OUTSIDE

# How an answer may be graded, right first; and what stands for a budget without a limit.
OUTCOMES, UNLIMITED = schema.OUTCOMES, schema.UNLIMITED
# Samples of a prompt are numbered from 0: a number far beyond all rows there are is damage, and would fill the
# memory.
MOST_GAPS = 10_000
_KEY = ["prompt_id", "pool", "sample", "budget"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Arrays (B settings, P prompts, S samples) of one model; a cell that is not `present` holds zeros.

    cut: thinking was still going at the budget. forced: the answer was forced out of it, as the harness may do
    also where thinking had ended. score: what each answer is worth, from 0 to 1, where outcomes from elsewhere
    hold more than right and wrong; None where they do not, and `correct` says all. scores: what a verifier gave,
    None where none was asked for. given_tokens: those between the prompt and the answer that the model read and
    did not write, what closed its thinking aside; None where there are none. later_read,
    later_written: what each later round of a strategy read, and wrote, which the tokens above count; (B, P, S, R).
    asked_tokens: of the request of each answer, those that stand before its thinking or close it; None where
    unasked.
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
    scores: Scores | None = None
    given_tokens: Ints | None = None
    later_read: Ints | None = None
    later_written: Ints | None = None
    asked_tokens: Ints | None = None

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
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        scores = told.pop("scores")
        changed = {name: change(array) for name, array in told.items() if array is not None}
        return Samples(**changed, scores=None if scores is None else scores.each(change))

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


class Stored(NamedTuple):
    """The rows of one identity's answers, and those of its grades by one grader, of every pool."""

    answers: pa.Table
    grades: pa.Table

    def of(self, pool: str) -> "Stored":
        """Those of one pool."""
        return Stored(*(table.filter(pc.field("pool") == pool) for table in self))


def scan(root: Path, identity: str, grader: tuple[str, str]) -> Stored:
    """What `read` reads of an identity."""
    answers = store.scan(root, schema.ANSWERS, columns=[*_KEY, *_ANSWER_COLUMNS], identity=identity)
    wanted = [*_GRADE_COLUMNS, *(["score"] if grader[0] == OUTSIDE else [])]
    grades = store.scan(root, schema.GRADES, columns=[*_KEY, *wanted], identity=identity)
    named, version = grader
    grades = grades.filter((pc.field("grader") == named) & (pc.field("grader_version") == version))
    return Stored(answers, grades)


def vote_keys(stored: Stored) -> pd.Index:
    """Every answer by what it votes for, so that votes of several pools can be told by their place in it."""
    return pd.Index(dictionary(pc.dictionary_encode(stored.grades["vote_key"]))[1], dtype=object)


def read(
    root: Path,
    *,
    identity: str,
    pool: str,
    settings: Sequence[Caps],
    prompt_ids: pd.Index,
    prompt_tokens: Ints,
    grader: tuple[str, str],
    verifier: Verifier | None = None,
    goes_on: bool = False,
    keeps_asked: bool = False,
    is_graded: bool = True,
    stored: Stored | None = None,
    votes: pd.Index | None = None,
) -> Samples:
    """The graded answers of one identity and pool, each setting served by what a run capped there would have
    given.

    The answer of a trace that ended by itself at T tokens serves every budget b >= T; below, the forced one does
    (results.cuts.answer_places, of stored answers alone). Not so outcomes from elsewhere, whose runs are
    independent: an answer serves its own budget, schema.UNLIMITED where none is stored. prompt_tokens (P,) is the
    length of each prompt before thinking; grader is its name and version. A verifier's scores serve settings as
    the answers do that it read. goes_on: whether thinking may go on behind a close or a call, where settings with
    fewer of these cut it. is_graded: of free text there are no grades. stored: as `scan` gives it, where it was
    read before; votes: what votes are numbered by, those of this pool by default.
    """
    answers, grades = (scan(root, identity, grader) if stored is None else stored).of(pool)
    num_samples = 1 + max(pc.max(answers["sample"]).as_py() or 0, pc.max(grades["sample"]).as_py() or 0)
    if num_samples > len(answers) + MOST_GAPS:
        last = f"sample {num_samples - 1:,}"
        raise ValueError(
            f"{root} is damaged: a row of {identity} is of {last}, and its rows are {len(answers):,}."
        )
    is_ours = grader[0] != OUTSIDE
    null = NATURAL if is_ours else schema.UNLIMITED
    traces = _read_traces(root, identity, pool) if goes_on else None
    serving = Serving(settings, answers, traces, prompt_ids, num_samples, null=null)
    columns = _answer_columns(answers, serving.place(answers), prompt_tokens, is_ours=is_ours)
    columns |= _grade_columns(grades, serving.place(grades), votes)
    if keeps_asked:
        columns["asked_tokens"] = _asked_tokens(answers, serving.place(answers))
    graded = columns.pop("graded")
    columns["present"] = columns.pop("answered") & (graded | (not is_graded))
    serving.settle(columns["present"], columns["thinking_tokens"], columns["forced"])
    served = Samples(**columns, scores=None)._each(serving.serve)
    served = replace(served, cut=served.present & served.cut & ~serving.ends_in_time)
    return served if verifier is None else _score(served, root, serving, identity, pool, verifier)


def score(
    samples: Samples,
    root: Path,
    *,
    identity: str,
    pool: str,
    budgets: Sequence[int],
    prompt_ids: pd.Index,
    grader: tuple[str, str],
    verifier: Verifier,
) -> Samples:
    """Samples that `read` gave at thinking budgets alone, or a part of them, with what a verifier made of each.

    Its scores serve budgets as the answers do that it read. budgets and prompt_ids are those of the samples.
    """
    null = NATURAL if grader[0] != OUTSIDE else schema.UNLIMITED
    own = samples.present & ~samples.cut & (null == NATURAL)
    serving = Serving.at_budgets(budgets, prompt_ids, own, null=null)
    return _score(samples, root, serving, identity, pool, verifier)


def _score(
    samples: Samples, root: Path, serving: Serving, identity: str, pool: str, verifier: Verifier
) -> Samples:
    """The samples with what a verifier made of the answers that serve them."""
    read = scores.read(
        root,
        identity=identity,
        pool=pool,
        scorer=(verifier.name, verifier.version),
        steps=verifier.steps,
        num_verdicts=verifier.num_verdicts,
        place=serving.place,
    )
    return replace(samples, scores=read.each(serving.serve))


def _read_traces(root: Path, identity: str, pool: str) -> pa.Table:
    """The segments in which thinking closes or a call of a tool begins."""
    columns = ["prompt_id", "pool", "sample", "start_token", "num_thinking_tokens", "ended", "opened", "opened_by"]
    traces = store.scan(root, schema.TRACES, columns=columns, identity=identity)
    return traces.filter((pc.field("pool") == pool) & (pc.field("opened").is_valid() | pc.field("ended")))


_ANSWER_COLUMNS = (
    *("num_thinking_tokens", "num_answer_tokens", "num_prompt_tokens", "num_given_tokens"),
    *("forced", "finish_reason", "extension"),
)
_GRADE_COLUMNS = ("grader", "grader_version", "vote_key", "correct", "outcome")


def _answer_columns(table: pa.Table, slots: Slots, prompt_tokens: Ints, *, is_ours: bool) -> dict[str, Array]:
    kept = slots.kept
    thinking, forced = ints(table["num_thinking_tokens"])[kept], bools(table["forced"])[kept]
    # A forced request holds the prompt, the cut thinking and the marker that closes it: the rest is the marker.
    given = ints(table["num_given_tokens"])[kept]
    closing = ints(table["num_prompt_tokens"])[kept] - thinking - given - prompt_tokens[slots.prompt]
    columns = {
        "answered": slots.fill(np.ones(len(thinking), dtype=bool)),
        "thinking_tokens": slots.fill(thinking),
        "closing_tokens": slots.fill(np.where(forced, np.maximum(closing, 0), 0)),
        "answer_tokens": slots.fill(ints(table["num_answer_tokens"])[kept]),
        # Outcomes from elsewhere do not say whether thinking was going on at their limit.
        "cut": slots.fill(np.full(len(thinking), is_ours)),
        "forced": slots.fill(forced),
        "capped": slots.fill(_is(table["finish_reason"], "length")[kept]),
    }
    return columns | {"given_tokens": slots.fill(given)} if given.any() else columns


def _asked_tokens(table: pa.Table, slots: Slots) -> Ints:
    asked, thinking, given = (
        ints(table[name]) for name in ("num_prompt_tokens", "num_thinking_tokens", "num_given_tokens")
    )
    return np.asarray(slots.fill((asked - thinking - given)[slots.kept]))


def _grade_columns(table: pa.Table, slots: Slots, keys: pd.Index | None) -> dict[str, Array]:
    kept = slots.kept
    votes, named = dictionary(pc.dictionary_encode(table["vote_key"]))
    if keys is not None and named:
        votes = np.where(votes >= 0, keys.get_indexer(pd.Index(named, dtype=object))[votes], votes)
    codes, names = dictionary(table["outcome"])
    outcome = pd.Index(OUTCOMES).get_indexer(pd.Index(names, dtype=object))[codes] if len(names) else codes
    correct = bools(table["correct"])[kept]
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


def _is(column: pa.ChunkedArray, value: str) -> Bools:
    return bools(pc.equal(column.cast(pa.string()), value))
