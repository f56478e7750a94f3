"""Whether vLLM on this machine can serve a checkpoint, told by its config before a weight is loaded."""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Endings of classes that score or embed text, and encoders.
NO_WRITER = re.compile(
    r"For(SequenceClassification|TokenClassification|QuestionAnswering|MaskedLM|\w*RewardModel|\w*Embedding)$"
    r"|^(Bert|Roberta|XLMRoberta|MPNet|DistilBert|ModernBert|NomicBert)\w*$"
)
# What vLLM's CPU build has kernels for, by quantization_config's names; packed weights must be of four bits there.
CPU_METHODS = ("awq", "gptq", "auto-round", "inc", "compressed-tensors")
PACKED_METHODS = ("awq", "gptq", "auto-round", "inc")

# What vLLM's attention on a CPU says of itself.
HEAD_SIZES = re.compile(r"def get_supported_head_sizes\(cls\)[^:]*:\s+return \[([0-9, ]+)\]")


def check_architecture(config: Mapping[str, Any], *, runs_own_code: bool = False) -> None:
    """Raise ValueError for an architecture that writes no text, or that neither vLLM nor transformers knows here.

    runs_own_code: whether the user has vLLM run what the checkpoint itself brings.
    """
    named = config.get("architectures")
    if not isinstance(named, list) or not named:
        raise ValueError(
            'config.json has no "architectures", and vLLM needs it to find the model. Add it, such as '
            '["LlamaForCausalLM"].'
        )
    name = str(named[0])
    registry = _read_registry()
    if NO_WRITER.search(name) or (name.endswith("Model") and registry and not _is_among_writers(name, registry)):
        raise ValueError(f"config.json names {name}, which does not write text. Give a model that continues text.")
    own_code = "auto_map" in config
    if registry is None or f'"{name}"' in registry or (own_code and runs_own_code) or _is_in_transformers(name):
        return
    if own_code:
        raise ValueError(
            f"config.json names {name!r}, which neither vLLM nor transformers knows. The checkpoint has its own "
            "code for it (auto_map), which is not run. Read the code; if you trust it, give "
            "+engine.options.trust_remote_code=true."
        )
    raise ValueError(
        f"config.json names the architecture {name!r} ({config.get('model_type')!r}), which the installed vLLM "
        "and transformers do not know. Check its spelling, or install versions that know it."
    )


def check_quantization(config: Mapping[str, Any], *, has_gpu: bool) -> None:
    """Raise ValueError for quantized weights that vLLM has no kernels for on a machine without a GPU."""
    settings = config.get("quantization_config") or config.get("text_config", {}).get("quantization_config")
    if has_gpu or not settings:
        return
    method, bits = settings.get("quant_method"), settings.get("bits", 4)
    if method in CPU_METHODS and not (method in PACKED_METHODS and bits != 4):
        return
    told = f"{method}, {bits} bits" if method in PACKED_METHODS else f"{method}"
    raise ValueError(
        f"Its weights are quantized ({told}), which vLLM cannot run on a CPU. On a CPU it runs awq and gptq with "
        "4 bits, and compressed-tensors. Give the model without quantization, use a GPU machine, or "
        "engine=server."
    )


def check_heads(head_dim: int, *, has_gpu: bool) -> None:
    """Raise ValueError for heads of a size that vLLM's attention on a machine without a GPU does not have."""
    source = None if has_gpu else _read_source("v1", "attention", "backends", "cpu_attn.py")
    listed = HEAD_SIZES.search(source or "")
    if listed is None:
        return
    sizes = [int(size) for size in listed[1].split(",") if size.strip()]
    if head_dim not in sizes:
        raise ValueError(
            f"Its attention heads have size {head_dim}, which vLLM cannot run on a CPU. On a CPU it runs heads of "
            f"size {', '.join(map(str, sizes))}. Use a GPU machine, or engine=server."
        )


def _read_registry() -> str | None:
    """The source of vLLM's list of models."""
    return _read_source("model_executor", "models", "registry.py")


def _read_source(*parts: str) -> str | None:
    """A source file of vLLM; None where there is no vLLM, or no such file.
    To import it takes ten seconds and more.
    """
    vllm = importlib.util.find_spec("vllm")
    if vllm is None or vllm.origin is None:
        return None
    path = Path(vllm.origin).parent.joinpath(*parts)
    return path.read_text() if path.is_file() else None


def _is_among_writers(name: str, registry: str) -> bool:
    """Whether vLLM lists a class outside of those that embed,
    as which it serves one without a head: LlamaModel.
    """
    before, _, behind = registry.partition("\n_EMBEDDING_MODELS = {")
    return f'"{name}"' in before or f'"{name}"' in behind.partition("\n}")[2]


def _is_in_transformers(name: str) -> bool:
    """Whether transformers has a class of this name, which vLLM can then run."""
    import transformers

    # What can be imported is listed without being imported.
    return name in dir(transformers)
