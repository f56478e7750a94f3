"""Decisions that no sweep with a goal stores are refused in a line, by every command that would read them."""

import json
from pathlib import Path
from typing import Any

import pytest

from isoquant.__main__ import main
from results import decisions, store
from results.decision_checks import find_wrong
from results.schema import DECISIONS

KNOWN = {
    **{"name": "small against large, all prompts", "models": ["small", "large"], "state": "open", "ratio": 2.5},
    **{
        "found": {"rate": "inf", "low": 1.5, "high": "inf", "never": 0.1},
        "between": 0.2,
        "within": {"small": 0.1},
    },
}
PILOT = {
    **{
        "goal": "g",
        "round": 0,
        "time": "2026-01-01T00:00:00.000",
        "num_tokens": 10,
        "device_seconds": 1.0,
        "usd": 0.0,
    },
    **{"words": ["goal=exchange_rates"], "known": [], "targets": {"small": [8, 2], "large": [8, 1]}, "end": None},
    "asked": {"goal": "ExchangeRates", "bins": False, "half_width": 0.1, "pairs": []},
}
LOOK = PILOT | {"round": 1, "num_tokens": 99, "known": [KNOWN], "end": "limits"}
DEEP = "[" * 100_000
# What is written in place of a value of the second decision, JSON as text.
HOSTILE: list[tuple[str, Any]] = [
    *(("known", text) for text in ("{", "1", '"a"', "[1]", "[[]]", DEEP, "[{}]", "null")),
    *(
        ("known", [KNOWN | {name: value}])
        for name in KNOWN
        for value in (None, 3.5, [], {}, ["x"], "x")
        if not (
            (name == "name" and value == "x")
            or (name in ("ratio", "between") and value == 3.5)
            or (name == "within" and value == {})
        )
    ),
    *(("known", [KNOWN | {"found": KNOWN["found"] | {"low": value}}]) for value in ("x", None, [1], "1e5")),
    ("known", [KNOWN | {"within": {"other": 0.1}}]),
    *(("targets", text) for text in ("[]", "{}", "3", '{"small": 3}', '{"small": [8, 2]}', DEEP)),
    *(("targets", PILOT["targets"] | {"small": each}) for each in ([8, 0], [8], [8, 2.5], ["8", 2], [8, True])),
    *(("words", text) for text in ("3", "[3]", '{"a": 1}', '"goal=x"')),
    *(("asked", text) for text in ("[]", "{}", '{"goal": "Exec"}', '{"goal": ["Compare"], "bins": 1}')),
    *(("asked", PILOT["asked"] | {name: "x"}) for name in ("pairs", "half_width")),
    ("asked", {"goal": "Compare"}),
    ("end", "because"),
]

HUGE = 10**400
RATE = KNOWN["found"]
# What cannot be, of the second decision or of both.
OF_LOOK: dict[str, dict[str, Any]] = {
    "found": {"known": [KNOWN | {"found": RATE | {"rate": HUGE}}]},
    "negative rate": {"known": [KNOWN | {"found": RATE | {"low": -1.5}}]},
    "share": {"known": [KNOWN | {"found": RATE | {"never": 1.5}}]},
    "accuracy of a rate": {"known": [KNOWN | {"found": {"accuracy": 0.5, "low": 0.4, "high": 0.6}}]},
    "both": {"known": [KNOWN | {"found": RATE | {"accuracy": 0.5}}]},
    "one model": {"known": [KNOWN | {"models": ["small"]}]},
    "one model twice": {"known": [KNOWN | {"models": ["small", "small"]}]},
    "half a character": {"known": [KNOWN | {"name": "\ud800"}]},
    **{f"between {value}": {"known": [KNOWN | {"between": value}]} for value in (0, -1, HUGE, float("inf"), True)},
    **{f"within {value}": {"known": [KNOWN | {"within": {"small": value}}]} for value in (-1, HUGE, float("nan"))},
    **{f"ratio {value}": {"known": [KNOWN | {"ratio": value}]} for value in (-1, HUGE, float("nan"))},
    "no known": {"known": None},
    "no models": {"targets": {}},
    "round again": {"round": 0},
    "round left out": {"round": 2},
    "fewer tokens": {"num_tokens": 9},
    "fewer seconds": {"device_seconds": 0.5},
    "more tokens than can be": {"num_tokens": 2**62},
    "another goal": {"asked": PILOT["asked"] | {"half_width": 0.2}},
    **{f"no {name}": {name: None} for name in ("round", "num_tokens", "device_seconds", "usd")},
    **{f"usd {value}": {"usd": value} for value in (-1.0, float("nan"), float("inf"))},
}
ASKED: dict[str, Any] = {
    **{f"half_width {value}": PILOT["asked"] | {"half_width": value} for value in (10**9, 1e308, HUGE, 0, -1, True)},
    "no half_width": {name: value for name, value in PILOT["asked"].items() if name != "half_width"},
    **{f"{goal} with {name} alone": {"goal": goal, "bins": False, name: 0.05} for goal, name in
       (("Compare", "effect"), ("Compare", "alpha"), ("Decide", "points"), ("Accuracy", "alpha"))},
    "nan": {"goal": "Accuracy", "bins": False, "points": float("nan")},
    **{f"{name} of another kind": PILOT["asked"] | {name: ["x", {}]} for name in ("along", "rule", "more")},
}  # fmt: skip


