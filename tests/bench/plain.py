"""The same analysis as one would write it first: pandas groups, scipy's comb, a loop over replicates."""

from collections import Counter

import numpy as np
import pandas as pd
from scipy.special import comb

from analysis.runs.arms import Arm
from tests.bench.synthetic import VOTE_WIDTHS, WIDTHS

NUM_DRAWS = 100


def frame(arm: Arm, num_prompts: int) -> pd.DataFrame:
    """One row a sample of the first prompts of an arm."""
    correct, votes = arm.samples.correct[:, :num_prompts], arm.samples.votes[:, :num_prompts]
    budget, prompt, _ = np.indices(correct.shape)
    columns = {"budget": budget, "prompt": prompt, "correct": correct, "vote": votes}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def estimates(samples: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """pass@k at every width and maj@k at powers of two, a row a prompt and budget."""
    rows = []
    for (budget, prompt), group in samples.groupby(["budget", "prompt"]):
        n, c = len(group), int(group["correct"].sum())
        row = {"budget": budget, "prompt": prompt} | {f"pass@{k}": 1 - comb(n - c, k) / comb(n, k) for k in WIDTHS}
        votes = group["vote"].to_numpy()
        for k in VOTE_WIDTHS:
            leading = [Counter(rng.choice(votes, k, replace=False)).most_common(1)[0][0] for _ in range(NUM_DRAWS)]
            row[f"maj@{k}"] = np.mean(np.asarray(leading) == 0)
        rows.append(row)
    return pd.DataFrame(rows)


def replicate(
    table: pd.DataFrame, scores: pd.Series, num_models: int, num_budgets: int, rng: np.random.Generator
) -> list[float]:
    """One bootstrap replicate: draw prompts, bin them anew, average, and invert every pair along every path.

    table: a row a prompt, columns (model, budget, cell).
    """
    drawn = rng.choice(table.index, len(table))
    labels = pd.qcut(scores.loc[drawn].rank(method="first"), 5, labels=False).to_numpy()
    sample = table.loc[drawn]
    means = [sample.mean()] + [part.mean() for _, part in sample.groupby(labels)]
    rates = []
    for mean in means:
        for large in range(1, num_models):
            target = mean[large, num_budgets - 1, "pass@1"]
            for small in range(large):
                for budget in range(num_budgets):
                    for rule, widths in (("pass", WIDTHS), ("maj", VOTE_WIDTHS)):
                        curve = mean[small, budget].filter(like=f"{rule}@").to_numpy()
                        above = np.flatnonzero(curve >= target)
                        rates.append(np.interp(target, curve, np.log(widths)) if len(above) else np.inf)
    return rates
