"""What a run says of all prompts in a few sentences, and why it says no more. Knows findings, no files."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import pandas as pd

from analysis import numerals
from analysis.costs import cost_models
from analysis.questions.exchange_rates import Findings
from analysis.reading import unread
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.curves import PathName, Rule
from analysis.stats import difficulty, intervals
from analysis.text import wording

# Fewer are no sample: of three prompts, one in nine resamples holds one of them alone, and its interval has no
# width.
FEWEST_PROMPTS = difficulty.FEWEST_IN_BIN
# Of so many smaller models each is named; of more they are counted, and the largest of them is named.
MOST_NAMED = 4
SURELY_NEVER = 0.95
Unread = dict[tuple[str, str, str], Mapping[str, float]]
Side = Literal["less", "more", "never", "open"]


def headline(findings: Findings, *, rule: Rule) -> str:
    """The sentences on one line."""
    return " ".join(sentences(findings, rule=rule))


def sentences(findings: Findings, *, rule: Rule) -> list[str]:
    """What every smaller model spends for one answer of the largest on all prompts,
    and how far that can be relied on.

    No cell is chosen for its result: models come in order of size. A verdict is sure where it holds after
    correction for all rates that are shown; where another cost model, or a bin, says otherwise, that is said too.
    Models whose answers were mostly graded neither right nor wrong lead no sentence: which, and why, is said
    instead.
    """
    rates, unclear = against_largest(findings, rule), _mostly_unread(findings)
    clear = rates if rates.empty else rates[[not _leans_on(row, unclear, findings) for _, row in rates.iterrows()]]
    if rates.empty:
        told = [f"Only one model on {findings.setting.task}: there is no larger one to match."]
    elif (whole := clear[clear["bin"] == ALL_PROMPTS]).empty:
        told = [f"No verdict on {findings.setting.task}: too few answers could be graded."]
    else:
        told = list(_of_all(findings, clear, whole))
    return [sentence for sentence in (*told, _aside(unclear, findings.setting.words.full)) if sentence]


def traded(findings: Findings) -> PathName:
    """What there is to trade for size: samples,
    or thinking, or what else is read, where each model has one sample and several budgets.
    """
    rates = findings.exchange_rates
    if rates.empty or (rates.loc[rates["path"] == "width", "max_step"] > 1).any():
        return "width"
    return findings.setting.along if findings.cells["budget"].nunique() > 1 else "width"


def against_largest(findings: Findings, rule: Rule) -> pd.DataFrame:
    """Rows of the exchange-rate frame against the largest rung along what is `traded`; empty where it is alone."""
    rates = findings.exchange_rates
    if rates.empty:
        return rates
    is_path = rates["path"] == traded(findings)
    return rates[(rates["large"] == rates["large"].iloc[-1]) & (rates["rule"] == rule) & is_path]


def _of_all(findings: Findings, rates: pd.DataFrame, whole: pd.DataFrame) -> Iterator[str]:
    """Sentences on all prompts, from the rates of every bin and the part of them on all prompts."""
    task, large, first = findings.setting.task, whole["large"].iloc[0], whole.iloc[0]
    if whole["exchange_rate"].isna().all():
        right = "right" if (whole["target_accuracy"] == 0).all() else "certainly right"
        yield f"No answer of {large} on {task} is {right}: there is {wording.NOTHING}."
    elif first["num_prompts"] < FEWEST_PROMPTS:
        yield f"No verdict on {task}: fewer than {FEWEST_PROMPTS} prompts."
    elif first["path"] == "width" and whole["max_step"].max() == 1:
        yield f"Only one sample of each model on {task}: there is {wording.NOTHING_TO_TRADE}."
    else:
        named = whole if len(whole) <= MOST_NAMED else whole.tail(1)
        read_by = wording.RULES[first["rule"]] if first["path"] == "width" else findings.setting.words.more
        on = f"on all {numerals.prompts(first['num_prompts'])} of {task}, by {read_by} (95% intervals)"
        num_rates = _num_rates(findings, first)
        phrases = [_phrase(row, findings.setting.cost_unit, num_rates) for _, row in named.iterrows()]
        counts = [] if len(named) == len(whole) else [_counts(whole)]
        answer = f"O{wording.one_answer(large, findings.setting.matched)[1:]}"
        yield f"{answer} {on}: {'; '.join(counts + phrases)}."
        if any("certainly less" in phrase or "certainly more" in phrase for phrase in (*phrases, *counts)):
            yield f"Certainly: at the 5% level, after Holm's correction over all {numerals.rates(num_rates)}."
        yield _by_cost(findings, named)
        yield _by_bin(rates, named)
        yield _few(rates)


def _num_rates(findings: Findings, like: pd.Series) -> int:
    """How many rates were corrected together with this one."""
    rates = findings.exchange_rates
    return int(
        rates.loc[(rates["rule"] == like["rule"]) & (rates["path"] == like["path"]), "p_holm"].notna().sum()
    )


def _side(row: pd.Series) -> Side:
    """On which side of as much compute an interval lies."""
    if row["share_never"] >= SURELY_NEVER:
        return "never"
    if math.isinf(row["exchange_rate"]):
        return "open"
    return "less" if row["high"] < 1 else "more" if row["low"] > 1 else "open"


def _is_sure(row: pd.Series) -> bool:
    return _side(row) == "never" or (_side(row) != "open" and row["p_holm"] <= intervals.FALSE_SHARE)


def _phrase(row: pd.Series, unit: str, num_rates: int) -> str:
    within, ends = wording.within(row["path"], row["max_step"]), wording.ends(row["low"], row["high"])
    if _side(row) == "never":
        return f"{row['small']} never matches it {within}"
    if math.isinf(row["exchange_rate"]):
        return f"{row['small']} did not match it {within} {ends}"
    rate = f"{numerals.times(row['exchange_rate'])} its {unit} {ends}, {_verdict(row, num_rates)}"
    if row["at_or_below"]:
        return f"{row['small']} already matches it at its cheapest cell, for ≤{rate}"
    by = f" with {wording.steps(row['step'], row['path'])}" if math.isfinite(row["step"]) else ""
    return f"{row['small']} matches it{by} for {rate}"


def _verdict(row: pd.Series, num_rates: int) -> str:
    side = _side(row)
    if side == "open":
        return "which may equal 1x"
    if _is_sure(row):
        return f"certainly {side}"
    return f"{side} by this interval, but not certain after correction for {numerals.rates(num_rates)}"


def _counts(whole: pd.DataFrame) -> str:
    """Of many smaller models, how many there are of each verdict."""
    sides = [_side(row) if _is_sure(row) else "open" for _, row in whole.iterrows()]
    less, more, never, undecided = (
        sum(each == side for each in sides) for side in ("less", "more", "never", "open")
    )
    return (
        f"of {len(whole)} smaller models {less} match it for certainly less, {more} for certainly more and "
        f"{never} never; {undecided} are undecided"
    )


def _by_cost(findings: Findings, named: pd.DataFrame) -> str:
    """For which of these models the verdict depends on what is counted, and between what; "" for none."""
    table, first = findings.by_cost, named.iloc[0]
    table = table[
        (table["rule"] == first["rule"]) & (table["path"] == first["path"]) & (table["bin"] == ALL_PROMPTS)
    ]
    phrases = []
    for small in named["small"]:
        kinds = table[table["small"] == small]
        of_size = kinds[
            ~kinds["counted_as"].isin(cost_models.COUNT_MODELS_ALIKE) | (kinds.index == kinds.index[0])
        ]
        if len({_side(row) for _, row in of_size.iterrows()}) > 1:
            ends = [of_size.loc[of_size["exchange_rate"].idxmin()], of_size.loc[of_size["exchange_rate"].idxmax()]]
            least, most = (
                f"{numerals.times(end['exchange_rate'])} in {wording.COUNTED[end['counted_as']]}" for end in ends
            )
            phrases.append(f"{small} from {least} to {most}")
    return f"The verdict depends on what is counted: {'; '.join(phrases)}." if phrases else ""


def _by_bin(rates: pd.DataFrame, named: pd.DataFrame) -> str:
    """Where a bin's sure verdict is another than that on all prompts; "" nowhere."""
    phrases = []
    for _, whole in named.iterrows():
        parts = rates[(rates["small"] == whole["small"]) & (rates["bin"] != ALL_PROMPTS)].dropna(
            subset="exchange_rate"
        )
        for _, part in parts.iterrows():
            if part["num_prompts"] >= FEWEST_PROMPTS and _is_sure(part) and _side(part) != _side(whole):
                words = "never" if _side(part) == "never" else f"certainly {_side(part)}"
                phrases.append(f"{whole['small']} {words} on {part['bin']} prompts")
    return f"Bins with a different verdict: {'; '.join(phrases)}." if phrases else ""


