"""Tokens and settings of Inspect's logs: what the fields of each provider count,
and how its options are merged.
"""

from collections.abc import Mapping
from typing import Any

from results.ingest.outcomes import Tokens
from results.ingest.variants import flatten

# What says how a run was made and nothing of what comes out.
PLUMBING = {
    *(
        "max_connections",
        "max_retries",
        "timeout",
        "attempt_timeout",
        "cache",
        "cache_prompt",
        "batch",
        "num_choices",
    ),
    *("adaptive_connections", "reasoning_history", "reasoning_summary", "internal_tools", "modalities"),
}


def tokens(usage: Mapping[str, Any]) -> Tokens:
    """What a request took, so that prompt and decoded tokens add up to the total that the provider tells.

    Some count what was read from a cache within the input and some beside it, some count reasoning within the
    output and Gemini beside it. Where nothing adds up, what is larger than the whole cannot be a part of it.
    """
    if not usage or usage.get("input_tokens") is None or usage.get("output_tokens") is None:
        return Tokens()
    read, wrote, total = usage["input_tokens"], usage["output_tokens"], usage.get("total_tokens") or 0
    cached = [usage.get(f"input_tokens_cache_{kind}") or 0 for kind in ("read", "write")]
    thinking = usage.get("reasoning_tokens") or 0
    sums = [(read + beside, wrote + apart) for apart in (0, thinking) for beside in (0, sum(cached), *cached)]
    larger = (read + (sum(cached) if sum(cached) > read else 0), wrote + (thinking if thinking > wrote else 0))
    prompt, decoded = next((pair for pair in sums if sum(pair) == total), larger)
    return Tokens(prompt=prompt, decoded=decoded, thinking=min(thinking, decoded), usd=usage.get("total_cost"))


def settings(header: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a run was made under, the plan's over the model's own,
    as Inspect merges them; none unset.
    """
    evaluated = header["eval"]
    merged = flatten(evaluated.get("model_args") or {})
    for config in (evaluated.get("model_generate_config"), (header.get("plan") or {}).get("config")):
        merged |= flatten(config or {})
    return {name: value for name, value in merged.items() if name not in PLUMBING}
