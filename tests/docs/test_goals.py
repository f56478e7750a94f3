"""What the page of goals shows is what `isoquant goal` prints of the decisions that are kept."""

import json
from typing import Any

import pytest

from analysis.text import goals
from tests.docs.pages import ROOT, blocks

KEPT: dict[str, list[dict[str, Any]]] = json.loads((ROOT / "results" / "bench" / "goals.json").read_text())
SHOWN = [block.text for block in blocks(ROOT / "docs" / "goals.md") if block.kind == "text"]


def test_every_goal_has_an_output_on_the_page() -> None:
    assert set(KEPT) == {path.stem for path in (ROOT / "conf" / "goal").glob("*.yaml")}
    assert len(SHOWN) == len(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_what_the_page_shows_is_what_the_command_prints(name: str) -> None:
    assert KEPT[name][-1]["end"] is not None
    assert "\n".join(goals.story(KEPT[name])) + "\n" in SHOWN
