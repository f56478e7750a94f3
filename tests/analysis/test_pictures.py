"""What makes a figure quick to read: never in its lane, intervals at their cells,
short words, cautions at bins.
"""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.figures import break_even, exchange_rates, frontier, isoquants, never, substitution, targets, ticks
from analysis.text import wording
from tests.analysis.words import boxes, faults

REFERENCE = Path("results/reference/figures")
BY_PAGE = (
    *("break_even", "cost_models", "coverage", "exchange_rates", "frontier", "grid", "isoquants", "outcomes"),
    *("parallel", "substitution", "targets"),
)
IN_BINS = ("cost_models", "exchange_rates", "frontier", "isoquants", "substitution", "targets")


def stored(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"{name}.csv")


def draw(name: str) -> Figure:
    figure: Figure = import_module(f"analysis.figures.{name}").draw(stored(name))
    return figure


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


def segments(axes: Axes) -> list[tuple[float, float, float]]:
    """Place, low and high of every thin vertical interval."""
    drawn = [
        path for lines in axes.collections if isinstance(lines, LineCollection) for path in lines.get_segments()
    ]
    return [(float(path[0, 0]), float(path[0, 1]), float(path[1, 1])) for path in drawn]


@pytest.mark.parametrize("name", BY_PAGE)
def test_a_question_a_line_of_key_and_three_lines_of_caption(name: str):
    title, key, caption = (text.get_text() for text in draw(name).texts[:3])
    assert title.count("\n") == 0 and (title.endswith("?") or ":" in title)
    assert key.count("\n") <= 1 and caption.count("\n") <= 2


@pytest.mark.parametrize("name", IN_BINS)
def test_a_bin_of_few_prompts_says_so_in_its_title(name: str):
    sizes = stored(name).drop_duplicates("bin")["num_prompts"]
    said = words(draw(name))
    assert any(size < wording.FEW_PROMPTS for size in sizes) and any(size >= wording.FEW_PROMPTS for size in sizes)
    for size in sizes:
        assert said.count(f"only {size} prompts") == (size < wording.FEW_PROMPTS)
        assert said.count(f"{size} prompts") == (size >= wording.FEW_PROMPTS)


@pytest.mark.parametrize(("which", "inches"), [("x", 1.5), ("x", 2.5), ("x", 6.0), ("y", 1.0), ("y", 3.0)])
@pytest.mark.parametrize("high", [2.0, 30.0, 1e4, 1e9])
def test_the_lane_of_what_is_never_reached_is_named_clear_of_numbers(which: str, inches: float, high: float):
    figure = Figure(figsize=(inches + 2, inches + 2))
    axes = figure.add_axes((1 / (inches + 2), 1 / (inches + 2), inches / (inches + 2), inches / (inches + 2)))
    lane = never.beyond(0.3, high)
    assert lane.start == pytest.approx(high) and np.log(lane.end / high) == pytest.approx(
        never.SHARE * np.log(lane.end / 0.3)
    )
    set_scale, set_limits = (axes.set_xscale, axes.set_xlim) if which == "x" else (axes.set_yscale, axes.set_ylim)
    set_scale("log")
    set_limits(0.3, lane.end)
    (axes.yaxis if which == "x" else axes.xaxis).set_ticks([])
    ticks.log(axes, which, lane=lane)
    assert faults(figure) == []
    named = [name for name, _ in boxes(figure)]
    assert named.count("never") == 1 and named[-1] == "never" and len(named) > 1
    places = (axes.xaxis if which == "x" else axes.yaxis).get_majorticklocs()
    assert all(place <= high for place in places[:-1]) and high < places[-1] < lane.end


def test_rates_that_are_never_stand_as_words_in_the_lane_and_open_intervals_run_into_it():
    frame = stored("exchange_rates_thinking")
    figure = exchange_rates.draw(frame)
    for axes, (_, rows) in zip(figure.axes, frame.groupby("bin", sort=False), strict=True):
        start = axes.patches[0].get_extents().transformed(axes.transData.inverted()).x0
        said = [text for text in axes.texts if text.get_text() == "never"]
        assert len(said) == np.isinf(rows["exchange_rate"]).sum() and all(text.xy[0] > start for text in said)
        reaching = [line for line in axes.lines if len(set(line.get_xdata())) > 1]
        assert len(reaching) == np.isfinite(rows["low"]).sum()
        assert all(max(line.get_xdata()) >= start * 0.999 for line in reaching)


