"""Runs that nothing is written to while they are read whole.
Writes nothing into them, not even a lock of its own.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from results.folder import check_plain, find_visible
from results.store import BusyError


@contextlib.contextmanager
def undisturbed(root: Path) -> Iterator[None]:
    """While the block runs no writer of the run begins to append. Raises BusyError where one is at it."""
    check_plain(root)
    with contextlib.ExitStack() as locks:
        for path in find_visible(root / "locks", "*.lock"):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            locks.callback(os.close, descriptor)
            try:
                # Shared with others that read; who writes asks for all of it. It needs no right to write the file.
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(f"{path.stem} is being written in {root}. Wait until it is done.") from None
        yield
