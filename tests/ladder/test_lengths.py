"""A rung at several training lengths."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ladder import train as training
from ladder.examples import Course, Example
from ladder.rungs import Rung
from ladder.tokenizer import ALPHABET, build_tokenizer, vocab_size
from ladder.train import last_plateau_step, lr_scale, train, train_lengths

TINY = Rung("tiny", num_layers=1, hidden_size=32, intermediate_size=32, num_steps=80)
LENGTHS = (40, 80)


def draw(rng: np.random.Generator) -> Iterator[Example]:
    while True:
        yield Example(rng.integers(1, 20, size=8).tolist(), [True] * 8)


COURSE = Course(draw, 32, build_tokenizer(), vocab_size(ALPHABET), 32)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def assert_alike(one: Path, other: Path) -> None:
    assert weights(one).keys() == weights(other).keys()
    for name, tensor in weights(one).items():
        torch.testing.assert_close(tensor, weights(other)[name])


@pytest.mark.parametrize("num_steps", [40, 1080, 1440, 4320])
def test_lengths_part_where_the_rate_still_is_that_of_the_longest(num_steps: int) -> None:
    last = last_plateau_step(num_steps)
    assert last % 16 == 0 and last > 0.6 * num_steps - 17
    # Rates of the steps that were taken.
    assert all(lr_scale(step, num_steps) == lr_scale(step, 10 * num_steps) for step in range(last))


def test_each_length_is_what_training_it_alone_gives(tmp_path: Path) -> None:
    train_lengths(TINY, LENGTHS, COURSE, out=tmp_path / "out", cache=tmp_path / "cache")
    for steps in LENGTHS:
        alone = Rung(f"alone-{steps}", 1, 32, 32, num_steps=steps)
        train(alone, COURSE, out=tmp_path / "out", cache=tmp_path / "other")
        assert_alike(tmp_path / "out" / f"tiny-{steps}", tmp_path / "out" / alone.name)
        record = json.loads((tmp_path / "out" / f"tiny-{steps}" / "training.json").read_text())
        assert record["steps"] == steps
    one, other = (weights(tmp_path / "out" / f"tiny-{steps}") for steps in LENGTHS)
    assert any(not torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train_lengths(TINY, LENGTHS, COURSE, out=whole, cache=whole / "cache")
    take_step, num_taken = training.take_step, 0

    def die(*given: object, **named: object) -> float:
        nonlocal num_taken
        num_taken += 1
        if num_taken == 45:
            raise KeyboardInterrupt
        return take_step(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "take_step", die)
    monkeypatch.setattr(training, "SAVE_EVERY_STEPS", 16)
    with pytest.raises(KeyboardInterrupt):
        train_lengths(TINY, LENGTHS, COURSE, out=killed, cache=killed / "cache")
    train_lengths(TINY, LENGTHS, COURSE, out=killed, cache=killed / "cache")
    for steps in LENGTHS:
        assert_alike(killed / f"tiny-{steps}", whole / f"tiny-{steps}")
    # 40 and 80 steps share 16, and not all of the 45 before the kill are taken again.
    assert num_taken < 40 + 80 + 45 - 16
