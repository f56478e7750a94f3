"""Questions in JSON lines whose answers take several documents of a corpus, graded as HotpotQA grades. Knows no
model.

Exact match and F1 over words, after SQuAD's normalisation (Rajpurkar et al. 2016; Yang et al. 2018).
"""

import hashlib
import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.answers import after_thoughts
from harness.files import read_json_lines
from harness.fingerprint import digest_code
from harness.forms import FORMS, Form, FormName
from harness.readers import is_plain
from harness.tasks.reasoning_gym import read_tagged
from harness.tools.corpus import Document, Keys, is_id, read_corpus
from harness.tools.protocol import GOLD_IDS, storable
from harness.types import Grade, Prompt

QUESTION = "{question}"
# Answers that share no word with others of their kind, so that a part of one is worth nothing.
CLOSED = ("yes", "no", "noanswer")
# What names a document where one is given as an object.
DOCUMENT_KEYS = ("docid", "id", "title")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(answer: str) -> str | None:
    """In lower case, without punctuation and articles, white space folded; None where nothing is left."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split()) or None


def is_match(answer: str, gold: str) -> bool:
    """Exact match; of answers that are nothing but articles or signs, as they are written."""
    one, other = normalise(answer), normalise(gold)
    return answer.split() == gold.split() if one is None or other is None else one == other


def f1_of(answer: str, gold: str) -> float:
    """Harmonic mean of precision and recall over words, as often as they stand."""
    if is_match(answer, gold):
        return 1.0
    one, other = normalise(answer), normalise(gold)
    if one is None or other is None or one in CLOSED or other in CLOSED:
        return 0.0
    words, golds = one.split(), other.split()
    num_same = sum((Counter(words) & Counter(golds)).values())
    return 2 * num_same / (len(words) + len(golds))


@dataclass(frozen=True)
class MultiHop:
    """The first `size` questions of `data`, a file of JSON lines.

    template: the prompt's text, {question} in it. id_key, question_key, answer_key: what a line calls these; an
    answer may be a list of equally good ones. gold_key: the documents that an answer takes, by id; evidence_key:
    those that help. Each is a list of ids, of objects with one, or of pairs that begin with one. documents: a file
    of JSON lines, or a folder of them, with the documents that a search tool is to find; document_id_key and so
    on: what they call these. extract, vote_key, form: as of other tasks.
    """

    name: str
    size: int
    data: str | None = None
    documents: str | None = None
    document_id_key: str = "id"
    document_text_key: str = "text"
    document_title_key: str = "title"
    template: str = QUESTION
    id_key: str = "id"
    question_key: str = "question"
    answer_key: str = "answer"
    gold_key: str = "supporting_ids"
    evidence_key: str | None = None
    extract: Callable[[str], str | None] = read_tagged
    vote_key: Callable[[str], str | None] = normalise
    form: FormName = "tagged"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"task.size must be at least 1; got {self.size}.")
        if QUESTION not in self.template:
            raise ValueError(f"task.template must hold {QUESTION}, which the question is put in place of.")

    @property
    def grader(self) -> str:
        return f"multi_hop.{self.extract.__name__}.{self.vote_key.__name__}"

    @property
    def grader_version(self) -> str:
        return digest_code(MultiHop.grade, self.extract, self.vote_key)

    @property
    def evaluates(self) -> bool:
        """Of a function that nobody here read it is taken that it does."""
        return not is_plain(self.extract, self.vote_key)

    @property
    def until(self) -> tuple[str, ...]:
        return ()

    @property
    def answer_form(self) -> Form:
        return FORMS[self.form]

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What shapes a prompt. Size is left out: more prompts of one task are the same run's rows."""
        return {
            "source": "multi_hop",
            "name": self.name,
            "template": self.template,
            "keys": [self.id_key, self.question_key],
            "documents": hashlib.sha256(self._file.read_bytes()).hexdigest()[:16],
        }

    def load(self) -> list[Prompt]:
        """Raises ValueError where a line is no question, and where the documents have none of its ids."""
        prompts: dict[str, Prompt] = {}
        for place, row in read_json_lines(self._file):
            prompt = self._read(row, place)
            if prompt.prompt_id in prompts:
                raise ValueError(f"{place}: there is a question with this id already: {prompt.prompt_id!r}.")
            prompts[prompt.prompt_id] = prompt
            if len(prompts) == self.size:
                break
        if not prompts:
            raise ValueError(f"{self._file} has no questions.")
        self._check_documents(prompts.values())
        return list(prompts.values())

    def corpus(self) -> Iterable[Document]:
        """What a search tool finds; raises ValueError where there are none."""
        if self.documents is None:
            raise ValueError(
                "task.documents must be given: a file of JSON lines, or a folder of them, with the documents that "
                "the questions are about."
            )
        keys = Keys(self.document_id_key, self.document_text_key, self.document_title_key)
        return read_corpus(Path(self.documents), keys)

    def grade(self, prompt: Prompt, text: str) -> Grade:
        """Correct where it matches one of the answers exactly; the score is the best F1."""
        text = after_thoughts(text)
        if not text.strip():
            return Grade(None, None, False, 0.0, "unanswered")
        extracted = self.extract(text)
        if extracted is None or not extracted.strip():
            return Grade(extracted, None, False, 0.0, "unparsed")
        golds = (prompt.reference["answer"], *prompt.reference["aliases"])
        correct = any(is_match(extracted, gold) for gold in golds)
        score = max(f1_of(extracted, gold) for gold in golds)
        return Grade(extracted, self.vote_key(extracted), correct, score, "correct" if correct else "wrong")

    def write_gold(self, prompt: Prompt) -> str:
        return self.answer_form.write(prompt.reference["answer"])

    @property
    def _file(self) -> Path:
        if not self.data:
            raise ValueError(
                f"task.data must be given: a file of JSON lines with {self.id_key!r}, {self.question_key!r}, "
                f"{self.answer_key!r} and {self.gold_key!r}."
            )
        return Path(self.data)

    def _read(self, row: Mapping[str, Any], place: str) -> Prompt:
        name, question = row.get(self.id_key), row.get(self.question_key)
        answers = _read_answers(row.get(self.answer_key))
        if not is_id(name) or not isinstance(question, str) or not question.strip() or not answers:
            raise ValueError(
                f"{place}: {self.id_key!r} must be a short text or whole number, {self.question_key!r} a text, "
                f"and {self.answer_key!r} a text or a list of texts."
            )
        gold = _read_ids(row, self.gold_key, place)
        evidence = _read_ids(row, self.evidence_key, place) if self.evidence_key else gold
        reference = {"answer": answers[0], "aliases": answers[1:], GOLD_IDS: gold, "evidence": evidence}
        text = self.template.replace(QUESTION, storable(question.strip()))
        return Prompt(f"{self.name}/{storable(str(name))}", text, reference, {"num_gold": len(gold)})

    def _check_documents(self, prompts: Collection[Prompt]) -> None:
        """Ids that the documents call otherwise would be told as never found."""
        wanted = {name for prompt in prompts for name in prompt.reference[GOLD_IDS]}
        if self.documents is None or not wanted or any(document.id in wanted for document in self.corpus()):
            return
        raise ValueError(
            f"{self.documents} has none of the {len(wanted)} documents that {self.gold_key!r} of the questions "
            f"names, such as {min(wanted)!r}. Give the documents that the questions were written for, or what "
            "they call their ids (task.document_id_key)."
        )


def _read_answers(given: Any) -> list[str]:
    """A text, or a list of texts, as a list; empty where it is neither, or one of them is empty."""
    answers = [given] if isinstance(given, str) else given
    is_list = isinstance(answers, list) and all(isinstance(one, str) and one for one in answers)
    return list(map(storable, answers)) if is_list else []


def _read_ids(row: Mapping[str, Any], key: str, place: str) -> Sequence[str]:
    """Ids of documents, each once, in order; raises ValueError for what holds none."""
    given = row.get(key)
    ids = [_read_id(one) for one in given] if isinstance(given, list) else [None]
    if not all(map(is_id, ids)):
        raise ValueError(f"{place}: {key!r} must be a list of ids of documents.")
    return list(dict.fromkeys(storable(str(name)) for name in ids))


def _read_id(one: Any) -> Any:
    if isinstance(one, dict):
        return next((one[key] for key in DOCUMENT_KEYS if key in one), None)
    return one[0] if isinstance(one, list) and one else one
