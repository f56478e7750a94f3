"""The committed ladder, read once."""

from pathlib import Path

import pytest

from analysis.runs import outcomes
from analysis.runs.outcomes import Outcomes


@pytest.fixture(scope="session")
def loaded() -> Outcomes:
    return outcomes.load(Path("results/reference"))