def write(root: Path, *rows: dict[str, Any]) -> None:
    """Decisions as they are given; what is no text in a column of JSON is made one."""
    told = [
        row
        | {name: row[name] if isinstance(row[name], str) else json.dumps(row[name]) for name in decisions.OBJECTS}
        for row in rows
    ]
    store.append(root, DECISIONS, told, writer="goal")


def test_decisions_are_read_as_they_were_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, PILOT, LOOK, PILOT | {"goal": "earlier", "time": None})
    first, second = decisions.read(tmp_path)
    assert first["targets"] == PILOT["targets"] and second["known"] == [KNOWN]
    assert main(["goal", str(tmp_path)]) == 0 and "All prompts and samples" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "value"), HOSTILE)
def test_what_no_sweep_stores_is_refused_in_a_line(
    name: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, PILOT, LOOK | {name: value})
    assert main(["goal", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "which no sweep with a goal stores. Move that folder away" in said and said.count("\n") == 1


@pytest.mark.parametrize("wrong", OF_LOOK.values(), ids=OF_LOOK)
def test_what_cannot_be_of_a_later_decision_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, PILOT, LOOK | wrong)
    with pytest.raises(ValueError, match="which no sweep with a goal stores"):
        decisions.read(tmp_path)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_goal_without_its_numbers_or_with_others_is_refused(asked: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, PILOT | {"asked": asked}, LOOK | {"asked": asked, "known": []})
    with pytest.raises(ValueError, match="a goal of another kind"):
        decisions.read(tmp_path)


KEPT = json.loads((Path(__file__).parents[2] / "results" / "bench" / "goals.json").read_text())


@pytest.mark.parametrize("name", KEPT)
def test_decisions_of_real_sweeps_pass(name: str) -> None:
    # The page leaves out a round that a cap cut.
    rows = [row | {"round": number, "words": []} for number, row in enumerate(KEPT[name])]
    assert find_wrong(rows) == ""


def test_what_is_free_never_reached_or_not_to_be_matched_passes(tmp_path: Path) -> None:
    for at, found in enumerate(({"rate": 0.0, "low": 0.0}, dict.fromkeys(RATE, "nan"), {"never": 1.0})):
        write(
            tmp_path / str(at), PILOT, LOOK | {"known": [KNOWN | {"found": RATE | found, "ratio": float("inf")}]}
        )
        assert len(decisions.read(tmp_path / str(at))) == 2


def test_seconds_that_differ_in_their_last_digit_have_not_fallen(tmp_path: Path) -> None:
    write(tmp_path, PILOT | {"device_seconds": 0.1 + 0.2}, LOOK | {"device_seconds": 0.3})
    assert len(decisions.read(tmp_path)) == 2
