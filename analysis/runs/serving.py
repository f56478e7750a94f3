"""Which stored answer serves which setting: answers in layers, and the layer of each setting and sample.

Knows the keys of answers, nothing of what they hold.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.arrays import Array, Bools, Ints
from analysis.runs.slots import Slots, dictionary, ints
from results.cuts import NATURAL, NEVER, Caps


class Serving:
    """Layers (K + B, P, S) of one model's answers, and what serves each of N settings.

    The first K layers are the answers of traces that closed by themselves, after no extension, one, two, ...; the
    others those that were forced at each of B budgets. answers: the stored rows of the key's columns with
    `extension`; null: the budget that a row without one is of, NATURAL or one of the settings'.
    """

    def __init__(
        self,
        settings: Sequence[Caps],
        answers: pa.Table,
        prompt_ids: pd.Index,
        num_samples: int,
        *,
        null: int,
    ):
        self.settings, self._null, self._prompt_ids = settings, null, prompt_ids
        self.budgets = sorted({setting.budget for setting in settings})
        self.num_own = 1 + max(setting.extensions for setting in settings)
        self.shape = (self.num_own + len(self.budgets), len(prompt_ids), num_samples)
        # Where traces closed after each extension: the answers there are keyed by it.
        self._closes = np.full((self.num_own, *self.shape[1:]), NEVER) if self.num_own > 1 else None
        if self._closes is not None:
            extension, place = ints(answers["extension"]), ints(answers["budget"], null=NATURAL)
            found = Slots(np.where(extension < self.num_own, extension, -1), *self._samples(answers), self.shape)
            self._closes[found.at] = np.where(extension > 0, place, NEVER)[found.kept]

    def place(self, table: pa.Table) -> Slots:
        """Where rows with the key of an answer belong."""
        place = ints(table["budget"], null=self._null)
        prompt, sample = self._samples(table)
        layer = pd.Index(self.budgets).get_indexer(place)
        layer = np.where(layer >= 0, layer + self.num_own, -1)
        layer[place == NATURAL] = 0
        if self._closes is not None:
            within = (prompt >= 0) & (sample < self.shape[2])
            for k in range(1, self.num_own):
                closed = np.zeros(len(place), dtype=bool)
                closed[within] = self._closes[k, prompt[within], sample[within]] == place[within]
                layer[closed] = k
        return Slots(layer, prompt, sample, self.shape)

    def _samples(self, table: pa.Table) -> tuple[Ints, Ints]:
        codes, names = dictionary(table["prompt_id"])
        prompt = self._prompt_ids.get_indexer(pd.Index(names, dtype=object))[codes] if len(names) else codes
        return prompt, ints(table["sample"])

    def settle(self, present: Bools, thinking_tokens: Ints, forced: Bools) -> None:
        """Find out what serves what; (K + B, P, S) each: whether an answer is there, what was thought before it,
        and whether it was forced.
        """
        closes = np.where(present[: self.num_own], thinking_tokens[: self.num_own], NEVER)
        budgets, extensions = (
            np.array([getattr(setting, name) for setting in self.settings])[:, None, None]
            for name in ("budget", "extensions")
        )
        self._own: list[Bools] = []
        for k in range(self.num_own):
            ends = closes[k] <= budgets
            if self.num_own > 1:
                ends &= (k == extensions) | ((k < extensions) & (forced[k] | (closes[k] == budgets)))
            self._own.append(ends)

    @property
    def ends_in_time(self) -> Bools:
        """Whether a trace came to an answer of its own; (N, P, S)."""
        return np.asarray(np.logical_or.reduce(self._own))

    def serve(self, layers: Array) -> Array:
        """Layers (K + B, P, S, ...) as what each setting yields; (N, P, S, ...)."""
        served = layers[self.num_own :]
        if self.num_own > 1:
            served = served[[self.budgets.index(setting.budget) for setting in self.settings]]
        for k in reversed(range(self.num_own)):
            ends = self._own[k]
            served = np.where(ends.reshape(*ends.shape, *[1] * (layers.ndim - ends.ndim)), layers[k], served)
        return served
