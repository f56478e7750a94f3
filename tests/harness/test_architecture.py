"""Counts of published models, from their shapes alone, against the totals their makers publish."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from harness.architecture import Architecture, Tensor, describe
from tests.harness import shapes

QWEN3 = {"head_dim": 128, "num_key_value_heads": 8, "vocab_size": 151936, "max_position_embeddings": 40960}
QWEN3_SMALL = QWEN3 | {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28}
QWEN3_SMALL |= {"num_attention_heads": 16, "tie_word_embeddings": True}
QWEN3_8B = QWEN3 | {"hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36}
QWEN3_8B |= {"num_attention_heads": 32, "tie_word_embeddings": False}
QWEN3_MOE = QWEN3 | {
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
}
QWEN3_MOE |= {
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
    "tie_word_embeddings": False,
}
MIXTRAL = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "vocab_size": 32000,
    "max_position_embeddings": 32768,
    "sliding_window": None,
    "tie_word_embeddings": False,
}
DEEPSEEK_V3 = {
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
    "tie_word_embeddings": False,
    "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
}
# The text settings of gemma-3-4b-it are these five and no more: the rest stands in transformers.
GEMMA3_4B_SAID = {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240}
GEMMA3_4B_SAID |= {"num_hidden_layers": 34, "sliding_window": 1024}
GEMMA3_4B_SHAPES = GEMMA3_4B_SAID | {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256}
GEMMA3_4B_SHAPES |= {"vocab_size": 262208}
QWEN3_5_MOE = {
    "tie_word_embeddings": False,
    "text_config": {
        "hidden_size": 2048,
        "num_hidden_layers": 40,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "head_dim": 256,
        "full_attention_interval": 4,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 32,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
        "num_experts": 256,
        "num_experts_per_tok": 8,
        "moe_intermediate_size": 512,
        "shared_expert_intermediate_size": 512,
        "vocab_size": 248320,
        "max_position_embeddings": 262144,
    },
}
PYTHIA_70M = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 6, "num_attention_heads": 8}
PYTHIA_70M |= {"vocab_size": 50304, "max_position_embeddings": 2048, "tie_word_embeddings": False}
PYTHIA_12B = PYTHIA_70M | {"hidden_size": 5120, "intermediate_size": 20480, "num_hidden_layers": 36}
PYTHIA_12B |= {"num_attention_heads": 40, "vocab_size": 50688}

Draw = Callable[[Mapping[str, Any]], dict[str, Tensor]]
# Billions: all, of one token, without lookup and head; None where the maker gives none.
PUBLISHED: list[tuple[str, Mapping[str, Any], Draw, str, str | None, str | None]] = [
    # Model cards of Qwen3: "Number of Parameters", "(Non-Embedding)", "activated".
    ("Qwen3-0.6B", QWEN3_SMALL, shapes.qwen3, "0.6", None, "0.44"),
    ("Qwen3-8B", QWEN3_8B, shapes.qwen3, "8.2", None, "6.95"),
    ("Qwen3-30B-A3B", QWEN3_MOE, shapes.qwen3_moe, "30.5", "3.3", "29.9"),
    # Jiang et al. 2024 (arXiv 2401.04088): 47B, 13B active; mistral.ai/news/mixtral-of-experts: 46.7B, 12.9B.
    ("Mixtral-8x7B", MIXTRAL, shapes.mixtral, "46.7", "12.9", None),
    # DeepSeek-V3's report (arXiv 2412.19437), abstract; its repository adds 14B of the further-token module.
    ("DeepSeek-V3", DEEPSEEK_V3, shapes.deepseek_v3, "671", "37", None),
    # Model card of Qwen3.5-35B-A3B.
    ("Qwen3.5-35B-A3B", QWEN3_5_MOE, shapes.qwen3_5_moe, "35", "3", None),
    # Biderman et al. 2023 (arXiv 2304.01373), table 1, to the last weight.
    ("Pythia-70M", PYTHIA_70M, shapes.pythia, "0.070426624", None, "0.018915328"),
    ("Pythia-12B", PYTHIA_12B, shapes.pythia, "11.846072320", None, "11.327027200"),
]


def agrees(count: int, published: str) -> bool:
    """Whether a count is what was published in billions,
    to less than one of the last digit: some round, some cut.
    """
    digits = len(published.partition(".")[2])
    return abs(count - float(published) * 1e9) < 10 ** (9 - digits)


@pytest.mark.parametrize(
    ("config", "draw", "total", "active", "rest"),
    [row[1:] for row in PUBLISHED],
    ids=[row[0] for row in PUBLISHED],
)
def test_counts_are_those_that_the_makers_publish(
    config: Mapping[str, Any], draw: Draw, total: str, active: str | None, rest: str | None
) -> None:
    found = describe(config, draw(config))
    assert agrees(found.num_params, total)
    assert agrees(found.num_active_params, active) if active else found.num_active_params == found.num_params
    assert rest is None or agrees(found.num_non_embedding_params, rest)


def test_a_model_that_also_sees_is_counted_as_what_reads_text() -> None:
    """Gemma 3 report (arXiv 2503.19786), table 1: 4B has 675M embedding and 3,209M non-embedding parameters."""
    found = describe({"text_config": GEMMA3_4B_SAID}, shapes.gemma3({"text_config": GEMMA3_4B_SHAPES}))
    assert round(found.num_non_embedding_params / 1e6) in (3209, 3210)
    lookup = GEMMA3_4B_SHAPES["vocab_size"] * 2560
    assert found.num_params - found.num_non_embedding_params == lookup
    assert (found.num_heads, found.num_kv_heads, found.head_dim) == (8, 4, 256)
    # One layer in six attends to all: 6, 12, 18, 24, 30 of 34.
    assert (found.num_layers, found.num_window_layers, found.window) == (34, 29, 1024)


def test_a_tied_head_is_counted_once_and_its_copy_not_at_all() -> None:
    with_copy = describe(QWEN3_SMALL, shapes.qwen3(QWEN3_SMALL))
    assert with_copy == describe(QWEN3_SMALL, shapes.qwen3(QWEN3_SMALL, head=None))
    lookup = QWEN3_SMALL["vocab_size"] * 1024  # type: ignore[operator]
    norms = 28 * (2 * 1024 + 2 * 128) + 1024
    assert with_copy.num_matmul_params == with_copy.num_params - norms
    assert with_copy.num_params - with_copy.num_non_embedding_params == lookup


def test_products_hold_the_head_and_not_the_lookup_of_an_untied_model() -> None:
    found = describe(QWEN3_8B, shapes.qwen3(QWEN3_8B))
    assert found.num_matmul_params == 36 * 192_937_984 + 151_936 * 4096


def test_only_the_chosen_experts_are_met() -> None:
    found = describe(QWEN3_MOE, shapes.qwen3_moe(QWEN3_MOE))
    expert = 3 * 2048 * 768
    assert found.num_params - found.num_active_params == 48 * (128 - 8) * expert
    assert (found.num_experts, found.num_experts_per_token) == (128, 8)


def test_linear_layers_are_told_from_those_that_attend() -> None:
    found = describe(QWEN3_5_MOE, shapes.qwen3_5_moe(QWEN3_5_MOE))
    assert (found.num_layers, found.num_linear_layers, found.num_window_layers) == (40, 30, 0)
    listed = ["linear_attention", "linear_attention", "linear_attention", "full_attention"] * 10
    text = {name: value for name, value in QWEN3_5_MOE["text_config"].items() if name != "full_attention_interval"}  # type: ignore[attr-defined]
    same = describe({"text_config": text | {"layer_types": listed}}, shapes.qwen3_5_moe(QWEN3_5_MOE))
    assert same.num_linear_layers == found.num_linear_layers


def test_latent_attention_leaves_one_latent_and_its_heads_differ_in_size() -> None:
    config = DEEPSEEK_V3 | {"num_hidden_layers": 4, "n_routed_experts": 16}
    found = describe(config, shapes.deepseek_v3(config))
    assert (found.head_dim, found.value_head_dim, found.cached_width) == (192, 128, 512 + 64)
    assert found.quantized_bytes == pytest.approx(found.num_params + 2 * 129280 * 7168, rel=0.01)


def quantized(tensors: Mapping[str, Tensor], kind: str, quantization: Mapping[str, Any]) -> Architecture:
    """A Qwen3-8B whose layers' matrices are stored in 4 bits, 128 to a scale."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not name.endswith("proj.weight"):
            found[name] = tensor
            continue
        (out, inner), stem = tensor.shape, name.removesuffix(".weight")
        groups = inner // 128
        found |= {
            "gptq": {
                f"{stem}.qweight": Tensor("I32", (inner // 8, out)),
                f"{stem}.qzeros": Tensor("I32", (groups, out // 8)),
                f"{stem}.scales": Tensor("F16", (groups, out)),
                f"{stem}.g_idx": Tensor("I32", (inner,)),
            },
            "awq": {
                f"{stem}.qweight": Tensor("I32", (inner, out // 8)),
                f"{stem}.qzeros": Tensor("I32", (groups, out // 8)),
                f"{stem}.scales": Tensor("F16", (groups, out)),
            },
            "compressed-tensors": {
                f"{stem}.weight_packed": Tensor("I32", (out, inner // 8)),
                f"{stem}.weight_scale": Tensor("BF16", (out, groups)),
                f"{stem}.weight_shape": Tensor("I64", (2,)),
            },
            "bitsandbytes": {
                f"{stem}.weight": Tensor("U8", (out * inner // 2, 1)),
                f"{stem}.weight.absmax": Tensor("U8", (out * inner // 64,)),
                f"{stem}.weight.quant_map": Tensor("F32", (16,)),
                f"{stem}.weight.quant_state.bitsandbytes__nf4": Tensor("U8", (100,)),
            },
        }[kind]
    return describe(QWEN3_8B | {"quantization_config": quantization}, found)


@pytest.mark.parametrize(
    ("kind", "quantization"),
    [
        ("gptq", {"quant_method": "gptq", "bits": 4, "group_size": 128}),
        ("awq", {"quant_method": "awq", "bits": 4, "group_size": 128}),
        ("compressed-tensors", {"config_groups": {"group_0": {"weights": {"num_bits": 4}}}}),
        ("bitsandbytes", {"quant_method": "bitsandbytes", "load_in_4bit": True}),
    ],
)
def test_packed_weights_count_as_what_they_stand_for(kind: str, quantization: Mapping[str, Any]) -> None:
    tensors = shapes.qwen3(QWEN3_8B)
    plain, found = describe(QWEN3_8B, tensors), quantized(tensors, kind, quantization)
    names = ("num_params", "num_active_params", "num_non_embedding_params", "num_matmul_params")
    assert [getattr(found, name) for name in names] == [getattr(plain, name) for name in names]
    packed = 36 * 192_937_984
    assert plain.quantized_bytes is None
    assert found.quantized_bytes == pytest.approx(packed / 2 + 2 * (plain.num_params - packed), rel=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer_types": ["ring_attention"] * 48}, r"layers \['ring_attention'\], whose cost is not known"),
        ({"num_experts_per_tok": None}, "has none of"),
        ({"hidden_size": "wide"}, "no positive hidden_size"),
    ],
)
def test_what_cannot_be_counted_is_told(change: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        describe(QWEN3_MOE | change, shapes.qwen3_moe(QWEN3_MOE))


def test_packed_weights_of_unknown_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="no bits a weight"):
        quantized(shapes.qwen3(QWEN3_8B), "gptq", {"quant_method": "gptq"})


def test_an_older_family_is_counted_by_its_own_names() -> None:
    gpt2 = {
        "model_type": "gpt2",
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_positions": 1024,
        "vocab_size": 50257,
    }
    layer = {"attn.c_attn.weight": (768, 2304), "attn.c_proj.weight": (768, 768), "attn.bias": (1, 1, 1024, 1024)}
    layer |= {"mlp.c_fc.weight": (768, 3072), "mlp.c_proj.weight": (3072, 768)}
    tensors = shapes.of({"wte.weight": (50257, 768), "wpe.weight": (1024, 768)})
    for index in range(12):
        tensors |= shapes.of(layer, prefix=f"h.{index}.")
    found = describe(gpt2, tensors)
    assert (found.num_layers, found.num_heads, found.hidden_size, found.head_dim) == (12, 12, 768, 64)
    assert found.num_matmul_params == 12 * 12 * 768**2 + 50257 * 768


def test_a_window_without_a_pattern_is_every_layers() -> None:
    mistral = {name: value for name, value in QWEN3_8B.items() if name != "tie_word_embeddings"}
    found = describe(mistral | {"sliding_window": 4096}, shapes.qwen3(QWEN3_8B))
    assert (found.num_window_layers, found.window) == (36, 4096)
    off = describe(mistral | {"sliding_window": 4096, "use_sliding_window": False}, shapes.qwen3(QWEN3_8B))
    assert (off.num_window_layers, off.window) == (0, None)


def test_a_head_that_scores_is_multiplied_with_and_the_output_head_beside_it_is_not() -> None:
    weights = {
        "model.embed_tokens.weight": (100, 8),
        "model.layers.0.mlp.up_proj.weight": (16, 8),
        "model.norm.weight": (8,),
    }
    config = {"num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 8, "max_position_embeddings": 64}
    one = {"score.weight": (1, 8)}
    two = {"score.0.weight": (8, 8), "score.0.bias": (8,), "score.2.weight": (2, 8), "score.2.bias": (2,)}
    for head, num_matmul in ((one, 8), (two, 64 + 16)):
        for beside in ({}, {"lm_head.weight": (100, 8)}):
            for tied in (True, False):
                tensors = {name: Tensor("F32", shape) for name, shape in (weights | head | beside).items()}
                found = describe(config | {"tie_word_embeddings": tied}, tensors)
                assert found.num_matmul_params == 16 * 8 + num_matmul
                assert found.num_non_embedding_params == 16 * 8 + 8 + num_matmul + (10 if head is two else 0)
