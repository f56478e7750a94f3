"""Whether decisions of a goal can be what a sweep stored. Values in, words out.

A run may come from anyone, and every command that reads decisions computes with what passes here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

# The numbers that each goal needs: above the first and up to the second.
NEEDED: dict[str, dict[str, tuple[float, float]]] = {
    "ExchangeRates": {"half_width": (0, 10)},
    "Decide": {"alpha": (0, 0.5)},
    "Accuracy": {"points": (0, 100)},
    "Compare": {"effect": (-100, 100), "alpha": (0, 0.5)},
}
# Of how many models a question of each goal is.
NUM_MODELS = {"ExchangeRates": 2, "Decide": 2, "Accuracy": 1, "Compare": 2}
TEXTS = ("along", "base", "new", "rule", "cost")
ENDS = ("known", "limits", "cap", "rounds", "pilot", "failed")
STATES = ("open", "known", "never", "at most")
# What was spent so far.
AMOUNTS = ("num_tokens", "device_seconds", "usd")
# Counts up to here fit their columns, and tokens up to here are told apart by what computes with them.
MOST_COUNT, MOST_TOKENS = 2**31 - 1, 2**53
# No rate or variance is as large, nor as small as one over it.
MOST = 1e30
# What sums may be off by: the same seconds in another order are not the same to the last digit.
ROUNDING = 1e-9


def find_wrong(rows: Sequence[Mapping[str, Any]]) -> str:
    """What of the decisions of one goal cannot be, in words; "" where all can.
    JSON stands there as what it says.
    """
    if wrong := next(filter(None, map(_find_wrong, rows)), ""):
        return wrong
    ordered = sorted(rows, key=lambda row: row["round"])
    if [row["round"] for row in ordered] != list(range(len(ordered))):
        return "rounds that do not follow one on another from 0"
    for before, row in zip(ordered, ordered[1:], strict=False):
        if row["asked"] != before["asked"]:
            return "two goals under one name"
        if row["targets"].keys() != before["targets"].keys():
            return "targets of other models than before"
        if fallen := next((name for name in AMOUNTS if is_above(before[name], row[name])), ""):
            return f"{fallen} that fell from one round to the next"
    return ""


def is_above(amount: float, other: float) -> bool:
    """Whether an amount is larger than another one, by more than rounding."""
    is_close = isinstance(amount, float) and math.isclose(amount, other, rel_tol=ROUNDING)
    return amount > other and not is_close


def _find_wrong(row: Mapping[str, Any]) -> str:
    """What of one decision cannot be, whatever the others are."""
    tests = {
        "a decision of no goal": isinstance(row["goal"], str),
        "a round that is none": _is_count(row["round"], MOST_COUNT),
        "num_tokens that cannot be": _is_count(row["num_tokens"], MOST_TOKENS),
        "device_seconds that cannot be": _is_within(row["device_seconds"], 0, MOST),
        "usd that cannot be": _is_within(row["usd"], 0, MOST),
        "a ratio that is none": row["ratio"] is None or _is_ratio(row["ratio"]),
        "an end of another kind": row["end"] is None or row["end"] in ENDS,
        "a goal of another kind": _is_asked(row["asked"]),
        "words that are none": _are_texts(row["words"]),
        "targets that are none": _are_targets(row["targets"]),
    }
    if wrong := next((what for what, holds in tests.items() if not holds), ""):
        return wrong
    known, goal, targets = row["known"], row["asked"]["goal"], row["targets"]
    is_known = isinstance(known, list) and all(_is_known(each, goal, targets) for each in known)
    return "" if is_known else "findings that are none"


def _is_asked(asked: Any) -> bool:
    """Whether these are the settings of a goal: plain values, and the numbers that it needs among them."""
    if not isinstance(asked, dict) or asked.get("goal") not in tuple(NEEDED) or "bins" not in asked:
        return False
    needed = NEEDED[asked["goal"]].items()
    return (
        all(_is_within(asked.get(name), low, high) and asked[name] > low for name, (low, high) in needed)
        and all(map(_is_plain, asked.values()))
        and all(isinstance(asked.get(name, ""), str | None) for name in TEXTS)
        and _are_texts(asked.get("pairs", []))
    )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool | None) or _are_texts(value) or _is_within(value, -MOST, MOST)


def _are_targets(targets: Any) -> bool:
    """Whether there are models, and each has prompts and samples."""
    return (
        isinstance(targets, dict)
        and bool(targets)
        and all(
            isinstance(each, list) and len(each) == 2 and all(_is_count(count, MOST_COUNT, 1) for count in each)
            for each in targets.values()
        )
    )


def _is_known(known: Any, goal: str, targets: Mapping[str, Any]) -> bool:
    """Whether this is what is stored of a question of this goal about these models."""
    if not isinstance(known, dict) or not isinstance(known.get("name"), str):
        return False
    models, found, within = (known.get(name) for name in ("models", "found", "within"))
    if not (_are_texts(models) and isinstance(found, dict) and isinstance(within, dict)):
        return False
    tests = FOUND[goal]
    return (
        known.get("state") in STATES
        and len(models) == len(set(models)) == NUM_MODELS[goal]
        and all(name in targets for name in (*models, *within))
        and _is_ratio(known.get("ratio"))
        and _is_within(known.get("between"), 1 / MOST, MOST)
        and all(_is_within(each, 0, MOST) for each in within.values())
        and found.keys() == tests.keys()
        and all(test(_read_number(found[name])) for name, test in tests.items())
    )


def _is_rate(value: Any) -> bool:
    """Infinite where it is never reached, NaN where there is nothing to match, 0 where what is spent is free."""
    return _is_within(value, 1 / MOST, MOST) or (
        _is_number(value) and (value in (0, math.inf) or math.isnan(value))
    )


def _is_share(value: Any) -> bool:
    """NaN where there is nothing to match."""
    return _is_within(value, 0, 1) or (_is_number(value) and math.isnan(value))


def _is_side(value: Any) -> bool:
    """Below 1, above it, never, or not known yet."""
    return _is_number(value) and (value in (-1, 1, math.inf) or math.isnan(value))


def _is_accuracy(value: Any) -> bool:
    return _is_within(value, -ROUNDING, 1 + ROUNDING)


def _is_gain(value: Any) -> bool:
    """Of an interval that holds at all looks: its ends may lie beyond what gains can be."""
    return _is_within(value, -MOST, MOST)


def _is_ratio(value: Any) -> bool:
    return _is_number(value) and value >= 0 and (value <= MOST or value == math.inf)


def _is_within(value: Any, low: float, high: float) -> bool:
    return _is_number(value) and low <= value <= high


def _is_number(value: Any) -> bool:
    """Whether it is one, and no whole number beyond every float."""
    return type(value) is float or (type(value) is int and -MOST <= value <= MOST)


def _is_count(value: Any, most: int, least: int = 0) -> bool:
    return type(value) is int and least <= value <= most


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _read_number(value: Any) -> Any:
    """A number of what was found; infinite ones are stored as text."""
    return float(value) if value in ("inf", "-inf", "nan") else value


# What each goal finds of a question, and what of that can be.
FOUND: dict[str, Mapping[str, Callable[[Any], bool]]] = {
    "ExchangeRates": {"rate": _is_rate, "low": _is_rate, "high": _is_rate, "never": _is_share},
    "Decide": {"side": _is_side} | dict.fromkeys(("at_1", "at_1_error", "at_end", "at_end_error"), _is_gain),
    "Accuracy": dict.fromkeys(("accuracy", "low", "high"), _is_accuracy),
    "Compare": dict.fromkeys(("gain", "low", "high", "effect"), _is_gain),
}
