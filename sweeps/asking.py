"""What the model is asked for each sample."""

from collections.abc import Sequence
from typing import Protocol

from harness.rendering import Renderer
from harness.rollouts import Ids
from harness.types import Pool, Prompt


class Asking(Protocol):
    """What the model is asked for a sample of the prompt at a position: its tokens, None where not known yet.

    Prompts come in batches, which are loaded by their ids first.
    """

    def load(self, prompt_ids: Sequence[str]) -> None: ...

    def prompt_ids(self, at: int, pool: Pool, sample: int) -> Ids | None: ...


class AsTheyStand:
    """The prompts themselves."""

    def __init__(self, prompts: Sequence[Prompt], renderer: Renderer) -> None:
        self._prompts, self._renderer = prompts, renderer
        self._last: tuple[int, Ids] = -1, ()

    def load(self, prompt_ids: Sequence[str]) -> None:
        """Nothing is needed beside the prompts."""

    def prompt_ids(self, at: int, pool: Pool, sample: int) -> Ids | None:
        if self._last[0] != at:
            self._last = at, self._renderer.prompt_ids(self._prompts[at])
        return self._last[1]
