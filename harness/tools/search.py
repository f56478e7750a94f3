"""Search over a local corpus by BM25. Knows no model: what it finds is a stranger's text."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.fingerprint import digest_code
from harness.tools.corpus import Document, Keys, digest_documents, read_corpus
from harness.tools.index import Formula, Index, open_index, split_words
from harness.tools.protocol import Result

NUM_DIGITS = 16
_FIELD = re.compile(r"\{(rank|title|text)\}")


@dataclass(frozen=True)
class Search:
    """The best `k` passages of a corpus for a query, each cut to `passage_chars`, in the order of their worth.

    corpus: a file of JSON lines with an id, a text and perhaps a title each, or a folder of such files, null for
    the documents that the task brings; id_key, text_key, title_key: what the lines call these. k1, b: of BM25.
    passage, untitled: how a passage with and without a title is written; joint: what stands between two; nothing:
    what is said where there is none. max_tokens: what all of it is cut to.
    """

    corpus: str | None = None
    k: int = 3
    max_tokens: int = 500
    passage_chars: int = 2000
    k1: float = 0.9
    b: float = 0.4
    passage: str = "Doc {rank}(Title: {title}) {text}"
    untitled: str = "Doc {rank} {text}"
    joint: str = "\n"
    nothing: str = "Nothing was found."
    id_key: str = "id"
    text_key: str = "text"
    title_key: str = "title"
    description: str = "Searches a collection of documents and returns the passages that fit a query best."
    own: Callable[[], Iterable[Any]] | None = field(default=None, repr=False, compare=False)

    name = "search"
    argument = "query"

    def __post_init__(self) -> None:
        for name in ("k", "max_tokens", "passage_chars"):
            if getattr(self, name) < 1:
                raise ValueError(f"tools.search.{name} must be at least 1; got {getattr(self, name)}.")
        if not 0 <= self.k1 < float("inf") or not 0 <= self.b <= 1:
            raise ValueError(
                f"tools.search.k1 must not be negative and b from 0 to 1; got {self.k1} and {self.b}."
            )

    def attach(self, task: object) -> "Search":
        """With the documents that corpus() of the task gives, where it has that and no other corpus is named."""
        own = getattr(task, "corpus", None)
        return replace(self, own=own) if self.corpus is None and callable(own) else self

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What shapes results; documents by a digest of what they say,
        since they may lie elsewhere the next time.
        """
        names = ("k", "max_tokens", "passage_chars", "passage", "untitled", "joint", "nothing", "description")
        return {
            "tool": self.name,
            "index": self._index_digest,
            **{name: getattr(self, name) for name in names},
            "code": digest_code(Retriever.call, Retriever.write, Index.find, split_words),
        }

    def prepare(self, folder: Path, tell: Callable[[str], object]) -> "Retriever":
        formula = Formula(self.k1, self.b)
        return Retriever(self, open_index(folder, self._index_digest, formula, self._read_documents, tell))

    def _read_documents(self) -> Iterable[Document]:
        if self.corpus is not None:
            return read_corpus(Path(self.corpus), Keys(self.id_key, self.text_key, self.title_key))
        if self.own is None:
            raise ValueError(
                "tools.search.corpus must be given: a file of JSON lines, or a folder of them. This task brings "
                "no documents of its own."
            )
        return (Document(one.id, one.text, getattr(one, "title", "")) for one in self.own())

    @cached_property
    def _index_digest(self) -> str:
        made_of = [digest_documents(self._read_documents()), Formula(self.k1, self.b).made_by]
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:NUM_DIGITS]


@dataclass(frozen=True)
class Retriever:
    """A search whose index is open."""

    settings: Search
    index: Index

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def description(self) -> str:
        return self.settings.description

    @property
    def argument(self) -> str:
        return self.settings.argument

    @property
    def max_tokens(self) -> int:
        return self.settings.max_tokens

    @property
    def identity(self) -> Mapping[str, Any]:
        return self.settings.identity

    def call(self, query: str) -> Result:
        found = [self.index.read(position) for position in self.index.find(query, self.settings.k)]
        passages = [self.write(rank, document) for rank, document in enumerate(found, 1)]
        return Result(
            self.settings.joint.join(passages) or self.settings.nothing, tuple(document.id for document in found)
        )

    def write(self, rank: int, document: Document) -> str:
        """A passage as the model reads it; in one pass, so that braces in a document stay as they are."""
        template = self.settings.passage if document.title else self.settings.untitled
        text = document.text[: self.settings.passage_chars]
        values = {"rank": str(rank), "title": document.title[: self.settings.passage_chars], "text": text}
        return _FIELD.sub(lambda field: values[field[1]], template)
