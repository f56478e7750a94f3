"""What a word names: a run's folder, or a packed run, which is opened."""

import os
from pathlib import Path

from results.folder import find_visible
from results.travel.unpacking import opened

RUNS = Path("results/runs")


def find_run(word: str) -> Path:
    """RUN as a folder: one that exists, else one below results/runs; of a packed run the folder it is opened in.

    Raises ValueError where there is none.
    """
    path = Path(os.path.expanduser(word))
    if path.is_dir():
        return path
    if path.exists():
        return opened(path)
    if word and Path(word).name == word and (RUNS / word).is_dir():
        return RUNS / word
    known = [path.name for path in find_visible(RUNS, "*")] if RUNS.is_dir() else []
    raise ValueError(
        f"There is no run {word!r}; runs here: {', '.join(known) or 'none'}. Give a folder, or such a name."
    )


def place_run(word: str) -> Path:
    """The folder of a run that is to be made: a path as it is, a bare name below results/runs."""
    if not Path(word).name:
        raise ValueError(f"{word!r} names no folder.")
    path = Path(os.path.expanduser(word))
    return RUNS / word if path.name == word else path
