"""Up to what workload a smaller model is the cheaper way, with a verifier and without, as a table."""

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.questions.workloads import BOTH, SMALL_ONLY, VOTE
from analysis.reading.reading import Reading
from analysis.text import wording
from analysis.text.tables import aligned, filled

ABOUT = (
    "R: tokens served over tokens trained on. Up to the R that is shown the smaller model, sampled until it is as "
    "often right, costs less to train and to serve than the larger one; both are trained on equally many tokens, at "
    "2N FLOPs a token, and what the verifier reads counts at its size. One answer: what the larger one is right "
    "with. Best of k: what the verifier chooses of so many of its samples, its reading charged on both sides. "
    "Always: at every R. Never: at none within the measured samples. Brackets are 95% intervals over prompts."
)


def render(found: pd.DataFrame, reading: Reading) -> str:
    """A row a bin and smaller model, a column a case."""
    verifier, large = reading.arms[0].verifier, found["large"].iloc[0]
    assert verifier is not None
    every = list(dict.fromkeys(zip(found["case"], found["large_width"], strict=True)))
    rows = [["bin", "smaller model", *(_head(*case) for case in every)]]
    for (bin_name, small), part in found.groupby(["bin", "small"], sort=False):
        if len(rows) > 1 and rows[-1][0] != bin_name:
            rows.append([""] * len(rows[0]))
        rows.append([str(bin_name), str(small), *(_words(row) for _, row in part.iterrows())])
    head = (
        f"Sample a smaller model, or train {large}? Up to which workload R the smaller one is cheaper: by vote, and "
        f"by {wording.RULES[reading.rule]} with {verifier.in_words}"
    )
    return filled("\n\n".join([head, aligned(rows, num_text=2, is_last_text=False), _reads(found), ABOUT]))


def _head(case: str, width: int) -> str:
    return {
        VOTE: "vote against one answer",
        SMALL_ONLY: "verifier against one answer",
        BOTH: f"both, best of {width}",
    }[case]


def _words(row: pd.Series) -> str:
    """'5.8 [2, always]'."""
    if np.isnan(row["workload"]):
        return wording.NOTHING
    told = [_workload(float(row[f"workload{end}"])) for end in ("", "_low", "_high")]
    return told[0] if len(set(told)) == 1 else f"{told[0]} [{told[1]}, {told[2]}]"


def _workload(value: float) -> str:
    if np.isinf(value):
        return "always"
    return wording.NEVER if value == 0 else f"{value:.2g}"


def _reads(found: pd.DataFrame) -> str:
    """What the verifier's reading is worth beside each model's own tokens."""
    whole = found[(found["case"] != VOTE) & (found["bin"] == found["bin"].iloc[0])].drop_duplicates("small")
    told = [f"{row['small']} {numerals.percent(row['small_reads'])}" for _, row in whole.iterrows()]
    large = found[found["case"] == BOTH]
    told += [f"{large['large'].iloc[0]} {numerals.percent(large['large_reads'].iloc[0])}"] if len(large) else []
    return f"What the verifier spends on a sample, over what the model does to write it: {', '.join(told)}."
