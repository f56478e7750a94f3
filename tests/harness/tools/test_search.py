"""Search: BM25 as its formula says, indexes that are built once and mended,
and an order that is always the same.
"""

import json
import math
import os
import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from harness.tools import index
from harness.tools.corpus import Document, Keys, digest_documents, read_corpus
from harness.tools.index import split_words
from harness.tools.search import Retriever, Search
from tests.test_walls import imports

CITIES = [
    {"id": "paris", "title": "Paris", "text": "Paris is the capital of France, on the Seine."},
    {"id": "lyon", "title": "Lyon", "text": "Lyon is a city in France where the Saône meets the Rhône."},
    {"id": "oslo", "title": "Oslo", "text": "Oslo is the capital of Norway."},
    {"id": "rhine", "text": "A river that {title} braces do not change."},
]


def write_corpus(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "cities.jsonl", CITIES)


class Told(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


def prepare(search: Search, folder: Path, told: Told | None = None) -> Retriever:
    return search.prepare(folder, told if told is not None else Told())


def test_the_best_passages_come_first_as_the_model_reads_them(corpus: Path, tmp_path: Path) -> None:
    result = prepare(Search(str(corpus), k=2), tmp_path / "index").call("What is the capital of France?")
    assert result.ids[0] == "paris" and result.num_found == 2 and result.trouble is None
    assert result.text.splitlines()[0] == "Doc 1(Title: Paris) Paris is the capital of France, on the Seine."


def test_a_passage_without_a_title_keeps_its_braces(corpus: Path, tmp_path: Path) -> None:
    result = prepare(Search(str(corpus), k=1), tmp_path).call("river")
    assert result.text == "Doc 1 A river that {title} braces do not change."


def test_a_passage_is_cut_and_joined_as_said(corpus: Path, tmp_path: Path) -> None:
    search = Search(str(corpus), k=2, passage_chars=5, passage="{rank}. {text}", untitled="{text}", joint=" | ")
    assert prepare(search, tmp_path).call("capital").text == "1. Oslo  | 2. Paris"


@pytest.mark.parametrize("query", ["", "zebra", "?!", "\x00", "\ud800", "💥", "<search>"])
def test_nothing_is_found_for_words_that_no_document_has(corpus: Path, tmp_path: Path, query: str) -> None:
    result = prepare(Search(str(corpus)), tmp_path).call(query)
    assert (result.text, result.ids) == ("Nothing was found.", ())


def test_scores_are_those_of_the_formula(tmp_path: Path) -> None:
    """Lucene's BM25 by hand: idf = ln(1 + (N - n + .5) / (n + .5)), tf / (tf + k1 (1 - b + b len / mean))."""
    rng = random.Random(3)
    texts = [" ".join(rng.choices("abcdefghij", k=rng.randint(1, 30))) for _ in range(60)]
    path = write_corpus(tmp_path / "c.jsonl", [{"id": i, "text": text} for i, text in enumerate(texts)])
    k1, b = 1.2, 0.6
    retriever = prepare(Search(str(path), k=60, k1=k1, b=b), tmp_path)
    counts = [Counter(text.split()) for text in texts]
    mean = sum(map(Counter.total, counts)) / len(counts)

    def score(query: str, count: Counter[str]) -> float:
        total = 0.0
        for word in query.split():
            n = sum(word in other for other in counts)
            idf = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
            total += (
                idf * count[word] / (count[word] + k1 * (1 - b + b * count.total() / mean)) if count[word] else 0
            )
        return total

    for _ in range(20):
        query = " ".join(rng.choices("abcdefghij", k=rng.randint(1, 4)))
        expected = [score(query, count) for count in counts]
        found = [int(name) for name in retriever.call(query).ids]
        assert set(found) == {i for i, value in enumerate(expected) if value > 0}
        assert all(expected[one] >= expected[other] - 1e-5 for one, other in zip(found, found[1:], strict=False))


def test_equal_documents_keep_the_order_of_the_corpus(tmp_path: Path) -> None:
    rng = random.Random(5)
    kinds = {"same same same": 0, "same same more": 1, "same more more": 2, "more more more": 3}
    texts = rng.choices(list(kinds), k=2000)
    rows = [{"id": at, "text": text} for at, text in enumerate(texts)]
    retriever = prepare(Search(str(write_corpus(tmp_path / "c.jsonl", rows)), k=900), tmp_path)
    expected = sorted(range(2000), key=lambda at: (kinds[texts[at]], at))[:900]
    assert all(retriever.call("same").ids == tuple(map(str, expected)) for _ in range(3))


def test_an_index_is_built_once_and_the_same_again(corpus: Path, tmp_path: Path) -> None:
    told = Told()
    search = Search(str(corpus))
    first = prepare(search, tmp_path / "index", told)
    (place,) = (tmp_path / "index").iterdir()
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in place.iterdir()}
    again = prepare(Search(str(corpus), k=1), tmp_path / "index", told)
    assert len(told) == 1 and "4 documents" in told[0]
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in place.iterdir()} == before
    assert again.call("capital").ids == first.call("capital").ids[:1]
    other = prepare(search, tmp_path / "elsewhere")
    assert other.call("the capital") == first.call("the capital")
    (elsewhere,) = (tmp_path / "elsewhere").iterdir()
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == {n: b for n, (b, _) in before.items()}


