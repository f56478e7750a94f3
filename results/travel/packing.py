"""A run as one file that travels: `pack` writes it, the same bytes for the same rows."""

from pathlib import Path
from typing import NamedTuple

from results.closed import lacks_texts
from results.inspection import check
from results.travel.archive import Sink, check_names, is_packed
from results.travel.contents import list_contents
from results.travel.staging import staged_file
from results.travel.undisturbed import undisturbed

SUFFIX = ".isoquant.tar"


class Packed(NamedTuple):
    """A packed run: where it lies, its SHA-256 and size, how many files it holds,
    and what of the run was not read.
    """

    path: Path
    sha256: str
    num_bytes: int
    num_files: int
    has_texts: bool
    notes: list[str]


def pack(root: Path, out: Path, *, text: bool = True) -> Packed:
    """Write all tables, manifests, records and resolved configs of a run into the file `out`, whole or not at all.

    Without `text` the texts of prompts, thinking and answers are left out, token ids and embeddings too, and votes
    are codes: whatever is counted stays equal. Raises ValueError where the run is damaged, holds nothing, or has
    names that some machines take for one, and where `out` is there and no packed run; BusyError while the run is
    being written.
    """
    if out.exists() and not is_packed(out):
        raise ValueError(f"{out} already exists and is not a packed run. Give another --out, or move it away.")
    with undisturbed(root):
        notes = check(root)
        has_texts = text and not lacks_texts(root)
        with staged_file(out) as file:
            sink, paths = Sink(file), list[str]()
            # Of a run that was packed without texts there is nothing more to leave out.
            for path, content in list_contents(root, text=text or lacks_texts(root)):
                paths.append(path)
                sink.add(path, content)
            if not paths:
                raise ValueError(f"{root} has nothing to pack. Is it a run?")
            try:
                check_names(paths)
            except ValueError as error:
                raise ValueError(f"{root} cannot be packed: {error}; rename that file, or leave it out.") from None
            sha256 = sink.close(has_texts=has_texts)
            num_bytes = file.tell()
    return Packed(out, sha256, num_bytes, len(paths), has_texts, notes)


def name_pack(root: Path) -> str:
    """The name of the file that a run is packed into."""
    return f"{root.resolve().name}{SUFFIX}"


def name_run(path: Path) -> str:
    """The name of the run that a file is unpacked into."""
    name = path.name.removesuffix(SUFFIX)
    return name.removesuffix(".tar") or "unpacked"
