"""What a figure matched with what, in words for a stranger. Reads one row of a frame."""

import pandas as pd

from analysis import numerals
from analysis.reading.choices import BINS_ASIDE, MOST_SAMPLES
from analysis.reading.curves import CHOSEN_RULES
from analysis.runs import serial
from analysis.text import wording

# So many widths are listed one by one.
MAX_VOTES = 3
EXCHANGE_KEY = (
    "Dot left of 1x: the smaller model is cheaper at equal accuracy. Line: 95% interval. Grey lane: never. "
    "Open triangle: at most so much."
)


def substitution_key(first: pd.Series, solid_rule: str) -> str:
    """What the marks of the substitution figure are, whose solid lines are read by this rule."""
    told = "Thin lines: 95% intervals."
    if first["path"] != "width":
        more = serial.of(first).more_of
        return f"Line: one answer, with {more} to the right. Ring: where it reaches the dashed line. {told}"
    if solid_rule == "pass_at_k":
        return (
            "Line: any of k samples correct, which needs an oracle and counts lucky guesses. Ring: where it "
            f"reaches the dashed line. {told}"
        )
    if solid_rule in CHOSEN_RULES:
        return (
            f"Line: {wording.RULES[solid_rule]}, k = {_votes(first, solid_rule)} from left to right. Ring: where "
            f"it reaches the dashed line. {told} Dotted: any of k correct (needs an oracle)."
        )
    return (
        f"Line: {wording.RULES[solid_rule]} of k = {_votes(first, solid_rule)}, from left to right. Ring: where "
        f"{wording.RULES[first['rate_rule']]} reaches the dashed line. {told} "
        "Dotted: any of k correct (needs an oracle)."
    )


def substitution(first: pd.Series) -> str:
    """The caption of the substitution figure."""
    target = f"{first['target']} {wording.matched_at(first)}"
    faded = " Faded: over half of the samples drawn." if first["path"] == "width" else ""
    return (
        f"To match: one answer of {target}. The factor below a panel: {wording.spent(first['cost_unit'])} of the "
        f"smaller model over that of {first['target']}, at equal accuracy. Never: not within the measured "
        f"grid.{faded} {run(first, binned=True)}"
    )


def exchange_rates(first: pd.Series) -> str:
    """The caption of the figure of exchange rates."""
    read = wording.RULES[first["rule"]]
    spent = f"draws more samples, read by {read}" if first["path"] == "width" else serial.of(first).does
    return (
        f"To match: one answer of the larger model {wording.matched_at(first)}; the smaller one "
        f"{spent}. "
        f"Never: not {wording.within(first['path'], first['max_step'])}. "
        f"{run(first, binned=True)}"
    )


def run(first: pd.Series, *, binned: bool, priced: bool = True, what: str = "95% intervals") -> str:
    """Task, prompts, samples, bins, cost model, and what was resampled: what every figure of a run has to say."""
    bins = f" Bins: {first['bins_are']}." if binned and not pd.isna(first["bins_are"]) else ""
    cost = f" Cost in {first['cost_unit']}, prompts read once, {first['cost_label']}." if priced else ""
    whole = "" if pd.isna(first["cluster"]) else f", whole groups of {first['cluster']} at once"
    aside = f" Left out, as its prompts lie in one half: {first[BINS_ASIDE]}." if BINS_ASIDE in first else ""
    return (
        f"Task {first['task']}, {first['total_prompts']} prompts, {samples_each(first)}.{bins}{aside}{cost} "
        f"{what} over prompts (paired bootstrap{whole}, {first['num_replicates']:,} replicates).{cautions(first)}"
    )


def cautions(first: pd.Series) -> str:
    """What is to be borne in mind, to stand at a caption's end; "" where there is nothing."""
    told = first.get("cautions", "")
    return f" CAUTION. {told}" if told else ""


def read_by(first: pd.Series) -> str:
    """How several samples are read: 'a majority vote', or 'any of k correct, which needs an oracle'."""
    words = {"maj_at_k": "a majority vote", "pass_at_k": "any of k correct, which needs an oracle"}
    words |= {"best_of_n": "the one with the best score", "weighted_vote": "a vote weighted by score"}
    return (words | {"filtered_vote": "a vote of the best-scored ones"})[first["rule"]]


def own_best(first: pd.Series) -> str:
    """What each model of a frontier chooses: 'its own best thinking budget and number of samples'."""
    chosen = str(first.get(serial.AMONG, serial.of(first).choice)).split(", ")
    return f"its own best {numerals.listed([*chosen, 'number of samples'])}"


def samples_each(first: pd.Series) -> str:
    """How many samples a prompt the models were read at, and what axes that are not read were held at."""
    held = first.get(serial.HELD, "")
    each = numerals.samples_each(int(first["num_samples"]), int(first.get(MOST_SAMPLES, 0)))
    return f"{each}, {held}" if held else each


def _votes(first: pd.Series, rule: str) -> str:
    """'1 sample', '1 and 3 samples', '1, 3 and 5 samples', '1, 3, ... 15 samples';
    every number where a verifier chooses.
    """
    step = 2 if rule == "maj_at_k" else 1
    votes = [str(width) for width in range(1, int(first["num_samples"]) + 1, step)]
    told = numerals.listed(votes) if len(votes) <= MAX_VOTES else f"1, {votes[1]}, ... {votes[-1]}"
    return f"{told} sample{'s' if len(votes) > 1 else ''}"
