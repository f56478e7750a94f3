"""How sure a model was of each token that it wrote. Arrays in, numbers out; knows no engine and no table."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# The likeliest tokens that a confidence is the mean of: as in DeepConf, and as many as vLLM gives by itself.
NUM_LIKELIEST = 20


class Certainty(NamedTuple):
    """Of each token, before temperature and cuts; (N,) each, in nats.

    logprobs: of the token that was drawn. confidences: the mean of the negative log-probabilities of the
    NUM_LIKELIEST likeliest tokens, or of all in a smaller vocabulary; it is high where few of them share all the
    probability (Fu et al. 2025, arXiv 2508.15260). NaN of a token that the model did not write.
    """

    logprobs: tuple[float, ...] = ()
    confidences: tuple[float, ...] = ()

    def first(self, length: int) -> "Certainty":
        """Of the first tokens."""
        return Certainty(self.logprobs[:length], self.confidences[:length])


def confidence(likeliest: Sequence[float]) -> float:
    """Of one token, from log-probabilities of the likeliest ones in any order; further ones are left out."""
    best = sorted(likeliest, reverse=True)[:NUM_LIKELIEST]
    return -sum(best) / len(best)


def lowest_mean(values: Sequence[float], window: int | None) -> float | None:
    """The lowest mean of any `window` values in a row, of all where there are fewer or none is given.

    NaN are left out first; None where nothing is left.
    """
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    if not len(known):
        return None
    size = len(known) if window is None else min(window, len(known))
    sums = np.concatenate([[0.0], np.cumsum(known)])
    return float((sums[size:] - sums[:-size]).min() / size)
