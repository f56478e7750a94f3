"""The search that training traces are played against: BM25 over words, one result. Knows nothing of what is
sought.

As Lucene scores and bm25s by default (Lù 2024, arXiv 2407.03618): k1 = 1.5, b = 0.75.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

K1, B = 1.5, 0.75


class Lookup:
    """An index over texts whose words are split at spaces."""

    def __init__(self, texts: Sequence[str]) -> None:
        documents = [text.split() for text in texts]
        lengths = np.array([len(document) for document in documents])
        norms = K1 * (1 - B + B * lengths / lengths.mean())
        counts: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for at, document in enumerate(documents):
            for word, count in Counter(document).items():
                counts[word].append((at, count))
        self._num_documents = len(documents)
        self._postings: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for word, found in counts.items():
            at, count = np.array(found).T
            idf = np.log(1 + (len(documents) - len(at) + 0.5) / (len(at) + 0.5))
            self._postings[word] = at, idf * count / (count + norms[at])

    def find(self, query: str) -> int | None:
        """Position of the text that fits best, the first of equals; None where no word of the query is known."""
        scores = np.zeros(self._num_documents)
        for word in query.split():
            if word in self._postings:
                at, weights = self._postings[word]
                scores[at] += weights
        best = int(scores.argmax())
        return best if scores[best] > 0 else None
