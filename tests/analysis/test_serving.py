"""Which stored answer serves a setting, against the function that says it, on random samples of several axes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.runs import samples
from results.cuts import NATURAL, Caps, answer_places
from tests.bench import settings
from tests.bench.settings import IDENTITY, POOL, PROMPT_TOKENS, Grid

PROMPTS = 12


def read(root: Path, wanted: tuple[Caps, ...], *, goes_on: bool) -> samples.Samples:
    return samples.read(
        root,
        identity=IDENTITY,
        pool=POOL,
        settings=wanted,
        prompt_ids=pd.Index(settings._prompt_ids(PROMPTS)),
        prompt_tokens=np.full(PROMPTS, PROMPT_TOKENS),
        grader=settings.GRADER,
        goes_on=goes_on,
    )


@pytest.mark.parametrize("grid", [settings.PLAIN, settings.TWO_AXES, settings.THREE_AXES])
def test_every_setting_is_served_by_the_answer_at_its_cut(grid: Grid, tmp_path: Path):
    root = settings._store(tmp_path, grid, PROMPTS)
    rng = np.random.default_rng(0)
    closes = settings._closes(rng, grid, PROMPTS)
    places = answer_places(grid.settings, settings._events(closes, grid, rng))
    expected = np.where(places == NATURAL, closes, places)
    for wanted in (grid.settings, grid.settings[::-1], grid.settings[1::3]):
        found = read(root, wanted, goes_on=grid is not settings.PLAIN)
        at = [grid.settings.index(caps) for caps in wanted]
        assert found.present.all()
        assert (found.thinking_tokens == expected[at]).all()
