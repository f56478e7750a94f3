from pathlib import Path

import pytest

from analysis.questions import power
from analysis.runs import outcomes
from analysis.stats.power import Variances
from analysis.text import power as power_text
from isoquant.__main__ import main


def test_the_plan_holds_millers_figures():
    text = power_text.render(Variances(1 / 9, 1 / 6, 1 / 6), power.Goal(0.03, 0.8, 0.95))
    rows = {line.rsplit(None, 2)[0].strip(): line.split()[-2:] for line in text.splitlines() if line.strip()}
    assert [rows[k][0] for k in ("1", "4", "16", "no sampling noise")] == ["3,876", "1,696", "1,151", "969"]
    assert rows["4"][1] == f"{2 * 1696 * 4:,}"


def test_the_power_command_reads_a_run_or_variances(ladder_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["power", str(ladder_run), "--models", "33k", "1.1m", "--effect", "0.05"]) == 0
    words = capsys.readouterr().out
    assert words.startswith("33k against 1.1m on 120 prompts, 16 and 16 samples each: +")
    assert "difference of 5 points" in words
    assert main(["power", "--variances", "0.1", "0.2", "0.2"]) == 0
    assert "no sampling noise" in capsys.readouterr().out


def test_the_power_command_says_what_is_missing(ladder_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["power"]) == 2
    assert "--variances" in capsys.readouterr().err
    assert main(["power", str(ladder_run), "--models", "33k", "7b"]) == 2
    assert "must name two of ['33k', '125k', '0.4m', '1.1m']" in capsys.readouterr().err
    assert main(["power", str(ladder_run), "--models", "33k", "33k"]) == 2
    assert (
        "names 33k twice, and power compares two models. Give another: 125k, 0.4m, 1.1m" in capsys.readouterr().err
    )
    assert main(["power", str(ladder_run), "--effect", "0"]) == 2
    assert "such as 0.03" in capsys.readouterr().err


def test_the_two_largest_models_are_compared_unless_told_otherwise(ladder_run: Path):
    pair = power.two_arms(outcomes.load(ladder_run), None)
    assert [arm.rung.name for arm in pair] == ["0.4m", "1.1m"]
