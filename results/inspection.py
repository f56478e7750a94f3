"""What a command finds of a run that it opens: shards that would tell it something false,
and files that it leaves out.

Changes nothing, so that a run can be read where it may not be written.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from results import store
from results.checks import check_shards, unknown_columns
from results.closed import tell_closed
from results.folder import check_plain
from results.manifest import MANIFESTS, find_copied
from results.mending import tell_manifest
from results.names import fits
from results.reading import identities_of
from results.schema import MODELS, TABLES, Table
from results.shards import entered_shards, find_copies, list_files, list_shards, named_shards, read_footer
from results.twice import find_twice, tell_twice

# What is moved or put aside on the way, by its last word.
KNOWN = (".tmp", ".kept", ".merging", ".damaged", ".lost", ".withdrawn", ".copy")
SHOWN = 3
# Folders of a run that commands write into.
WRITTEN = (*TABLES, MANIFESTS, "locks", "logs", "probes", "provenance", "figures")


class Inspection(NamedTuple):
    """What is wrong, a line each: `faults` would make what is read false,
    `notes` tell what is missing or not read.
    """

    faults: list[str]
    notes: list[str]


def inspect(root: Path) -> Inspection:
    """What is wrong with a run. Raises OSError where it may not be read,
    ValueError where it holds no plain files.
    """
    check_plain(root)
    found = _inspect(root)
    # While another process merges or withdraws, a shard may be gone before it is read.
    return _inspect(root) if found.faults or found.notes else found


def check(root: Path) -> list[str]:
    """The notes on a run; raises ValueError, with the way on, where what is read would be false."""
    faults, notes = inspect(root)
    if faults:
        more = f" and {len(faults) - 1:,} more" if len(faults) > 1 else ""
        raise ValueError(
            f"Damaged tables in {root} ({faults[0]}{more}); `isoquant sweep` sets them aside and draws the lost "
            "rows again; `isoquant ingest` does so for outcomes from elsewhere."
        )
    return [*tell_closed(root), *notes]


def check_folders(root: Path) -> None:
    """Raise ValueError where a folder of the run is a file, or the run holds what is no plain file or folder."""
    check_plain(root)
    for name in WRITTEN:
        if (root / name).is_file():
            raise ValueError(f"{root / name} is a file, and the run needs a folder there. Move the file away.")


def _inspect(root: Path) -> Inspection:
    faults, notes = [], []
    for writer in store.list_writers(root):
        checked = check_shards(root, TABLES, writer)
        faults += [f"{shard} {reason}" for shard, reason in checked.wrong]
        notes += [f"{path} is gone, with its rows. The next sweep draws them again." for path in checked.gone]
        notes += tell_manifest(root, writer)
    if not faults:
        faults += [tell_twice(*twice) for twice in find_twice(root, entered_shards(root))]
        notes += _strangers(root)
    return Inspection(faults, [*notes, *_uncounted(root)])


def _uncounted(root: Path) -> Iterator[str]:
    """A line for what lies in the manifests' and each table's folder and is not read."""
    for copied, first in find_copied(root):
        yield f"{copied} lists the shards of {first.name} and is not read. The next sweep sets it aside."
    for name, table in TABLES.items():
        folder = root / name
        if folder.exists() and not folder.is_dir():
            yield f"{folder} is a file, and a table needs a folder there. Move the file away."
        for copy, first in find_copies(named_shards(folder)):
            yield f"{copy} is a copy of {first.name} and is not read. The next sweep sets it aside."
        strays = [path.name for path in list_files(folder) if not fits(path) and path.suffix not in KNOWN]
        if strays:
            yield f"{folder} has files that are not shards and are not read: {_listed(sorted(strays))}."
        if unknown := unknown_columns(root, table):
            yield f"{folder} has columns that this version does not know and does not read: {_listed(unknown)}."


def _strangers(root: Path) -> Iterator[str]:
    """A line for each shard of which no model of the run has a row: it came from another run."""
    known = set(store.scan(root, MODELS, columns=["identity"])["identity"].to_pylist())
    for table in TABLES.values():
        if "identity" not in table.schema.names or table is MODELS:
            continue
        for path in list_shards(root / table.name):
            held = _identities(root, table, path)
            if held and not held & known:
                yield (
                    f"{path} has only rows of models that this run does not have; it is not read. Is it of "
                    "another run?"
                )


def _identities(root: Path, table: Table, path: Path) -> set[str]:
    """Of which models a shard has rows; its footer tells of one, without a look at the rows."""
    with contextlib.suppress(FileNotFoundError):
        least, most = identities_of(read_footer(path)) or ("", "")
        if least and least == most:
            return {least}
    rows = store.scan(root, table, columns=["identity"], shards=[path])
    return set(rows["identity"].cast(pa.string()).unique().to_pylist())


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
