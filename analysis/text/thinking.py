"""Whether models think well, in words: as text, and as tables that the report shows. Knows the question,
no files.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from analysis import numerals
from analysis.policies.studies.stops import HALF, LEARNED, OWN
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.reading import Reading
from analysis.runs import serial
from analysis.stats.flips import STEP_TOKENS
from analysis.text import wording
from analysis.text.tables import aligned, filled

# Rates from so many points on are told without decimals.
WHOLE_POINTS = 20
ABOUT_FLIPS = (
    "Right to wrong and wrong to right: shares of all samples that answer so at the budget and at the next, the "
    "same samples at both. Tokens: thinking tokens more that a sample spends, on average."
)
ABOUT_STEPS = (
    f"Points of accuracy for every {STEP_TOKENS} thinking tokens more, between neighbouring budgets, at one "
    "sample: a rate, not what so many tokens would buy. Brackets: 95% intervals over prompts, each by itself. *: "
    "rises or falls by intervals that hold for all models, bins and steps at once."
)
ABOUT_BUDGETS = (
    "Least that suffices: share of all samples that are right at this budget and at no smaller one; what is left "
    "is never right. Lost: accuracy below that of the budget which suits each prompt, by thinking too long (that "
    "one is smaller) or too little (it is larger). Half of a prompt's samples say which suits it, and the other "
    "half is read, so that chance alone loses nothing; below 0 such a choice would do harm."
)


ABOUT_STOPS = (
    "Own stops: a sample thinks until it stops by itself, or to the largest budget. Learned: a budget for each "
    "prompt, guessed from its text and labels by a model that was fitted on other prompts. Knows half: from half "
    "of a prompt's own samples, read on the others. Both give out at most as many tokens as own stops take, and a "
    "budget is charged whole. One budget: the same for all, at the same tokens. Hindsight: the most that the same "
    "tokens buy if it is known what each sample needs. Efficiency: what a policy gains on one budget for all, as "
    "a share of what hindsight gains: 1 is as good as hindsight, 0 as one budget; -: hindsight does not surely "
    "gain."
)
PLACES = {"at_budget": "at the largest budget", "at_accuracy": "at equal accuracy"}
POLICIES = {OWN: "own stops", LEARNED: "learned", HALF: "knows half"}


ABOUT_LENGTHS = (
    "Right is shorter: of a right and a wrong sample of one prompt, how often the right one thought less; one "
    "that was cut is longer than any that ended, two that were cut are a tie, and ties count half. 50% is a coin. "
    "Mixed: prompts with both. Cut: samples that still thought at the largest budget; such a one may be wrong "
    "because of that."
)
ABOUT_INFLATION = (
    "Tokens: thinking, what closes it, and the answer, of one sample, over those of {against}. At equal accuracy: "
    "with how many the model is first as accurate as {against} is at this budget; ≤: its smallest budget already "
    "is."
)


class Shown(NamedTuple):
    """A table for a reader: title, rows with the head first, how many columns are names, and what they mean."""

    title: str
    rows: list[list[str]]
    num_text: int
    about: str


def render(shown: Sequence[Shown], said: Sequence[str], reading: Reading) -> str:
    """The tables, each with what it means, and what follows from them."""
    parts = [f"{each.title}\n{aligned(each.rows, num_text=each.num_text, is_last_text=False)}\n\n{each.about}"
             for each in shown]  # fmt: skip
    return filled("\n\n".join([intro(reading), *parts, "\n".join(said)]))


def intro(reading: Reading) -> str:
    """Which samples are read."""
    outcomes = reading.outcomes
    num_prompts = len(outcomes.prompt_ids)
    return (
        f"{reading.setting.task}: {numerals.prompts(num_prompts)}, {numerals.samples(outcomes.num_samples)} each, "
        f"{reading.words.at_each(outcomes.budgets.tolist())}. The same samples at each: thinking is cut at the "
        "budget, unless it ended before."
    )


def shown(tables: Mapping[str, pd.DataFrame]) -> Iterator[Shown]:
    """Every table that is there, in order."""
    yield from of_steps(tables["steps"])
    yield of_budgets(tables["budgets"])
    yield from of_stops(tables["stops"])
    yield of_lengths(tables["lengths"])
    if "inflation" in tables:
        yield of_inflation(tables["inflation"])


def said(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Every sentence that the intervals bear."""
    lines = [*said_of_steps(tables["steps"]), *said_of_budgets(tables["budgets"]), *said_of_stops(tables["stops"])]
    lines += said_of_lengths(tables["lengths"])
    return lines + (said_of_inflation(tables["inflation"]) if "inflation" in tables else [])


