"""How a budget splits between samples and a verifier, as tables for a terminal."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.questions.split_settings import ANY
from analysis.reading.bins import ALL_PROMPTS
from analysis.text import wording
from analysis.text.tables import aligned, filled

# Of the levels of compute so many are told.
NUM_TOLD = 6
# Of the targets, those whose isoquants are told.
ISOQUANTS = (0.8, 0.9, 0.95)
ABOUT = (
    "Settings: a model, a number of samples, one of them or a vote, with a verifier or without; all at the full "
    "thinking budget. Chosen on one half of the prompts and read on the other, both ways; brackets are 95% "
    "intervals over prompts. Without: the best setting that no verifier reads. To the verifier: the part of the "
    "cost that is its reading. Ratio: of the two costs, 0 where nothing without a verifier gets there. Never: not "
    "within the measured settings. Accuracy may fall as compute grows, since what one half chose need not be best "
    "on the other. What an accuracy costs lies between two budgets, on a straight line over the logarithm of "
    "compute; the setting is that of the larger budget. Samples are the mean of what both halves chose."
)


def render(levels: pd.DataFrame, targets: pd.DataFrame, isoquants: pd.DataFrame) -> str:
    """What a budget buys, what an accuracy costs, and which generators and verifiers reach it with how many
    samples.
    """
    parts = [
        f"{title}\n{aligned(rows, num_text=num_text, is_last_text=num_text == 1)}"
        for title, rows, num_text in tables(levels, targets, isoquants)
    ]
    return filled("\n\n".join([f"{levels.iloc[0]['task']}: {intro(levels)}", *parts, ABOUT]))


def intro(levels: pd.DataFrame) -> str:
    """The question, and what is counted."""
    first = levels.iloc[0]
    return f"samples, or a verifier that chooses among them? In {first['cost_unit']} a prompt ({first['cost_label']})."


def tables(
    levels: pd.DataFrame, targets: pd.DataFrame, isoquants: pd.DataFrame
) -> Iterator[tuple[str, list[list[str]], int]]:
    """Each table's title, its rows with the head first and an empty one between groups,
    and its columns of names.
    """
    unit = levels.iloc[0]["cost_unit"]
    yield "What a budget buys", _levels(levels, unit), 1
    yield "What an accuracy costs", _targets(targets, unit), 1
    told = [
        target for target in ISOQUANTS if np.isfinite(isoquants.loc[isoquants["target"] == target, "cost"]).any()
    ]
    if told:
        title = f"Equal accuracy of all prompts: samples, and {unit} with the verifier's part"
        yield title, _isoquants(isoquants, told), 2


def _levels(levels: pd.DataFrame, unit: str) -> list[list[str]]:
    rows = [["bin", unit, "accuracy", "without", "gain, points", "to the verifier", "setting"]]
    split = levels[levels["verifier"] == ANY]
    for name, part in split.groupby("bin", sort=False):
        _break(rows)
        for at in np.linspace(0, len(part) - 1, NUM_TOLD + 1).round().astype(int)[1:]:
            row = part.iloc[at]
            rows.append(
                [str(name), f"{row['cost']:.2g}", _percent(row, "accuracy"), _percent(row, "without"),
                 _ends(row, "gain", "{:+z.1f}", 100), _ends(row, "verifier_share", "{:.0f}%", 100), row["setting"]]
            )  # fmt: skip
    return rows


def _targets(targets: pd.DataFrame, unit: str) -> list[list[str]]:
    rows = [["bin", "target", unit, "without", "ratio", "to the verifier", "setting"]]
    for name, part in targets.groupby("bin", sort=False):
        _break(rows)
        for _, row in part.iterrows():
            bound = bool(row["at_or_below"])
            rows.append(
                [str(name), numerals.percent(row["target"]), wording.bounded(_ends(row, "cost", "{:.2g}"), bound),
                 wording.bounded(_ends(row, "without", "{:.2g}"), bound), _rate(row),
                 _ends(row, "verifier_share", "{:.0f}%", 100), row["setting"]]
            )  # fmt: skip
    return rows


def _isoquants(isoquants: pd.DataFrame, targets: Sequence[float]) -> list[list[str]]:
    whole = isoquants[isoquants["bin"] == ALL_PROMPTS]
    verifiers = list(dict.fromkeys(whole["verifier"]))
    rows = [["target", "generator", *verifiers]]
    for target in targets:
        _break(rows)
        part = whole[whole["target"] == target]
        for model in dict.fromkeys(part["model"]):
            of = part[part["model"] == model].set_index("verifier")
            rows.append(
                [numerals.percent(target), str(model), *(_samples(of.loc[verifier]) for verifier in verifiers)]
            )
    return rows


def _samples(row: pd.Series) -> str:
    """'k 5.5, 2.7e+08, 24%'."""
    if not np.isfinite(row["cost"]):
        return wording.NEVER
    share = f", {100 * row['verifier_share']:.0f}%" if row["verifier_share"] > 0 else ""
    return f"k {row['samples']:.3g}, {row['cost']:.2g}{share}"


def _rate(row: pd.Series) -> str:
    """'0.52 [0.39, 0.78]'; 'only with it' where nothing else gets there."""
    told = wording.with_ends([row[f"rate{end}"] for end in ("", "_low", "_high")], "{:.2f}")
    return told.replace("0.00", "only with it", 1) if row["rate"] == 0 else told


def _percent(row: pd.Series, name: str) -> str:
    return _ends(row, name, "{:.0f}%", 100)


def _ends(row: pd.Series, name: str, form: str, unit: float = 1) -> str:
    return wording.with_ends([unit * row[f"{name}{end}"] for end in ("", "_low", "_high")], form)


def _break(rows: list[list[str]]) -> None:
    """An empty row between bins."""
    if len(rows) > 1:
        rows.append([""] * len(rows[0]))
