"""The weights of the prompts in one bin, without a copy of all weights a bin. Arrays in, arrays out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Ints, Weights

# So many weights at a time are made or multiplied: of many prompts all at once would take gigabytes.
BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Part:
    """Weights (R, P) of prompts that count where their label is `number` and else not; to numpy an array of those.

    whole (R, N): the weights of all prompts; labels (R, V): how each of V classes of prompts is labelled in each
    weighting; which (N,): the prompts' classes; at (P,): the prompts that are looked at. Of few prompts the array
    is made once and kept, of many as much of it as is asked for.
    """

    whole: Weights
    labels: Ints
    which: Ints
    number: int
    at: Ints

    @property
    def shape(self) -> tuple[int, int]:
        """Of the array, (R, P). Source: by definition."""
        return len(self.whole), len(self.at)

    @property
    def ndim(self) -> int:
        """Of the array: 2. Source: by definition."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Of the array, R P. Source: by definition."""
        return len(self.whole) * len(self.at)

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, rows: int | slice) -> Weights:
        return np.asarray(self._kept[rows]) if self.size <= BLOCK else self._make(rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Weights:
        return self[:].astype(dtype or self.whole.dtype, copy=bool(copy))

    def sum(self, axis: int) -> Ints:
        """The weight of all its prompts, (R,); the axis is that of prompts, 1 or -1. Source: by definition."""
        assert axis in (1, -1), "Weights are summed over prompts."
        used = self.used
        return np.concatenate([used[rows].sum(axis=1) for rows in row_blocks(*used.shape)])

    def among(self, prompts: Bools) -> "Part":
        """The same of some of its prompts, (P,) -> (R, P'). Source: by definition."""
        return replace(self, at=self.at[prompts])

    @cached_property
    def counts(self) -> Bools:
        """Which prompts count in some weighting, (P,). Source: by definition."""
        return np.asarray((self.labels == self.number).any(axis=0)[self.which[self.at]])

    @cached_property
    def used(self) -> "Part":
        """The same of the prompts that count in some weighting, (R, P'). Source: by definition."""
        return self.among(self.counts)

    @cached_property
    def _kept(self) -> Weights:
        return self._make(slice(None))

    def _make(self, rows: int | slice) -> Weights:
        inside = (self.labels[rows] == self.number)[..., self.which[self.at]]
        made: Weights = self.whole[rows][..., self.at] * inside
        return made


def split(whole: Weights, labels: Ints, which: Ints, *, num_parts: int) -> list[Part]:
    """The weights by label; whole (R, P), labels (R, V) of classes, which (P,) of prompts -> (R, P) each.

    Source: by definition.
    """
    at = np.arange(whole.shape[1])
    return [Part(whole, labels, which, number, at) for number in range(num_parts)]


def by_label(whole: Weights, labels: Ints, *, num_parts: int) -> list[Part]:
    """The weights by labels (P,) that are the same in every weighting; whole (R, P). Source: by definition."""
    each = np.broadcast_to(np.arange(num_parts), (len(whole), num_parts))
    return split(whole, each, labels, num_parts=num_parts)


def among(weights: Weights | Part, prompts: Bools) -> Weights | Part:
    """Weights (R, P) of some prompts alone, (P,) -> (R, P'). Source: by definition."""
    return weights.among(prompts) if isinstance(weights, Part) else weights[:, prompts]


def settle(weights: ArrayLike | Part) -> Weights | Part:
    """Weights as an array, parts as they are. Source: by definition."""
    return weights if isinstance(weights, Part) else np.asarray(weights)


def row_blocks(num_rows: int, num_columns: int) -> Iterator[slice]:
    """The rows of a table in order, so many at a time as hold about BLOCK numbers; no arrays. Source: ours."""
    size = max(BLOCK // max(num_columns, 1), 1)
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))
