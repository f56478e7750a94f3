"""The gallery of docs: what is between the marks is replaced, and a missing browser is said so."""

from pathlib import Path

import pytest

from analysis.commands import gallery as command
from analysis.text import gallery
from isoquant.__main__ import main

PAGE = Path(__file__).parents[2] / "docs" / "gallery.md"


def test_only_what_is_between_the_marks_is_replaced():
    text = gallery.section({"a.png": "What it shows."}, command="isoquant compare", comparison="a  b\n1  2")
    once = gallery.replace(f"before\n{gallery.BEGIN}\nold\n{gallery.END}\nafter\n", text)
    assert once == f"before\n{text}\nafter\n" and "old" not in once
    assert gallery.replace(once, text) == once
    assert "![What it shows.](a.png)" in once and "```text\na  b\n1  2\n```" in once


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="needs the marks"):
        gallery.replace("no marks", "text")


def test_the_page_has_the_marks_once():
    assert PAGE.read_text().count(gallery.BEGIN) == PAGE.read_text().count(gallery.END) == 1


def test_a_missing_browser_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    page = tmp_path / "report.html"
    page.write_text("<p>a report</p>")
    with pytest.raises(
        ValueError, match="picture of the report was not drawn again: no browser .chromium.*make test SUITE=report"
    ):
        command.photograph(page, tmp_path / "report.png")
    assert not (tmp_path / "report.png").exists()


def test_missing_figures_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["gallery", str(tmp_path), "--page", "report.html", "--new", "mine"]) == 2
    assert "has no isoquants, frontier, break_even" in capsys.readouterr().err