def _few(rates: pd.DataFrame) -> str:
    """Which bins hold few prompts; "" where none does."""
    sizes = rates.drop_duplicates("bin")
    bins = sizes[sizes["bin"] != ALL_PROMPTS] if len(sizes) > 1 else sizes
    few = bins[(bins["num_prompts"] < wording.FEW_PROMPTS) & (bins["num_prompts"] > 0)]
    if few.empty:
        return ""
    names = numerals.listed([f"{row['bin']} ({row['num_prompts']})" for _, row in few.iterrows()])
    return f"Too few prompts to judge alone (under {wording.FEW_PROMPTS}): {names}."


def _mostly_unread(findings: Findings) -> Unread:
    """By whose bins they are, bin and model: the shares of answers neither right nor wrong, where most are."""
    rows = findings.unread.to_dict("records")
    return {(row["of"], row["bin"], row["model"]): row for row in rows if unread.is_mostly(row)}


def _leans_on(row: pd.Series, unclear: Unread, findings: Findings) -> bool:
    """Whether a rate is of a model, or for one, whose answers in the bin are mostly unread."""
    of = row["small"] if findings.setting.difficulty == "own" else ""
    return any((of, row["bin"], row[side]) in unclear for side in ("small", "large"))


def _aside(unclear: Unread, full: str) -> str:
    """Which models and bins are left aside,
    each model once where it is unread on all prompts; "" where none is.
    """
    whole = {model for _, name, model in unclear if name == ALL_PROMPTS}
    told: dict[str, str] = {}
    for (_, name, model), parts in unclear.items():
        if name == ALL_PROMPTS:
            told[model] = f"{model} ({unread.told(parts)})"
        elif model not in whole:
            told[f"{model} {name}"] = f"{model} on {name} prompts ({unread.told(parts)})"
    return _left_aside(list(told.values()), full)


def _left_aside(told: Sequence[str], full: str) -> str:
    if not told:
        return ""
    return f"Left out, because most answers {full} could not be graded: {'; '.join(told)}."