def test_another_corpus_or_formula_is_another_index(corpus: Path, tmp_path: Path) -> None:
    base = Search(str(corpus))
    moved = Search(str(shutil.copy(corpus, tmp_path / "moved.jsonl")))
    assert moved.identity == base.identity
    more = Search(str(write_corpus(tmp_path / "more.jsonl", [*CITIES, {"id": "x", "text": "x"}])))
    others = [more, *(Search(str(corpus), **change) for change in ({"k1": 2.0}, {"b": 0.1}))]  # type: ignore[arg-type]
    assert len({json.dumps(search.identity) for search in (base, *others)}) == 4
    for search in (base, *others):
        prepare(search, tmp_path / "index")
    assert len(list((tmp_path / "index").iterdir())) == 4
    shaped = [Search(str(corpus), **change) for change in ({"k": 9}, {"max_tokens": 9}, {"joint": ";"})]  # type: ignore[arg-type]
    assert len({json.dumps(search.identity) for search in (base, *shaped)}) == 4


FILES = ("manifest.json", "documents.jsonl", "offsets.npy", "vocab.index.json", "data.csc.index.npy")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "empty"])
def test_a_damaged_index_is_built_anew_and_that_is_told(
    corpus: Path, tmp_path: Path, name: str, damage: str
) -> None:
    search, told = Search(str(corpus)), Told()
    expected = prepare(search, tmp_path / "index").call("capital of France")
    (place,) = (tmp_path / "index").iterdir()
    content = (place / name).read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    (place / name).unlink()
    if damage != "gone":
        (place / name).write_bytes({"cut": content[:middle], "flipped": flipped, "empty": b""}[damage])
    assert prepare(search, tmp_path / "index", told).call("capital of France") == expected
    assert len(told) == 2 and "is damaged" in told[0] and "\n" not in told[0]
    assert [path.name for path in (tmp_path / "index").iterdir()] == [place.name]
    assert (place / name).read_bytes() == content


