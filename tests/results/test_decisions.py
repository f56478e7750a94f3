"""Decisions that no sweep with a goal stores are refused in a line, by every command that would read them."""

import json
from pathlib import Path
from typing import Any

import pytest

from isoquant.__main__ import main
from results import decisions, store
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
