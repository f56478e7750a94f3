"""Which prompts one arm answers otherwise than another, with the many looks counted.
Arrays in, named tuples out.
"""

from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.stats.intervals import benjamini_hochberg, holm
from analysis.stats.tallies import Tally


class PromptDifferences(NamedTuple):
    """Prompt by prompt (P,): right samples of either arm and all,
    the difference of their shares, and its p-values.
    """

    base_correct: Ints
    new_correct: Ints
    base_samples: Ints
    new_samples: Ints
    difference: Floats
    p_value: Floats
    p_holm: Floats
    p_bh: Floats


def by_prompt(base: Tally, new: Tally) -> PromptDifferences:
    """What the new arm gains on each prompt, by Fisher's exact test of its samples, corrected over all prompts.

    About these very prompts, so samples alone are random; with one sample of
    each no prompt can be told from chance. Source: Fisher 1935; Holm 1979.
    """
    # All of scipy's statistics take half a second to load.
    from scipy.stats import fisher_exact

    counts = np.stack([*base, *new], axis=1)
    alike, which = np.unique(counts, axis=0, return_inverse=True)
    tables = [[[b, num_base - b], [n, num_new - n]] for b, num_base, n, num_new in alike.tolist()]
    p_value = np.array([fisher_exact(table).pvalue for table in tables])[which.ravel()]
    # A sum of rounded probabilities may pass 1 by its last bit.
    p_value = np.minimum(p_value, 1.0)
    each = (base.num_correct, new.num_correct, base.num_samples, new.num_samples)
    return PromptDifferences(*each, new.share - base.share, p_value, holm(p_value), benjamini_hochberg(p_value))
