"""What an engine on a machine without a GPU takes: element type, sequences,
cache and threads, sized to the machine.

Knows model shapes and bytes, nothing of vLLM.
"""

import math
from typing import NamedTuple

from harness.architecture import Architecture

GIB = 2**30
ELEMENT_BYTES = {"float32": 4, "float": 4}
# vLLM's bfloat16 kernels ended its process with an illegal instruction on matrices as narrow as 128, or 32 tokens
# of vocabulary. Models this small gain nothing by bfloat16: the time goes into what surrounds the products.
MIN_BFLOAT16_PARAMS = 50_000_000
# What two processes with torch and vLLM in them take before they hold a weight, and for the longest prompts.
OVERHEAD_BYTES = 2 * GIB
# On two cores (bfloat16, half a billion parameters) 8, 16, 32 and 64 sequences at once wrote 50, 74, 115 and 140
# tokens a second, so that a sample takes .16, .21, .28 and .46 seconds a token: to 32 waiting little longer pays.
MIN_SEQUENCES, SEQUENCES_A_CORE, MAX_SEQUENCES = 32, 8, 256
# The cache holds the prompts and traces of waiting samples beside those of running ones.
CACHE_ROOM = 2
# Of what memory is left by weights and processes, the cache takes no more than this share.
CACHE_SHARE = 0.7


class Needs(NamedTuple):
    """Bytes that a model takes: its weights, and the cache of one sequence of the longest length."""

    weights: int
    sequence: int


class Sizes(NamedTuple):
    """What was chosen: sequences at once, and GiB of cache."""

    max_num_seqs: int
    cache_gib: int


def choose_dtype(dtype: str, architecture: Architecture, *, has_bfloat16: bool) -> str:
    """`dtype`, or for auto what this processor multiplies fastest, whatever the checkpoint is stored in."""
    if dtype != "auto":
        return dtype
    return "bfloat16" if has_bfloat16 and architecture.num_params >= MIN_BFLOAT16_PARAMS else "float32"


def read_needs(architecture: Architecture, dtype: str, *, max_model_len: int) -> Needs:
    """What a model takes in `dtype`; a quantized one weighs what its files say."""
    size = ELEMENT_BYTES.get(dtype, 2)
    weights = architecture.quantized_bytes or architecture.num_params * size
    growing = architecture.num_layers - architecture.num_linear_layers - architecture.num_window_layers
    windowed = architecture.num_window_layers * min(max_model_len, architecture.window or 0)
    return Needs(weights, (growing * max_model_len + windowed) * architecture.cached_width * size)


def choose_sizes(
    needs: Needs, *, num_cores: int, free_bytes: int, max_num_seqs: int | None, cache_gib: int | None
) -> Sizes | None:
    """Sequences and cache, whichever was left open; None where the memory does not hold one sequence."""
    left = free_bytes - needs.weights - OVERHEAD_BYTES
    wanted_seqs = max_num_seqs or min(max(MIN_SEQUENCES, SEQUENCES_A_CORE * num_cores), MAX_SEQUENCES)
    wanted_gib = max(1, math.ceil(CACHE_ROOM * wanted_seqs * needs.sequence / GIB))
    gib = cache_gib or min(wanted_gib, max(1, int(CACHE_SHARE * left / GIB)))
    if gib * GIB > left or needs.sequence > gib * GIB:
        return None
    fitting = max(1, gib * GIB // max(needs.sequence, 1))
    return Sizes(max_num_seqs or min(wanted_seqs, fitting), gib)


def explain_refusal(name: str, needs: Needs, dtype: str, *, free_bytes: int, cache_gib: int | None) -> str:
    """Why a model is refused, in a line: what is needed, what there is, and the ways on."""
    cache = (cache_gib or max(1, math.ceil(needs.sequence / GIB))) * GIB
    parts = f"weights in {dtype} {_gib(needs.weights)}, cache {_gib(cache)}, programs {_gib(OVERHEAD_BYTES)}"
    lower = ", engine.dtype=bfloat16" if ELEMENT_BYTES.get(dtype, 2) > 2 else ""
    less = ", a lower engine.cpu_kv_cache_gib" if cache_gib else ""
    return (
        f"{name} needs {_gib(needs.weights + cache + OVERHEAD_BYTES)} GiB of memory ({parts}); this machine has "
        f"{_gib(free_bytes)} GiB free, and no NVIDIA GPU (nvidia-smi is not on PATH). Close other programs, use a "
        f"smaller model{lower}{less}, or use a server that has the model: engine=server "
        "engine.url=http://HOST:8000/v1."
    )


def _gib(num_bytes: float) -> str:
    return f"{num_bytes / GIB:.1f}"
