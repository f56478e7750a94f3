"""Where prompts lie beside each other: stored embeddings made comparable, fitted on training prompts alone."""

from typing import Any, Literal

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer

from analysis.arrays import Floats

# counts: of hashed terms, as the embedder `tfidf` stores them. vectors: of an encoder.
Space = Literal["counts", "vectors"]
# Dimensions that counts are reduced to (latent semantic analysis).
NUM_DIMENSIONS = 32


def fit(space: Space, features: Floats, rng: np.random.Generator) -> Any:
    """A scikit-learn transformer to unit vectors, fitted on these prompts (P, F).

    How rare a term is (idf) is counted here and not where embeddings are stored, so nothing is learned of prompts that
    are held out.
    """
    if space == "vectors":
        return Normalizer().fit(features)
    steps: list[Any] = [TfidfTransformer(sublinear_tf=True)]
    if min(features.shape) > NUM_DIMENSIONS:
        steps.append(TruncatedSVD(NUM_DIMENSIONS, n_iter=2, random_state=int(rng.integers(2**31))))
    pipeline: Pipeline = make_pipeline(*steps, Normalizer())
    return pipeline.fit(features)


def place(fitted: Any, features: Floats) -> Floats:
    """Unit vectors of prompts, (P, F) -> (P, D)."""
    placed = fitted.transform(features)
    return np.asarray(placed.toarray() if hasattr(placed, "toarray") else placed, dtype=float)
