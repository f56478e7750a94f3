"""The weights that an engine loads: downloaded where they are not here yet,
and never from pickles, which run code.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.types import Model

# Formats of weights that hold no code. vLLM's own choice, auto, takes pickled weights where it finds no others.
LOAD_FORMATS = (
    *("safetensors", "fastsafetensors", "mistral", "instanttensor", "sharded_state"),
    *("runai_streamer", "runai_streamer_sharded", "bitsandbytes", "dummy"),
)


def check_load_format(options: Mapping[str, Any]) -> None:
    """Raise ValueError where an engine's options ask for a format in which weights can be pickled."""
    if (load_format := options.get("load_format", LOAD_FORMATS[0])) not in LOAD_FORMATS:
        raise ValueError(
            f"engine.options.load_format={load_format} is refused: it may load pickled weights, which can run "
            "code. "
            f"Choose from {', '.join(LOAD_FORMATS)}."
        )


def fetch_weights(model: Model) -> Path:
    """The folder of a model; one of the hub is downloaded where it is not there yet.

    With a progress bar, which vLLM's own would not show, and without pickled weights.
    """
    from huggingface_hub import snapshot_download

    if Path(model.path).is_dir():
        return Path(model.path)
    return Path(snapshot_download(model.path, revision=model.revision, allow_patterns=["*.json", "*.safetensors"]))


def choose_formats(folder: Path) -> dict[str, str]:
    """vLLM's names of what a folder is read as: never pickles, and by the config.json that isoquant describes it
    by.

    Mistral's own files, which vLLM prefers where they lie beside the others, only where there are no others.
    """
    names = [path.name for path in folder.glob("*.safetensors")]
    if names and all(name.startswith("consolidated") for name in names):
        return {"load_format": "mistral"}
    return {"load_format": "safetensors", "config_format": "hf"}
