"""Text embedders: fixed hashed term counts, which need no download, and any model of sentence-transformers."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

TFIDF = "tfidf"
# Digits count too: puzzles differ in little else.
TOKEN_PATTERN = r"(?u)\b\w+\b"
NUM_TERMS = 1024


class Embedded(NamedTuple):
    """A vector of each text (N, D), and the FLOPs that it took, NaN where they are not known (N,)."""

    vectors: NDArray[np.float32]
    flops: NDArray[np.float64]


class Embedder(Protocol):
    """name and version say what made a vector, so that vectors of different makes never mix."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> Embedded:
        """A vector of each text."""


@dataclass(frozen=True)
class HashedTerms:
    """Counts of words and pairs of words, hashed into a fixed number of columns.

    Nothing is fitted, so that a vector knows no other prompt: how rare a term is (the idf of TF-IDF) is counted
    where a router is fitted, on its training prompts.
    """

    name: str = TFIDF
    version: str = f"hash{NUM_TERMS}-1"

    def embed(self, texts: Sequence[str]) -> Embedded:
        from sklearn.feature_extraction.text import HashingVectorizer

        hasher = HashingVectorizer(
            n_features=NUM_TERMS, token_pattern=TOKEN_PATTERN, ngram_range=(1, 2), norm=None, alternate_sign=False
        )
        counts = hasher.transform(texts)
        # Weighing each term by its rarity and the length of the vector.
        flops = 4.0 * np.diff(counts.indptr)
        return Embedded(counts.toarray().astype(np.float32), flops)


@dataclass(frozen=True)
class SentenceModel:
    """A model of sentence-transformers: a folder, or a hub id. Its version is a digest of the weights.

    Its FLOPs are 2 a weight in matrix products and token: the lookups of words and places are none.
    """

    path: str

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def version(self) -> str:
        digest = hashlib.sha256()
        for name, weight in sorted(_load(self.path).state_dict().items()):
            digest.update(name.encode())
            digest.update(weight.cpu().float().numpy().tobytes())
        return digest.hexdigest()[:16]

    def embed(self, texts: Sequence[str]) -> Embedded:
        model = _load(self.path)
        vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        lookups = ("word_embeddings", "position_embeddings", "token_type_embeddings", "embed_tokens", "wte", "wpe")
        num_params = sum(
            weight.numel()
            for name, weight in model.named_parameters()
            if not any(part in name for part in lookups)
        )
        # The whole batch padded to its longest would count padding: a text's own tokens are what it takes.
        num_tokens = [len(model.tokenizer(text, truncation=True)["input_ids"]) for text in texts]
        return Embedded(
            np.asarray(vectors, dtype=np.float32), 2.0 * num_params * np.asarray(num_tokens, dtype=float)
        )


@functools.lru_cache(maxsize=1)
def _load(path: str) -> Any:
    """The model at a path, once. Raises ValueError where the package or the model is not there."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise ValueError(
            f"The embedder {path} needs sentence-transformers. Install it with `.venv/bin/uv pip install --python "
            f".venv/bin/python sentence-transformers`, or use {TFIDF}."
        ) from None
    try:
        return SentenceTransformer(path, trust_remote_code=False, model_kwargs={"use_safetensors": True})
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be loaded as a model of sentence-transformers: {error}") from None
