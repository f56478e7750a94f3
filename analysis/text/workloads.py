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
    "often right, costs less to train and to serve than the larger one; both are trained on equally many tokens, "
    "at 2N FLOPs a token, and what the verifier reads counts at its size. One answer: what the larger one is "
    "right with. Best of k: what the verifier chooses of so many of its samples, its reading charged on both "
    "sides. Always: at every R. Never: at none within the measured samples. Over the vote's: what the verifier's "
    "way to one answer of the larger one costs, in costs of the vote's, paired: below 1 it is worth its reading; "
    "0: the vote never gets there. Brackets are 95% intervals over prompts."
)


def render(found: pd.DataFrame, reading: Reading) -> str:
    """A row a bin and smaller model, a column a case, and what it means."""
    parts = [intro(found, reading), aligned(rows(found), num_text=2, is_last_text=False), reads(found), ABOUT]
    return filled("\n\n".join(parts))


def intro(found: pd.DataFrame, reading: Reading) -> str:
    """The question, and who chooses."""
    verifier, large = reading.arms[0].verifier, found["large"].iloc[0]
    assert verifier is not None
    return (
        f"Sample a smaller model, or train {large}? Up to which workload R the smaller one is cheaper: by vote, "
        f"and by {wording.RULES[reading.rule]} with {verifier.in_words}"
    )


def rows(found: pd.DataFrame) -> list[list[str]]:
    """The head, then a row a bin and smaller model, with an empty one between bins."""
    every = list(dict.fromkeys(zip(found["case"], found["large_width"], strict=True)))
    heads = [_head(*case) for case in every]
    # Behind the two that it compares.
    behind = [case for case, _ in every].index(SMALL_ONLY) + 1 if found["over_vote"].notna().any() else None
    if behind is not None:
        heads.insert(behind, "verifier's cost over the vote's")
    lines = [["bin", "smaller model", *heads]]
    for (bin_name, small), part in found.groupby(["bin", "small"], sort=False):
        if len(lines) > 1 and lines[-1][0] != bin_name:
            lines.append([""] * len(lines[0]))
        told = [_words(row) for _, row in part.iterrows()]
        if behind is not None:
            told.insert(behind, _over_vote(part[part["case"] == SMALL_ONLY].iloc[0]))
        lines.append([str(bin_name), str(small), *told])
    return lines


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


def _over_vote(row: pd.Series) -> str:
    """'0.54 [0.42, 0.83]', what the verifier's way costs in costs of the vote's."""
    return wording.with_ends([row[f"over_vote{end}"] for end in ("", "_low", "_high")], "{:.2f}")


def _workload(value: float) -> str:
    if np.isinf(value):
        return "always"
    return wording.NEVER if value == 0 else f"{value:.2g}"


def reads(found: pd.DataFrame) -> str:
    """What the verifier's reading is worth beside each model's own tokens."""
    whole = found[(found["case"] != VOTE) & (found["bin"] == found["bin"].iloc[0])].drop_duplicates("small")
    told = [f"{row['small']} {numerals.percent(row['small_reads'])}" for _, row in whole.iterrows()]
    large = found[found["case"] == BOTH]
    told += [f"{large['large'].iloc[0]} {numerals.percent(large['large_reads'].iloc[0])}"] if len(large) else []
    return f"What the verifier spends on a sample, over what the model does to write it: {', '.join(told)}."
