"""Where prompts lie beside each other: stored embeddings made comparable, fitted on training prompts alone."""

from typing import Any, Literal

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize

from analysis.arrays import Floats, Ints

# counts: of hashed terms, as the embedder `tfidf` stores them. vectors: of an encoder.
Space = Literal["counts", "vectors"]
# Dimensions that counts are reduced to (latent semantic analysis).
NUM_DIMENSIONS = 32


def by_fold(space: Space, features: Floats, folds: Ints) -> Floats | tuple[Floats, ...]:
    """Unit vectors of all prompts (P, D), fitted for each fold in order on the prompts
    of the others; (P, F), (P,).

    How rare a term is (idf) is counted here and not where embeddings are stored, so nothing is learned of prompts
    that are held out. Vectors of an encoder are fitted to nothing, so that one table serves all folds.
    """
    if space == "vectors":
        return np.asarray(normalize(features), dtype=float)
    counts = csr_matrix(features)
    return tuple(_place(counts, np.flatnonzero(folds != fold)) for fold in np.unique(folds))


def _place(counts: Any, train: Ints) -> Floats:
    """Unit vectors by latent semantic analysis of the training prompts' counts;
    few of them are left as they are.
    """
    terms = TfidfTransformer(sublinear_tf=True).fit(counts[train]).transform(counts)
    num_terms = terms.shape[1]
    if min(len(train), num_terms) > NUM_DIMENSIONS:
        products = (terms[train].T @ terms[train]).toarray()
        leading = eigh(products, subset_by_index=[num_terms - NUM_DIMENSIONS, num_terms - 1])[1]
        placed = terms @ leading
    else:
        placed = terms.toarray()
    # A run of many folds keeps a table for each.
    return np.asarray(normalize(placed), dtype=np.float32)
