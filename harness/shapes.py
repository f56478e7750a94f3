"""What a model of a config is made of, without its weights: counted on tensors that hold nothing."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.architecture import LONGEST_REASON, Architecture, Tensor, describe

MLP = re.compile(r"(^|\.)(mlp|feed_forward|ffn|block_sparse_moe)\.")
ATTENTION = re.compile(r"(^|\.)(self_attn|self_attention|linear_attn|attention|attn)\.")


class Shape(NamedTuple):
    """A model by what its config.json says; family: of shapes that differ in nothing else."""

    name: str
    family: str
    config: Mapping[str, Any]


class Counts(NamedTuple):
    """The architecture, and of its weights those of MLPs, experts that a token does not meet included, and those
    of attention.
    """

    architecture: Architecture
    num_mlp_params: int
    num_attention_params: int


def write_config(shape: Shape, folder: Path) -> None:
    """config.json alone: with vLLM's dummy weights, all that a model needs."""
    (folder / "config.json").write_text(json.dumps(dict(shape.config)))


def count(folder: Path, config: Mapping[str, Any]) -> Counts:
    """The counts of the model that a folder's config.json describes. Raises ValueError where it is none.

    transformers builds it on torch's device `meta`, which holds shapes and no numbers.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        with torch.device("meta"):
            read = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            model = AutoModelForCausalLM.from_config(read, trust_remote_code=False)
    except Exception as error:  # each class checks its settings in its own way
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise ValueError(f"transformers cannot build a model of this config ({reason}).") from None
    shapes = {name: tuple(weights.shape) for name, weights in model.state_dict().items()}
    architecture = describe(config, {name: Tensor("F32", shape) for name, shape in shapes.items()})
    sizes = [
        sum(math.prod(shape) for name, shape in shapes.items() if kind.search(name)) for kind in (MLP, ATTENTION)
    ]
    return Counts(architecture, *sizes)
