"""Names that anyone may have given reach figures as words, and tables as texts."""

import warnings
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.figures import (
    break_even,
    coverage,
    exchange_rates,
    frontier,
    grid,
    isoquants,
    outcomes,
    parallel,
    substitution,
    targets,
)
from analysis.figures.save import as_cell, save

FIGURES = Path("results/reference/figures")
DRAWN = (
    break_even,
    coverage,
    exchange_rates,
    frontier,
    grid,
    isoquants,
    outcomes,
    parallel,
    substitution,
    targets,
)
NAMES = (
    r"$\frac{1}{0}$",
    r"$\frac{1}{0$ $x^$",
    r"a$b$\unknown",
    r"\$5 and $6$",
    "=cmd|' /C calc'!A0",
    "\x1b[2Ja\u202eb",
    "<b>&amp;",
    "%s {x}",
    "two\nlines",
)
# Of the first of so many names; each figure takes some in the short tests, and all in the long ones.
STARTS = range(0, len(NAMES), 4)


def renamed(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """The frame with its models called by these names in turn."""
    columns = [name for name in ("model", "small", "large", "anchor") if name in frame]
    models = sorted({model for name in columns for model in frame[name]})
    called = {model: f"{names[at % len(names)]}{at // len(names) or ''}" for at, model in enumerate(models)}
    return frame.assign(**{name: frame[name].map(called) for name in columns})


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    ("figure", "start"),
    [
        pytest.param(
            figure,
            start,
            id=f"{figure.__name__.rsplit('.', 1)[-1]}-{start}",
            marks=() if at % len(STARTS) == number else pytest.mark.long,
        )
        for at, figure in enumerate(DRAWN)
        for number, start in enumerate(STARTS)
    ],
)
def test_a_figure_draws_whatever_a_model_is_called(figure: object, start: int, tmp_path: Path) -> None:
    name = figure.__name__.rsplit(".", 1)[-1]  # type: ignore[attr-defined]
    frame = renamed(pd.read_csv(FIGURES / f"{name}.csv"), NAMES[start : start + 4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(tmp_path, name, frame, figure.draw)  # type: ignore[attr-defined]
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".pdf", ".csv"}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_drawn_as_it_stands(name: str, tmp_path: Path) -> None:
    seen: list[str] = []

    def draw(frame: pd.DataFrame) -> Figure:
        figure = Figure()
        text = figure.text(0, 0, frame["model"][0])
        seen.append(Text._preprocess_math(text, text.get_text())[0])
        return figure

    save(tmp_path, "a", pd.DataFrame({"model": [name], "value": [-1.5]}), draw)
    assert seen == [name.replace("\x1b", "‹U+001B›").replace("\u202e", "‹U+202E›").replace("\n", " ")]


@pytest.mark.parametrize("text", ["=1+1", "+1-cmd|'/C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "=", "@", "-", "+x"])
def test_what_a_spreadsheet_would_compute_is_a_text(text: str, tmp_path: Path) -> None:
    save(tmp_path, "a", pd.DataFrame({"model": [text, "plain"], "value": [-1.5, 2]}), lambda frame: Figure())
    assert pd.read_csv(tmp_path / "a.csv")["model"].tolist() == [f"'{text}", "plain"]
    assert pd.read_csv(tmp_path / "a.csv")["value"].tolist() == [-1.5, 2]


@pytest.mark.parametrize("text", ["a\rb", "a\r\n=b", "a\x0bb", "\r=1"])
def test_a_name_stays_in_its_cell(text: str, tmp_path: Path) -> None:
    save(tmp_path, "a", pd.DataFrame({"model": [text, "plain"], "value": [1, 2]}), lambda frame: Figure())
    assert pd.read_csv(tmp_path / "a.csv")["model"].tolist() == [
        text.replace("\r", "‹U+000D›").replace("\x0b", "‹U+000B›"),
        "plain",
    ]


@pytest.mark.parametrize("text", ["-1.5", "+3", "1e5", "", "a=b", "-inf", "Qwen3-8B"])
def test_numbers_and_words_stay_as_they_are(text: str) -> None:
    assert as_cell(text) == text