def test_a_pickle_in_an_index_is_not_read(corpus: Path, tmp_path: Path) -> None:
    search, told, canary = Search(str(corpus)), Told(), tmp_path / "canary"

    class Evil:
        def __reduce__(self) -> object:
            return Path.touch, (canary,)

    prepare(search, tmp_path / "index")
    (place,) = (tmp_path / "index").iterdir()
    np.save(place / "offsets.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    manifest = json.loads((place / "manifest.json").read_text())
    # Its own list of files agrees with it, so that nothing but the reader stands in the way.
    manifest["files"]["offsets.npy"] = index._digest(place / "offsets.npy")
    (place / "manifest.json").write_text(json.dumps(manifest))
    assert prepare(search, tmp_path / "index", told).call("Oslo").ids == ("oslo",)
    assert "is damaged" in told[0] and not canary.exists()
    # Teeth: read as a pickle, it is carried out.
    np.save(tmp_path / "evil.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.load(tmp_path / "evil.npy", allow_pickle=True)
    assert canary.exists()


@pytest.mark.parametrize(
    "kind", ["a file", "a link to a folder", "a link to nothing", "an empty folder", "a pipe"]
)
def test_what_stands_in_the_place_of_an_index_is_put_aside(corpus: Path, tmp_path: Path, kind: str) -> None:
    search, folder, other = Search(str(corpus)), tmp_path / "index", tmp_path / "other"
    prepare(search, folder)
    (place,) = folder.iterdir()
    shutil.rmtree(place)
    other.mkdir()
    (other / "precious").write_text("kept")
    match kind:
        case "a file":
            place.write_text("no index")
        case "an empty folder":
            place.mkdir()
        case "a pipe":
            os.mkfifo(place)
        case _:
            place.symlink_to(other if kind == "a link to a folder" else tmp_path / "nowhere")
    assert prepare(search, folder, told := Told()).call("Oslo").ids == ("oslo",)
    assert "is damaged" in told[0] and (other / "precious").read_text() == "kept"
    assert list(folder.iterdir()) == [place] and place.is_dir() and not place.is_symlink()


def test_a_file_that_is_not_in_its_list_makes_an_index_a_damaged_one(corpus: Path, tmp_path: Path) -> None:
    prepare(Search(str(corpus)), tmp_path / "index")
    (place,) = (tmp_path / "index").iterdir()
    (place / "nonoccurrence_array.index.npy").write_bytes(b"")
    prepare(Search(str(corpus)), tmp_path / "index", told := Told())
    assert "not those of its list" in told[0]


def test_a_killed_build_leaves_no_index(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(index, "_put", die)
    with pytest.raises(KeyboardInterrupt):
        prepare(Search(str(corpus)), tmp_path / "index")
    assert list((tmp_path / "index").iterdir()) == []


def test_an_index_that_another_job_was_quicker_with_is_used(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, write = Search(str(corpus)), index.write_index

    def write_late(*given: object) -> int:
        monkeypatch.setattr(index, "write_index", write)
        prepare(search, tmp_path / "index")
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "write_index", write_late)
    assert prepare(search, tmp_path / "index").call("Oslo").ids == ("oslo",)
    assert len(list((tmp_path / "index").iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no documents"),
        (b"\n\n", "has no documents"),
        (b"not JSON\n", "line 1: this is not JSON"),
        (b'{"id": "a", "text": "x"}\n[1]\n', "line 2: expected an object"),
        (b'{"id": "a"}\n', "line 1: 'id' must be"),
        (b'{"id": true, "text": "x"}\n', "must be a text or whole number"),
        (b'{"id": "", "text": "x"}\n', "must be a text or whole number"),
        (b'{"id": 1, "text": ["x"]}\n', "'text' a text"),
        (b'{"id": 1, "text": "x", "title": 2}\n', "'title'"),
        (b'{"id": 1, "text": "x"}\n{"id": "1", "text": "y"}\n', "line 2: there is a document with this id"),
        (b'{"id": 1, "text": "\xff"}\n', "not JSON in UTF-8"),
        (b"[" * 100_000 + b"\n", "not JSON"),
        (b'{"id": 1' + b"1" * 10_000 + b', "text": "x"}\n', "not JSON|must be a text or whole number"),
        (b'{"id": 1, "text": "?!"}\n', "hold no word"),
    ],
)
def test_what_is_no_corpus_is_told_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        prepare(Search(str(path)), tmp_path / "index")


def test_a_folder_is_read_by_the_names_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    write_corpus(folder / "b.jsonl", CITIES[2:])
    write_corpus(folder / "a.jsonl", CITIES[:2])
    (folder / "notes.txt").write_text("no part of it")
    assert [document.id for document in read_corpus(folder, Keys())] == ["paris", "lyon", "oslo", "rhine"]
    os.rename(folder / "b.jsonl", folder / "c.jsonl")
    assert Search(str(folder)).identity == Search(str(write_corpus(tmp_path / "all.jsonl", CITIES))).identity
    with pytest.raises(ValueError, match="There is no corpus in"):
        prepare(Search(str(tmp_path / "nowhere")), tmp_path / "index")


class Own:
    """A task that brings documents."""

    def corpus(self) -> list[Document]:
        return [Document("a", "red fox"), Document("b", "grey wolf")]


def test_a_task_may_bring_the_documents(corpus: Path, tmp_path: Path) -> None:
    attached = Search().attach(Own())
    assert prepare(attached, tmp_path).call("wolf").ids == ("b",)
    assert attached.identity["index"] != Search(str(corpus)).identity["index"]
    assert (
        Search(str(corpus)).attach(Own()) == Search(str(corpus)) and Search(str(corpus)).attach(Own()).own is None
    )
    with pytest.raises(ValueError, match="tools.search.corpus must be given"):
        prepare(Search().attach(object()), tmp_path)


def test_a_digest_is_of_what_documents_say() -> None:
    digests = [
        digest_documents(documents)
        for documents in (
            *([Document("a", "b")], [Document("a", "", "b")], [Document("ab", "")], []),
            *([Document("a", "b"), Document("c", "d")], [Document("c", "d"), Document("a", "b")]),
        )
    ]
    assert len(set(digests)) == len(digests)


def test_other_names_of_fields_are_read(tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "c.jsonl", [{"docid": 7, "contents": "tall trees"}])
    search = Search(str(path), id_key="docid", text_key="contents")
    assert prepare(search, tmp_path).call("TREES").ids == ("7",)


def test_words_are_folded_alike_in_documents_and_queries() -> None:
    assert split_words("Saône, RHÔNE; ｆｕｌｌ x_1") == ["saône", "rhône", "full", "x_1"]


def test_settings_that_give_nothing_are_refused() -> None:
    for change in ({"k": 0}, {"max_tokens": 0}, {"passage_chars": 0}, {"k1": -1.0}, {"b": 2.0}, {"k1": math.nan}):
        with pytest.raises(ValueError, match="tools.search"):
            Search("c.jsonl", **change)  # type: ignore[arg-type]


def test_what_reads_runs_needs_no_search_library() -> None:
    for path in Path("harness").rglob("*.py"):
        assert all(within for name, within in imports(path.read_text()) if name == "bm25s"), path


def test_a_query_of_thousands_of_words_is_answered(corpus: Path, tmp_path: Path) -> None:
    assert "paris" in prepare(Search(str(corpus)), tmp_path).call("Paris " * 100_000).ids
