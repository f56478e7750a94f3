"""A looped model written out layer by layer computes what the loop computes."""

import json
from pathlib import Path

import pytest

from harness.checkpoint import read_checkpoint
from harness.types import Model
from harness.unroll import unroll

SMALL = Path("ladder/checkpoints/countdown-33k")


def looped_logits(folder: Path, order: list[int], ids: list[int]):  # type: ignore[no-untyped-def]
    """What a model gives that meets its layers in this order, by transformers' own layers."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    layers = model.model.layers
    model.model.layers = torch.nn.ModuleList([layers[layer] for layer in order])
    model.config.num_hidden_layers = model.model.config.num_hidden_layers = len(order)
    if getattr(model.config, "layer_types", None):
        model.model.config.layer_types = ["full_attention"] * len(order)
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits


@pytest.mark.parametrize(
    ("layers", "times"), [(range(1, 2), 3), (range(0, 3), 2), (range(1, 3), 4), (range(2, 3), 1)]
)
def test_it_computes_what_the_loop_computes(tmp_path: Path, layers: range, times: int) -> None:
    import torch

    number = unroll(SMALL, tmp_path / "out", layers=layers, times=times)
    order = [*range(layers.stop), *[*layers] * (times - 1), *range(layers.stop, 3)]
    assert number == len(order)
    ids = [5, 6, 7, 14, 8, 20, 9, 1]
    expected = looped_logits(SMALL, order, ids)
    assert torch.allclose(looped_logits(tmp_path / "out", list(range(number)), ids), expected, atol=1e-5)


def test_its_cost_follows_from_its_depth(tmp_path: Path) -> None:
    unroll(SMALL, tmp_path / "out", layers=range(1, 3), times=4)
    before, after = (read_checkpoint(Model(str(path))).architecture for path in (SMALL, tmp_path / "out"))
    assert (before.num_layers, after.num_layers) == (3, 9)
    assert after.num_matmul_params > 2 * before.num_matmul_params
    record = json.loads((tmp_path / "out" / "config.json").read_text())["unrolled"]
    assert record == {"layers": [1, 3], "times": 4}
    names = {path.name for path in SMALL.iterdir()} - {"training.json"}
    assert names <= {path.name for path in (tmp_path / "out").iterdir()}


def test_many_shards_have_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.unroll.SHARD_BYTES", 20_000)
    unroll(SMALL, tmp_path / "out", layers=range(0, 3), times=2)
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())["weight_map"]
    assert len(set(index.values())) > 2
    assert read_checkpoint(Model(str(tmp_path / "out"))).architecture.num_layers == 6


@pytest.mark.parametrize(
    ("layers", "times", "told"),
    [
        (range(0, 4), 2, "has layers 0 to 3"),
        (range(2, 2), 2, "has layers 0 to 3"),
        (range(0, 1), 0, "at least 1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, layers: range, times: int, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        unroll(SMALL, tmp_path / "out", layers=layers, times=times)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="is there already"):
        unroll(SMALL, tmp_path / "out", layers=range(0, 1), times=2)
    with pytest.raises(ValueError, match="config.json"):
        unroll(tmp_path / "out", tmp_path / "other", layers=range(0, 1), times=2)
