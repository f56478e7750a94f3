"""What a figure matched with what, in words for a stranger. Reads one row of a frame."""

from collections.abc import Sequence

import pandas as pd

from analysis import numerals
from analysis.reading import limits
from analysis.reading.choices import BINS_ASIDE, MOST_SAMPLES
from analysis.text import wording

# So many widths are listed one by one.
MAX_VOTES = 3
EXCHANGE_KEY = (
    "Dot: compute of the smaller model over the larger's, at equal accuracy. Left of 1x the smaller model is cheaper.\n"
    "Arrow: in over 2.5% of replicates it never gets there. Triangle: it is there at its first cell, an upper bound."
)


def substitution_key(first: pd.Series, solid_rule: str) -> str:
    """What the marks of the substitution figure are, whose solid lines are read by this rule."""
    if first["path"] == "budget":
        return (
            "Line: one answer after thinking budgets that grow to the right, with 95% band. Dashes: the target. "
            "Ring: where it is reached."
        )
    if first["path"] == "width" and solid_rule == "pass_at_k":
        return (
            "Line: any of k samples correct, with 95% band: coverage, which needs an oracle and counts lucky guesses "
            "of short answers.\nDashes: the target, one answer of the largest. Ring: where it is reached. Faded: "
            "beyond half the samples."
        )
    return (
        f"Solid: majority vote of k = {_votes(first)}, with 95% band. Dotted: any of k "
        "correct (coverage, needs an oracle).\nDashes: the target, one answer of the largest. "
        f"Ring: where {wording.RULES[first['rate_rule']]} reaches it. Faded: beyond half the samples."
    )


def substitution(first: pd.Series, models: Sequence[str]) -> str:
    """The caption of the substitution figure."""
    return " ".join((_matched(first), _sampled(first, models), _intervals(first))) + cautions(first)


def exchange_rates(first: pd.Series) -> str:
    """The caption of the figure of exchange rates."""
    read = wording.RULES[first["rule"]]
    spent = f"more samples, read by {read}" if first["path"] == "width" else "more thinking tokens on its one sample"
    return (
        f"Task {first['task']}. Target: one answer of the larger model {limits.thinking(first['max_budget'])}; the "
        f"smaller one spends {spent}. Never: not "
        f"{wording.within(first['path'], first['max_step'])}. Cost in {first['cost_unit']}, prompts read once, "
        f"{first['cost_label']}. {first['total_prompts']} prompts, {samples_each(first)}, number of "
        "prompts in brackets. Lines: 95% intervals over prompts (paired bootstrap, "
        f"{first['num_replicates']:,} replicates).{cautions(first)}"
    )


def run(first: pd.Series, *, binned: bool, priced: bool = True, what: str = "Intervals are 95%,") -> str:
    """Task, prompts, samples, bins, cost model, and what was resampled: what every figure of a run has to say."""
    bins = f" Bins are {first['bins_are']}." if binned and not pd.isna(first["bins_are"]) else ""
    cost = f" Compute in {first['cost_unit']}, prompts read once, {first['cost_label']}." if priced else ""
    sampled = f"{first['total_prompts']} prompts, the same for every model, {samples_each(first)}."
    drawn = ", bins drawn anew in each" if bins else ""
    whole = "" if pd.isna(first["cluster"]) else f", whole groups of {first['cluster']} at once"
    aside = f" Left out, as its prompts lie in one half: {first[BINS_ASIDE]}." if BINS_ASIDE in first else ""
    return (
        f"Task {first['task']}. {sampled}{bins}{aside}{cost} {what} over prompts (paired bootstrap{whole}, "
        f"{first['num_replicates']:,} replicates{drawn}).{cautions(first)}"
    )


def cautions(first: pd.Series) -> str:
    """What is to be borne in mind, to stand at a caption's end; "" where there is nothing."""
    told = first.get("cautions", "")
    return f" CAUTION. {told}" if told else ""


def read_by(first: pd.Series) -> str:
    """How several samples are read: 'a majority vote', or 'any of k correct, which needs an oracle'."""
    return {"maj_at_k": "a majority vote", "pass_at_k": "any of k correct, which needs an oracle"}[first["rule"]]


def samples_each(first: pd.Series) -> str:
    """How many samples a prompt the models were read at."""
    return numerals.samples_each(int(first["num_samples"]), int(first.get(MOST_SAMPLES, 0)))


def _votes(first: pd.Series) -> str:
    """'1 sample', '1 and 3 samples', '1, 3 and 5 samples', '1, 3, ... 15 samples'."""
    votes = [str(width) for width in range(1, int(first["num_samples"]) + 1, 2)]
    told = numerals.listed(votes) if len(votes) <= MAX_VOTES else f"1, 3, ... {votes[-1]}"
    return f"{told} sample{'s' if len(votes) > 1 else ''}"


def _matched(first: pd.Series) -> str:
    budget = first["max_budget"]
    stays = "" if budget >= limits.UNLIMITED else f"the thinking budget stays at {budget} tokens and "
    how = {
        "width": f"{stays}the number of samples grows along each line",
        "budget": f"one sample, and the thinking budget grows along each line to {budget} tokens",
    }[first["path"]]
    return (
        f"Task {first['task']}. Matched: accuracy with one answer of {first['target']} {limits.thinking(budget)}; "
        f"{how}. "
        f"The factor is the smaller model's {first['cost_unit']} over {first['target']}'s at equal accuracy (below 1x "
        f"it is cheaper), prompts read once, {first['cost_label']}."
    )


def _sampled(first: pd.Series, models: Sequence[str]) -> str:
    total = f"{first['total_prompts']} prompts, the same for all {len(models)} models, {samples_each(first)}."
    return total if pd.isna(first["bins_are"]) else f"{total} Bins are {first['bins_are']}."


def _intervals(first: pd.Series) -> str:
    return (
        "Bands and brackets are 95% intervals over prompts (paired bootstrap, bins drawn anew in each of "
        f"{first['num_replicates']:,} replicates). Never: not within the measured grid."
    )
