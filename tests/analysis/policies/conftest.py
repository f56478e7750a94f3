"""The committed ladder, read once."""

from pathlib import Path

import pytest

from analysis import outcomes
from analysis.outcomes import Outcomes


@pytest.fixture(scope="session")
def loaded() -> Outcomes:
    return outcomes.load(Path("results/reference"))
