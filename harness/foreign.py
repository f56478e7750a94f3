"""What stands at a place instead of a checkpoint, and the way on from there.
Knows names of files, reads no weights.
"""

from collections.abc import Collection
from pathlib import Path

from harness.files import list_folder

PICKLED = (".bin", ".pt", ".pth", ".ckpt")
# Of a folder that holds an adapter these are its own weights, not a model's.
ADAPTER = "adapter_config.json"
ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
# Any of these may hold a tokenizer.
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
)
REWRITE = "AutoModelForCausalLM.from_pretrained({where}).save_pretrained(<new folder>)"


def check_place(path: str) -> None:
    """Raise ValueError where `path` is a file, or holds something else than a Hugging Face checkpoint."""
    place = Path(path)
    if place.is_file():
        raise ValueError(_explain_file(place))
    if not place.is_dir():
        raise ValueError(f"No model at {path!r}: give a folder that exists, or a hub id such as Qwen/Qwen3-8B.")
    names = list_folder(place)
    check_names(names, place=path)
    if "config.json" not in names and (inner := sorted(place.glob("*/config.json"), key=_age)):
        raise ValueError(
            f"No config.json in {path}: not a Hugging Face checkpoint. Did you mean {inner[-1].parent}?"
        )


def check_tokenizer_files(path: str) -> None:
    """Raise ValueError where a folder has no file of a tokenizer."""
    place = Path(path)
    names = list_folder(place) if place.is_dir() else list(TOKENIZERS)
    if not any(name in TOKENIZERS or name == "tekken.json" or name.endswith(".tiktoken") for name in names):
        raise ValueError(
            f"No tokenizer in {path}: copy tokenizer.json and tokenizer_config.json there, and "
            "chat_template.jinja "
            "if the model has one. For a fine-tuned model, take those of its base model."
        )


def check_names(names: Collection[str], *, place: str) -> None:
    """Raise ValueError where a folder or hub repository of these files is no checkpoint by itself."""
    if not names:
        raise ValueError(f"{place} is empty; give a folder with config.json, *.safetensors and a tokenizer.")
    weights = [name for name in names if name not in ADAPTER_WEIGHTS]
    if any(name.endswith(".safetensors") for name in weights):
        return
    if ADAPTER in names:
        raise ValueError(
            f"{place} is a LoRA adapter, not a model. Merge it into its base: merge_and_unload() of peft, then "
            "save_pretrained(<new folder>) of model and tokenizer; give the new folder as model.path."
        )
    if any(name.endswith(".gguf") for name in weights):
        raise ValueError(_explain_gguf(place, next(name for name in sorted(names) if name.endswith(".gguf"))))
    if any(name.endswith(PICKLED) and name != "training_args.bin" for name in weights):
        raise ValueError(
            f"{place} holds pickled weights only; isoquant reads *.safetensors, which contain no code. If you "
            f"trust the weights, convert them once: {REWRITE.format(where=f'{place!r}')}, copy the tokenizer "
            "there, and give the new folder."
        )


def _explain_file(path: Path) -> str:
    if path.suffix == ".gguf":
        return _explain_gguf(str(path.parent), path.name)
    hint = f": try model.path={path.parent}" if (path.parent / "config.json").exists() else ""
    return f"{path} is a file; model.path must be the folder with config.json{hint}."


def _explain_gguf(place: str, name: str) -> str:
    rewrite = REWRITE.format(where=f"{place!r}, gguf_file={name!r}")
    return (
        f"{name} is a GGUF file; isoquant reads Hugging Face folders. Give the model that it was made from. Or "
        f"convert it: {rewrite}, the same with AutoTokenizer, and give the new folder."
    )


def _age(path: Path) -> float:
    return path.stat().st_mtime
