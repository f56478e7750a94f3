"""What a verifier is worth, in words: as text, and as frames that the report shows.
Knows the question, no files.
"""

import pandas as pd

from analysis import numerals
from analysis.reading.reading import Reading
from analysis.text import wording
from analysis.text.tables import aligned, filled

HEADS = {
    **{"one_sample": "one answer", "maj_at_k": "vote", "best_of_n": "best by score"},
    **{"weighted_vote": "weighted vote", "filtered_vote": "filtered vote", "pass_at_k": "any correct"},
}
ABOUT_QUALITY = (
    "AUC: of a right and a wrong answer of one prompt, how often the right one has the higher score; 0.5 is a "
    "coin, and a score that only tells easy prompts from hard ones. Mixed: prompts that have both. Gap: any "
    "correct less best by score."
)
ABOUT_CEILINGS = (
    "Accepted: the share of right answers, and of wrong ones, whose score reaches a threshold; one half of the "
    "prompts chooses it (the largest difference of the two) and the other is read. Ceiling: with these rates on "
    "every prompt no number of samples gets further, p t / (p t + (1 - p) f) at its own share p of right answers. "
    "Measured: one of the accepted answers of a prompt at random, of all where none is. Short: ceiling less "
    "measured. It is not 0 where the verifier errs on some prompts more than on others: above 0 if it errs on "
    "those with few right answers, below 0 if its errors lie together on few prompts."
)


def render(found: pd.DataFrame, ceilings: pd.DataFrame | None, reading: Reading) -> str:
    """A table of how it tells right from wrong, one of what choosing by it yields, one of how far a filter comes,
    and what they mean; ceilings None of a single prompt.
    """
    filtered = [] if ceilings is None else [_table(filtering(ceilings)), ABOUT_CEILINGS]
    parts = [
        intro(reading),
        _table(quality(found)),
        ABOUT_QUALITY,
        _table(yields(found)),
        about_yields(reading),
        *filtered,
    ]
    return filled("\n\n".join(parts))


def intro(reading: Reading) -> str:
    """Who chose, among what."""
    verifier = reading.arms[0].verifier
    assert verifier is not None
    return f"{verifier.in_words}, {reading.words.full} and all samples; brackets are 95% intervals over prompts."


def about_yields(reading: Reading) -> str:
    """What the columns of `yields` mean, and how weights and costs were made."""
    verifier = reading.arms[0].verifier
    assert verifier is not None
    weighed = "their own numbers" if _are_shares(reading) else "the share of all answers that each is above"
    return (
        f"Any correct: what a perfect verifier would choose. Weights of the weighted vote: {weighed}. Filtered: "
        f"the lowest {numerals.percent(verifier.filter_share)} of scores are dropped before the vote. Cost: of "
        f"choosing, over drawing alone, in {reading.cost.unit} ({reading.cost.label})."
    )


def quality(found: pd.DataFrame) -> pd.DataFrame:
    """A row a model and bin: how the verifier tells right from wrong, and what it leaves and costs, in words."""
    return pd.DataFrame([_place(row) | _quality(row) for _, row in found.iterrows()])


def yields(found: pd.DataFrame) -> pd.DataFrame:
    """A row a model and bin: the accuracy of each rule, in words."""
    return pd.DataFrame(
        [_place(row) | {head: _share(row, name) for name, head in HEADS.items()} for _, row in found.iterrows()]
    )


def filtering(ceilings: pd.DataFrame) -> pd.DataFrame:
    """A row a model and bin: the rates of a filter, and how far they let it come, in words."""
    heads = {"true_rate": "right accepted", "false_rate": "wrong accepted"}
    heads |= {"ceiling": "ceiling", "measured": "measured"}
    return pd.DataFrame(
        [
            _place(row)
            | {head: _share(row, name) for name, head in heads.items()}
            | {"short": _points(row, "short")}
            for _, row in ceilings.iterrows()
        ]
    )


def _are_shares(reading: Reading) -> bool:
    scores = [arm.scores.score[~arm.scores.refused] for arm in reading.arms]
    return all(not len(each) or (each.min() >= 0 and each.max() <= 1) for each in scores)


def _place(row: pd.Series) -> dict[str, str]:
    return {"rung": str(row["model"]), "bin": str(row["bin"])}


def _quality(row: pd.Series) -> dict[str, str]:
    return {
        "samples": f"{row['num_samples']:,}",
        "prompts": f"{row['num_prompts']:,}",
        "mixed": f"{row['num_mixed']:,}",
        "AUC": wording.with_ends((row["auc"], row["auc_low"], row["auc_high"]), "{:.2f}"),
        "gap": _points(row, "gap"),
        "refused": numerals.percent(row["refused"]),
        "cost": "-" if pd.isna(row["cost_with_it"]) else f"{row['cost_with_it']:.2f}x",
    }


def _points(row: pd.Series, name: str) -> str:
    """'1.4 [0.6, 2.4] points'."""
    told = wording.with_ends([100 * row[f"{name}{end}"] for end in ("", "_low", "_high")], "{:z.1f}")
    return told if told == "-" else f"{told} points"


def _share(row: pd.Series, name: str) -> str:
    if pd.isna(row[name]):
        return "-"
    low, high = (numerals.percent(row[f"{name}_{end}"]).rstrip("%") for end in ("low", "high"))
    return f"{numerals.percent(row[name])} [{low}, {high}]"


def _table(frame: pd.DataFrame) -> str:
    return aligned(_rows(frame), num_text=2, is_last_text=False)


def _rows(frame: pd.DataFrame) -> list[list[str]]:
    """Header and rows, bins set apart."""
    rows = [list(frame.columns)]
    for _, row in frame.iterrows():
        if len(rows) > 1 and row["bin"] != rows[-1][1]:
            rows.append([""] * len(frame.columns))
        rows.append(row.tolist())
    return rows