def of_steps(steps: pd.DataFrame) -> Iterator[Shown]:
    """Flips over all prompts, and what tokens buy in each bin."""
    yield Shown("What a step to the next budget turns, all prompts", _flips(steps), 2, ABOUT_FLIPS)
    yield Shown(f"Points for every {STEP_TOKENS} thinking tokens more", _per_tokens(steps), 2, ABOUT_STEPS)


def said_of_steps(steps: pd.DataFrame) -> list[str]:
    """Where thinking on lowers accuracy, as far as the intervals say; of all steps how many are certain at all."""
    falls = steps[steps["direction"] == "falls"]
    lines = [
        f"{row['model']}, {row['bin']}: from {row['budget']} to {row['next_budget']} thinking tokens accuracy "
        f"falls, by {wording.with_ends([-100 * row[name] for name in _REVERSED], '{:.1f}')} points."
        for _, row in falls.iterrows()
    ]
    if not lines:
        num_rising, every = int((steps["direction"] == "rises").sum()), len(steps)
        lines = [
            f"Of {every} steps (models, bins, budgets) {num_rising} certainly raise accuracy, and none certainly "
            "lowers it."
        ]
    return lines


def of_budgets(budgets: pd.DataFrame) -> Shown:
    """What suffices at each budget, and what it loses, over all prompts."""
    rows = [
        ["model", "budget", "least that suffices, %", "lost by too long, points", "lost by too little, points"]
    ]
    for _, row in budgets[budgets["bin"] == ALL_PROMPTS].iterrows():
        _break(rows, str(row["model"]))
        rows.append(
            [str(row["model"]), serial.short(row["budget"]), wording.of_row(row, "least", "{:z.1f}", 100),
             wording.of_row(row, "over", "{:z.1f}", 100), wording.of_row(row, "under", "{:z.1f}", 100)]
        )  # fmt: skip
    return Shown("What suffices, and what one budget for all loses, all prompts", rows, 1, ABOUT_BUDGETS)


def said_of_budgets(budgets: pd.DataFrame) -> list[str]:
    """Of each model whether the largest budget certainly loses accuracy by thinking too long."""
    lines = []
    for model, own in budgets[budgets["bin"] == ALL_PROMPTS].groupby("model", sort=False):
        last = own.iloc[-1]
        if last["over_low"] > 0:
            lines.append(
                f"{model}: at {last['budget']} thinking tokens {wording.of_row(last, 'over', '{:.1f}', 100)} "
                "points are lost by thinking too long for some prompts."
            )
    return lines or ["No model certainly loses accuracy by thinking too long at the largest budget."]


def of_stops(stops: pd.DataFrame) -> Iterator[Shown]:
    """Each policy over all prompts, and the efficiency of own stops by bin."""
    rows = [
        ["model", "policy", "tokens", "accuracy, %", "one budget, %", "hindsight, %", "gain, points", "efficiency"]
    ]
    for _, row in stops[stops["bin"] == ALL_PROMPTS].iterrows():
        _break(rows, str(row["model"]))
        rows.append(
            [str(row["model"]), POLICIES[row["policy"]], f"{row['tokens']:.0f}",
             *(f"{100 * row[name]:.1f}" for name in ("accuracy", "uniform", "hindsight")),
             wording.of_row(row, "gain", "{:+z.1f}", 100), wording.of_row(row, "efficiency", "{:z.2f}")]
        )  # fmt: skip
    yield Shown("Who gets the thinking tokens, all prompts", rows, 2, ABOUT_STOPS)
    own = stops[(stops["policy"] == OWN) & (stops["bin"] != ALL_PROMPTS)]
    if len(own):
        table = [["bin", *dict.fromkeys(own["model"])]]
        for name, part in own.groupby("bin", sort=False):
            told = {row["model"]: wording.of_row(row, "efficiency", "{:z.2f}") for _, row in part.iterrows()}
            table.append([str(name), *(told.get(model, "-") for model in table[0][1:])])
        yield Shown("Efficiency of own stops by bin", table, 1, "As above, in each bin at its own tokens.")


def said_of_stops(stops: pd.DataFrame) -> list[str]:
    """Of each model whether its own stops are better or worse than one budget, as far as the intervals say."""
    lines = []
    for _, row in stops[(stops["policy"] == OWN) & (stops["bin"] == ALL_PROMPTS)].iterrows():
        side = "better" if row["gain_low"] > 0 else "worse" if row["gain_high"] < 0 else ""
        if side:
            lines.append(
                f"{row['model']}: its own stops are {side} than one budget of {row['tokens']:.0f} tokens for all, "
                f"{wording.of_row(row, 'gain', '{:+z.1f}', 100)} points."
            )
    return lines or ["Whether own stops are better or worse than one budget for all is not known of any model."]


