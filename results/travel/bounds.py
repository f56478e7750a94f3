"""How much the shards of a run may say that they hold:
a few bytes can stand for more than any memory has room for.

Honest runs come near: a million grades that are all alike take 100 kB, and twenty thousand traces that go round 40
kB. So what is allowed is what a laptop can read, and beyond that as much as the bytes of a run make likely.
"""

import pyarrow as pa
import pyarrow.parquet as pq

from results.shortage import raise_shortage

ROWS_AT_LEAST, ROWS_PER_BYTE = 10_000_000, 2
BYTES_AT_LEAST, BYTES_PER_BYTE = 2 * 2**30, 50


class Bounds:
    """What the footers of the shards of one run tell, all together."""

    def __init__(self) -> None:
        self._num_rows = self._num_bytes = self._size = 0

    def add(self, content: bytes | pa.Buffer, *, where: object) -> None:
        """Raise ValueError where a shard's footer cannot be read, or tells of more than there is room for."""
        try:
            metadata = pq.read_metadata(pa.BufferReader(content))
            groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
            told = metadata.num_rows, sum(group.num_rows for group in groups), *(g.total_byte_size for g in groups)
        except (pa.ArrowException, OSError) as error:
            raise_shortage(error)
            raise ValueError(f"{where} cannot be read as a table.") from None
        if min(told) < 0:
            raise ValueError(f"{where} gives a negative size.")
        self._size += memoryview(content).nbytes
        self._num_rows += max(told[:2])
        self._num_bytes += sum(told[2:])
        for what, held, most in (
            ("rows", self._num_rows, ROWS_AT_LEAST + ROWS_PER_BYTE * self._size),
            ("bytes", self._num_bytes, BYTES_AT_LEAST + BYTES_PER_BYTE * self._size),
        ):
            if held > most:
                raise ValueError(
                    f"With {where} it claims to hold {held:,} {what}, and has only {self._size:,} bytes."
                )
