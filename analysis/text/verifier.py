"""What a verifier is worth, in plain text. Knows the frame of the question, no files."""

import pandas as pd

from analysis import numerals
from analysis.reading.reading import Reading
from analysis.text import wording
from analysis.text.tables import aligned, filled

HEADS = {
    **{"one_sample": "one answer", "maj_at_k": "vote", "best_of_n": "best by score"},
    **{"weighted_vote": "weighted vote", "filtered_vote": "filtered vote", "pass_at_k": "any correct"},
}


def render(found: pd.DataFrame, reading: Reading) -> str:
    """A table of how it tells right from wrong, one of what choosing by it yields, and what both mean."""
    verifier = reading.arms[0].verifier
    assert verifier is not None
    weighed = "their own numbers" if _are_shares(reading) else "the share of all answers that each is above"
    parts = [
        f"{verifier.in_words}, at the full budget and all samples; brackets are 95% intervals over prompts.",
        aligned(_quality(found), num_text=2, is_last_text=False),
        "AUC: of a right and a wrong answer of one prompt, how often the right one has the higher score; 0.5 is a "
        "coin, and a score that only tells easy prompts from hard ones. Mixed: prompts that have both. Gap: any "
        "correct less best by score.",
        aligned(_yields(found), num_text=2, is_last_text=False),
        f"Any correct: what a perfect verifier would choose. Weights of the weighted vote: {weighed}. Filtered: the "
        f"lowest {numerals.percent(verifier.filter_share)} of scores are dropped before the vote. Cost: of choosing, "
        f"over drawing alone, in {reading.cost.unit} ({reading.cost.label}).",
    ]
    return filled("\n\n".join(parts))


def _are_shares(reading: Reading) -> bool:
    scores = [arm.scores.score[~arm.scores.refused] for arm in reading.arms]
    return all(not len(each) or (each.min() >= 0 and each.max() <= 1) for each in scores)


def _quality(found: pd.DataFrame) -> list[list[str]]:
    rows = [["rung", "bin", "samples", "prompts", "mixed", "AUC", "gap", "refused", "cost"]]
    for _, row in found.iterrows():
        auc = wording.with_ends((row["auc"], row["auc_low"], row["auc_high"]), "{:.2f}")
        gap = wording.with_ends([100 * row[f"gap{end}"] for end in ("", "_low", "_high")], "{:.1f}")
        gap = gap if gap == "-" else f"{gap} points"
        counts = [f"{row['num_samples']:,}", f"{row['num_prompts']:,}", f"{row['num_mixed']:,}"]
        cost = "-" if pd.isna(row["cost_with_it"]) else f"{row['cost_with_it']:.2f}x"
        _part(rows, row, [*counts, auc, gap, numerals.percent(row["refused"]), cost])
    return rows


def _yields(found: pd.DataFrame) -> list[list[str]]:
    rows = [["rung", "bin", *HEADS.values()]]
    for _, row in found.iterrows():
        _part(rows, row, [_share(row, name) for name in HEADS])
    return rows


def _part(rows: list[list[str]], row: pd.Series, cells: list[str]) -> None:
    """Add a row, bins set apart."""
    if len(rows) > 1 and str(row["bin"]) != rows[-1][1]:
        rows.append([""] * len(rows[0]))
    rows.append([str(row["model"]), str(row["bin"]), *cells])


def _share(row: pd.Series, name: str) -> str:
    if pd.isna(row[name]):
        return "-"
    low, high = (numerals.percent(row[f"{name}_{end}"]).rstrip("%") for end in ("low", "high"))
    return f"{numerals.percent(row[name])} [{low}, {high}]"
