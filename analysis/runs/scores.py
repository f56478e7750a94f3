"""What a verifier makes of each answer, as dense arrays beside the grades.
Knows the tables, no rule and no cost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.arrays import Array, Bools, Floats
from analysis.runs.slots import Slots, floats, ints
from analysis.stats.ranks import average_ranks
from results import schema, store

Steps = Literal["last", "min", "product", "mean"]
STEPS: tuple[Steps, ...] = get_args(Steps)
# No model computes in wider numbers, and sums of these are finite.
LARGEST_SCORE = float(np.finfo(np.float32).max)
COLUMNS = (
    *("prompt_id", "pool", "sample", "budget", "scorer", "scorer_version", "verdict"),
    *("score", "step_scores", "num_read_tokens", "num_written_tokens"),
)


@dataclass(frozen=True, eq=False)
class Scores:
    """Arrays (B budgets, P prompts, S samples) of one model's answers as one verifier read them.

    known: it read the answer. refused: it read it and gave no score; both may be False. score: raw, NaN where
    refused or not known. weight: what a vote weighs, from 0. read_tokens: in its own tokens, NaN where not known;
    written_tokens (B, P, S, V): of each of V verdicts.
    """

    known: Bools
    refused: Bools
    score: Floats
    weight: Floats
    read_tokens: Floats
    written_tokens: Floats

    def each(self, change: Callable[[Array], Array]) -> "Scores":
        """The same change of every array."""
        return Scores(**{field.name: change(getattr(self, field.name)) for field in fields(self)})

    @property
    def is_whole(self) -> bool:
        """Whether every answer was read."""
        return bool(self.known.all())

    @property
    def has_tokens(self) -> bool:
        """Whether all that was read and written is known."""
        return not (np.isnan(self.read_tokens).any() or np.isnan(self.written_tokens).any())

    @property
    def ranked(self) -> Floats:
        """The scores with a finite number below all others of the prompt
        where an answer was refused; (B, P, S).
        """
        assert self.is_whole
        given = np.where(self.refused, np.inf, self.score)
        lowest = given.min(axis=-1, keepdims=True)
        return np.where(self.refused, np.where(np.isfinite(lowest), lowest - 1, 0.0), self.score)


def read(
    root: Path,
    *,
    identity: str,
    pool: str,
    scorer: tuple[str, str],
    steps: Steps | None,
    num_verdicts: int,
    place: Callable[[pa.Table], Slots],
) -> Scores:
    """What a scorer (its name and version) gave each answer, in the arrays that `place` says rows belong in.

    num_verdicts: how many of each answer are averaged. Raises ValueError where step scores are asked for and there
    are none, or their product is and they are no chances.
    """
    table = store.scan(root, schema.SCORES, columns=COLUMNS, identity=identity)
    name, version = scorer
    mine = (pc.field("scorer") == name) & (pc.field("scorer_version") == version) & (pc.field("pool") == pool)
    table = table.filter(mine & (pc.field("verdict") < num_verdicts))
    slots = place(table)
    kept, at = slots.kept, (*slots.at, ints(table["verdict"])[slots.kept])
    whole = (*slots.shape, num_verdicts)

    def dense(values: Array, absent: float) -> Array:
        array = np.full(whole, absent, dtype=values.dtype)
        array[at] = values
        return array

    there = dense(np.ones(len(at[0]), dtype=bool), False)
    score = dense(_values(table, name, steps)[kept], np.nan)
    has_score = can_choose(score)
    num_given = has_score.sum(axis=-1)
    known = np.asarray(there.all(axis=-1))
    refused = known & (num_given == 0)
    mean = np.where(has_score, score, 0.0).sum(axis=-1) / np.where(known & (num_given > 0), num_given, np.nan)
    read_tokens = dense(floats(table["num_read_tokens"])[kept], np.nan)
    written = dense(floats(table["num_written_tokens"])[kept], np.nan)
    # What is refused unread costs nothing; whoever gives one number writes nothing.
    read_tokens = np.where(refused & np.isnan(read_tokens[..., 0]), 0.0, read_tokens[..., 0])
    is_silent = np.isnan(written) & (refused[..., None] | (num_verdicts == 1))
    return Scores(known, refused, mean, np.zeros(slots.shape), read_tokens, np.where(is_silent, 0.0, written))


def can_choose(score: Floats) -> Bools:
    """Which scores are numbers to choose by: not NaN, and not infinite, as the logarithm of no chance is."""
    return np.asarray(np.abs(score) <= LARGEST_SCORE)


def _values(table: pa.Table, scorer: str, steps: Steps | None) -> Floats:
    """A score of each row, NaN where it has none."""
    own, of_steps = floats(table["score"]), _aggregated(table["step_scores"], scorer, steps or "last")
    if steps is None:
        return np.where(np.isnan(own), of_steps, own)
    if len(of_steps) and np.isnan(of_steps).all():
        raise ValueError(f"{scorer} gave no scores of steps; leave out --steps.")
    return of_steps


def _aggregated(column: pa.ChunkedArray, scorer: str, steps: Steps) -> Floats:
    """One number for each list, NaN where it is null or empty."""
    lengths = ints(pc.list_value_length(column))
    flat = np.asarray(pc.list_flatten(column).to_numpy(), dtype=float)
    if steps == "product" and len(flat) and (flat.min() < 0 or flat.max() > 1):
        raise ValueError(
            f"Scores of {scorer}'s steps go from {flat.min():g} to {flat.max():g}, and only chances from 0 to 1 "
            "have a product. Give --steps last, min or mean."
        )
    found, ends = np.full(len(lengths), np.nan), np.cumsum(lengths)
    has_steps = lengths > 0
    if not has_steps.any():
        return found
    starts = (ends - lengths)[has_steps]
    if steps == "last":
        found[has_steps] = flat[ends[has_steps] - 1]
    else:
        # Infinite scores of both signs have no sum.
        with np.errstate(invalid="ignore"):
            reduce = {"min": np.minimum, "product": np.multiply, "mean": np.add}[steps].reduceat(flat, starts)
        found[has_steps] = reduce / (lengths[has_steps] if steps == "mean" else 1)
    return found


def weigh(several: Sequence[Scores]) -> list[Scores]:
    """The scores of several models by one verifier, each with what it weighs in a vote.

    Scores that all lie from 0 to 1 weigh what they are. Others, such as rewards, may be negative and have no unit:
    each weighs the share of all the answers here that it is above, those of equal score counted half, which any
    increasing change of the scores leaves. What was refused weighs nothing.
    """
    given = [each.score[~np.isnan(each.score)] for each in several]
    every = np.concatenate(given) if given else np.zeros(0)
    if not every.size or (every.min() >= 0 and every.max() <= 1):
        return [replace(each, weight=np.nan_to_num(each.score, nan=0.0)) for each in several]
    shares = np.split((average_ranks(every) - 0.5) / every.size, np.cumsum([len(part) for part in given])[:-1])
    weighed = []
    for each, share in zip(several, shares, strict=True):
        weight = np.zeros(each.score.shape)
        weight[~np.isnan(each.score)] = share
        weighed.append(replace(each, weight=weight))
    return weighed
