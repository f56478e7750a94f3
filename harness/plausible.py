"""Whether what a config.json says can be: anyone may have written it, and its numbers become sizes of lists."""

from collections.abc import Mapping
from typing import Any

# Far above any published model's.
MOST = {
    **dict.fromkeys(("num_hidden_layers", "num_experts", "num_local_experts", "n_routed_experts"), 100_000),
    **dict.fromkeys(("num_attention_heads", "num_key_value_heads", "num_experts_per_tok"), 100_000),
    **dict.fromkeys(("hidden_size", "head_dim", "kv_lora_rank", "q_lora_rank"), 10_000_000),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"), 10_000_000),
    **dict.fromkeys(("full_attention_interval", "sliding_window_pattern"), 100_000),
    **dict.fromkeys(("max_position_embeddings", "sliding_window", "attention_chunk_size"), 10**10),
    "vocab_size": 10**8,
}
PARTS = ("text_config", "quantization_config")
LISTS = ("architectures", "layer_types", "layers_block_type")
# Settings of a model that drafts for another one: an engine that meets them loads that one, whatever its name is.
SPECULATOR = ("speculators_config", "speculators_model_type")
MAX_LIST, MAX_ENDS, MAX_TOKEN = 100_000, 1000, 10**9


def check_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, empty parts left out; raises ValueError, naming the first, where one cannot be a model's."""
    checked = {name: value for name, value in config.items() if not (name in PARTS and value is None)}
    if named := next((name for name in SPECULATOR if checked.get(name) is not None), None):
        raise ValueError(
            f"config.json names another model ({named}), and an engine would draw from that one. Set model.path "
            "to the model that is to be measured."
        )
    for name in PARTS:
        if not isinstance(checked.get(name, {}), dict):
            raise ValueError(f"config.json: {name} must be a group of settings; got {_show(checked[name])}.")
    for part in (checked, checked.get("text_config", {})):
        _check_counts(part)
        if not isinstance(part.get("model_type", ""), str):
            raise ValueError(f"config.json: model_type must be a name; got {_show(part['model_type'])}.")
        for name in LISTS:
            _check_names(name, part.get(name))
    return checked


def check_ends(eos: Any) -> tuple[int, ...]:
    """The tokens that end a text, as the settings have them; raises ValueError for what is none."""
    ends = eos if isinstance(eos, list) else [] if eos is None else [eos]
    if len(ends) > MAX_ENDS or not all(type(end) is int and 0 <= end <= MAX_TOKEN for end in ends):
        raise ValueError(f"eos_token_id must be a token's id, or a list of them; got {_show(eos)}.")
    return tuple(ends)


def _check_counts(part: Mapping[str, Any]) -> None:
    for name, most in MOST.items():
        value = part.get(name)
        # A count of true, of text or of 1e400 is none either.
        if value is not None and not (type(value) is int and 0 <= value <= most):
            raise ValueError(
                f"config.json: {name} must be a whole number from 0 to {most:,}; got {_show(value)}. Correct it, "
                "or download it again."
            )


def _check_names(name: str, value: Any) -> None:
    is_list = isinstance(value, list) and len(value) <= MAX_LIST and all(isinstance(item, str) for item in value)
    if value is not None and not is_list:
        raise ValueError(f"config.json: {name} must be a list of names; got {_show(value)}.")


def _show(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
