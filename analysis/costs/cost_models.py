"""Cost models: what a cell costs run alone. Knows model shapes and token counts, nothing of tasks or stores."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.costs import roofline
from analysis.costs.shapes import PerToken, Shape
from analysis.stats.estimators import max_at_k

BATCH = 64
COST_NAMES = ("c1", "c2", "c3", "c4", "c5", "tokens", "samples")
# A token, or a sample, model size not counted counts as one.
COUNT_MODELS_ALIKE = ("tokens", "samples")


class CostModel(NamedTuple):
    """Cost of reading a prompt and of decoding after it, its unit, and the words a figure uses for the model.

    prefill(shape, prompt_tokens) and decode(shape, prompt_tokens, decoded_tokens) work elementwise: arrays of
    tokens that broadcast, to an array of their shape in the model's unit. needs names the field of a Shape that
    must be given, "" where none must.
    """

    prefill: Callable[[Shape, Floats], Floats]
    decode: Callable[[Shape, Floats, Floats], Floats]
    label: str
    unit: str = "FLOPs"
    needs: str = ""


class Verdicts(NamedTuple):
    """What a verifier of a shape reads and writes of each sample, in its own tokens: (..., S) and (..., S, V)."""

    shape: Shape
    read_tokens: Floats
    written_tokens: Floats


class Later(NamedTuple):
    """What later rounds of each sample read and wrote, each in a request of its own; (..., S, R) each."""

    read_tokens: ArrayLike
    written_tokens: ArrayLike

    def take(self, at: Any) -> "Later":
        """The part at these positions of the arrays; of whatever shape that leaves. Source: by definition."""
        return Later(np.asarray(self.read_tokens)[at], np.asarray(self.written_tokens)[at])


def params_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """FLOPs 2 N P, two a weight and token; (...) -> (...). Source: Kaplan et al. 2020 (arXiv 2001.08361)."""
    return 2.0 * shape.num_matmul_params * prompt_tokens


def params_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """FLOPs 2 N T, whatever the context; (...), (...) -> (...). Source: as `params_prefill`."""
    return 2.0 * shape.num_matmul_params * decoded_tokens


def attention_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """FLOPs 2 N P + 2 L d P^2, d = heads x head_dim: each token attends to those before it; (...) -> (...).

    In a layer with a window w < P, to the last w: 2 d w (2 P - w) of it. Source: Kaplan et al. 2020 (arXiv
    2001.08361), table 1.
    """
    seen = np.minimum(prompt_tokens, shape.window)
    attended = shape.attention_width * prompt_tokens**2 + shape.window_width * seen * (2 * prompt_tokens - seen)
    return np.asarray(params_prefill(shape, prompt_tokens) + 2.0 * attended, dtype=float)


def attention_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """FLOPs, sum over t = 1..T of 2 N + 4 L d (P + t) = 2 N T + 4 L d
    (P T + T (T + 1) / 2); (...), (...) -> (...).

    In a layer with a window, P + t is at most that. Source: Kaplan et al. 2020 (arXiv 2001.08361), table 1.
    """
    growing = _steps_in_window(shape, prompt_tokens, decoded_tokens)
    attended = shape.attention_width * _context(prompt_tokens, decoded_tokens)
    in_window = _context(prompt_tokens, growing) + shape.window * (decoded_tokens - growing)
    return params_decode(shape, prompt_tokens, decoded_tokens) + 4.0 * (attended + shape.window_width * in_window)


def roofline_prefill(gpu: roofline.Gpu, batch: int, shape: Shape, prompt_tokens: Floats) -> Floats:
    """Seconds max(FLOPs / peak, bytes / bandwidth): the weights once a batch,
    keys and values written; (...) -> (...).

    Source: Williams et al. 2009 (the roofline), with the bytes of Pope et al. 2022 (arXiv 2211.05102).
    """
    written = (shape.cached_bytes + shape.window_bytes) * prompt_tokens
    num_bytes = shape.weight_bytes(batch * prompt_tokens) / batch + written
    return np.maximum(attention_prefill(shape, prompt_tokens) / gpu.peak_flops, num_bytes / gpu.bytes_per_second)


def roofline_decode(
    gpu: roofline.Gpu, batch: int, shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats
) -> Floats:
    """Seconds, sum over t = 1..T of max(FLOPs / peak, (weights / batch + keys and values) / bandwidth).

    Both are straight lines in the context up to a window, and less steep ones beyond it; (...), (...) -> (...).
    Source: as `roofline_prefill`.
    """
    growing = _steps_in_window(shape, prompt_tokens, decoded_tokens)
    parts = ((0, 1, prompt_tokens, growing), (shape.window, 0, prompt_tokens + growing, decoded_tokens - growing))
    seconds = np.zeros(np.broadcast_shapes(np.shape(prompt_tokens), np.shape(decoded_tokens)))
    for num_seen, grows, start, length in parts:
        flops = roofline.Line(
            2.0 * shape.num_matmul_params + 4.0 * shape.window_width * num_seen,
            4.0 * (shape.attention_width + shape.window_width * grows),
        )
        num_bytes = roofline.Line(
            float(shape.weight_bytes(np.asarray(float(batch)))) / batch + shape.window_bytes * num_seen,
            shape.cached_bytes + shape.window_bytes * grows,
        )
        lines = (flops.over(gpu.peak_flops), num_bytes.over(gpu.bytes_per_second))
        seconds = seconds + roofline.sum_of_larger(*lines, start=start, length=length)
    return seconds


def measured_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """Device-seconds at the measured throughput, 0 where that of written tokens has reading in it; (...) -> (...).

    Raises ValueError where the model has no throughput. Source: by definition.
    """
    return prompt_tokens / _given(shape.throughput, "throughput").prompt


def measured_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """Device-seconds at the measured throughput; (...), (...) -> (...). Raises ValueError without one.

    Source: by definition.
    """
    return decoded_tokens / _given(shape.throughput, "throughput").decoded


def priced_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """Dollars for tokens in; (...) -> (...).
    Raises ValueError without a price per million. Source: by definition.
    """
    return prompt_tokens * _given(shape.price, "price").prompt / 1e6


def priced_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """Dollars for tokens out; (...), (...) -> (...). Raises ValueError without a price per million.

    Source: by definition.
    """
    return decoded_tokens * _given(shape.price, "price").decoded / 1e6


def token_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """Tokens read, whatever the model: for models of unknown size; (...) -> (...). Source: by definition."""
    return np.asarray(prompt_tokens, dtype=float)


def token_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """Tokens written, whatever the model; (...), (...) -> (...). Source: by definition."""
    return np.asarray(decoded_tokens, dtype=float)


def sample_prefill(shape: Shape, prompt_tokens: Floats) -> Floats:
    """Nothing, as samples alone are counted; (...) -> (...) of 0. Source: by definition."""
    return np.zeros(np.shape(prompt_tokens))


def sample_decode(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """One a sample, whatever it spends: for outcomes that tell no tokens; (...), (...) -> (...) of 1.

    Source: by definition.
    """
    return np.ones(np.shape(decoded_tokens))


COST_MODELS = {
    "c1": CostModel(params_prefill, params_decode, "parameters only"),
    "c2": CostModel(attention_prefill, attention_decode, "attention counted"),
    "c4": CostModel(measured_prefill, measured_decode, "measured throughput", "device-seconds", "throughput"),
    "c5": CostModel(priced_prefill, priced_decode, "price per token", "dollars", "price"),
    "tokens": CostModel(token_prefill, token_decode, "model size not counted", "tokens"),
    "samples": CostModel(sample_prefill, sample_decode, "their cost not counted", "samples"),
}


def choose(name: str, *, gpu: str | None = None, batch: int = BATCH) -> CostModel:
    """The cost model of that name; c3 on a GPU of `roofline.GPUS`, `batch` sequences decoded together. No arrays.

    Raises ValueError that lists the names there are, and where c3 has no GPU or another model has one. Source:
    that of each model.
    """
    if name not in COST_NAMES:
        raise ValueError(f"Unknown cost model {name!r}; choose from {list(COST_NAMES)}.")
    if name != "c3":
        if gpu is not None:
            raise ValueError(f"--gpu belongs to cost model c3, not to {name}. Leave it out, or give --cost c3.")
        return COST_MODELS[name]
    if gpu not in roofline.GPUS:
        raise ValueError(f"Cost model c3 needs a GPU of {sorted(roofline.GPUS)}; got {gpu!r}.")
    if batch < 1:
        raise ValueError(f"batch must be at least 1; got {batch}.")
    prefill, decode = (partial(part, roofline.GPUS[gpu], batch) for part in (roofline_prefill, roofline_decode))
    return CostModel(prefill, decode, f"roofline of one {gpu}, {batch} sequences at once", "GPU-seconds")


def cell_cost(
    model: CostModel,
    shape: Shape,
    *,
    prompt_tokens: ArrayLike,
    decoded_tokens: ArrayLike,
    widths: Sequence[int],
    verdicts: Verdicts | None = None,
    given_tokens: ArrayLike | None = None,
    later: Later | None = None,
) -> Floats:
    """Expected cost a prompt of k samples run alone: one shared prefill,
    k decodes, and a verifier's reading of each.

    prompt_tokens (P,), decoded_tokens (..., P, S) -> (..., P, K), in the model's unit. A random size-k subset
    decodes k times the mean sample. A verifier reads each of two samples or more in a pass of its own, and writes
    its verdicts after that; one sample alone leaves nothing to choose and is not read. given_tokens and later as
    in `sample_cost`. Source: by definition; random subsets are exchangeable.
    """
    prompt, k = np.asarray(prompt_tokens, dtype=float), np.asarray(widths, dtype=float)
    each = sample_cost(model, shape, prompt, decoded_tokens, given_tokens=given_tokens, later=later)
    cost: Floats = model.prefill(shape, prompt[:, None]) + each.mean(axis=-1, keepdims=True) * k
    if verdicts is not None:
        cost = cost + verdict_cost(model, verdicts).mean(axis=-1, keepdims=True) * np.where(k > 1, k, 0.0)
    return cost


def sample_cost(
    model: CostModel,
    shape: Shape,
    prompt_tokens: ArrayLike,
    decoded_tokens: ArrayLike,
    *,
    given_tokens: ArrayLike | None = None,
    later: Later | None = None,
) -> Floats:
    """Cost of each sample beside the prompt's one reading, in the model's unit; (P,), (..., P, S) -> (..., P, S).

    given_tokens (..., P, S): what each sample read between what it wrote, counted as read behind the prompt before
    it. later: of what each decoded in all, the later rounds, each of which reads its own prompt anew. Source: by
    definition.
    """
    prompt, decoded = np.asarray(prompt_tokens, dtype=float)[:, None], np.asarray(decoded_tokens, dtype=float)
    read = written = None
    if later is not None:
        read, written = (np.asarray(tokens, dtype=float) for tokens in later)
        decoded = decoded - written.sum(axis=-1)
    if given_tokens is None:
        each = model.decode(shape, prompt, decoded)
    else:
        behind = prompt + np.asarray(given_tokens, dtype=float)
        each = model.decode(shape, behind, decoded) + model.prefill(shape, behind) - model.prefill(shape, prompt)
    if read is not None and written is not None:
        rounds = np.where(written > 0, model.prefill(shape, read) + model.decode(shape, read, written), 0.0)
        each = each + rounds.sum(axis=-1)
    return each


def verdict_cost(model: CostModel, verdicts: Verdicts) -> Floats:
    """Cost of reading each sample and writing its verdicts, in the model's unit; (..., S). Source:
    by definition.
    """
    read, written = (np.asarray(tokens, dtype=float) for tokens in (verdicts.read_tokens, verdicts.written_tokens))
    cost = model.prefill(verdicts.shape, read)
    if written.any():
        cost = cost + model.decode(verdicts.shape, read[..., None], written).sum(axis=-1)
    return cost


def total_tokens(*, prompt_tokens: ArrayLike, decoded_tokens: ArrayLike, widths: Sequence[int]) -> Floats:
    """Expected tokens a prompt of k samples: the prompt once, and k times the mean sample.

    prompt_tokens (P,), decoded_tokens (..., P, S) -> (..., P, K). Source: by definition.
    """
    prompt = np.asarray(prompt_tokens, dtype=float)[:, None]
    tokens: Floats = prompt + np.asarray(decoded_tokens, dtype=float).mean(axis=-1, keepdims=True) * np.asarray(
        widths
    )
    return tokens


def serial_tokens(decoded_tokens: ArrayLike, widths: Sequence[int]) -> Floats:
    """Expected tokens decoded one after another by k parallel samples, which is the longest; (..., S) -> (..., K).

    NaN where a sample's tokens are not known. Raises ValueError where a width is not in 1..S. Source:
    `estimators.max_at_k` of the tokens.
    """
    decoded = np.asarray(decoded_tokens, dtype=float)
    unknown = np.isnan(decoded).any(axis=-1, keepdims=True)
    if not unknown.any():
        return max_at_k(decoded, widths)
    return np.where(unknown, np.nan, max_at_k(np.where(unknown, 0.0, decoded), widths))


def _steps_in_window(shape: Shape, prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """How many of the decoded tokens come before the window of the layers that have one is full."""
    return np.asarray(np.clip(shape.window - prompt_tokens, 0, decoded_tokens), dtype=float)


def _context(prompt_tokens: Floats, decoded_tokens: Floats) -> Floats:
    """Sum over t = 1..T of P + t."""
    return prompt_tokens * decoded_tokens + decoded_tokens * (decoded_tokens + 1) / 2


def _given(figure: PerToken | None, name: str) -> PerToken:
    if figure is None:
        raise ValueError(f"This cost model needs the {name} of every model; give it, or choose c1, c2 or c3.")
    return figure