def of_lengths(found: pd.DataFrame) -> Shown:
    """Whose thinking is shorter, by bin."""
    rows = [["bin", "model", "right is shorter, %", "mixed", "cut"]]
    for _, row in found.iterrows():
        _break(rows, str(row["bin"]))
        rows.append(
            [str(row["bin"]), str(row["model"]), wording.of_row(row, "shorter", "{:.1f}", 100), f"{row['num_mixed']}",
             numerals.percent(row["cut_share"])]
        )  # fmt: skip
    return Shown("Thinking of right beside wrong samples of one prompt", rows, 2, ABOUT_LENGTHS)


def said_of_lengths(found: pd.DataFrame) -> list[str]:
    """Whose thinking is shorter over all prompts, as far as the intervals say."""
    whole = found[found["bin"] == ALL_PROMPTS]
    named = {side: list(whole.loc[whole["direction"] == side, "model"]) for side in ("shorter", "longer")}
    lines = [
        f"Within prompts, right samples of {numerals.listed(models)} think {side} than wrong ones."
        for side, models in named.items()
        if models
    ]
    return lines or ["Whether right samples think shorter or longer than wrong ones is not known of any model."]


def of_inflation(found: pd.DataFrame) -> Shown:
    """What each model writes beside the one that was named, by budget."""
    rows = [["bin", "model", "budget", "accuracy, %", "against, %", "tokens at this budget", "at equal accuracy"]]
    for _, row in found.iterrows():
        _break(rows, str(row["bin"]))
        rows.append(
            [str(row["bin"]), str(row["model"]), serial.short(row["budget"]), f"{100 * row['accuracy']:.1f}",
             f"{100 * row['against_accuracy']:.1f}", wording.of_row(row, "at_budget", "{:.2f}"),
             wording.bounded(wording.of_row(row, "at_accuracy", "{:.2f}"), bool(row["at_or_below"]))]
        )  # fmt: skip
    against = found.iloc[0]["against"]
    return Shown(f"Tokens over those of {against}", rows, 2, ABOUT_INFLATION.format(against=against))


def said_of_inflation(found: pd.DataFrame) -> list[str]:
    """Of each model whether it writes more or less at the largest budget, and at equal accuracy."""
    lines = []
    last = found[(found["bin"] == ALL_PROMPTS) & (found["budget"] == found["budget"].max())]
    for _, row in last.iterrows():
        told = [
            f"{wording.of_row(row, name, '{:.2f}')} times as many {where}"
            for name, where in PLACES.items()
            if _is_told(row, name)
        ]
        lines.append(
            f"Beside {row['against']}, {row['model']} writes tokens {' and '.join(told)}."
            if told
            else f"Whether {row['model']} writes more or fewer tokens than {row['against']} is not known."
        )
    return lines


def _is_told(row: pd.Series, name: str) -> bool:
    """Whether an interval does not hold 1; an upper bound tells only that it is below."""
    is_bound = name == "at_accuracy" and bool(row["at_or_below"])
    return bool(row[f"{name}_high"] < 1 or (row[f"{name}_low"] > 1 and not is_bound))


# A fall's interval, turned round: what it holds at once for all steps.
_REVERSED = ("change", "change_joint_high", "change_joint_low")


def _flips(steps: pd.DataFrame) -> list[list[str]]:
    rows = [["model", "budgets", "right to wrong, %", "wrong to right, %", "accuracy, points", "tokens"]]
    for _, row in steps[steps["bin"] == ALL_PROMPTS].iterrows():
        _break(rows, str(row["model"]))
        lost, gained = (wording.of_row(row, name, "{:z.1f}", 100) for name in ("lost", "gained"))
        rows.append(
            [str(row["model"]), _step(row), lost, gained, wording.of_row(row, "change", "{:+z.1f}", 100) + _star(row),
             f"{row['tokens']:.0f}"]
        )  # fmt: skip
    return rows


def _per_tokens(steps: pd.DataFrame) -> list[list[str]]:
    form = "{:+z.0f}" if steps["per_500"].abs().max() >= WHOLE_POINTS / 100 else "{:+z.1f}"
    labels = list(dict.fromkeys(_step(row) for _, row in steps.iterrows()))
    rows = [["bin", "model", *labels]]
    for (name, model), own in steps.groupby(["bin", "model"], sort=False):
        _break(rows, str(name))
        rows.append(
            [
                str(name),
                str(model),
                *(wording.of_row(row, "per_500", form, 100) + _star(row) for _, row in own.iterrows()),
            ]
        )
    return rows


def _star(row: pd.Series) -> str:
    return "*" if row["direction"] else " "


def _step(row: pd.Series) -> str:
    return f"{serial.short(row['budget'])} to {serial.short(row['next_budget'])}"


def _break(rows: list[list[str]], name: str) -> None:
    """An empty row where a group of rows with another first name begins."""
    if len(rows) > 1 and rows[-1][0] != name:
        rows.append([""] * len(rows[0]))
