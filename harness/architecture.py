"""What a token meets in a language model, from its settings and the headers of its weights:
counts, layers, attention.

Knows the names that checkpoints give to weights; reads no files.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Config = Mapping[str, Any]
LONGEST_REASON = 200
NEEDED = ("num_attention_heads", "num_hidden_layers", "hidden_size", "max_position_embeddings")


class Tensor(NamedTuple):
    """A tensor's element type, by safetensors' names, and its shape."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """Counts and shapes of the language model alone: no towers for other senses, no heads for further tokens.

    num_params: all weights, a tied head once, quantized ones as what they stand for. num_active_params: of those,
    what one token meets (of E experts, the share of the k that are chosen). num_non_embedding_params: all but
    lookup and output head. num_matmul_params: the active ones in matrix products, the output head counted, the
    input lookup not. quantized_bytes: what a quantized checkpoint's weights weigh, with their scales; None where
    it is not quantized. head_dim is that of queries and keys; cached_width: numbers that a token leaves in a layer
    with attention. Of num_layers, num_linear_layers have no attention that grows with the context,
    num_window_layers one that stops growing at `window` tokens.
    """

    num_params: int
    num_active_params: int
    num_non_embedding_params: int
    num_matmul_params: int
    quantized_bytes: int | None
    num_experts: int | None
    num_experts_per_token: int | None
    num_layers: int
    num_linear_layers: int
    num_window_layers: int
    window: int | None
    hidden_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    value_head_dim: int
    cached_width: int


# Names of tensors. Other senses and heads for further tokens are no part of the language model, masks are no
# weights.
OTHER = re.compile(
    r"(^|\.)(visual|vision_\w+|multi_modal_projector|mm_projector|audio_\w+|embed_(vision|audio)|mtp)\."
)
BUFFER = re.compile(r"(^|\.)(attention|attn)\.(masked_)?bias$|inv_freq$")
LAYER = re.compile(r"(?:^|\.)(?:layers|h)\.(\d+)\.")
LOOKUP = re.compile(r"(^|\.)(embed_tokens|embed_in|wte|word_embeddings)\.")
FURTHER_LOOKUP = re.compile(r"(^|\.)(wpe|position_embeddings|embed_tokens_per_layer)\.")
HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.")
# What a checkpoint that scores has instead; where it holds an output head as well, nothing is written with it.
SCORE = re.compile(r"^(score|classifier)\.")
EXPERT = re.compile(r"\.experts\.")
# What stands beside quantized weights: of GPTQ and AWQ, compressed-tensors and FP8, MXFP4, bitsandbytes.
BESIDE = re.compile(
    r"(scales?|scale_inv|scale_2|q?zeros|zero_points?|g_idx|weight_shape|absmax|quant_map|quant_state\.\w+)$"
)
# Bits of safetensors' types in which weights stand; whole numbers hold several weights each where these are
# quantized.
BITS = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "U32": 32,
    "U16": 16,
    "U8": 8,
}
SMALL = re.compile(r"F(8|6|4)_")
PACKED = ("I64", "I32", "I16", "I8", "U32", "U16", "U8")
GROWS = ("full_attention", "attention")
STOPS_GROWING = ("sliding_attention", "chunked_attention")
# State spaces, linear attention, convolutions.
STAYS = ("linear_attention", "mamba", "mamba2", "recurrent", "conv")


def describe(config: Config, tensors: Mapping[str, Tensor]) -> Architecture:
    """The architecture of a checkpoint; raises ValueError for what cannot be counted."""
    text = text_settings(config)
    num_layers, num_heads = text["num_hidden_layers"], text["num_attention_heads"]
    mine = {
        name: tensor for name, tensor in tensors.items() if _is_of_the_language_model(name, tensor, num_layers)
    }
    quantization = config.get("quantization_config") or text.get("quantization_config")
    scores = any(map(SCORE.search, mine))
    if scores or _is_tied(config, mine):
        # Some checkpoints hold the tied head as a copy.
        mine = {name: tensor for name, tensor in mine.items() if not HEAD.search(name)}
    weights = {
        name: _num_weights(tensor, quantization)
        for name, tensor in mine.items()
        if not (quantization and BESIDE.search(name))
    }
    experts = _experts(text, weights)
    lookup, further, head = (_sum(weights, kind) for kind in (LOOKUP, FURTHER_LOOKUP, HEAD))
    idle = _sum(weights, EXPERT) * (experts[0] - experts[1]) // experts[0] if experts else 0
    vectors = sum(size for name, size in weights.items() if len(mine[name].shape) < 2 or name.endswith("bias"))
    num_params = sum(weights.values())
    num_linear, num_window, window = _layers(text, num_layers)
    return Architecture(
        num_params=num_params,
        num_active_params=num_params - idle,
        num_non_embedding_params=num_params - lookup - further - head,
        num_matmul_params=num_params - idle - vectors - further - (lookup if head or scores else 0),
        quantized_bytes=sum(_num_bytes(tensor) for tensor in mine.values()) if quantization else None,
        num_experts=experts[0] if experts else None,
        num_experts_per_token=experts[1] if experts else None,
        num_layers=num_layers,
        num_linear_layers=num_linear,
        num_window_layers=num_window,
        window=window,
        hidden_size=text["hidden_size"],
        num_heads=num_heads,
        **_attention(text, num_heads),
    )


def text_settings(config: Config) -> dict[str, Any]:
    """The settings of the language model, with what its class in transformers fills in
    where config.json is silent.

    Raises ValueError where they are no transformer's.
    """
    text = dict(config.get("text_config", config))
    # Without layer_types, only the class knows which layers a window is for.
    if not set(NEEDED) <= set(text) or (text.get("sliding_window") and not text.get("layer_types")):
        from transformers import CONFIG_MAPPING

        if isinstance(text.get("model_type"), str) and text["model_type"] in CONFIG_MAPPING:
            filled = _fill_in(CONFIG_MAPPING[text["model_type"]], text)
            text = filled | {name: value for name, value in text.items() if value is not None}
    if missing := [name for name in NEEDED if not isinstance(text.get(name), int) or text[name] < 1]:
        raise ValueError(
            f"config.json gives no positive {' and no '.join(missing)}: isoquant cannot read this as a "
            "transformer. "
            "Give a decoder-only transformer whose config.json has these values."
        )
    return text


def _fill_in(kind: Any, text: Config) -> dict[str, Any]:
    """The settings as their class in transformers has them; raises ValueError where it does not take them."""
    try:
        filled = kind.from_dict(text)
    except Exception as error:  # each class checks its settings in its own way
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise ValueError(f"transformers cannot read config.json as {text['model_type']} ({reason}).") from None
    # Older families have names of their own for these, such as n_embd.
    named = {name: getattr(filled, name) for name in NEEDED if hasattr(filled, name)}
    return named | dict(filled.to_dict())


def _is_of_the_language_model(name: str, tensor: Tensor, num_layers: int) -> bool:
    """Whether this is a weight of the model that reads and writes text; further layers predict further tokens."""
    layer = LAYER.search(name)
    is_further = layer is not None and int(layer[1]) >= num_layers
    return not (OTHER.search(name) or BUFFER.search(name) or is_further or tensor.dtype == "BOOL")


def _is_tied(config: Config, tensors: Mapping[str, Tensor]) -> bool:
    says = config.get("tie_word_embeddings", config.get("text_config", {}).get("tie_word_embeddings"))
    return bool(says) or not any(HEAD.search(name) for name in tensors)


def _sum(weights: Mapping[str, int], kind: re.Pattern[str]) -> int:
    return sum(size for name, size in weights.items() if kind.search(name))


def _num_bits(tensor: Tensor) -> int:
    small = SMALL.match(tensor.dtype)
    return int(small[1]) if small else BITS.get(tensor.dtype, 8)


def _num_bytes(tensor: Tensor) -> int:
    return math.prod(tensor.shape) * _num_bits(tensor) // 8


def _num_weights(tensor: Tensor, quantization: Config | None) -> int:
    """How many weights a tensor stands for: of whole numbers, as many as their bits hold."""
    if not quantization or tensor.dtype not in PACKED:
        return math.prod(tensor.shape)
    return math.prod(tensor.shape) * _num_bits(tensor) // _weight_bits(quantization)


def _weight_bits(quantization: Config) -> int:
    """Bits of one weight by the settings of GPTQ, AWQ, compressed-tensors, ModelOpt, bitsandbytes or MXFP4."""
    groups = quantization.get("config_groups", {}).values()
    said = {group["weights"]["num_bits"] for group in groups if group.get("weights")}
    said |= {quantization[name] for name in ("bits", "w_bit") if isinstance(quantization.get(name), int)}
    said |= {8} if quantization.get("load_in_8bit") else set()
    names = (quantization.get("quant_method"), quantization.get("quant_algo"))
    said |= {4} if quantization.get("load_in_4bit") or {"mxfp4", "NVFP4"} & set(names) else set()
    if len(said) != 1:
        told = f"several numbers of bits a weight {sorted(said)}" if said else "no bits a weight"
        raise ValueError(f"quantization_config gives {told}, so packed weights cannot be counted.")
    return int(said.pop())


def _experts(text: Config, weights: Mapping[str, int]) -> tuple[int, int] | None:
    """How many experts a layer has and a token meets; None where there are none."""
    if not _sum(weights, EXPERT):
        return None
    there = ("num_experts", "num_local_experts", "n_routed_experts")
    chosen = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts", "moe_topk")
    counts = [next((int(text[name]) for name in names if text.get(name)), 0) for names in (there, chosen)]
    if 0 in counts:
        raise ValueError(
            f"The checkpoint has experts, but config.json has none of {there}, or none of {chosen}. "
            "Without them FLOPs are not known."
        )
    return counts[0], counts[1]


def _attention(text: Config, num_heads: int) -> dict[str, int]:
    """Head sizes, and the numbers a token leaves: keys and values,
    or one latent for all heads (DeepSeek's MLA).
    """
    num_kv_heads = text.get("num_key_value_heads") or num_heads
    if rank := text.get("kv_lora_rank"):
        turned = text["qk_rope_head_dim"]
        sizes = {"head_dim": text["qk_nope_head_dim"] + turned, "value_head_dim": text["v_head_dim"]}
        return sizes | {"num_kv_heads": num_kv_heads, "cached_width": rank + turned}
    head_dim = text.get("head_dim") or text["hidden_size"] // num_heads
    sizes = {"head_dim": head_dim, "value_head_dim": head_dim}
    return sizes | {"num_kv_heads": num_kv_heads, "cached_width": 2 * num_kv_heads * head_dim}


def _layers(text: Config, num_layers: int) -> tuple[int, int, int | None]:
    """Layers without growing attention, those with a window, and the window in tokens."""
    window = text.get("sliding_window") if text.get("use_sliding_window", True) else None
    window = window or text.get("attention_chunk_size")
    kinds = text.get("layer_types") or text.get("layers_block_type")
    if kinds is None and (interval := text.get("full_attention_interval")):
        kinds = [GROWS[0] if (layer + 1) % interval == 0 else STAYS[0] for layer in range(num_layers)]
    if kinds is None and window and (interval := text.get("sliding_window_pattern")):
        kinds = [GROWS[0] if (layer + 1) % interval == 0 else STOPS_GROWING[0] for layer in range(num_layers)]
    if kinds is None:
        kinds = [STOPS_GROWING[0] if window else GROWS[0]] * num_layers
    if unknown := sorted(set(kinds) - {*GROWS, *STOPS_GROWING, *STAYS}):
        raise ValueError(
            f"config.json has layers {unknown}, whose cost is not known. harness/architecture.py lists the known "
            "ones."
        )
    num_linear, num_window = (
        sum(kind in group for kind in kinds[:num_layers]) for group in (STAYS, STOPS_GROWING)
    )
    return num_linear, num_window if window else 0, window if num_window else None
