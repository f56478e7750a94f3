"""What a run says in a sentence, and why it says no more. Knows findings, no files."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from analysis import difficulty, unread, wording
from analysis.bins import ALL_PROMPTS
from analysis.curves import Rule
from analysis.findings import Findings

# Fewer are no sample: of three prompts, one in nine resamples holds one of them alone, and its interval has no width.
FEWEST_PROMPTS = difficulty.FEWEST_IN_BIN
Unread = dict[tuple[str, str, str], Mapping[str, float]]


def headline(findings: Findings, *, rule: Rule) -> str:
    """The cheapest certain match of the largest rung in a bin, and where a smaller one never does.

    Cells whose answers were mostly graded neither right nor wrong lead no sentence: which, and why, is said instead.
    Nor do bins of a handful of prompts.
    """
    rates = against_largest(findings, rule)
    bins = rates[rates["bin"] != ALL_PROMPTS] if not rates.empty and rates["bin"].nunique() > 1 else rates
    unclear = _mostly_unread(findings)
    if bins.empty:
        return _sentences(f"One model on {findings.setting.task}: there is no larger one to match.", _aside(unclear))
    largest = bins["large"].iloc[0]
    is_clear = [not _leans_on(row, unclear, findings) for _, row in bins.iterrows()]
    if not any(is_clear):
        return _sentences(f"No verdict on {findings.setting.task}: too few answers were read.", _aside(unclear))
    bins = bins[is_clear]
    if bins["exchange_rate"].isna().all():
        right = "right" if (bins["target_accuracy"] == 0).all() else "surely right"
        first = f"No answer of {largest} on {findings.setting.task} is {right}: there is {wording.NOTHING}."
    elif (told := bins[bins["num_prompts"] >= FEWEST_PROMPTS].dropna(subset="exchange_rate")).empty:
        first = f"No verdict on {findings.setting.task}: fewer than {FEWEST_PROMPTS} prompts."
    else:
        first = _verdict(told, rule, findings.setting.cost_unit)
    return _sentences(first, _aside(unclear))


def against_largest(findings: Findings, rule: Rule) -> pd.DataFrame:
    """Rows of the exchange-rate frame along widths against the largest rung; empty where there is only one."""
    rates = findings.exchange_rates
    if rates.empty:
        return rates
    return rates[(rates["large"] == rates["large"].iloc[-1]) & (rates["rule"] == rule) & (rates["path"] == "width")]


def _sentences(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _verdict(bins: pd.DataFrame, rule: Rule, unit: str) -> str:
    finite, hopeless = bins[bins["high"].map(math.isfinite)], bins[bins["share_never"] >= 0.95]
    if finite.empty:
        sentence = f"No smaller model surely matches one answer of {bins['large'].iloc[0]} in any bin"
    else:
        sentence = _match(finite.loc[finite["exchange_rate"].idxmin()], rule, unit)
    return sentence + (f"; {_miss(hopeless.iloc[-1])}." if len(hopeless) else ".")


def _match(row: pd.Series, rule: Rule, unit: str) -> str:
    most = "at most " if row["at_or_below"] else ""
    return (
        f"{_on(row)}, {row['small']} with {wording.steps(row['step'], 'width')} ({wording.RULES[rule]}) matches one "
        f"answer of {row['large']} at {most}{wording.times(row['exchange_rate'])} its {wording.spent(unit)} "
        f"(95% interval {wording.times(row['low'])} to {wording.times(row['high'])})"
    )


def _miss(row: pd.Series) -> str:
    return f"{_on(row).lower()}, {row['small']} never does {wording.within('width', row['max_step'])}"


def _on(row: pd.Series) -> str:
    return "On all prompts" if row["bin"] == ALL_PROMPTS else f"On {row['bin']} prompts"


def _mostly_unread(findings: Findings) -> Unread:
    """By whose bins they are, bin and model: the shares of answers neither right nor wrong, where most are."""
    rows = findings.unread.to_dict("records")
    return {(row["of"], row["bin"], row["model"]): row for row in rows if unread.is_mostly(row)}


def _leans_on(row: pd.Series, unclear: Unread, findings: Findings) -> bool:
    """Whether a rate is of a model, or for one, whose answers in the bin are mostly unread."""
    of = row["small"] if findings.setting.difficulty == "own" else ""
    return any((of, row["bin"], row[side]) in unclear for side in ("small", "large"))


def _aside(unclear: Unread) -> str:
    """Which models and bins are left aside, each model once where it is unread on all prompts; "" where none is."""
    whole = {model for _, name, model in unclear if name == ALL_PROMPTS}
    told: dict[str, str] = {}
    for (_, name, model), parts in unclear.items():
        if name == ALL_PROMPTS:
            told[model] = f"{model} ({unread.told(parts)})"
        elif model not in whole:
            told[f"{model} {name}"] = f"{model} on {name} prompts ({unread.told(parts)})"
    return _left_aside(list(told.values()))


def _left_aside(told: Sequence[str]) -> str:
    if not told:
        return ""
    return f"Left aside, as most answers at the full budget were graded neither right nor wrong: {'; '.join(told)}."
