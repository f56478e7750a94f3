"""What a model's cost depends on: weights, layers, heads, and what a token leaves behind. Knows no cost model."""

from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats


class PerToken(NamedTuple):
    """A figure for tokens that are read and one for tokens that are written."""

    prompt: float
    decoded: float


class Shape(NamedTuple):
    """What a model's cost depends on.

    num_matmul_params: weights in matrix products that one token meets, the output head counted, the input lookup
    not. num_expert_params: weights of all experts together, of which a token meets the share expert_share.
    head_dim is that of queries and keys; value_head_dim, num_kv_heads and cached_width (numbers a token leaves in
    a layer) are 0 where they follow: values as long as keys, keys and values for every head, kept as they are. Of
    num_layers, num_linear_layers have no attention that grows with the context and num_window_layers one that
    stops growing at `window` tokens. throughput: tokens a device-second; price: dollars a million tokens; None
    where not given.
    """

    num_matmul_params: int
    num_layers: int
    num_heads: int
    head_dim: int
    num_kv_heads: int = 0
    value_head_dim: int = 0
    cached_width: int = 0
    num_linear_layers: int = 0
    num_window_layers: int = 0
    window: int = 0
    num_expert_params: float = 0
    expert_share: float = 1.0
    bytes_per_weight: float = 2.0
    bytes_per_cached: float = 2.0
    throughput: PerToken | None = None
    price: PerToken | None = None

    def repeated(self, times: float) -> "Shape":
        """A model of which a token meets everything so many times, as one that recurs in depth: its weights, its
        attention, and what that keeps. Source: by definition.
        """
        counts = ("num_matmul_params", "num_layers", "num_linear_layers", "num_window_layers", "num_expert_params")
        return self._replace(**{name: getattr(self, name) * times for name in counts})

    @property
    def attention_width(self) -> float:
        """Layers whose attention grows with the context x heads x head size,
        the mean of keys' and values': a number.

        Source: Kaplan et al. 2020 (arXiv 2001.08361), table 1.
        """
        return self._num_growing_layers * self._layer_width

    @property
    def window_width(self) -> float:
        """The same of the layers whose attention grows up to the window. Source: as `attention_width`."""
        return self.num_window_layers * self._layer_width

    @property
    def cached_bytes(self) -> float:
        """Bytes, a number, that a token leaves for those after it: 2 L kv_heads head_dim bytes of keys and values.

        Source: Shazeer 2019 (arXiv 1911.02150).
        """
        return self._num_growing_layers * self._cached_layer_bytes

    @property
    def window_bytes(self) -> float:
        """The same in the layers that forget what is beyond their window. Source: as `cached_bytes`."""
        return self.num_window_layers * self._cached_layer_bytes

    def weight_bytes(self, num_tokens: Floats) -> Floats:
        """Bytes of weights that a step over this many tokens reads, each drawing its experts by itself and evenly.

        Source: ours.
        """
        met = 1 - (1 - self.expert_share) ** np.maximum(num_tokens, 1)
        always = self.num_matmul_params - self.num_expert_params * self.expert_share
        return np.asarray((always + self.num_expert_params * met) * self.bytes_per_weight, dtype=float)

    @property
    def _num_growing_layers(self) -> int:
        return self.num_layers - self.num_linear_layers - self.num_window_layers

    @property
    def _layer_width(self) -> float:
        return self.num_heads * (self.head_dim + (self.value_head_dim or self.head_dim)) / 2

    @property
    def _cached_layer_bytes(self) -> float:
        num_kept = self.cached_width or 2 * (self.num_kv_heads or self.num_heads) * self.head_dim
        return num_kept * self.bytes_per_cached
