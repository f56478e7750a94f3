"""--json and --out: what is printed as one object or into a file, by every command alike."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from isoquant.__main__ import main
from isoquant.output import NEVER, plain
from tests import forked

RUN = "results/real/chain_sum"


class Pair(NamedTuple):
    one: float
    two: object


@dataclass
class Held:
    name: str
    values: tuple[int, ...]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        (math.inf, NEVER),
        (-math.inf, None),
        (np.float64("nan"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan], [np.inf, 2.0]]), [[1.0, None], [NEVER, 2.0]]),
        (Pair(math.inf, Path("a/b")), {"one": NEVER, "two": "a/b"}),
        (Held("x", (1, 2)), {"name": "x", "values": [1, 2]}),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (pd.DataFrame({"at": pd.Categorical(["p"]), "t": [pd.NaT]}), [{"at": "p", "t": None}]),
        ({("a", 1): {2.5}, 3: None}, {"['a', 1]": [2.5], "3": None}),
        ("‹é›", "‹é›"),
    ],
    ids=str,
)
def test_values_become_plain_ones(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


def test_json_is_one_object_with_the_tables_of_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    found = said(["summary", RUN, "--bins", "1", "--json"], capsys)
    assert found["run"] == RUN and {row["rule"] for row in found["curves"]} == {found["rule"]}
    assert {row["small"] for row in found["exchange_rates"]} < {row["model"] for row in found["cells"]}
    health = said(["health", RUN, "--json"], capsys)["models"]
    assert set(health) == {row["model"] for row in found["cells"]}
    assert all(0 <= row["cut"] <= 1 for rows in health.values() for row in rows)
    power = said(["power", "--variances", "0.02", "0.1", "0.1", "--json"], capsys)
    assert power["needed"][0] == {"samples_a_prompt": 1, "num_prompts": 1919}


def test_a_text_goes_to_a_file_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", RUN]) == 0
    printed = capsys.readouterr().out
    place = tmp_path / "new" / "health.txt"
    assert main(["health", RUN, "--out", str(place)]) == 0
    assert place.read_text() == printed and capsys.readouterr().out == f"{place}\n"
    assert main(["health", RUN, "--json", "--out", str(place)]) == 0
    assert json.loads(place.read_text())["run"] == RUN
    assert [path.name for path in place.parent.iterdir()] == ["health.txt"]


def test_what_draws_writes_where_out_says_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path(RUN).rglob("*"))
    words = ["serve", "results/reference", "--target", "0.5", "--queries", "1e6", "--out", str(tmp_path)]
    found = said([*words, "--json"], capsys)
    assert found["figure"] == str(tmp_path / "plan_compute.png")
    assert {path.name for path in tmp_path.iterdir()} == {f"plan_compute.{kind}" for kind in ("png", "pdf", "csv")}
    assert {row["model"] for row in found["costs"]} == {each["name"] for each in found["models"]}
    assert sorted(Path(RUN).rglob("*")) == before


def test_what_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["health", RUN, "--out", str(tmp_path / "file" / "x.txt")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ") and "file" in told and len(told.splitlines()) == 1


def test_what_processes_say_meanwhile_is_no_part_of_the_object(tmp_path: Path) -> None:
    words = ["plan", "experiment=embedded", "model=countdown-33k", "task.size=4", f"run={tmp_path}/run", "--json"]
    ended = forked.run("isoquant", *words)
    assert ended.code == 0, ended.err
    [row] = json.loads(ended.out)["models"]
    assert (row["model"], row["num_samples"], row["hours"]) == ("countdown-33k", 64, None)
    assert "cells done" in ended.err
