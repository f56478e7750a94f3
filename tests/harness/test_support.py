"""Which checkpoints vLLM can serve here, told before a weight is loaded."""

import pytest

from harness.engines import support
from harness.engines.support import check_architecture, check_heads, check_quantization


@pytest.mark.parametrize(
    "name", ["LlamaForCausalLM", "Qwen3ForCausalLM", "GPT2LMHeadModel", "ChatGLMModel", "InternVLChatModel"]
)
def test_an_architecture_of_vllms_is_taken(name: str) -> None:
    check_architecture({"architectures": [name]})


def test_an_architecture_that_only_transformers_knows_is_taken() -> None:
    check_architecture({"architectures": ["BioGptForCausalLM"], "model_type": "biogpt"})


def test_one_that_only_the_checkpoints_own_code_knows_is_taken_where_the_user_trusts_that() -> None:
    config = {"architectures": ["RarelySeenForCausalLM"], "model_type": "rare", "auto_map": {}}
    check_architecture(config, runs_own_code=True)
    with pytest.raises(
        ValueError, match=r"auto_map\), which is not run.* \+engine.options.trust_remote_code=true"
    ):
        check_architecture(config)


@pytest.mark.parametrize("kind", ["lama", "llama"])
def test_an_architecture_that_nobody_knows_is_told_by_its_name(kind: str) -> None:
    with pytest.raises(
        ValueError,
        match=rf"'LamaForCausalLM' \('{kind}'\), which the installed vLLM and transformers do not know",
    ):
        check_architecture({"architectures": ["LamaForCausalLM"], "model_type": kind})


def test_a_config_that_names_no_architecture_is_told() -> None:
    with pytest.raises(ValueError, match='config.json has no "architectures"'):
        check_architecture({"model_type": "llama"})


@pytest.mark.parametrize(
    "name",
    [
        "Qwen3ForSequenceClassification",
        "BertModel",
        "LlamaForTokenClassification",
        "LlamaModel",
        "MistralModel",
        "Qwen3Model",
    ],
)
def test_a_model_that_writes_no_text_is_told(name: str) -> None:
    with pytest.raises(ValueError, match=f"config.json names {name}, which does not write text"):
        check_architecture({"architectures": [name]})


def test_without_vllm_an_architecture_is_left_to_whoever_serves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    check_architecture({"architectures": ["LamaForCausalLM"], "model_type": "lama"})


@pytest.mark.parametrize(
    "settings",
    [
        {"quant_method": "awq", "bits": 4},
        {"quant_method": "gptq", "bits": 4},
        {"quant_method": "compressed-tensors", "format": "int-quantized"},
    ],
)
def test_quantized_weights_with_kernels_for_processors_are_taken(settings: dict[str, object]) -> None:
    check_quantization({"quantization_config": settings}, has_gpu=False)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"quant_method": "gptq", "bits": 8}, "gptq, 8 bits"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
    ],
)
def test_quantized_weights_without_are_refused_on_a_processor_alone(
    settings: dict[str, object], told: str
) -> None:
    check_quantization({"quantization_config": settings}, has_gpu=True)
    with pytest.raises(
        ValueError, match=rf"quantized \({told}\), which vLLM cannot run on a CPU. .* engine=server"
    ):
        check_quantization({"quantization_config": settings}, has_gpu=False)


def test_heads_of_a_size_that_processors_lack_are_refused_by_what_they_have() -> None:
    check_heads(64, has_gpu=False)
    check_heads(16, has_gpu=True)
    with pytest.raises(ValueError, match=r"heads have size 16, .* heads of size 32, 64, .* engine=server"):
        check_heads(16, has_gpu=False)


def test_without_vllms_own_list_no_size_of_heads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "_read_source", lambda *parts: "def get_supported_head_sizes(cls): ...")
    check_heads(16, has_gpu=False)
