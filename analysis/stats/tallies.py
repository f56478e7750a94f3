"""Success counts of the samples of each prompt, which samples themselves become where only counts matter."""

from typing import NamedTuple

from analysis.arrays import Floats, Ints


class Tally(NamedTuple):
    """Right samples on each prompt, and all of them, each prompt's own number; (P,) each."""

    num_correct: Ints
    num_samples: Ints

    @property
    def share(self) -> Floats:
        """Of right samples; (P,). Source: ours."""
        share: Floats = self.num_correct / self.num_samples
        return share
