"""Which prompts one arm answers otherwise than another, with the many looks counted. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import fisher_exact

from analysis.arrays import Floats, Ints
from analysis.intervals import benjamini_hochberg, holm


class PromptDifferences(NamedTuple):
    """Prompt by prompt (P,): right samples of either arm, the difference of their shares, and its p-values."""

    base_correct: Ints
    new_correct: Ints
    difference: Floats
    p_value: Floats
    p_holm: Floats
    p_bh: Floats


def by_prompt(base: ArrayLike, new: ArrayLike) -> PromptDifferences:
    """What the new arm gains on each prompt, by Fisher's exact test of its samples, corrected over all prompts.

    base (P, S), new (P, T): bool, correct. About these very prompts, so samples alone are random; with one sample of
    each no prompt can be told from chance. Source: Fisher 1935; Holm 1979.
    """
    base, new = np.asarray(base, dtype=bool), np.asarray(new, dtype=bool)
    num_base, num_new = base.shape[1], new.shape[1]
    counts = np.stack([base.sum(axis=1), new.sum(axis=1)], axis=1)
    pairs, which = np.unique(counts, axis=0, return_inverse=True)
    tables = [[[b, num_base - b], [n, num_new - n]] for b, n in pairs.tolist()]
    p_value = np.array([fisher_exact(table).pvalue for table in tables])[which.ravel()]
    # A sum of rounded probabilities may pass 1 by its last bit.
    p_value = np.minimum(p_value, 1.0)
    difference = counts[:, 1] / num_new - counts[:, 0] / num_base
    return PromptDifferences(
        counts[:, 0], counts[:, 1], difference, p_value, holm(p_value), benjamini_hochberg(p_value)
    )
