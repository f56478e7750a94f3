"""A corpus of documents as JSON lines, and its digest. Knows no index and no tool."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.files import read_json_lines
from harness.tools.protocol import LONGEST_ID, storable

NUM_DIGITS = 16


@dataclass(frozen=True)
class Keys:
    """What the fields of a line are called; a line may lack the title."""

    id: str = "id"
    text: str = "text"
    title: str = "title"


@dataclass(frozen=True)
class Document:
    """A passage by its id; the title is empty where it has none."""

    id: str
    text: str
    title: str = ""

    @property
    def whole(self) -> str:
        return f"{self.title}\n{self.text}" if self.title else self.text


def list_files(corpus: Path) -> list[Path]:
    """The file, or the folder's *.jsonl by name; raises ValueError where there is none."""
    files = [corpus] if corpus.is_file() else sorted(path for path in corpus.glob("*.jsonl") if path.is_file())
    if not files:
        raise ValueError(
            f"There is no corpus in {corpus}; give a file of JSON lines, or a folder that holds *.jsonl files."
        )
    return files


def digest_documents(documents: Iterable[Document]) -> str:
    """Hex digits of what documents say, in their order, wherever they were read from."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(write_line(document))
    return digest.hexdigest()[:NUM_DIGITS]


def write_line(document: Document) -> bytes:
    """A document as a line of JSON, its end included."""
    return json.dumps([document.id, document.text, document.title]).encode() + b"\n"


def read_line(line: bytes) -> Document:
    return Document(*json.loads(line))


def read_corpus(corpus: Path, keys: Keys) -> Iterator[Document]:
    """Every document in order; raises ValueError with the file and line that holds none, or an id again."""
    seen = set[str]()
    for path in list_files(corpus):
        for place, row in read_json_lines(path):
            document = _read(row, keys, place)
            if document.id in seen:
                raise ValueError(f"{place}: there is a document with this id already: {document.id!r}.")
            seen.add(document.id)
            yield document
    if not seen:
        raise ValueError(
            f"{corpus} has no documents; give one a line, as {{{keys.id!r}: ..., {keys.text!r}: ...}}."
        )


def _read(row: Mapping[str, Any], keys: Keys, place: str) -> Document:
    name, text, title = row.get(keys.id), row.get(keys.text), row.get(keys.title)
    if not is_id(name) or not isinstance(text, str) or not isinstance(title, str | None):
        raise ValueError(
            f"{place}: {keys.id!r} must be a text or whole number of at most {LONGEST_ID} characters, "
            f"{keys.text!r} a text, and {keys.title!r}, where it is there, too."
        )
    return Document(storable(str(name)), storable(text), storable(title or ""))


def is_id(value: Any) -> bool:
    """Whether this can name a document: a text, or a whole number that is then read as one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    return 0 < len(str(value)) <= LONGEST_ID
