"""What stored decisions of a goal tell: a frame of exact numbers, its figure, the report's section and a line."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from analysis.commands import figures as command
from analysis.figures import goal as figure
from analysis.figures.save import save
from analysis.goals import story
from analysis.goals.question import Drawn
from analysis.goals.settings import Compare, Decide, ExchangeRates
from analysis.report import goal as report
from analysis.text import adaptive
from isoquant.__main__ import main
from tests.analysis import planted_goals as planted
from tests.analysis.conftest import LADDER
from tests.analysis.test_hostile_names import NAMES
from tests.analysis.test_long_names import LONG, REAL
from tests.analysis.words import faults

RATE = {"rate": 0.5, "low": 0.25, "high": 1.0, "never": 0.0}


def framed(rows: list[dict], names: tuple[str, ...]) -> pd.DataFrame:
    return story.frame(rows, planted.written(names)).assign(asked=adaptive.asked(rows[0]["asked"]))


def two_looks(found: dict[str, float], *, kind: str = "rate", state: str = "known") -> list[dict]:
    """A pilot and one more round; the last one read on 100 prompts, with 4 and 2 samples."""
    goal = planted.GOALS[kind]
    models = ("a",) if kind == "accuracy" else ("a", "b")
    known = planted.ask(models, found, state=state)
    return [
        planted.row(0, [], {"a": (50, 2), "b": (50, 2)}, tokens=7, goal=goal),
        planted.row(1, [known | {"state": "open"}], {"a": (100, 4), "b": (100, 2)}, tokens=16_007, goal=goal),
        planted.row(2, [known], {"a": (100, 4), "b": (100, 2)}, tokens=256_007, end="known", goal=goal),
    ]


def test_a_uniform_grid_is_what_its_variance_and_its_price_make_of_it() -> None:
    """One prompt varies by .1 + .2/4 + .2/2 = .25 as drawn and by .2 on the grid of 4 samples, of 800 tokens a
    prompt: 100 prompts as drawn are 80 of the grid, or 64,000 tokens. A fourth of them makes twice the interval in
    log.
    """
    found = framed(two_looks(RATE), ("a", "b"))
    assert list(found["tokens"]) == [16_000, 256_000] and list(found["question_prompts"]) == [50, 100]
    assert list(found["round"]) == [0, 1] and list(found["state"]) == ["open", "known"]
    assert found["uniform_tokens"].to_numpy() == pytest.approx(64_000) and set(found["uniform_samples"]) == {4}
    assert list(found["uniform_low"]) == pytest.approx([0.125, 0.5 * 0.5**0.5])
    assert list(found["uniform_high"]) == pytest.approx([2.0, 0.5 * 2**0.5])
    assert list(found["wanted_low"]) == pytest.approx([0.5 / 10**0.15] * 2)
    assert list(found["wanted_high"]) == pytest.approx([0.5 * 10**0.15] * 2)
    assert (found[["model", "against", "bin"]] == ["a", "b", "all prompts"]).all(axis=None)


def test_the_share_that_a_uniform_grid_would_take_is_one_where_the_run_was_uniform() -> None:
    known = planted.ask(("a", "b"), RATE, state="known")
    drawn = {"a": (50, 2), "b": (50, 2)}
    rows = [planted.row(0, [], drawn, tokens=0), planted.row(1, [known], drawn, tokens=20_000, end="known")]
    [only] = framed(rows, ("a", "b")).to_dict("records")
    assert only["uniform_tokens"] == pytest.approx(only["tokens"])
    assert (only["uniform_low"], only["uniform_high"]) == pytest.approx((0.25, 1.0))


@pytest.mark.parametrize(
    ("kind", "found", "estimate", "wanted", "uniform"),
    [
        ("accuracy", {"accuracy": 0.6, "low": 0.5, "high": 0.7}, 0.6, (0.58, 0.62), None),
        ("gain", {"gain": 0.05, "low": 0.03, "high": 0.07, "effect": 0.02}, 0.05, (0.02, 0.02), (0.01, 0.09)),
        ("side", {"at_1": 0.1, "at_1_error": 0.02, "at_end": 0.3, "at_end_error": 0.1, "side": -1.0}, 0.1, (0, 0),
         (0.06, 0.14)),
        ("side", {"at_1": 0.1, "at_1_error": 0.02, "at_end": -0.3, "at_end_error": 0.1, "side": np.inf}, -0.3, (0, 0),
         (-0.5, -0.1)),
    ],
)  # fmt: skip
def test_every_goal_has_its_number_and_what_it_is_held_against(kind, found, estimate, wanted, uniform) -> None:
    first = framed(two_looks(found, kind=kind), ("a", "b")).iloc[0]
    assert first["estimate"] == pytest.approx(estimate)
    assert (first["wanted_low"], first["wanted_high"]) == pytest.approx(wanted)
    if uniform is not None:
        assert (first["uniform_low"], first["uniform_high"]) == pytest.approx(uniform)
        assert (first["model"], first["against"]) == (("b", "a") if kind == "gain" else ("a", "b"))


def test_an_interval_that_ends_in_never_has_no_uniform_one() -> None:
    never = {"rate": np.inf, "low": np.inf, "high": np.inf, "never": 1.0}
    for found, state in ((never, "never"), (RATE | {"high": np.inf}, "open"), (RATE | {"rate": np.nan}, "open")):
        drawn = framed(two_looks(found, state=state), ("a", "b"))
        assert drawn[["uniform_low", "uniform_high", "uniform_tokens"]].isna().all(axis=None)
        assert adaptive.beside_uniform(drawn) == ""


def test_a_look_is_of_what_was_drawn_before_it_and_a_round_that_a_cap_cut_of_what_is_whole() -> None:
    known = [planted.ask(("a", "b"), RATE)]
    small, large = {"a": (50, 2), "b": (50, 2)}, {"a": (200, 4), "b": (200, 2)}
    rows = [
        planted.row(0, [], small, tokens=0),
        planted.row(1, known, large, tokens=100),
        planted.row(2, known, small, tokens=150, end="cap"),
        planted.row(3, known, large, tokens=400, end="known"),
    ]
    told = story.looks(rows)
    assert [(look.number, look.tokens, look.drawn["a"]) for look in told] == [
        (0, 100, Drawn(50, 2)),
        (1, 150, Drawn(50, 2)),
        (1, 400, Drawn(200, 4)),
    ]
    again = [*rows[:2], rows[2] | {"num_tokens": 100}]
    assert [look.number for look in story.looks(again)] == [1]
    assert story.frame(rows[:1], planted.written(["a", "b"])).empty
    cut = [rows[0], rows[1] | {"known": [], "end": "pilot"}]
    assert story.frame(cut, planted.written(["a", "b"])).empty


SEVEN = tuple(f"Qwen2.5-{size}B-Instruct" for size in ("0.5", "1.5", "3", "7", "14", "32", "72", "100"))
RUNGS = {"real": tuple(rung.name for rung in REAL), "long": tuple(rung.name for rung in LONG), "seven": SEVEN}


@pytest.mark.parametrize("num_rounds", [1, 4])
@pytest.mark.parametrize("names", RUNGS.values(), ids=RUNGS)
def test_no_word_of_the_figure_covers_another_or_leaves_the_page(names: tuple[str, ...], num_rounds: int) -> None:
    drawn = figure.draw(framed(planted.rates(names, num_rounds=num_rounds, never=names[:1]), names))
    assert faults(drawn) == [] and len(drawn.axes) == len(names) - 1
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert len(set(titles)) == len(titles)
    title, key, _ = (text.get_text() for text in drawn.texts[:3])
    assert title.endswith("?") and key.count("\n") <= 1


@pytest.mark.parametrize("kind", ["accuracy", "gain", "side"])
def test_other_goals_are_drawn_too(kind: str) -> None:
    found = {
        "accuracy": {"accuracy": 0.6, "low": 0.5, "high": 0.7},
        "gain": {"gain": 0.05, "low": 0.03, "high": 0.07, "effect": 0.02},
        "side": {"at_1": 0.1, "at_1_error": 0.02, "at_end": 0.3, "at_end_error": 0.1, "side": np.nan},
    }[kind]
    assert faults(figure.draw(framed(two_looks(found, kind=kind), ("a", "b")))) == []


def test_never_lies_in_its_lane_and_open_dots_are_hollow() -> None:
    names = ("33k", "125k", "0.4m")
    frame = framed(planted.rates(names, never=names[:1]), names)
    never, known = figure.draw(frame).axes
    dots = [line for line in never.lines if line.get_marker() == "o"]
    finite = frame.loc[frame["model"] == "33k", "low"].replace(np.inf, np.nan).max()
    assert len(dots) == 3 and all(dot.get_ydata()[0] > max(finite, 1.0) for dot in dots)
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [True, True, False]
    assert "never" in [tick.get_text() for tick in never.get_yticklabels()]
    assert "never" not in [tick.get_text() for tick in known.get_yticklabels()]
    intervals = [
        path for each in known.collections if isinstance(each, LineCollection) for path in each.get_paths()
    ]
    drawn = [tuple(path.vertices[:, 1]) for path in intervals]
    assert drawn == [
        pytest.approx(ends) for ends in frame.loc[frame["model"] == "125k", ["low", "high"]].to_numpy()
    ]


def test_nothing_to_match_is_said() -> None:
    drawn = figure.draw(framed(two_looks(RATE | {"rate": np.nan, "low": np.nan, "high": np.nan}), ("a", "b")))
    assert any(text.get_text() == "nothing to match" for text in drawn.axes[0].texts) and faults(drawn) == []


@pytest.mark.usefixtures("pictures")
def test_the_figure_draws_whatever_a_model_is_called(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(tmp_path, "goal", framed(planted.rates(NAMES), NAMES), figure.draw)
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".pdf", ".csv"}


def test_a_names_markup_stays_text_in_the_section() -> None:
    names = ("<script>harm()</script>", '<img src="x" onerror="harm()">\u202e')
    rows = planted.rates(names)
    body = report.section(rows, framed(rows, names)).body
    assert "<script" not in body and "<img" not in body and "\u202e" not in body
    assert "&lt;script&gt;harm()" in body and "‹U+202E›" in body


def test_the_section_says_what_was_asked_found_and_how_it_is_to_be_read() -> None:
    rows = two_looks(RATE)
    rows[1]["targets"] = rows[2]["targets"] = {"a": [100, 4], "b": [250, 2]}
    body = report.section(rows, framed(rows, ("a", "b"))).body
    for words in (
        "to within 0.15 in log10 (a factor of 1.41)",
        "0.5x [0.25x, 1x]",
        "<td>a 100 x 4, b 250 x 2</td>",
        "Every question is answered.",
        "This run was adaptive",
        "Chow and Robbins 1965",
        "read only the 100 prompts",
        ">64,000<",
    ):
        assert words in body, words
    assert "fewer prompts" not in report.section(two_looks(RATE), framed(two_looks(RATE), ("a", "b"))).body


def test_a_decision_is_read_by_its_confidence_sequence() -> None:
    found = {"gain": 0.05, "low": 0.03, "high": 0.07, "effect": 0.02}
    rows = two_looks(found, kind="gain")
    said = " ".join(adaptive.how_to_read(rows, story.looks(rows)[-1]))
    assert "Robbins 1970" in said and "at most 5%" in said and "Chow" not in said


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (ExchangeRates(pairs=("a:c", "b:c"), bins=True), "a against c and b against c, over all prompts and in each"),
        (ExchangeRates(along="extensions"), "the largest, along extensions: to within 0.1 in log10"),
        (planted.GOALS["accuracy"], "Every model's accuracy with one answer: to within 2 points."),
        (Compare(effect=3, base="a", new="b", alpha=0.1), "b is better than a by at least 3 points; wrong in at most"),
        (Decide(), "is below 1, above 1 or never reached; wrong in at most 5% of runs, over all"),
    ],
)  # fmt: skip
def test_a_goal_is_said_in_a_sentence(goal, said: str) -> None:
    assert said in adaptive.asked(goal.asked)


def test_commands_tell_of_a_goal_where_a_run_was_drawn_towards_one(plant, monkeypatch, capsys) -> None:
    # Whatever else is drawn has no say in it.
    for others in ("of_findings", "of_cells", "of_thinking"):
        monkeypatch.setattr(command, others, lambda *read: [])
    root = plant(LADDER[:3], num_prompts=12, num_samples=4)
    assert command.of_goal(root) == [] and main(["summary", str(root)]) == 0
    assert "goal" not in capsys.readouterr().out
    rows = planted.rates([rung.name for rung in LADDER[:3]])
    planted.store(root, rows[:1])
    assert main(["figures", str(root)]) == 0
    assert "goal: not drawn. The pilot of its goal is not drawn yet." in capsys.readouterr().out
    assert main(["report", str(root)]) == 0 and 'id="goal"' not in (root / "report.html").read_text()
    planted.store(root, rows[1:])
    assert main(["figures", str(root)]) == 0 and (root / "figures" / "goal.png").exists()
    assert len(pd.read_csv(root / "figures" / "goal.csv")) == 6
    assert main(["report", str(root)]) == 0 and 'id="goal"' in (root / "report.html").read_text()
    capsys.readouterr()
    assert main(["summary", str(root)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"in a pilot and 2 more rounds, 2 of 2 questions answered. `isoquant goal {root}`" in said


def test_what_a_uniform_grid_would_have_stays_clear_of_the_lane() -> None:
    never = {"rate": np.inf, "low": 0.4, "high": np.inf, "never": 0.5}
    rows = two_looks(RATE)
    rows[1]["known"] = [planted.ask(("a", "b"), never)]
    frame = framed(rows, ("a", "b"))
    (axes,) = figure.draw(frame).axes
    [lane] = [
        patch for patch in axes.patches if patch.get_facecolor()[:3] == pytest.approx((0.945,) * 3, abs=0.01)
    ]
    assert frame["uniform_high"].max() < lane.get_y() and axes.get_ylim()[0] < frame["uniform_low"].min()
