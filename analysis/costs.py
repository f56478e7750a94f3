"""Cost models: FLOPs of a cell, run alone. Knows model shapes and token counts, nothing of tasks or stores."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.estimators import max_at_k


class Shape(NamedTuple):
    """What a model's cost depends on; num_matmul_params includes the output head and leaves out the input lookup."""

    num_matmul_params: int
    num_layers: int
    num_heads: int
    head_dim: int


class CostModel(NamedTuple):
    """FLOPs of reading a prompt and of decoding after it, and the words a figure uses for them.

    prefill(shape, prompt_tokens) and decode(shape, prompt_tokens, decoded_tokens) work elementwise.
    """

    prefill: Callable[[Shape, Floats], Floats]
    decode: Callable[[Shape, Floats, Floats], Floats]
    label: str


def params_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """2 N P: two FLOPs a weight and token (method c1)."""
    return 2.0 * shape.num_matmul_params * prompt_tokens


def params_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """2 N T, whatever the context (method c1)."""
    return 2.0 * shape.num_matmul_params * decoded_tokens


def attention_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """2 N P + 2 L d P^2, d = heads x head_dim: each token attends to those before it (method c2)."""
    width = shape.num_heads * shape.head_dim
    return params_prefill(shape, prompt_tokens) + 2.0 * shape.num_layers * width * prompt_tokens**2


def attention_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """Sum over t = 1..T of 2 N + 4 L d (P + t) = 2 N T + 4 L d (P T + T (T + 1) / 2) (method c2)."""
    width = shape.num_heads * shape.head_dim
    context = prompt_tokens * decoded_tokens + decoded_tokens * (decoded_tokens + 1) / 2
    return params_decode(shape, prompt_tokens, decoded_tokens) + 4.0 * shape.num_layers * width * context


COST_MODELS = {
    "c1": CostModel(params_prefill, params_decode, "parameters only"),
    "c2": CostModel(attention_prefill, attention_decode, "attention counted"),
}


def cell_cost(
    model: CostModel, shape: Shape, *, prompt_tokens: ArrayLike, decoded_tokens: ArrayLike, widths: Sequence[int]
) -> Floats:
    """Expected cost a prompt of k samples run alone: one shared prefill and k decodes.

    prompt_tokens (P,), decoded_tokens (..., P, S) -> (..., P, K), in the model's unit. A random size-k subset decodes k
    times the mean sample.
    """
    prompt = np.asarray(prompt_tokens, dtype=float)[:, None]
    decode = model.decode(shape, prompt, np.asarray(decoded_tokens, dtype=float)).mean(axis=-1, keepdims=True)
    cost: Floats = model.prefill(shape, prompt) + decode * np.asarray(widths, dtype=float)
    return cost


def total_tokens(*, prompt_tokens: ArrayLike, decoded_tokens: ArrayLike, widths: Sequence[int]) -> Floats:
    """Expected tokens a prompt of k samples: the prompt once, and k decodes; shapes as in `cell_cost`."""
    prompt = np.asarray(prompt_tokens, dtype=float)[:, None]
    tokens: Floats = prompt + np.asarray(decoded_tokens, dtype=float).mean(axis=-1, keepdims=True) * np.asarray(widths)
    return tokens


def serial_tokens(decoded_tokens: ArrayLike, widths: Sequence[int]) -> Floats:
    """Expected tokens decoded one after another by k parallel samples, which is the longest; (..., S) -> (..., K)."""
    return max_at_k(decoded_tokens, widths)


def choose(name: str) -> CostModel:
    """The cost model of that name; ValueError lists the names there are."""
    if name not in COST_MODELS:
        raise ValueError(f"Unknown cost model {name!r}; choose from {sorted(COST_MODELS)}.")
    return COST_MODELS[name]
