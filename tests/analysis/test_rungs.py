"""Stored rows of models as what costs depend on: of every kind of model, and from before it was told apart."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from analysis.costs.shapes import Shape
from analysis.runs import rungs
from results import store
from results.schema import MODELS
from results.shards import write_shard

ROW: dict[str, Any] = {"identity": "i", "model": "m", "task": "t", "num_params": 1200, "num_matmul_params": 1000}
ROW |= {"num_layers": 3, "num_heads": 2, "head_dim": 32, "num_kv_heads": 1, "dtype": "bfloat16"}
ADDED = (
    "num_active_params",
    "num_non_embedding_params",
    "quantized_bytes",
    "num_experts",
    "num_experts_per_token",
)
ADDED += (
    "num_linear_layers",
    "num_window_layers",
    "window",
    "value_head_dim",
    "cached_width",
    "pretraining_source",
)


def shape_of(root: Path) -> Shape:
    return rungs.read(root, store.scan(root, MODELS).to_pandas())[0].shape


def stored(root: Path, **columns: object) -> Shape:
    store.append(root, MODELS, [ROW | columns], writer="w")
    return shape_of(root)


def test_rows_from_before_a_column_was_there_read_as_a_dense_model_with_full_attention(tmp_path: Path) -> None:
    older = pa.schema([field for field in MODELS.schema if field.name not in ADDED])
    table = pa.Table.from_pylist([{field.name: ROW.get(field.name) for field in older}], schema=older)
    write_shard(tmp_path / MODELS.name, table, writer="w")
    assert set(ADDED) <= set(MODELS.schema.names)
    assert shape_of(tmp_path) == Shape(1000, num_layers=3, num_heads=2, head_dim=32, num_kv_heads=1)


def test_experts_are_what_a_token_does_not_meet_and_its_share(tmp_path: Path) -> None:
    found = stored(tmp_path, num_active_params=1050, num_experts=8, num_experts_per_token=2)
    assert (found.num_expert_params, found.expert_share) == (pytest.approx(200), 0.25)


def test_windows_latents_and_linear_layers_reach_the_costs(tmp_path: Path) -> None:
    told = {"num_linear_layers": 1, "num_window_layers": 1, "window": 7, "value_head_dim": 16, "cached_width": 48}
    found = stored(tmp_path, **told)
    assert {name: getattr(found, name) for name in told} == told
    assert (found.attention_width, found.window_width) == (2 * 24, 2 * 24)


@pytest.mark.parametrize(
    ("columns", "num_bytes"),
    [
        ({}, 2.0),
        ({"dtype": "float32"}, 4.0),
        ({"quantization": "fp8"}, 1.0),
        ({"quantized_bytes": 660}, 0.55),
        ({"quantized_bytes": 660, "quantization": "awq"}, 0.55),
    ],
)
def test_a_weight_weighs_what_the_checkpoint_or_the_settings_say(
    tmp_path: Path, columns: dict[str, Any], num_bytes: float
) -> None:
    assert stored(tmp_path, **columns).bytes_per_weight == pytest.approx(num_bytes)
