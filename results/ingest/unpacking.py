"""Packed bytes from elsewhere, unpacked as far as outcomes can be. Knows no form."""

import io
from typing import Protocol

# A few kilobytes can unpack to any size. Text of outcomes is packed to a tenth or so, and to a hundredth at best:
# what is both larger and more than that was packed to fill the memory.
MOST_BYTES, MOST_TIMES, MOST_ROWS = 2**30, 100, 10**7
_CHUNK_BYTES = 2**24


class Stream(Protocol):
    """What gives its bytes by and by."""

    def read(self, size: int, /) -> bytes: ...


def read_unpacked(stream: Stream, num_packed: int) -> bytes:
    """All that a stream unpacks from `num_packed` bytes. Source: ours.

    Raises ValueError where that is more than MOST_BYTES and more than MOST_TIMES of the packed ones.
    """
    most = max(MOST_BYTES, MOST_TIMES * num_packed)
    kept = io.BytesIO()
    while chunk := stream.read(_CHUNK_BYTES):
        kept.write(chunk)
        if kept.tell() > most:
            raise ValueError(f"it unpacks to over {most / 1e9:.1f} GB, as no log does")
    return kept.getvalue()


def check_rows(num_rows: int, num_packed: int) -> None:
    """Raise ValueError where `num_packed` bytes hold more than MOST_ROWS rows and MOST_TIMES rows a byte."""
    if num_rows > max(MOST_ROWS, MOST_TIMES * num_packed):
        raise ValueError(f"it holds {num_rows:,} rows in {num_packed:,} bytes, as no table of outcomes does")
