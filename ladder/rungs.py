"""Shapes and training lengths of the embedded rungs. Knows nothing of data or optimisers."""

from dataclasses import dataclass

# vLLM's CPU attention wants a head size that is a multiple of 32.
HEAD_DIM = 32


@dataclass(frozen=True)
class Rung:
    """One checkpoint of a ladder: a Qwen3 shape, how long it is trained,
    and the rung whose weights it begins with.
    """

    name: str
    num_layers: int
    hidden_size: int
    intermediate_size: int
    num_steps: int
    begins_as: str | None = None

    @property
    def num_heads(self) -> int:
        return self.hidden_size // HEAD_DIM


LADDER = (
    Rung("countdown-33k", num_layers=3, hidden_size=32, intermediate_size=64, num_steps=2160),
    Rung("countdown-125k", num_layers=3, hidden_size=64, intermediate_size=128, num_steps=2880),
    Rung("countdown-0.4m", num_layers=4, hidden_size=96, intermediate_size=256, num_steps=2560),
    Rung("countdown-1.1m", num_layers=5, hidden_size=128, intermediate_size=384, num_steps=2400),
)

SEARCH_LADDER = (
    Rung("search-33k", num_layers=3, hidden_size=32, intermediate_size=64, num_steps=1280),
    Rung("search-125k", num_layers=3, hidden_size=64, intermediate_size=128, num_steps=1280),
    Rung("search-0.4m", num_layers=4, hidden_size=96, intermediate_size=256, num_steps=1920),
    Rung("search-1.1m", num_layers=5, hidden_size=128, intermediate_size=384, num_steps=1920),
)

REVISION_LADDER = (
    Rung("revise-33k", 3, 32, 64, num_steps=800, begins_as="countdown-33k"),
    Rung("revise-125k", 3, 64, 128, num_steps=480, begins_as="countdown-125k"),
)
