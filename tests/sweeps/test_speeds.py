"""Timing shapes: what is stored, what a second call times, and shapes that end badly."""

import asyncio
import contextlib
import csv
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness.engines.vllm import Vllm
from harness.shapes import Shape, count, write_config
from harness.types import Completion, Model, Request
from isoquant.__main__ import main
from results import speeds
from sweeps.shape_lists import load
from sweeps.speeds import Asked, Found, _key, _stamp, build_settings, time_missing

CONFIG = {"model_type": "qwen3", "vocab_size": 64, "head_dim": 32, "tie_word_embeddings": True}
CONFIG |= {
    "max_position_embeddings": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
SECONDS = 0.02


@dataclass(frozen=True)
class Timed(Vllm):
    """Settings of an engine that takes SECONDS a token, and fails as the name of a shape says."""

    def import_early(self) -> None:
        from transformers import AutoModelForCausalLM  # noqa: F401
        from transformers.models.qwen3 import modeling_qwen3  # noqa: F401

    def settle(self, model: Model, architecture: Any, *, max_model_len: int) -> "Timed":
        return replace(self, max_num_seqs=self.max_num_seqs)

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int, reads_text: bool = False) -> AsyncIterator[Any]:
        assert self.options["load_format"] == "dummy"
        yield Slow(model.name)


@dataclass
class Slow:
    name: str

    async def complete(self, request: Request) -> Completion:
        await asyncio.sleep(SECONDS * request.max_tokens)
        if self.name == "killed" and len(request.prompt_ids) > 4:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.name == "refused":
            raise RuntimeError("no room\nfor this")
        return Completion((0,) * request.max_tokens, "length", 2, 0.0)


def asked(*names: str, **changed: Any) -> Asked:
    shapes = [
        Shape(name, "f", {**CONFIG, "hidden_size": 64, "intermediate_size": 96, "name": name}) for name in names
    ]
    return Asked(
        shapes,
        **{"batches": [1, 3], "contexts": [4], "num_rounds": 2, "tokens_each": 5} | changed,
        settings=Timed(),
    )  # type: ignore[arg-type]


def rows(table: Path) -> list[dict[str, str]]:
    with table.open() as file:
        return list(csv.DictReader(file))


def test_a_shape_that_ends_badly_leaves_the_others_and_what_it_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    found = time_missing(table, asked("good", "killed", "refused", "last", contexts=[4, 8]))
    assert found.failures == {
        "killed": "its process was ended by SIGKILL, probably for want of memory",
        "refused": "no room for this",
    }
    told = capsys.readouterr().out
    assert "killed: 1 of 8 timings, then it failed: its process was ended by SIGKILL" in told
    assert [row["shape"] for row in rows(table)] == ["good"] * 8 + ["killed"] + ["last"] * 8


def test_a_second_call_times_what_is_missing_and_a_row_says_of_what(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    assert time_missing(table, asked("a", num_rounds=1)) == Found(2, 0, {})
    before = rows(table)
    assert time_missing(table, asked("a", num_rounds=1)) == Found(0, 2, {})
    assert time_missing(table, asked("a", "b")) == Found(2 + 4, 2, {})
    after = rows(table)
    assert after[:2] == before and len({speeds.key(row) for row in after}) == len(after) == 8
    check_row(after[1])


def check_row(row: dict[str, str]) -> None:
    """Of the batch of three."""
    assert tuple(row) == speeds.COLUMNS
    counts = ("batch", "num_read_tokens", "num_written_tokens", "num_cached_tokens")
    assert [int(row[name]) for name in counts] == [3, 12, 15, 6]
    assert SECONDS <= float(row["read_seconds"]) < 5 * SECONDS <= float(row["write_seconds"])
    assert all(row[name] for name in ("device", "engine_version", "packages", "time"))
    assert '"hidden_size": 64' in row["config"]
    # Two layers: queries and outputs 64 x 64, keys and values 64 x 32, two norms of heads; three matrices 64 x 96.
    assert int(row["num_attention_params"]) == 2 * (2 * 64 * 64 + 2 * 64 * 32 + 2 * 32)
    assert int(row["num_mlp_params"]) == 2 * 3 * 64 * 96


@pytest.mark.parametrize(
    "changed", [{"tokens_each": 6}, {"settings": Timed(dtype="bfloat16")}, {"name": "b", "hidden_size": 96}]
)
def test_a_timing_is_of_another_kind_with_other_words_settings_or_shapes(changed: dict[str, Any]) -> None:
    one = asked("a")
    fields = {name: value for name, value in changed.items() if name in Asked._fields}
    other = one._replace(**fields)
    shape = one.shapes[0]._replace(
        config={**one.shapes[0].config, **{k: v for k, v in changed.items() if k not in fields}}
    )
    keys = {speeds.key(_key(one.shapes[0], one.cells[0], one, _stamp(one.settings)))}
    keys.add(speeds.key(_key(shape, other.cells[0], other, _stamp(other.settings))))
    assert len(keys) == 2


@pytest.mark.parametrize("name", ["small", "1b"])
def test_shapes_of_a_list_have_equal_size_and_heads_that_vllm_takes(name: str, tmp_path: Path) -> None:
    shapes = load(name)
    sizes = []
    for shape in shapes:
        write_config(shape, tmp_path)
        counted = count(tmp_path, shape.config)
        sizes.append(counted.architecture.num_non_embedding_params)
        assert counted.architecture.head_dim % 32 == 0 and counted.num_mlp_params
    assert len({shape.name for shape in shapes}) == len(shapes) and max(sizes) < 1.01 * min(sizes)


def test_a_folder_with_a_config_is_a_shape() -> None:
    [shape] = load("tests/bench/shapes/qwen3-8b")
    assert (shape.name, shape.family, shape.config["hidden_size"]) == ("qwen3-8b", "qwen3", 4096)


def test_what_cannot_be_timed_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text("shapes: [1, 2]\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for words, said in (
        (["nowhere"], "There are no shapes 'nowhere'. Give a list of conf/shapes (1b, small)"),
        ([str(tmp_path / "bad.yaml")], "is no list of shapes"),
        (["small", "--engine", "dtipe=x"], "no option engine.dtipe"),
        (["small", "--engine", "engine=server"], "A server has the weights that it was started with."),
        (["small", "--table", str(tmp_path / "other.csv")], "is no table of speeds: it has no column shape."),
        (["small", "--outcome", "loss"], "`isoquant probe throughput` does not use --outcome"),
    ):
        assert main(["probe", "throughput", *words]) == 2
        told = capsys.readouterr().err
        assert said in told and len(told.splitlines()) == 1
    assert build_settings(["dtype=bfloat16"]).dtype == "bfloat16"


def test_two_do_not_add_to_one_table(tmp_path: Path) -> None:
    with (
        speeds.alone(tmp_path / "t.csv"),
        pytest.raises(ValueError, match="Another process adds"),
        speeds.alone(tmp_path / "t.csv"),
    ):
        pass
    with speeds.alone(tmp_path / "t.csv"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_the_real_engine_times_a_shape_without_weights(tmp_path: Path) -> None:
    own = {**CONFIG, "architectures": ["Qwen3ForCausalLM"], "hidden_size": 64, "intermediate_size": 96}
    given = Asked([Shape("tiny", "f", own)], [1, 2], [64], 1, 4, build_settings([]))
    assert time_missing(tmp_path / "t.csv", given) == Found(2, 0, {})
    # Of 64 tokens, all but the last stand in whole blocks of 32 that were read: one block.
    assert [int(row["num_cached_tokens"]) for row in rows(tmp_path / "t.csv")] == [32, 64]
