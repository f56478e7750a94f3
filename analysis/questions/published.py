"""Pythia on MATH, 10,000 samples a problem: coverage,
and the samples that smaller models need to match the largest.
"""

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.reading.cells import Row
from analysis.stats import bootstrap, coverage, intervals, substitution
from analysis.stats.bootstrap import percentile_interval, share_of_replicates, weighted_means
from analysis.stats.estimators import pass_at_k

# Of the bootstrap's intervals, as the published ones.
LEVEL = 0.9
NUM_TARGETS = 25
COLUMNS = ("Model", "Problem Idx", "Num. Samples Total", "Num. Samples Correct", "Scaling Parameter")


def frame(table: pd.DataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """Rows by `kind`: coverage (a model and k) with its power law's exponent,
    needs (a smaller model, the largest's k).

    table: COLUMNS, a row a model, problem and k. needs: the samples k* at which the smaller model's coverage is
    the largest's at k, linear in log k, inf where more than all samples would be needed; with 90% intervals from a
    paired bootstrap of problems and the share of replicates that never get there. Raises ValueError where a column
    is missing. Data: Brown et al. 2024 (arXiv 2407.21787), as counted by Schaeffer et al. 2025 (arXiv 2502.17578).
    """
    if missing := sorted(set(COLUMNS) - set(table.columns)):
        raise ValueError(f"The table of success counts has no columns {missing}.")
    counts = table.drop_duplicates(["Model", "Problem Idx"])
    correct = counts.pivot(index="Problem Idx", columns="Model", values="Num. Samples Correct")
    num_samples, widths = int(counts["Num. Samples Total"].iloc[0]), np.sort(table["Scaling Parameter"].unique())
    names = sorted(correct.columns, key=_size)
    weights = bootstrap.prompt_weights(len(correct), num_replicates=bootstrap.MIN_REPLICATES, rng=rng)
    covered = [
        weighted_means(weights, pass_at_k(num_samples, correct[name].to_numpy()[:, None], widths))
        for name in names
    ]
    rows: list[Row] = []
    for name, means in zip(names, covered, strict=True):
        rows += [
            {"model": name, "num_params": _size(name)} | row for row in _coverage_rows(widths, means, len(correct))
        ]
    for name, means in zip(names[:-1], covered, strict=False):
        rows += [
            {"model": name, "num_params": _size(name)} | row for row in _needs_rows(widths, means, covered[-1])
        ]
    beside = {"largest": names[-1], "num_problems": len(correct), "num_samples": num_samples}
    return pd.DataFrame(rows).assign(**beside, num_replicates=len(weights) - 1)


def _size(name: str) -> float:
    """'Pythia 2.8B' -> 2.8e9."""
    number = name.split()[-1]
    return float(number[:-1]) * {"M": 1e6, "B": 1e9}[number[-1]]


def _coverage_rows(widths: Floats, means: Floats, num_problems: int) -> list[Row]:
    interval = intervals.accuracy_interval(means, num_problems, level=LEVEL)
    exponent = coverage.fit_power_law(widths, means[0]).exponent
    return [
        {"kind": "coverage", "k": float(k), "coverage": float(c), "low": float(low), "high": float(high)}
        | {"exponent": exponent}
        for k, c, low, high in zip(widths, *interval, strict=True)
    ]


def _needs_rows(widths: Floats, small: Floats, large: Floats) -> list[Row]:
    rows = []
    for at in np.unique(np.linspace(0, len(widths) - 1, NUM_TARGETS).round().astype(int)):
        crossing = substitution.invert(small, widths, np.log(widths), substitution.to_match(large[:, at]))
        k_star = np.exp(crossing.step)
        estimate, low, high = percentile_interval(k_star, level=LEVEL)
        rows.append(
            {"kind": "needs", "k": float(widths[at]), "coverage": float(large[0, at])}
            | {"k_star": float(estimate), "low": float(low), "high": float(high)}
            | {"share_never": float(share_of_replicates(np.isinf(k_star), k_star))}
        )
    return rows
