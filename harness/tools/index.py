"""A BM25 index of a corpus, kept in a folder by the digest of what it was made of. Knows no tool.

Arrays, JSON and a list of digests; no pickles. The parts that are read at a query are mapped into memory, so that
a process that may open no file can still look up a document.
"""

import hashlib
import json
import mmap
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.files import read_json
from harness.tools.corpus import Document, read_line, write_line

MANIFEST, DOCUMENTS, OFFSETS = "manifest.json", "documents.jsonl", "offsets.npy"
# A query's words beyond these are left out, so that none takes for ever.
MAX_QUERY_WORDS = 256
FORMAT = 1
_CHUNK = 1 << 20
_WORD = re.compile(r"\w+")


class Formula(NamedTuple):
    """k1 and b of BM25 in Lucene's variant (Robertson et al. 1994; Kamphuis et al. 2020)."""

    k1: float
    b: float

    @property
    def made_by(self) -> dict[str, Any]:
        """What an index depends on beside its corpus."""
        return {"k1": self.k1, "b": self.b, "bm25s": version("bm25s"), "format": FORMAT}


def split_words(text: str) -> list[str]:
    """Runs of letters, digits and _ in lower case; no word is left out and none is stemmed."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


@dataclass(frozen=True)
class Index:
    """Documents and their weights by word. Both are read from memory alone."""

    bm25: Any
    documents: mmap.mmap
    offsets: NDArray[np.int64]

    def find(self, query: str, k: int) -> list[int]:
        """Positions of the k best documents that hold a word of the query; of equal ones the earlier is better."""
        words = split_words(query)[:MAX_QUERY_WORDS]
        known = [self.bm25.vocab_dict[word] for word in words if word in self.bm25.vocab_dict]
        if not known:
            return []
        scores = self.bm25.get_scores_from_ids(known)
        k = min(k, len(scores))
        least = np.partition(scores, -k)[-k]
        good = np.flatnonzero((scores >= least) & (scores > 0))
        return [int(good[i]) for i in np.lexsort((good, -scores[good]))[:k]]

    def read(self, position: int) -> Document:
        start, end = self.offsets[position : position + 2]
        return read_line(self.documents[start:end])


def open_index(
    folder: Path,
    digest: str,
    formula: Formula,
    documents: Callable[[], Iterable[Document]],
    tell: Callable[[str], Any],
) -> Index:
    """The index of this digest in `folder`, built where it is not there or damaged; `tell` is told of either.

    Raises ValueError where the documents cannot be read or hold no word.
    """
    place = folder / f"bm25-{digest}"
    if os.path.lexists(place):
        try:
            return load_index(place)
        except ValueError as error:
            tell(f"The search index {place} is damaged ({error}) and is built anew.")
    folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=folder))
    try:
        num_documents = write_index(made, formula, documents())
        tell(f"A search index of {num_documents:,} documents was built in {place}.")
        _put(made, place)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return load_index(place)


def _put(made: Path, place: Path) -> None:
    """Give the folder its name. What was there is damaged, or another job was quicker and its index is as good."""
    old = made.with_name(made.name + "-old")
    try:
        if os.path.lexists(place):
            place.rename(old)
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise
    finally:
        _remove(old)


def _remove(path: Path) -> None:
    """Whatever it is; of a link the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_index(place: Path, formula: Formula, documents: Iterable[Document]) -> int:
    """Write every file of an index, the list of their digests last; return the number of documents."""
    import bm25s

    vocabulary: dict[str, int] = {}
    word_ids: list[list[int]] = []
    offsets = [0]
    with (place / DOCUMENTS).open("xb") as file:
        for document in documents:
            words = split_words(document.whole)
            word_ids.append([vocabulary.setdefault(word, len(vocabulary)) for word in words])
            offsets.append(offsets[-1] + file.write(write_line(document)))
    if not vocabulary:
        raise ValueError("the documents of the corpus hold no word")
    np.save(place / OFFSETS, np.array(offsets, dtype=np.int64), allow_pickle=False)
    bm25 = bm25s.BM25(k1=formula.k1, b=formula.b, method="lucene", backend="numpy", csc_backend="scipy")
    bm25.index((word_ids, vocabulary), create_empty_token=False, show_progress=False)
    bm25.save(place, show_progress=False, allow_pickle=False)
    files = {path.name: _digest(path) for path in sorted(place.iterdir())}
    (place / MANIFEST).write_text(json.dumps({"made_by": formula.made_by, "files": files}))
    return len(word_ids)


def load_index(place: Path) -> Index:
    """An index as it was written; raises ValueError where one of its files is not."""
    import bm25s

    manifest = read_json(place / MANIFEST)
    files = manifest.get("files") if isinstance(manifest, dict) else None
    names = {path.name for path in place.iterdir()} - {MANIFEST}
    if not isinstance(files, dict) or files.keys() != names or not {DOCUMENTS, OFFSETS} <= names:
        raise ValueError("its files are not those of its list")
    for name, digest in files.items():
        if not (place / name).is_file() or _digest(place / name) != digest:
            raise ValueError(f"{name} is not as it was written")
    try:
        bm25 = bm25s.BM25.load(place, mmap=True, show_progress=False, allow_pickle=False)
        offsets = np.load(place / OFFSETS, allow_pickle=False)
        with (place / DOCUMENTS).open("rb") as file:
            documents = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if len(offsets) != bm25.scores["num_docs"] + 1 or offsets[-1] != len(documents):
        raise ValueError("its documents are not those of its weights")
    return Index(bm25, documents, offsets)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
