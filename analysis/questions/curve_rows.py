"""Accuracy against compute along one path,
with what the larger rung reaches and where each smaller one gets there.
"""

import pandas as pd

from analysis.questions.exchange_rates import Findings
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.curves import PathName, Rule
from analysis.reading.untold import UntoldError, one_model


def frame(findings: Findings, *, rule: Rule, axis: PathName) -> pd.DataFrame:
    """Curves along one path, each row with its bin's target,
    the rung's exchange rate against the largest, the setting.

    Raises UntoldError where there is no larger rung to reach.
    """
    # The last of the arms, which are in order; sizes may be equal, as of one model with thinking and without.
    largest = findings.cells["model"].iloc[-1]
    rates = findings.exchange_rates
    if rates.empty:
        raise one_model(largest)
    if findings.setting.difficulty == "own":
        raise UntoldError(
            "With --difficulty own each model has bins of its own, so one panel cannot show two models. Use "
            "`isoquant summary`, or another --difficulty."
        )
    rates = rates[(rates["large"] == largest) & (rates["rule"] == rule) & (rates["path"] == axis)]
    rates = rates.rename(columns={"small": "model", "large": "target", "low": "rate_low", "high": "rate_high"})
    targets = rates.drop_duplicates("bin")[["bin", "target", "target_accuracy", "target_cost", "max_step"]]
    own = rates.drop(columns=["rule", "path", "num_prompts", *targets.columns.drop("bin")])
    rows = (
        findings.curves[findings.curves["path"] == axis]
        .merge(targets, on="bin")
        .merge(own, on=["model", "bin"], how="left")
    )
    rows = _only_bins(rows).assign(at_or_below=rows["at_or_below"].fillna(False).astype(bool), rate_rule=rule)
    return rows.assign(**findings.setting.columns())


def _only_bins(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the rows of all prompts, where there are bins."""
    return rows[rows["bin"] != ALL_PROMPTS] if rows["bin"].nunique() > 1 else rows
