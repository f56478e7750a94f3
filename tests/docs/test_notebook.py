"""The notebook page runs from its first block to its last."""

import re
from pathlib import Path

import pytest

PAGE = Path("docs/notebook.md")


def test_the_page_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    said = capsys.readouterr().out
    assert "countdown-125k" in said and "inf" in said and "0.814" in said
