"""Rows of a table in their places in dense arrays, and its columns as arrays.
Knows keys, nothing of what they hold.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.arrays import Array, Bools, Floats, Ints


class Slots:
    """Where each row of a table belongs in arrays (L, P, S).

    layer, prompt, sample: of each row; a negative one, or a sample beyond the last, has no place.
    """

    def __init__(self, layer: Ints, prompt: Ints, sample: Ints, shape: tuple[int, int, int]):
        self.kept = (layer >= 0) & (prompt >= 0) & (sample < shape[2])
        self.prompt = prompt[self.kept]
        self.at = layer[self.kept], self.prompt, sample[self.kept]
        self.shape = shape

    def fill(self, values: Array) -> Array:
        """The kept rows' values in their places, zeros elsewhere."""
        dense = np.zeros(self.shape, dtype=values.dtype)
        dense[self.at] = values
        return dense


def ints(column: pa.ChunkedArray, *, null: int = 0) -> Ints:
    """Whole numbers, `null` where there is none."""
    return np.asarray(pc.fill_null(column, null).to_numpy(), dtype=np.int64)


def bools(column: pa.ChunkedArray) -> Bools:
    """Whether each is true; not where null."""
    return np.asarray(pc.fill_null(column, False).to_numpy(), dtype=bool)


def dictionary(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """Codes of a dictionary column, -1 where null, and the values they stand for."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.chunked_array(array.chunks, type=array.type).unify_dictionaries().combine_chunks()
    return np.asarray(
        pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64
    ), array.dictionary.to_pylist()


def floats(column: pa.ChunkedArray) -> Floats:
    """Numbers, NaN where null."""
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), dtype=float)
