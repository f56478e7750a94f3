"""The tensors of published models, by the shapes of their config.json and the names in their files; no weights."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.architecture import Tensor

Tensors = dict[str, Tensor]


def of(names: Mapping[str, tuple[int, ...]], *, prefix: str = "", dtype: str = "BF16") -> Tensors:
    return {prefix + name: Tensor(dtype, shape) for name, shape in names.items()}


def ends(config: Mapping[str, Any], *, prefix: str = "model.", head: str | None = None) -> Tensors:
    """Lookup and last norm, and the output head where it is stored."""
    vocab, width = config["vocab_size"], config["hidden_size"]
    found = of({"embed_tokens.weight": (vocab, width), "norm.weight": (width,)}, prefix=prefix)
    return found | (of({head: (vocab, width)}) if head else {})


def attention(config: Mapping[str, Any], *, gates: int = 1, norms: bool = True) -> dict[str, tuple[int, ...]]:
    """Grouped-query attention, the queries doubled where they carry a gate,
    with Qwen3's norms of queries and keys.
    """
    width, size = config["hidden_size"], config["head_dim"]
    heads, pairs = config["num_attention_heads"], config["num_key_value_heads"]
    found: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj.weight": (gates * heads * size, width),
        "self_attn.k_proj.weight": (pairs * size, width),
        "self_attn.v_proj.weight": (pairs * size, width),
        "self_attn.o_proj.weight": (width, heads * size),
    }
    return found | ({f"self_attn.{kind}_norm.weight": (size,) for kind in "qk"} if norms else {})


def feed_forward(width: int, inner: int, *, at: str, names: str = "gate_proj up_proj down_proj") -> dict[str, Any]:
    gate, up, down = names.split()
    return {f"{at}.{gate}.weight": (inner, width), f"{at}.{up}.weight": (inner, width)} | {
        f"{at}.{down}.weight": (width, inner)
    }


def layers(config: Mapping[str, Any], prefix: str = "model.") -> Iterator[tuple[int, str]]:
    for layer in range(config["num_hidden_layers"]):
        yield layer, f"{prefix}layers.{layer}."


def norms(config: Mapping[str, Any], *names: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (config["hidden_size"],) for name in names}


PAIR = ("input_layernorm", "post_attention_layernorm")


def qwen3(config: Mapping[str, Any], *, head: str | None = "lm_head.weight") -> Tensors:
    """Qwen3 dense; the small ones store their tied head as a copy."""
    tensors = ends(config, head=head)
    for _, prefix in layers(config):
        parts = attention(config) | norms(config, *PAIR)
        parts |= feed_forward(config["hidden_size"], config["intermediate_size"], at="mlp")
        tensors |= of(parts, prefix=prefix)
    return tensors


def qwen3_moe(config: Mapping[str, Any]) -> Tensors:
    tensors, width = ends(config, head="lm_head.weight"), config["hidden_size"]
    for _, prefix in layers(config):
        parts = attention(config) | norms(config, *PAIR) | {"mlp.gate.weight": (config["num_experts"], width)}
        for expert in range(config["num_experts"]):
            parts |= feed_forward(width, config["moe_intermediate_size"], at=f"mlp.experts.{expert}")
        tensors |= of(parts, prefix=prefix)
    return tensors


def mixtral(config: Mapping[str, Any]) -> Tensors:
    tensors, width = ends(config, head="lm_head.weight"), config["hidden_size"]
    for _, prefix in layers(config):
        parts = attention(config | {"head_dim": 128}, norms=False) | norms(config, *PAIR)
        parts["block_sparse_moe.gate.weight"] = (config["num_local_experts"], width)
        for expert in range(config["num_local_experts"]):
            at = f"block_sparse_moe.experts.{expert}"
            parts |= feed_forward(width, config["intermediate_size"], at=at, names="w1 w3 w2")
        tensors |= of(parts, prefix=prefix)
    return tensors


def deepseek_v3(config: Mapping[str, Any]) -> Tensors:
    """In FP8 with a scale a block of 128 by 128, and with the layer that predicts a further token."""
    tensors, width = ends(config, head="lm_head.weight"), config["hidden_size"]
    heads, rank = config["num_attention_heads"], config["kv_lora_rank"]
    plain, turned, value = (config[f"{name}_head_dim"] for name in ("qk_nope", "qk_rope", "v"))
    latent: dict[str, tuple[int, ...]] = {
        "self_attn.q_a_proj.weight": (config["q_lora_rank"], width),
        "self_attn.q_b_proj.weight": (heads * (plain + turned), config["q_lora_rank"]),
        "self_attn.kv_a_proj_with_mqa.weight": (rank + turned, width),
        "self_attn.kv_b_proj.weight": (heads * (plain + value), rank),
        "self_attn.o_proj.weight": (width, heads * value),
    }
    for layer in range(config["num_hidden_layers"] + 1):
        parts = dict(latent)
        if layer < config["first_k_dense_replace"]:
            parts |= feed_forward(width, config["intermediate_size"], at="mlp")
        else:
            inner = config["moe_intermediate_size"]
            parts |= feed_forward(width, inner, at="mlp.shared_experts")
            for expert in range(config["n_routed_experts"]):
                parts |= feed_forward(width, inner, at=f"mlp.experts.{expert}")
        scales = {f"{name}_scale_inv": tuple(-(-side // 128) for side in shape) for name, shape in parts.items()}
        small = norms(config, *PAIR) | {
            "self_attn.q_a_layernorm.weight": (config["q_lora_rank"],),
            "self_attn.kv_a_layernorm.weight": (rank,),
        }
        if layer >= config["first_k_dense_replace"]:
            small |= {"mlp.gate.weight": (config["n_routed_experts"], width)}
            small |= {"mlp.gate.e_score_correction_bias": (config["n_routed_experts"],)}
        prefix = f"model.layers.{layer}."
        tensors |= of(parts, prefix=prefix, dtype="F8_E4M3") | of(scales, prefix=prefix, dtype="F32")
        tensors |= of(small, prefix=prefix)
    return tensors


def gemma3(config: Mapping[str, Any]) -> Tensors:
    """With a tower that sees, cut down to one layer, and no stored head."""
    text = config["text_config"]
    tensors = ends(text, prefix="language_model.model.")
    for _, prefix in layers(text, "language_model.model."):
        kinds = (*PAIR, "pre_feedforward_layernorm", "post_feedforward_layernorm")
        parts = attention(text) | norms(text, *kinds)
        parts |= feed_forward(text["hidden_size"], text["intermediate_size"], at="mlp")
        tensors |= of(parts, prefix=prefix)
    seen = {
        "encoder.layers.0.mlp.fc1.weight": (4304, 1152),
        "embeddings.patch_embedding.weight": (1152, 3, 14, 14),
    }
    tensors |= of(seen, prefix="vision_tower.vision_model.")
    return tensors | of({"multi_modal_projector.mm_input_projection_weight": (1152, text["hidden_size"])})


def qwen3_5_moe(config: Mapping[str, Any]) -> Tensors:
    """Three layers of gated delta rule to one of gated attention; experts of a layer in one tensor each way."""
    text = config["text_config"]
    width, inner, experts = text["hidden_size"], text["moe_intermediate_size"], text["num_experts"]
    keys = text["linear_num_key_heads"] * text["linear_key_head_dim"]
    values = text["linear_num_value_heads"] * text["linear_value_head_dim"]
    linear: dict[str, tuple[int, ...]] = {
        "linear_attn.in_proj_qkv.weight": (2 * keys + values, width),
        "linear_attn.in_proj_z.weight": (values, width),
        "linear_attn.in_proj_a.weight": (text["linear_num_value_heads"], width),
        "linear_attn.in_proj_b.weight": (text["linear_num_value_heads"], width),
        "linear_attn.conv1d.weight": (2 * keys + values, 1, text["linear_conv_kernel_dim"]),
        "linear_attn.out_proj.weight": (width, values),
        "linear_attn.A_log": (text["linear_num_value_heads"],),
        "linear_attn.dt_bias": (text["linear_num_value_heads"],),
        "linear_attn.norm.weight": (text["linear_value_head_dim"],),
    }
    tensors = ends(text, prefix="model.language_model.", head="lm_head.weight")
    for layer, prefix in layers(text, "model.language_model."):
        is_full = (layer + 1) % text["full_attention_interval"] == 0
        parts = (attention(text, gates=2) if is_full else linear) | norms(text, *PAIR)
        parts |= feed_forward(width, text["shared_expert_intermediate_size"], at="mlp.shared_expert")
        parts |= {"mlp.gate.weight": (experts, width), "mlp.shared_expert_gate.weight": (1, width)}
        parts |= {"mlp.experts.gate_up_proj": (experts, 2 * inner, width)}
        parts |= {"mlp.experts.down_proj": (experts, width, inner)}
        tensors |= of(parts, prefix=prefix)
    return tensors | of(
        {"model.visual.blocks.0.attn.qkv.weight": (3456, 1152), "mtp.fc.weight": (width, 2 * width)}
    )


def pythia(config: Mapping[str, Any]) -> Tensors:
    """GPT-NeoX with the masks that its checkpoints hold."""
    vocab, width, inner = config["vocab_size"], config["hidden_size"], config["intermediate_size"]
    tensors = of({"gpt_neox.embed_in.weight": (vocab, width), "embed_out.weight": (vocab, width)}, dtype="F16")
    tensors |= of({f"gpt_neox.final_layer_norm.{part}": (width,) for part in ("weight", "bias")}, dtype="F16")
    matrices = {
        "attention.query_key_value": (3 * width, width),
        "attention.dense": (width, width),
        "mlp.dense_h_to_4h": (inner, width),
        "mlp.dense_4h_to_h": (width, inner),
    }
    for _, prefix in layers(config, "gpt_neox."):
        parts: dict[str, tuple[int, ...]] = {f"{name}.weight": shape for name, shape in matrices.items()}
        parts |= {f"{name}.bias": shape[:1] for name, shape in matrices.items()}
        parts |= {f"{name}.{part}": (width,) for name in PAIR for part in ("weight", "bias")}
        tensors |= of(parts, prefix=prefix, dtype="F16")
        tensors |= of({"attention.bias": (1, 1, 2048, 2048)}, prefix=prefix, dtype="BOOL")
        tensors |= of(
            {"attention.masked_bias": (), "attention.rotary_emb.inv_freq": (8,)}, prefix=prefix, dtype="F16"
        )
    return tensors
