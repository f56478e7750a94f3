"""What a checkpoint says of itself, against counts made by hand and by transformers."""

import json
import shutil
from pathlib import Path

import pytest

from harness.checkpoint import read_checkpoint
from harness.types import Model
from ladder.rungs import HEAD_DIM, LADDER, REVISION_LADDER, Rung

CHECKPOINTS = Path("ladder/checkpoints")


@pytest.mark.parametrize("rung", (*LADDER, *REVISION_LADDER), ids=lambda rung: rung.name)
def test_counts_equal_the_architectures_formula(rung: Rung) -> None:
    checkpoint = read_checkpoint(Model(str(CHECKPOINTS / rung.name)))
    found = checkpoint.architecture
    width, inner = rung.hidden_size, rung.intermediate_size
    layer = 4 * width * rung.num_heads * HEAD_DIM + 3 * width * inner
    matrices = rung.num_layers * layer + 32 * width  # the tied lookup is counted once, as the output head
    norms = rung.num_layers * (2 * width + 2 * HEAD_DIM) + width
    assert found.num_matmul_params == matrices
    assert found.num_params == matrices + norms
    assert (found.num_layers, found.num_heads, found.head_dim) == (rung.num_layers, rung.num_heads, HEAD_DIM)
    assert checkpoint.eos_ids == (0,)
    assert (found.num_active_params, found.num_linear_layers, found.num_window_layers) == (found.num_params, 0, 0)


def test_an_untied_head_is_counted_and_the_lookup_is_not(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {"model.embed_tokens.weight": torch.zeros(50, 8), "lm_head.weight": torch.zeros(50, 8)}
    tensors["model.layers.0.mlp.up_proj.weight"] = torch.zeros(8, 24)
    save_file(tensors, tmp_path / "model.safetensors")
    config = {"num_attention_heads": 2, "num_hidden_layers": 1, "hidden_size": 8, "max_position_embeddings": 64}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = read_checkpoint(Model(str(tmp_path))).architecture
    assert (found.num_params, found.num_matmul_params) == (400 + 400 + 192, 400 + 192)


def test_other_weights_have_another_digest(tmp_path: Path) -> None:
    source = CHECKPOINTS / LADDER[0].name
    shutil.copytree(source, tmp_path / "copy")
    copied = read_checkpoint(Model(str(tmp_path / "copy"))).weights_digest
    assert copied == read_checkpoint(Model(str(source))).weights_digest
    weights = tmp_path / "copy" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    assert read_checkpoint(Model(str(tmp_path / "copy"))).weights_digest != copied


def test_what_macos_lays_beside_weights_is_none(tmp_path: Path) -> None:
    source = CHECKPOINTS / LADDER[0].name
    shutil.copytree(source, tmp_path / "copy")
    for path in sorted((tmp_path / "copy").iterdir()):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7Mac OS X")
    assert read_checkpoint(Model(str(tmp_path / "copy"))) == read_checkpoint(Model(str(source)))


@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/at/all", "nowhere", "a/b/c"])
def test_a_folder_that_is_not_there_is_told(path: str) -> None:
    with pytest.raises(ValueError, match="No model at"):
        read_checkpoint(Model(path))


def test_a_folder_without_weights_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="safetensors"):
        read_checkpoint(Model(str(tmp_path)))
