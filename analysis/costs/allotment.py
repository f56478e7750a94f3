"""How a total budget is best allotted to size, training tokens and samples: 6ND + 2Nq(P + kT).
Arrays in and out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from analysis.arrays import Bools, Floats
from analysis.stats.bootstrap import Interval, percentile_interval
from analysis.stats.joint_coverage import BetaLaw

# Sizes and lengths that are tried, evenly in logarithm from the least to the most; sizes alone where lengths are
# given.
NUM_TRIED, NUM_ALONE = 33, 257
QUANTITIES = ("size", "training tokens", "samples", "accuracy", "share of training")


class Extent(NamedTuple):
    """What a law may be asked: (least, most) sizes and training tokens, and the most samples a query."""

    sizes: tuple[float, float]
    lengths: tuple[float, float]
    most_samples: float


class Allotment(NamedTuple):
    """The best split of each total budget (C,), by QUANTITIES, with 95% intervals; NaN where none can be paid.

    at_edge: by quantity, where the best split (C,) lies at an end of what was asked: a better one may lie beyond.
    """

    total_flops: Floats
    best: dict[str, Interval]
    at_edge: dict[str, Bools]


def allot(
    law: BetaLaw,
    total_flops: ArrayLike,
    *,
    queries: float,
    prompt_tokens: float,
    sample_tokens: float,
    extent: Extent,
) -> Allotment:
    """The size N, training tokens D and samples k of most coverage among those that cost a total budget.

    law: its parameters (1 + R,), the fit first, NaN where a replicate has none; total_flops C (C,). Training takes
    6ND; each of q queries its prompt of P tokens once and k samples of T tokens at 2N FLOPs a token. What training
    leaves buys samples, of which no more count than `extent` has. Source: Hoffmann et al. 2022 (arXiv 2203.15556)
    and Sardana et al. 2024 (arXiv 2401.00448) for the costs; Roberts et al. 2026 (arXiv 2604.01411) for the
    question.
    """
    totals = np.asarray(total_flops, dtype=float)
    N, D = _tried(extent)
    training = 6 * N * D
    tried = _Tried.of(law, N, D)
    rows = {name: np.full((len(tried.a), totals.size), np.nan) for name in QUANTITIES}
    at = np.arange(len(tried.a))
    for column, total in enumerate(totals):
        k = (total - training - 2 * N * queries * prompt_tokens) / (2 * N * queries * sample_tokens)
        if not (k >= 1).any():
            continue
        covered = tried.coverage(np.clip(k, 1, extent.most_samples), k >= 1)
        best = covered.argmax(axis=1)
        found = (
            N[best],
            D[best],
            np.minimum(k, extent.most_samples)[best],
            covered[at, best],
            (training / total)[best],
        )
        for name, values in zip(QUANTITIES, found, strict=True):
            rows[name][:, column] = np.where(tried.is_known, values, np.nan)
    best = {name: percentile_interval(values) for name, values in rows.items()}
    return Allotment(totals, best, _at_edge(best, extent))


def _tried(extent: Extent) -> tuple[Floats, Floats]:
    """Every size with every length that is tried; (J,) each."""
    vary = [most > least for least, most in (extent.sizes, extent.lengths)]
    each = [
        np.geomspace(*ends, (NUM_TRIED if all(vary) else NUM_ALONE) if varies else 1)
        for ends, varies in zip((extent.sizes, extent.lengths), vary, strict=True)
    ]
    N, D = np.meshgrid(*each, indexing="ij")
    return N.ravel(), D.ravel()


class _Tried(NamedTuple):
    """Of every replicate and split a, b (1 + R, J) and log B(a, b); is_known (1 + R,): the replicate has a law."""

    a: Floats
    b: Floats
    both: Floats
    is_known: Bools

    @classmethod
    def of(cls, law: BetaLaw, N: Floats, D: Floats) -> "_Tried":
        rows = BetaLaw(*(np.asarray(value, dtype=float)[..., None] for value in law))  # type: ignore[arg-type]
        a, b = rows.shapes(N, D)
        return cls(a, b, gammaln(b) - gammaln(a + b), np.isfinite(a[:, 0]))

    def coverage(self, k: Floats, is_paid: Bools) -> Floats:
        """Expected pass@k of each split at its own k (J,); -1 where it cannot be paid,
        or where there is no law.
        """
        a, b, both = (part[:, is_paid] for part in (self.a, self.b, self.both))
        paid = -np.expm1(gammaln(b + k[is_paid]) - gammaln(a + b + k[is_paid]) - both)
        covered = np.full(self.a.shape, -1.0)
        covered[:, is_paid] = np.where(np.isnan(paid), -1.0, paid)
        return covered


def _at_edge(best: dict[str, Interval], extent: Extent) -> dict[str, Bools]:
    """By quantity, whether the estimate is the least or the most that was asked."""
    ends = {"size": extent.sizes, "training tokens": extent.lengths, "samples": (0.0, extent.most_samples)}
    return {
        name: np.isclose(best[name].estimate, least) | np.isclose(best[name].estimate, most)
        if least < most
        else np.zeros(best[name].estimate.shape, dtype=bool)
        for name, (least, most) in ends.items()
    }
