"""What a run has spent: probes whose records anyone may have written."""

from pathlib import Path

import pytest

from analysis.runs import spending


@pytest.mark.parametrize("told", ["-1000", "1e999", "NaN", '"12"', "true", "2.5", "1e300", "9" * 300, "null"])
def test_a_probe_that_tells_no_number_of_tokens_tells_none(told: str, tmp_path: Path) -> None:
    (tmp_path / spending.PROBES).mkdir()
    (tmp_path / spending.PROBES / "a.json").write_text(f'{{"num_tokens": {told}}}')
    (tmp_path / spending.PROBES / "b.json").write_text('{"num_tokens": 12}')
    assert spending.read(tmp_path).probe_tokens == 12
