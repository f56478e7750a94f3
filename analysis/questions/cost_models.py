"""What matching the largest rung's one answer costs under every cost model that the run can tell."""

from dataclasses import replace

import pandas as pd

from analysis.costs import cost_models
from analysis.questions.exchange_rates import Findings
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.curves import Rule
from analysis.reading.untold import one_model


def frame(findings: Findings, *, rule: Rule) -> pd.DataFrame:
    """A row a cost model, smaller rung and bin: the exchange rate against the largest's one answer, along widths.

    findings: as `exchange_rates.measure_each` gives them. A rate is inf where the rung never gets there, NaN where
    there is nothing to match, and `at_or_below` marks an upper bound. Under own difficulty all prompts stand
    alone, as two rungs share no bin. Raises UntoldError below two rungs.
    """
    rates = findings.by_cost
    if rates.empty:
        raise one_model(findings.cells["model"].iloc[-1])
    rows = rates[(rates["rule"] == rule) & (rates["path"] == "width") & (rates["num_prompts"] > 0)]
    has_bins = rows["bin"].nunique() > 1 and findings.setting.difficulty != "own"
    rows = rows[(rows["bin"] != ALL_PROMPTS) == has_bins]
    sizes = findings.cells.drop_duplicates("model").set_index("model")["num_params"]
    order = rows["counted_as"].map(cost_models.COST_NAMES.index)
    bins = rows["bin"].map({name: place for place, name in enumerate(dict.fromkeys(rows["bin"]))})
    rows = rows.assign(num_params=rows["small"].map(sizes), order=order, place=bins).sort_values(
        ["place", "order"], kind="stable"
    )
    columns = ["counted_as", "counted_label", "counted_unit", "small", "large", "num_params", "bin", "num_prompts"]
    columns += ["max_step", "exchange_rate", "low", "high", "at_or_below", "share_never"]
    setting = findings.setting if has_bins else replace(findings.setting, bins_are=None)
    return rows[columns].reset_index(drop=True).assign(**setting.columns(), rule=rule)
