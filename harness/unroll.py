"""A looped model as an ordinary checkpoint: some of its layers, met several times, written out one behind the
other.

So that an engine runs every number of steps of a model that recurs in depth, and its cost follows from its shape.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.files import read_json

LAYER = re.compile(r"(.*?\blayers\.)(\d+)(\..*)")
CONFIG, INDEX = "config.json", "model.safetensors.index.json"
COUNT = "num_hidden_layers"
# What a written checkpoint says of itself.
RECORD = "unrolled"
SHARD_BYTES = 4 << 30
# Of a checkpoint's folder what is read anew, and what is its weights in other forms.
LEFT_OUT = re.compile(r".*\.(safetensors|bin|pt|pth|gguf|msgpack|h5)|config\.json|.*\.index\.json")


def unroll(source: Path, out: Path, *, layers: range, times: int) -> int:
    """Write the checkpoint in which these layers stand `times` times in a row; the number of its layers.

    Everything else of the folder is copied. Raises ValueError with the way on, before anything is written, where
    the folder has no such layers or no safetensors, or where `out` is there.
    """
    config = read_json(source / CONFIG)
    settings = config.get("text_config", config)
    num_layers = settings.get(COUNT)
    if not isinstance(num_layers, int) or layers.step != 1 or not 0 <= layers.start < layers.stop <= num_layers:
        raise ValueError(f"{source} has layers 0 to {num_layers}; give --layers FIRST:BEHIND_LAST within these.")
    if times < 1:
        raise ValueError(f"--times must be at least 1; got {times}.")
    files = sorted(source.glob("*.safetensors"))
    if not files:
        raise ValueError(f"{source} has no weights in safetensors.")
    if out.exists():
        raise ValueError(f"{out} is there already; give another --out.")
    order = [*range(layers.stop), *[*layers] * (times - 1), *range(layers.stop, num_layers)]
    beside = out.with_name(f".{out.name}.unrolling")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    _write_weights(files, beside, order)
    for path in source.iterdir():
        if path.is_file() and not LEFT_OUT.fullmatch(path.name):
            shutil.copyfile(path, beside / path.name)
    _stretch(settings, order, num_layers)
    config[RECORD] = {"layers": [layers.start, layers.stop], "times": times}
    (beside / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    beside.rename(out)
    return len(order)


def _stretch(settings: dict[str, Any], order: Sequence[int], num_layers: int) -> None:
    """The settings of as many layers: their number, and every list that has an entry a layer."""
    settings[COUNT] = len(order)
    for name, value in settings.items():
        if isinstance(value, list) and len(value) == num_layers:
            settings[name] = [value[layer] for layer in order]


def _write_weights(files: Sequence[Path], out: Path, order: Sequence[int]) -> None:
    """All tensors, those of layers under each of their places in `order`, in shards of a few gigabytes."""
    from safetensors.torch import save_file

    places: dict[int, list[int]] = {}
    for place, layer in enumerate(order):
        places.setdefault(layer, []).append(place)
    shards: list[list[str]] = []
    held: dict[str, Any] = {}
    num_bytes = total = 0

    def write() -> None:
        save_file(held, out / f"part-{len(shards):05d}.safetensors", metadata={"format": "pt"})
        shards.append(sorted(held))
        held.clear()

    for name, tensor in _read(files):
        for renamed in _rename(name, places):
            # Each place has weights of its own, as files share none.
            held[renamed] = tensor.clone()
            num_bytes += tensor.nbytes
            total += tensor.nbytes
            if num_bytes > SHARD_BYTES:
                write()
                num_bytes = 0
    if held or not shards:
        write()
    _name_shards(out, shards, total)


def _read(files: Sequence[Path]) -> Iterator[tuple[str, Any]]:
    from safetensors import safe_open

    for path in files:
        with safe_open(path, framework="pt") as tensors:
            names = tensors.keys()
            for name in names:
                yield name, tensors.get_tensor(name)


def _rename(name: str, places: Mapping[int, Sequence[int]]) -> list[str]:
    """Under which names a tensor is written."""
    found = LAYER.fullmatch(name)
    if found is None:
        return [name]
    return [f"{found[1]}{place}{found[3]}" for place in places.get(int(found[2]), ())]


def _name_shards(out: Path, shards: Sequence[Sequence[str]], num_bytes: int) -> None:
    """One file by its usual name, several by theirs with an index."""
    if len(shards) == 1:
        (out / "part-00000.safetensors").rename(out / "model.safetensors")
        return
    index: dict[str, str] = {}
    for number, names in enumerate(shards):
        file = f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        (out / f"part-{number:05d}.safetensors").rename(out / file)
        index |= dict.fromkeys(names, file)
    record = {"metadata": {"total_size": num_bytes}, "weight_map": index}
    (out / INDEX).write_text(json.dumps(record, indent=2) + "\n")
