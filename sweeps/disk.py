"""What a file system refused, in a line with the way on."""

from pathlib import Path

from results.shortage import explain_shortage


def explain(error: OSError, root: Path) -> str:
    """What met a command that reads and writes the run `root`."""
    if (line := explain_shortage(error, root)) is not None:
        return line
    if error.errno is None:
        return str(error)
    return f"{error.filename or root}: {error.strerror}. Runs are written to {root}; choose another RUN, or mend this."
