"""Cost models: what a cell costs run alone. Knows model shapes and token counts, nothing of tasks or stores."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis import roofline
from analysis.arrays import Floats
from analysis.estimators import max_at_k

BATCH = 64
COST_NAMES = ("c1", "c2", "c3", "c4", "c5", "tokens", "samples")


class PerToken(NamedTuple):
    """A figure for tokens that are read and one for tokens that are written."""

    prompt: float
    decoded: float


class Shape(NamedTuple):
    """What a model's cost depends on.

    num_matmul_params: weights in matrix products that one token meets, the output head counted, the input lookup not;
    of a mixture of experts, the active ones. num_stored_params: all that lie in memory; 0 where it is the same number.
    num_kv_heads: 0 where every head has keys and values of its own. num_linear_layers: of num_layers, those with linear
    attention, whose cost does not grow with the context. throughput: tokens a GPU-second; price: dollars a million
    tokens; None where not given.
    """

    num_matmul_params: int
    num_layers: int
    num_heads: int
    head_dim: int
    num_kv_heads: int = 0
    num_stored_params: int = 0
    num_linear_layers: int = 0
    bytes_per_weight: float = 2.0
    bytes_per_cached: float = 2.0
    throughput: PerToken | None = None
    price: PerToken | None = None

    @property
    def attention_width(self) -> int:
        """Layers whose attention grows with the context x heads x head size."""
        return (self.num_layers - self.num_linear_layers) * self.num_heads * self.head_dim

    @property
    def cached_bytes(self) -> float:
        """Bytes of keys and values a token leaves: 2 L kv_heads head_dim bytes."""
        num_heads = self.num_kv_heads or self.num_heads
        return 2 * (self.num_layers - self.num_linear_layers) * num_heads * self.head_dim * self.bytes_per_cached


class CostModel(NamedTuple):
    """Cost of reading a prompt and of decoding after it, its unit, and the words a figure uses for the model.

    prefill(shape, prompt_tokens) and decode(shape, prompt_tokens, decoded_tokens) work elementwise. needs names the
    field of a Shape that must be given, "" where none must.
    """

    prefill: Callable[[Shape, Floats], Floats]
    decode: Callable[[Shape, Floats, Floats], Floats]
    label: str
    unit: str = "FLOPs"
    needs: str = ""


def params_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """2 N P: two FLOPs a weight and token (method c1)."""
    return 2.0 * shape.num_matmul_params * prompt_tokens


def params_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """2 N T, whatever the context (method c1)."""
    return 2.0 * shape.num_matmul_params * decoded_tokens


def attention_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """2 N P + 2 L d P^2, d = heads x head_dim: each token attends to those before it (method c2)."""
    return params_prefill(shape, prompt_tokens) + 2.0 * shape.attention_width * prompt_tokens**2


def attention_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """Sum over t = 1..T of 2 N + 4 L d (P + t) = 2 N T + 4 L d (P T + T (T + 1) / 2) (method c2)."""
    context = prompt_tokens * decoded_tokens + decoded_tokens * (decoded_tokens + 1) / 2
    return params_decode(shape, prompt_tokens, decoded_tokens) + 4.0 * shape.attention_width * context


def roofline_prefill(gpu: roofline.Gpu, batch: int, shape: Shape, prompt_tokens: Floats) -> Floats:
    """Seconds max(FLOPs / peak, bytes / bandwidth): the weights once a batch, keys and values written (method c3)."""
    num_bytes = _weight_bytes(shape, batch * prompt_tokens) / batch + shape.cached_bytes * prompt_tokens
    return np.maximum(attention_prefill(shape, prompt_tokens) / gpu.peak_flops, num_bytes / gpu.bytes_per_second)


def roofline_decode(
    gpu: roofline.Gpu, batch: int, shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats
) -> Floats:
    """Seconds, sum over t = 1..T of max(FLOPs / peak, (weights / batch + keys and values) / bandwidth) (method c3)."""
    weight_bytes = float(_weight_bytes(shape, np.asarray(float(batch)))) / batch
    return roofline.sum_of_larger(
        roofline.Line(2.0 * shape.num_matmul_params / gpu.peak_flops, 4.0 * shape.attention_width / gpu.peak_flops),
        roofline.Line(weight_bytes / gpu.bytes_per_second, shape.cached_bytes / gpu.bytes_per_second),
        start=prompt_tokens,
        length=decoded_tokens,
    )


def measured_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """GPU-seconds at the measured throughput (method c4)."""
    return prompt_tokens / _given(shape.throughput, "throughput").prompt


def measured_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """GPU-seconds at the measured throughput (method c4)."""
    return decoded_tokens / _given(shape.throughput, "throughput").decoded


def priced_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """Dollars for tokens in (method c5)."""
    return prompt_tokens * _given(shape.price, "price").prompt / 1e6


def priced_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """Dollars for tokens out (method c5)."""
    return decoded_tokens * _given(shape.price, "price").decoded / 1e6


def token_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """Tokens read, whatever the model: for models of unknown size."""
    return np.asarray(prompt_tokens, dtype=float)


def token_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """Tokens written, whatever the model."""
    return np.asarray(decoded_tokens, dtype=float)


def sample_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """Nothing: samples alone are counted."""
    return np.zeros(np.shape(prompt_tokens))


def sample_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """One a sample, whatever it spends: for outcomes that tell no tokens."""
    return np.ones(np.shape(decoded_tokens))


COST_MODELS = {
    "c1": CostModel(params_prefill, params_decode, "parameters only"),
    "c2": CostModel(attention_prefill, attention_decode, "attention counted"),
    "c4": CostModel(measured_prefill, measured_decode, "measured throughput", "GPU-seconds", "throughput"),
    "c5": CostModel(priced_prefill, priced_decode, "price per token", "dollars", "price"),
    "tokens": CostModel(token_prefill, token_decode, "whatever the model", "tokens"),
    "samples": CostModel(sample_prefill, sample_decode, "whatever they spend", "samples"),
}


def choose(name: str, *, gpu: str | None = None, batch: int = BATCH) -> CostModel:
    """The cost model of that name; c3 on a GPU of `roofline.GPUS`, `batch` sequences decoded together.

    Raises ValueError that lists the names there are, and where c3 has no GPU or another model has one.
    """
    if name not in COST_NAMES:
        raise ValueError(f"Unknown cost model {name!r}; choose from {list(COST_NAMES)}.")
    if name != "c3":
        if gpu is not None:
            raise ValueError(f"A GPU is a matter of cost model c3, not of {name}.")
        return COST_MODELS[name]
    if gpu not in roofline.GPUS:
        raise ValueError(f"Cost model c3 needs a GPU, one of {sorted(roofline.GPUS)}, not {gpu!r}.")
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}.")
    prefill, decode = (partial(part, roofline.GPUS[gpu], batch) for part in (roofline_prefill, roofline_decode))
    return CostModel(prefill, decode, f"roofline of one {gpu}, {batch} sequences at once", "GPU-seconds")


def cell_cost(
    model: CostModel,
    shape: Shape,
    *,
    prompt_tokens: ArrayLike,
    decoded_tokens: ArrayLike,
    widths: Sequence[int],
    verifier: Shape | None = None,
) -> Floats:
    """Expected cost a prompt of k samples run alone: one shared prefill, k decodes, and a verifier's reading of each.

    prompt_tokens (P,), decoded_tokens (..., P, S) -> (..., P, K), in the model's unit. A random size-k subset decodes k
    times the mean sample. A verifier reads prompt and sample in one pass, counted in the same tokens.
    """
    prompt, decoded = np.asarray(prompt_tokens, dtype=float)[:, None], np.asarray(decoded_tokens, dtype=float)
    each = model.decode(shape, prompt, decoded)
    if verifier is not None:
        each = each + model.prefill(verifier, prompt + decoded)
    cost: Floats = model.prefill(shape, prompt) + each.mean(axis=-1, keepdims=True) * np.asarray(widths, dtype=float)
    return cost


def total_tokens(*, prompt_tokens: ArrayLike, decoded_tokens: ArrayLike, widths: Sequence[int]) -> Floats:
    """Expected tokens a prompt of k samples: the prompt once, and k decodes; shapes as in `cell_cost`."""
    prompt = np.asarray(prompt_tokens, dtype=float)[:, None]
    tokens: Floats = prompt + np.asarray(decoded_tokens, dtype=float).mean(axis=-1, keepdims=True) * np.asarray(widths)
    return tokens


def serial_tokens(decoded_tokens: ArrayLike, widths: Sequence[int]) -> Floats:
    """Expected tokens decoded one after another by k parallel samples, which is the longest; (..., S) -> (..., K)."""
    return max_at_k(decoded_tokens, widths)


def _weight_bytes(shape: Shape, num_tokens: Floats) -> Floats:
    """Bytes of weights that a step over this many tokens reads: what they activate, at most all that is stored."""
    stored = shape.num_stored_params or shape.num_matmul_params
    active = np.minimum(shape.num_matmul_params * np.maximum(num_tokens, 1), stored)
    return np.asarray(active * shape.bytes_per_weight, dtype=float)


def _given(figure: PerToken | None, name: str) -> PerToken:
    if figure is None:
        raise ValueError(f"This cost model needs the {name} of every model; give it, or choose c1, c2 or c3.")
    return figure
