"""What a file system refused, in a line with the way on."""

from pathlib import Path

from results.shortage import FULL, explain_shortage, full_places


def explain(error: OSError, root: Path) -> str:
    """What met a command that reads and writes the run `root`."""
    if (line := explain_shortage(error)) is not None:
        return line
    if error.errno is None:
        return str(error)
    if error.errno in FULL:
        places = ", ".join(map(str, full_places(root))) or str(root)
        return (
            f"No room to write in {places} ({error.strerror}). Free some there, or move the run to another disk, and "
            "run the same command again: what was stored is kept."
        )
    return f"{error.filename or root}: {error.strerror}. Runs are written to {root}; choose another RUN, or mend this."
