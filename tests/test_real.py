"""The committed runs of public models: what they must show, read off their rows."""

from pathlib import Path

import numpy as np
import pytest

from analysis import findings, outcomes
from results import store

RUNS = sorted(path.name for path in Path("results/real").iterdir() if path.is_dir())
MODELS = ["SmolLM2-135M-Instruct", "Qwen2.5-Coder-0.5B-Instruct", "Qwen2.5-Coder-1.5B-Instruct"]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_public_models_is_whole_and_read_by_the_present_analysis(name: str) -> None:
    root = Path("results/real") / name
    assert store.find_damaged(root) == []
    loaded = outcomes.load(root)
    assert [arm.rung.name for arm in loaded.arms] == MODELS
    assert (len(loaded.prompt_ids), loaded.num_samples, loaded.dropped) == (60 if name == "svamp" else 40, 8, ())


def test_on_word_problems_accuracy_rises_with_size_and_with_thinking() -> None:
    found = findings.find(outcomes.load(Path("results/real/svamp")), findings.Choices(), rng=np.random.default_rng(0))
    accuracy = found.cells.pivot(index="model", columns="budget", values="accuracy").loc[MODELS]
    assert accuracy[256].is_monotonic_increasing
    assert (accuracy[256] > accuracy[0]).loc[MODELS[1:]].all()