def test_every_interval_of_a_curve_stands_at_its_own_cell():
    """A band between cells has notches where the intervals of neighbouring widths jump."""
    frame = stored("substitution")
    figure = substitution.draw(frame)
    votes = frame[frame["rule"] == "maj_at_k"]
    for axes, (_, rows) in zip(figure.axes, votes.groupby("bin", sort=False), strict=True):
        assert not any(type(drawn) is PolyCollection for drawn in axes.collections)
        told = {tuple(np.round(segment, 6)) for segment in segments(axes)}
        assert told == {tuple(np.round(row, 6)) for row in rows[["cost", "low", "high"]].to_numpy(dtype=float)}


def test_intervals_of_frontiers_and_targets_are_those_of_their_frames():
    frame = stored("frontier")
    figure = frontier.draw(frame)
    lines = frame[frame["kind"] == "frontier"]
    for axes, (_, rows) in zip(figure.axes[:3], lines.groupby("bin", sort=False), strict=True):
        known = {tuple(np.round(row, 6)) for row in rows[["cost", "low", "high"]].to_numpy(dtype=float)}
        told = [tuple(np.round(segment, 6)) for segment in segments(axes)]
        assert len(told) >= 2 * rows["model"].nunique() and set(told) <= known
    frame = stored("targets")
    figure = targets.draw(frame)
    for axes, (_, rows) in zip(figure.axes, frame.groupby("bin", sort=False), strict=True):
        known = {(round(row["target"], 6), round(row["rate_low"], 6)) for _, row in rows.iterrows()}
        assert len(segments(axes)) > 5
        assert {(round(at, 6), round(low, 6)) for at, low, _ in segments(axes)} <= known


def test_the_strip_names_the_best_model_and_says_where_it_is_unclear():
    frame = stored("frontier")
    figure = frontier.draw(frame)
    strips = figure.axes[3:]
    assert len(strips) == 3
    for strip, (_, rows) in zip(strips, frame[frame["kind"] == "best"].groupby("bin", sort=False), strict=True):
        said = {text.get_text() for text in strip.texts if not text.get_text().endswith("prompts")}
        assert said <= {name.removeprefix("countdown-") for name in rows["chosen"].dropna()} | {"unclear"}
        assert len(said) >= 2 and len(strip.patches) >= 3


@pytest.mark.parametrize("num_targets", [1, 2, 4, 6, 9])
def test_at_most_four_isoquants_are_drawn_the_lowest_and_the_highest_among_them(num_targets: int):
    part = pd.DataFrame({"target": np.repeat(np.arange(1, num_targets + 1) / 10, 2)})
    drawn = sorted(isoquants._thinned(part)["target"].unique())
    assert len(drawn) == min(num_targets, isoquants.MAX_DRAWN)
    assert drawn[-1] == num_targets / 10 and (len(drawn) == 1 or drawn[0] == 0.1)


def test_no_verdict_of_a_break_even_lies_on_its_bar_or_line():
    figure = break_even.draw(stored("break_even"))
    figure.draw_without_rendering()
    told = [
        (axes, text)
        for axes in figure.axes
        for text in axes.texts
        if text.get_text().startswith(("never", "always", "up to"))
    ]
    assert len(told) == 9
    assert all(Text.get_window_extent(text).x0 > axes.bbox.x1 for axes, text in told)


@pytest.mark.parametrize(
    ("workload", "low", "high", "said"),
    [
        (0.0, 0.0, 0.0, "never"),
        (np.inf, np.inf, np.inf, "always"),
        (0.0, 0.0, np.inf, "never [never, always]"),
        (np.inf, 2.66, np.inf, "always [2.7, always]"),
        (5.87, 2.04, np.inf, "up to 5.9 [2, always]"),
        (np.nan, np.nan, np.nan, wording.NOTHING),
    ],
)
def test_a_break_even_workload_is_told_in_words(workload: float, low: float, high: float, said: str):
    row = pd.Series({"workload": workload, "low": low, "high": high, "num_prompts": 9})
    assert break_even._verdict(row) == said
