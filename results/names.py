"""The name of a shard: writer.index.digest.parquet,
and what else may stand in its last place while it is moved.
"""

import functools
import re
from pathlib import Path

DIGEST_CHARS = 16
# Larger indices are no writer's: it would take a thousand years of flushes.
NAME = re.compile(rf"(?P<writer>[^.].*)\.(?P<index>\d{{6,9}})\.(?P<digest>[0-9a-f]{{{DIGEST_CHARS}}})\.parquet")


@functools.lru_cache(maxsize=100_000)
def order_of(name: str) -> tuple[str, int, str] | None:
    """Where a shard of this name stands among others: by its writer, then as it was written;
    None of other names.
    """
    found = NAME.fullmatch(name)
    return found and (found["writer"], int(found["index"]), name)


def fits(path: Path) -> bool:
    """Whether this is the name of a shard."""
    return order_of(path.name) is not None


def writer_of(path: Path) -> str:
    return path.name.rsplit(".", 3)[0]


def index_of(path: Path) -> int:
    return int(path.name.split(".")[-3])


def digest_of(path: Path) -> str:
    return path.name.split(".")[-2]
