"""What RUN names, in one rule for every command, and what isoquant brings along. Standard library only.

RUN is a folder that exists, else a name below results/runs, else a file that `isoquant pack` wrote. Folders and
names are looked for from the current folder, and then where isoquant lies, so that results/reference and the runs
of a checkout are found from anywhere. A bare name means no folder that holds other things than a run: `docs` is
below results/runs. What is not there yet is made where it is named: a path as it stands, a bare name below
results/runs of the current folder.
"""

import os
from collections.abc import Iterator
from pathlib import Path

# The checkout, or the folder that packages are installed in.
HOME = Path(__file__).parent.parent
RUNS = Path("results/runs")
REFERENCE = "results/reference"
# Folders that packed runs were opened in by this process.
_packed: set[Path] = set()
# What a sweep or an ingestion makes first.
MARKS = ("manifest", "models", "locks", "provenance", "probes")


def find_run(name: str) -> Path:
    """The folder of a run that exists, of a packed one that which it is opened in.

    Raises ValueError, with the runs that there are, where there is none.
    """
    if (found := _existing(name)) is not None:
        return found
    if (packed := Path(os.path.expanduser(name))).is_file():
        from results.travel.unpacking import opened

        _packed.add(folder := opened(packed))
        return folder
    folders = (path for home in (Path(), HOME) for path in (home / RUNS).glob("*") if path.is_dir())
    known = sorted({path.name for path in folders if not path.name.startswith(".")})
    raise ValueError(
        f"No run {name!r}; runs here: {', '.join(known) or 'none'}. Run `isoquant sweep`, or give {REFERENCE}."
    )


def find_folder(name: str) -> Path:
    """As `find_run`, for a command that adds rows, which would go with the folder that a
    packed run is opened in.
    """
    from results.travel.archive import is_packed

    if _existing(name) is None and is_packed(Path(os.path.expanduser(name))):
        _refuse_packed(name)
    return find_run(name)


def place_run(name: str) -> Path:
    """The folder of a run that exists or is to be made; raises ValueError for an empty name."""
    if not name:
        raise ValueError("run is empty. Give a name in results/runs, or a path.")
    _refuse_packed(name)
    found = _existing(name)
    if found is not None and (not _is_bare(name) or found != Path(name) or _may_be_run(found)):
        return found
    return RUNS / name if _is_bare(name) else Path(os.path.expanduser(name))


def find_shipped(place: str) -> str:
    """A path as it stands where it exists, else where isoquant has it; unchanged where neither is there."""
    if Path(place).is_absolute() or Path(place).exists() or not (HOME / place).exists():
        return place
    return str(HOME / place)


def is_checkout() -> bool:
    """Whether isoquant runs from its source tree, and not from where a wheel was installed."""
    return (HOME / "pyproject.toml").is_file()


def cache_folder() -> Path:
    """Where commands keep what they would else compute again: ISOQUANT_CACHE, else ~/.cache/isoquant."""
    return Path(os.environ.get("ISOQUANT_CACHE") or os.path.expanduser("~/.cache/isoquant"))


def write_beside(root: Path) -> Path:
    """Where a command writes what it makes of a run: into it;
    of what a wheel brought or is packed, where it is run.
    """
    is_shipped = not is_checkout() and HOME in root.absolute().parents
    return Path() if is_shipped or root in _packed else root


def _refuse_packed(name: str) -> None:
    if Path(os.path.expanduser(name)).is_file():
        raise ValueError(
            f"{name} is a file. A packed run can be read, but nothing can be added to it: make a folder of it "
            "with `isoquant unpack` first."
        )


def _existing(name: str) -> Path | None:
    found = [place for place in _places(name) if place.is_dir()] if name else []
    return next(filter(_may_be_run, found), found[0] if found else None)


def _places(name: str) -> Iterator[Path]:
    given = Path(os.path.expanduser(name))
    yield given
    if given.is_absolute():
        return
    yield RUNS / given
    # Of an installed isoquant's folder the rest belongs to other packages.
    if given.parts[:1] == RUNS.parts[:1]:
        yield HOME / given
    yield HOME / RUNS / given


def _is_bare(name: str) -> bool:
    return Path(name).name == name


def _may_be_run(folder: Path) -> bool:
    """Whether a folder holds what a run holds, or nothing."""
    return any((folder / mark).exists() for mark in MARKS) or not any(folder.iterdir())
