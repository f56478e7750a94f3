"""What cuts a run, who was asked otherwise, whose answers are mostly unread:
said wherever a reader would miss it.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.commands import figures as command
from analysis.questions import exchange_rates, rate_rows
from analysis.reading import cautions, cells
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import asked, outcomes
from analysis.runs.outcomes import Outcomes
from analysis.text import headline
from isoquant.__main__ import main
from results import schema
from tests.analysis import conftest
from tests.analysis.conftest import LADDER, Plant, write_run
from tests.analysis.test_nothing_to_match import words_of
from tests.analysis.test_pairing import rewrite
from tests.analysis.words import faults
from tests.report.conftest import report

Make = Callable[..., Path]
SHAPE = {"num_prompts": 24, "bin_samples": 4}


@pytest.fixture(autouse=True)
def _few_budgets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(conftest, "BUDGETS", (0, 64, 256))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(12, 4, 12) writes three rungs with so many samples a prompt."""

    def written(*num_samples: int) -> Path:
        for at, number in enumerate(num_samples):
            rungs = LADDER[-len(num_samples) :][at : at + 1]
            is_last = at == len(num_samples) - 1
            write_run(tmp_path / "run", rungs, **SHAPE | {"num_samples": number, "bin_samples": 4 * is_last})
        return tmp_path / "run"

    return written


def end(
    root: Path, model: str, outcome: str, *, budgets: tuple[int | None, ...], every: int = 1, of: str = ""
) -> None:
    """Every answer of a model at these budgets, or all but one in so many, ends in this outcome."""
    wanted = f"{model}-identity"

    def change(row: dict) -> dict:
        is_hit = row["identity"] == wanted and row["budget"] in budgets and row["sample"] % every == 0
        is_hit &= row["pool"] == "evaluation" and row["prompt_id"].endswith(of)
        return row | ({"correct": False, "score": 0.0, "vote_key": None, "outcome": outcome} if is_hit else {})

    rewrite(root, schema.GRADES, change)


def ask(root: Path, **parts: dict) -> None:
    """Records these parts of the identity of each model, by its name without the dot."""

    def change(row: dict) -> dict:
        return row | {"identity_parts": json.dumps(parts[row["model"].replace(".", "")])}

    rewrite(root, schema.MODELS, change)


def say(root: Path) -> str:
    loaded = outcomes.load(root)
    found = exchange_rates.measure(read(loaded, Choices()))
    return headline.headline(found, rule="maj_at_k")


def about(loaded: Outcomes) -> list[str]:
    return [caution.about for caution in cautions.read(loaded)]


def test_a_run_whose_models_are_alike_has_no_cautions(make: Make):
    root = make(8, 8)
    loaded = outcomes.load(root)
    assert cautions.read(loaded) == [] and cautions.text(loaded) == ""
    frame = rate_rows.frame(exchange_rates.measure(read(loaded, Choices())), rule="maj_at_k", axis="width")
    assert "cautions" not in frame


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (
            (4, 12, 12),
            "125k has 4 samples a prompt and the others have 12: each model's curve uses all its samples",
        ),
        ((12, 4, 8), "0.4m has 4 samples a prompt and the others have 8 to 12"),
        ((1, 8, 8), "125k has 1 sample a prompt"),
        ((4, 4, 8), "125k and 0.4m have 4 samples a prompt and the others have 8"),
    ],
)
def test_a_short_rung_is_named_with_what_it_cuts(make: Make, numbers: tuple[int, ...], said: str):
    loaded = outcomes.load(make(*numbers))
    assert loaded.num_samples == min(numbers)
    [caution] = cautions.read(loaded)
    assert said in caution.text


def test_a_budget_that_one_model_lacks_is_named_with_it(make: Make):
    root = make(4, 4)
    rewrite(
        root, schema.CELLS, lambda row: None if (row["identity"], row["budget"]) == ("0.4m-identity", 64) else row
    )
    loaded = outcomes.load(root)
    assert loaded.budgets.tolist() == [0, 256] and loaded.budgets_aside == ((64, ("0.4m",)),)
    assert "Answers at 64 thinking tokens are left out of every model, because 0.4m has too few" in cautions.text(
        loaded
    )


def test_a_budget_that_a_sweep_has_only_begun_is_named_with_who_is_behind(make: Make):
    root = make(4, 4)
    late = {f"planted/{number:04d}" for number in range(6, 24)}

    def drop(row: dict) -> dict | None:
        return (
            None
            if row["identity"] == "0.4m-identity" and row["budget"] == 64 and row["prompt_id"] in late
            else row
        )

    rewrite(root, schema.ANSWERS, drop)
    assert outcomes.load(root).budgets_aside == ((64, ("0.4m",)),)


def test_summary_report_and_figures_say_what_cuts_a_run(make: Make, capsys: pytest.CaptureFixture[str]):
    root = make(4, 8)
    said = "0.4m has 4 samples a prompt and the others have 8"
    assert main(["summary", str(root)]) == 0
    assert said in capsys.readouterr().out
    assert said in report(root).split('id="trust"')[1]
    loaded = outcomes.load(root)
    found = exchange_rates.measure(read(loaded, Choices()))
    measured = cells.measure(read(loaded, Choices(), rule="maj_at_k"))
    for each in [*command.of_findings(found, measured), *command.of_cells(measured)]:
        if each.name in ("coverage", "isoquants", "targets"):
            continue
        frame = each.frame_of()
        figure = each.draw(frame)
        assert said in " ".join(" ".join(words_of(figure)).split()) and said in frame["cautions"].iloc[0], (
            each.name
        )
        assert faults(figure) == [], each.name


