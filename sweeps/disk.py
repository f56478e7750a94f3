"""What a file system refused, in a line with the way on."""

import errno
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explain(error: OSError, root: Path) -> str:
    """What met a command that reads and writes the run `root`."""
    if error.errno is None:
        return str(error)
    if error.errno in FULL:
        return (
            f"No room to write in {root} ({error.strerror}). Free some there, or move the run to another disk, and run "
            "the same command again: what was stored is kept."
        )
    return f"{error.filename or root}: {error.strerror}. Runs are written to {root}; choose another RUN, or mend this."
