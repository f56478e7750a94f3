"""What every smaller rung spends for every larger one's accuracy, along one path."""

import pandas as pd

from analysis.questions.exchange_rates import Findings
from analysis.reading.curves import PathName, Rule
from analysis.reading.untold import one_model


def frame(findings: Findings, *, rule: Rule, axis: PathName) -> pd.DataFrame:
    """Exchange rates of all pairs along one path, a row a pair and bin, and the setting.

    Raises UntoldError below two rungs.
    """
    rates = findings.exchange_rates
    if rates.empty:
        raise one_model(findings.cells["model"].iloc[-1])
    return rates[(rates["rule"] == rule) & (rates["path"] == axis)].assign(**findings.setting.columns())
