"""What a checkpoint says of itself: shapes, parameter counts, context,
end-of-text tokens and what its weights are.

Reads config.json and the safetensors headers of a local folder or a hub repository; loads no weights.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.architecture import Architecture, Tensor, describe, text_settings
from harness.files import MAX_SETTINGS_BYTES, read_json
from harness.foreign import check_names, check_place
from harness.plausible import check_config, check_ends
from harness.types import Model

Tensors = dict[str, Tensor]
# What safetensors itself reads at most.
MAX_HEADER_BYTES = 100_000_000
MAX_INDEX_BYTES = 100_000_000
LONGEST_REASON = 200


@dataclass(frozen=True)
class Checkpoint:
    """A model's counts and shapes, the tokens it can read, those that end a text, and what its weights are.

    config, generation: its config.json and its generation_config.json, empty where there is none.
    """

    weights_digest: str
    architecture: Architecture
    context: int
    eos_ids: tuple[int, ...]
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)
    generation: Mapping[str, Any] = field(default_factory=dict, hash=False)


def read_checkpoint(model: Model) -> Checkpoint:
    """The checkpoint of `model`; raises ValueError with the way on where there is none or it cannot be reached."""
    folder = Path(model.path)
    if not folder.exists() and not model.path.startswith((".", "/", "~")) and model.path.count("/") == 1:
        return _read_hub(model)
    check_place(model.path)
    with _telling_what_cannot_be_read(folder):
        return _describe(_read_json(folder, "config.json"), _read_generation(folder), *_local_weights(folder))


@contextlib.contextmanager
def _telling_what_cannot_be_read(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValueError(f"{error.filename or folder} cannot be read ({error.strerror or error}).") from None


def _read_hub(model: Model) -> Checkpoint:
    from huggingface_hub import HfApi, hf_hub_download

    hub = HfApi()
    with _telling_the_hubs_errors(model):
        info = hub.model_info(model.path, revision=model.revision)
    files = {sibling.rfilename for sibling in info.siblings or []}
    check_names(files, place=model.path)
    tensors: Tensors = {}
    with _telling_the_hubs_errors(model):
        folder = Path(hf_hub_download(model.path, "config.json", revision=info.sha)).parent
        if "generation_config.json" in files:
            hf_hub_download(model.path, "generation_config.json", revision=info.sha)
        for name in _of_the_model(file for file in files if file.endswith(".safetensors") and "/" not in file):
            metadata = hub.parse_safetensors_file_metadata(model.path, name, revision=info.sha)
            tensors |= {key: Tensor(header.dtype, tuple(header.shape)) for key, header in metadata.tensors.items()}
    return _describe(_read_json(folder, "config.json"), _read_generation(folder), tensors, f"commit:{info.sha}")


@contextlib.contextmanager
def _telling_the_hubs_errors(model: Model) -> Iterator[None]:
    """Whatever the hub's client raises, which differs between its versions, as a ValueError of one line."""
    try:
        yield
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"There is no folder {model.path!r} here, and no model of that name can be read from the hub "
            f"({reason}). "
            "Check the path, or download the model and set model.path to its folder."
        ) from error


def _local_weights(folder: Path) -> tuple[Tensors, str]:
    """Tensors by the safetensors headers, and a digest of the weight files."""
    files = _list_visible(folder, "*.safetensors")
    if not files:
        raise ValueError(
            f"No *.safetensors in {folder}: its weights are missing. Download the checkpoint again, or save the "
            "model there with save_pretrained."
        )
    _check_shards(folder, {path.name for path in files})
    tensors: Tensors = {}
    digest = hashlib.sha256()
    for name in _of_the_model(path.name for path in files):
        tensors |= _read_tensors(folder / name)
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return tensors, f"sha256:{digest.hexdigest()[:32]}"


def _check_shards(folder: Path, files: set[str]) -> None:
    """Raise ValueError where the index of the weights names files that are not there,
    as after a broken download.
    """
    for index in _list_visible(folder, "*.safetensors.index.json"):
        named = _read_json(folder, index.name, max_bytes=MAX_INDEX_BYTES).get("weight_map")
        if isinstance(named, dict) and (gone := sorted(set(map(str, named.values())) - files)):
            raise ValueError(
                f"{len(gone)} weight files are missing in {folder}, such as {gone[0]}. Download them again."
            )


def _list_visible(folder: Path, pattern: str) -> list[Path]:
    # macOS lays a `._name` beside each file that it packs or copies.
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def _of_the_model(files: Iterable[str]) -> list[str]:
    """Without consolidated files, in which some checkpoints hold every weight once more under other names."""
    names = sorted(files)
    return [name for name in names if not name.startswith("consolidated")] or names


def _read_tensors(path: Path) -> Tensors:
    """Tensors by the header of a safetensors file; raises ValueError where the file is cut short or is none."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
            if header_bytes > size - 8:
                raise ValueError("its header is longer than the file")
            if header_bytes > MAX_HEADER_BYTES:
                raise ValueError(
                    f"its header has {header_bytes:,} bytes, and at most {MAX_HEADER_BYTES:,} are read"
                )
            tensors = json.loads(file.read(header_bytes))
        tensors.pop("__metadata__", None)
        needed = 8 + header_bytes + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
        if needed != size:
            raise ValueError(f"it has {size:,} bytes, and its header says {needed:,}")
        _check_header(path)
        return {name: Tensor(tensor["dtype"], tuple(tensor["shape"])) for name, tensor in tensors.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise ValueError(f"{path} is damaged or incomplete ({reason}). Download or write it again.") from None


def _check_header(path: Path) -> None:
    """Raise ValueError where safetensors itself refuses the header,
    as for overlaps, gaps and sizes that do not fit.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def _describe(
    config: dict[str, Any], generation: dict[str, Any], tensors: Tensors, weights_digest: str
) -> Checkpoint:
    if not tensors:
        raise ValueError("The checkpoint has no *.safetensors, and isoquant reads shapes and identity from them.")
    config = check_config(config)
    try:
        text = text_settings(config)
        architecture = describe(config, tensors)
    except (TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(
            f"config.json has values that no model can have ({type(error).__name__}: {error})."
        ) from None
    said = config | config.get("text_config", {}) | generation
    return Checkpoint(
        weights_digest=weights_digest,
        architecture=architecture,
        context=text["max_position_embeddings"],
        eos_ids=check_ends(said.get("eos_token_id")),
        config=config,
        generation=generation,
    )


def _read_json(folder: Path, name: str, *, max_bytes: int = MAX_SETTINGS_BYTES) -> dict[str, Any]:
    path = folder / name
    if not path.exists():
        raise ValueError(f"No {name} in {folder}: not a Hugging Face checkpoint.")
    content = read_json(path, max_bytes=max_bytes)
    if not isinstance(content, dict):
        raise ValueError(f"{path} has no settings. Download or write it again.")
    return content


def _read_generation(folder: Path) -> dict[str, Any]:
    name = "generation_config.json"
    return _read_json(folder, name) if (folder / name).exists() else {}
