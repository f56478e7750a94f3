"""What a checkpoint says of itself: shapes, parameter counts, context, end-of-text tokens and what its weights are.

Reads config.json and the safetensors headers of a local folder or a hub repository; loads no weights.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.types import Model

TensorShapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Checkpoint:
    """Counts and shapes of a model. `num_matmul_params` counts the output head and leaves the input lookup out."""

    weights_digest: str
    num_params: int
    num_matmul_params: int
    num_layers: int
    hidden_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    context: int
    eos_ids: tuple[int, ...]


def read_checkpoint(model: Model) -> Checkpoint:
    """The checkpoint of `model`; raises ValueError with the way on where there is none or it cannot be reached."""
    folder = Path(model.path)
    if folder.is_dir():
        return _describe(_read_json(folder, "config.json"), _read_generation(folder), *_local_weights(folder))
    if folder.exists() or model.path.startswith((".", "/", "~")) or model.path.count("/") != 1:
        raise ValueError(f"No model at {model.path!r}: give a folder that exists, or a hub id such as Qwen/Qwen3-8B.")
    return _read_hub(model)


def _read_hub(model: Model) -> Checkpoint:
    from huggingface_hub import HfApi, hf_hub_download

    hub = HfApi()
    try:
        info = hub.model_info(model.path, revision=model.revision)
        files = {sibling.rfilename for sibling in info.siblings or []}
        folder = Path(hf_hub_download(model.path, "config.json", revision=info.sha)).parent
        if "generation_config.json" in files:
            hf_hub_download(model.path, "generation_config.json", revision=info.sha)
        shapes: TensorShapes = {}
        for name in sorted(f for f in files if f.endswith(".safetensors")):
            metadata = hub.parse_safetensors_file_metadata(model.path, name, revision=info.sha)
            shapes |= {key: tuple(tensor.shape) for key, tensor in metadata.tensors.items()}
    except Exception as error:  # the hub's client raises its HTTP library's errors, which differ between its versions
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"Cannot read model {model.path!r} from the hub ({reason}). "
            "Check the name, or download it and set model.path to its folder."
        ) from error
    return _describe(_read_json(folder, "config.json"), _read_generation(folder), shapes, f"commit:{info.sha}")


def _local_weights(folder: Path) -> tuple[TensorShapes, str]:
    """Tensor shapes from the safetensors headers, and a digest of the weight files."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ValueError(f"No *.safetensors in {folder}: isoquant reads shapes and identity from them.")
    shapes: TensorShapes = {}
    digest = hashlib.sha256()
    for path in files:
        shapes |= _read_shapes(path)
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return shapes, f"sha256:{digest.hexdigest()[:32]}"


def _read_shapes(path: Path) -> TensorShapes:
    """Tensor shapes from the header of a safetensors file; raises ValueError where the file is cut short or is none."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
            if header_bytes > size - 8:
                raise ValueError("its header is longer than the file")
            tensors = json.loads(file.read(header_bytes))
        tensors.pop("__metadata__", None)
        needed = 8 + header_bytes + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
        if needed != size:
            raise ValueError(f"it has {size:,} bytes and its header speaks of {needed:,}")
        return {name: tuple(tensor["shape"]) for name, tensor in tensors.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{path} is damaged or cut short ({error}); download or write it again.") from None


def _describe(
    config: dict[str, Any], generation: dict[str, Any], shapes: TensorShapes, weights_digest: str
) -> Checkpoint:
    config = config.get("text_config", config)
    if not shapes:
        raise ValueError("No *.safetensors in the checkpoint: isoquant reads shapes and identity from them.")
    needed = ("num_attention_heads", "num_hidden_layers", "hidden_size", "max_position_embeddings")
    if missing := [name for name in needed if not isinstance(config.get(name), int) or config[name] < 1]:
        raise ValueError(
            f"config.json gives no positive {' and no '.join(missing)}: not a transformer that isoquant can read."
        )
    lookup = {name for name in shapes if name.endswith("embed_tokens.weight")}
    num_params = sum(math.prod(shape) for shape in shapes.values())
    num_matmul = sum(math.prod(s) for name, s in shapes.items() if len(s) >= 2 and name not in lookup)
    if not any(name.endswith("lm_head.weight") for name in shapes):
        num_matmul += sum(math.prod(shapes[name]) for name in lookup)  # tied: the lookup is also the output head
    num_heads = config["num_attention_heads"]
    eos = generation.get("eos_token_id", config.get("eos_token_id"))
    return Checkpoint(
        weights_digest=weights_digest,
        num_params=num_params,
        num_matmul_params=num_matmul,
        num_layers=config["num_hidden_layers"],
        hidden_size=config["hidden_size"],
        num_heads=num_heads,
        num_kv_heads=config.get("num_key_value_heads") or num_heads,
        head_dim=config.get("head_dim") or config["hidden_size"] // num_heads,
        context=config["max_position_embeddings"],
        eos_ids=tuple(eos) if isinstance(eos, list) else () if eos is None else (eos,),
    )


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    if not path.exists():
        raise ValueError(f"No {name} in {folder}: not a Hugging Face checkpoint.")
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}); download or write it again.") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no settings; download or write it again.")
    return content


def _read_generation(folder: Path) -> dict[str, Any]:
    name = "generation_config.json"
    return _read_json(folder, name) if (folder / name).exists() else {}