SAMPLING = {"temperature": 0.6, "top_p": 0.95}
THINK = {"open": "<think>", "close": "</think>", "forced": "so"}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"sampling": SAMPLING | {"temperature": 1.0}}, "sampling.temperature 0.6 (0.4m), 1.0 (1.1m)"),
        ({"dtype": "float32"}, "dtype 'bfloat16' (0.4m), 'float32' (1.1m)"),
        ({"sampling": {"temperature": 0.6}}, "sampling.top_p 0.95 (0.4m), its default (1.1m)"),
        ({"thinking": THINK | {"close": None}}, "thinking.close '</think>' (0.4m), None (1.1m)"),
        (
            {"thinking": {"open": "", "close": None, "forced": "thus"}},
            "thinking (close, forced, open) in 2 ways: 0.4m | 1.1m",
        ),
        (
            {"task": {"template": "Q: " + "x" * 60 + " A:"}},
            "task.template 'Q:' (0.4m), 'Q: xxxxxxxxxxxx…xxxxxxxxxxx A:' (1.1m)",
        ),
        ({"weights": {"digest": "b"}, "chat_template": "other"}, ""),
        # Ends and beginnings of text are numbers of a tokenizer's own.
        ({"further_ends": [7], "bos_ids": [2]}, ""),
    ],
)
def test_what_models_were_asked_with_is_told_where_it_differs(make: Make, other: dict, said: str):
    root, parts = (
        make(4, 4),
        {
            "weights": {"digest": "a"},
            "chat_template": "one",
            "dtype": "bfloat16",
            "sampling": SAMPLING,
            "thinking": THINK,
            "task": {"template": "Q:"},
        },
    )
    ask(root, **{"04m": parts, "11m": parts | other})
    phrases = asked.apart([arm.rung for arm in outcomes.load(root).arms])
    assert phrases == ([said] if said else [])


def test_settings_that_were_not_recorded_set_nobody_apart(make: Make):
    root = make(4, 4)
    assert asked.apart([arm.rung for arm in outcomes.load(root).arms]) == []


@pytest.mark.parametrize("outcome", ["truncated", "unparsed", "unanswered", "timeout", "refused"])
def test_a_model_whose_answers_are_mostly_unread_leads_no_headline(make: Make, outcome: str):
    root = make(8, 8, 8)
    before = say(root)
    assert "Left out" not in before
    end(root, "0.4m", outcome, budgets=(None, 256))
    said = say(root)
    first, aside = said.split("Left out, because most answers at the full budget could not be graded: ")
    assert "0.4m" not in first and aside.startswith("0.4m (100% " + outcome)
    assert about(outcomes.load(root)) == ["Mostly unread answers"]


def test_no_verdict_is_given_for_a_largest_model_that_is_mostly_unread(make: Make):
    root = make(8, 8)
    end(root, "1.1m", "truncated", budgets=(None, 256))
    said = say(root)
    assert (
        said.startswith("No verdict on planted: too few answers could be graded.")
        and "1.1m (100% truncated" in said
    )
    assert "match" not in said
    assert said.split(":")[0] in report(root)


def test_a_model_that_is_read_more_often_than_not_leads_as_before(make: Make):
    root = make(8, 8, 8)
    end(root, "0.4m", "truncated", budgets=(None, 256), every=3)
    assert "Left out" not in say(root) and about(outcomes.load(root)) == []


def test_budgets_at_which_most_answers_are_unread_are_named(make: Make):
    root = make(8, 8)
    end(root, "0.4m", "truncated", budgets=(0, 64))
    [caution] = cautions.read(outcomes.load(root))
    assert "0.4m at 0 thinking tokens (100% truncated)" in caution.text and "Left out" not in say(root)


def test_bins_in_which_most_answers_are_unread_are_left_aside_alone(make: Make):
    root = make(8, 8)
    loaded = outcomes.load(root)
    found = exchange_rates.measure(read(loaded, Choices(binning=Binning(num_bins=2))))
    unread = found.unread.assign(
        truncated=np.where(found.unread["bin"] == "harder", 0.7, found.unread["truncated"])
    )
    told = headline.headline(exchange_rates.Findings(**vars(found) | {"unread": unread}), rule="maj_at_k")
    assert "0.4m on harder prompts (70% truncated" in told and "harder" not in told.split("Left out")[0]


def test_one_model_alone_is_told_unread_as_well(make: Make):
    root = make(8)
    end(root, "1.1m", "unparsed", budgets=(None, 256))
    assert "there is no larger one to match. Left out" in say(root)


def test_a_comparison_with_a_mostly_unread_model_gives_no_verdict(make: Make, capsys: pytest.CaptureFixture[str]):
    root = make(8, 8)
    end(root, "1.1m", "truncated", budgets=(None, 256))
    assert main(["compare", str(root), f"{root}:1.1m"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("No verdict, because most full answers could not be graded: 1.1m (100% truncated")


@pytest.mark.parametrize("num_prompts", [1, 3])
def test_no_verdict_is_read_from_a_handful_of_prompts(plant: Plant, num_prompts: int):
    root = plant(LADDER[2:], num_prompts=num_prompts, num_samples=4, bin_samples=4)
    assert say(root).startswith("No verdict on planted: fewer than 5 prompts.")


def test_a_bin_of_a_handful_of_prompts_leads_no_headline(plant: Plant):
    able = [rung._replace(ability=50.0) for rung in LADDER[1:]]
    root = plant(able, num_prompts=30, num_samples=5, bin_samples=4)
    found = exchange_rates.measure(read(outcomes.load(root), Choices()))
    handful = found.exchange_rates.query("bin != 'all prompts' and num_prompts < 5")["bin"].unique()
    assert len(handful) and not any(f"{name} prompts" in say(root) for name in handful)
