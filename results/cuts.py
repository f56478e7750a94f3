"""Which answer of a sample serves which cell of the grid. Numbers alone: knows no files, engines or prompts.

A cell is a set of caps. The sample that fills it is the longest one there is, cut at the first event that passes
any cap, so that all cells with one cut share one answer.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Stands for the place of an answer that a trace came to when it first closed by itself.
NATURAL = -1
# Beyond every cut: where what did not happen would stand.
NEVER = np.iinfo(np.int64).max


class Caps(NamedTuple):
    """A cell: the most thinking tokens, how often thinking that closed may be extended, and the most tool calls.

    Within a sample these are all; rounds counts the answers of a strategy that goes on from it, each with these
    caps.
    """

    budget: int
    extensions: int = 0
    calls: int = 0
    rounds: int = 1


class Events(NamedTuple):
    """Where in what samples of any shape (...) wrote, in tokens, something happened; NEVER where it did not.

    closes (K, ...): thinking closed for the first, second, ... time. finals (K, ...): nothing can follow that
    close. opens (C, ...): the first, second, ... call of a tool begins; whole (C, ...): the marker that begins it
    is there.
    """

    closes: NDArray[np.int64]
    finals: NDArray[np.bool_]
    opens: NDArray[np.int64]
    whole: NDArray[np.int64]


def along_budgets(budgets: Sequence[int]) -> tuple[Caps, ...]:
    """The cells of thinking budgets alone."""
    return tuple(Caps(budget) for budget in budgets)


def every_cell(budgets: Iterable[int], extensions: Iterable[int], calls: Iterable[int]) -> tuple[Caps, ...]:
    """The cells of a grid of all three axes."""
    return tuple(itertools.starmap(Caps, itertools.product(budgets, extensions, calls)))


def answer_places(cells: Sequence[Caps], events: Events) -> NDArray[np.int64]:
    """After how many written tokens the answer stands that serves each of N cells; (N, ...).

    NATURAL is the answer of a trace that closed by itself before it was ever extended. One that closes at the very
    cap, or whose extension would begin with a call that is not allowed, is not extended. A call counts from where
    its marker is whole, and is cut before it. What lies beyond what a sample has written is not known yet.
    """
    places = [_place(cell, events) for cell in cells]
    return np.array([np.broadcast_to(place, events.closes.shape[1:]) for place in places], dtype=np.int64)


def _place(cell: Caps, events: Events) -> NDArray[np.int64]:
    """That of one cell, of any shape that broadcasts to that of the samples."""
    place = cut = np.asarray(cell.budget, dtype=np.int64)
    if cell.calls < len(events.opens):
        # Of a marker that is cut nobody knows yet that it is one.
        is_open = events.whole[cell.calls] <= cell.budget
        place = cut = np.where(is_open, events.opens[cell.calls], cell.budget)
    # From the last close that may count to the first, which goes before all others.
    for k in reversed(range(min(cell.extensions + 1, len(events.closes)))):
        closes = events.closes[k]
        ends = (closes <= cut) & (events.finals[k] | (closes == cut) | (k == cell.extensions))
        place = np.where(ends, closes if k else NATURAL, place)
    return np.asarray(place)
