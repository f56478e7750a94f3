"""Which stored answer serves which setting: answers in layers, and the layer of each setting and sample.

Knows the keys of answers, nothing of what they hold.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.arrays import Array, Bools, Ints
from analysis.runs.slots import Slots, bools, dictionary, ints
from results.cuts import NATURAL, NEVER, Caps, Events, along_budgets, answer_places


class Serving:
    """Layers (K + B + C, P, S) of one model's answers, and what serves each of N settings.

    The first K layers are the answers of traces that closed by themselves, after no extension, one, two, ...; then
    those that were forced at each of B budgets, and those at the beginning of the first, second, ... of C calls.
    answers: the stored rows of the key's columns with `extension`; traces: segments, with where they start and end
    and where a call begins in them, None where thinking goes on behind no close and no call; null: the budget that
    a row without one is of, NATURAL or one of the settings'.
    """

    def __init__(
        self,
        settings: Sequence[Caps],
        answers: pa.Table | None,
        traces: pa.Table | None,
        prompt_ids: pd.Index,
        num_samples: int,
        *,
        null: int,
    ):
        self.settings, self._null, self._prompt_ids = settings, null, prompt_ids
        self.budgets = sorted({setting.budget for setting in settings})
        self.num_own = 1 + max(setting.extensions for setting in settings)
        num_calls = 0 if traces is None else 1 + max(setting.calls for setting in settings)
        self.shape = (self.num_own + len(self.budgets) + num_calls, len(prompt_ids), num_samples)
        # Where traces closed after each extension, and where calls begin: the answers there are keyed by it.
        self._closes = np.full((self.num_own, *self.shape[1:]), NEVER)
        self._opens, self._whole = (np.full((num_calls, *self.shape[1:]), NEVER) for _ in range(2))
        if answers is not None and self.num_own > 1:
            extension, place = ints(answers["extension"]), ints(answers["budget"], null=NATURAL)
            found = Slots(np.where(extension < self.num_own, extension, -1), *self._samples(answers), self.shape)
            self._closes[found.at] = np.where(extension > 0, place, NEVER)[found.kept]
        if traces is not None:
            ends = ints(traces["start_token"]) + ints(traces["num_thinking_tokens"])
            # Of an answer that is missing its trace still says that it closed: what was written behind that is
            # none.
            [closes] = self._number(traces.filter(traces["ended"]), ends[bools(traces["ended"])], num=self.num_own)
            self._closes = np.minimum(self._closes, closes)
            calls = traces.filter(traces["opened"].is_valid())
            at = ints(calls["opened"]), ints(calls["opened_by"])
            self._opens, self._whole = self._number(calls, *at, num=num_calls)

    @classmethod
    def at_budgets(cls, budgets: Sequence[int], prompt_ids: pd.Index, own: Bools, *, null: int) -> "Serving":
        """That of thinking budgets alone, in order, where it is known which traces came to an answer of their own;
        own (B, P, S).
        """
        serving = cls(along_budgets(budgets), None, None, prompt_ids, own.shape[2], null=null)
        serving._own = [own]
        serving._choose([(0, own)])
        return serving

    def _number(self, traces: pa.Table, *places: Ints, num: int) -> list[Ints]:
        """What stands at these places of segments, as (num, P, S): the first of each sample, the second, ..."""
        prompt, sample = self._samples(traces)
        kept = np.flatnonzero((prompt >= 0) & (sample < self.shape[2]))
        of_sample, first = prompt[kept] * self.shape[2] + sample[kept], places[0][kept]
        # By sample and then by place, in one sort.
        order = np.argsort(of_sample * (first.max(initial=0) + 1) + first, kind="stable")
        of_sample, kept, count = of_sample[order], kept[order], np.arange(len(order))
        is_first = np.diff(of_sample, prepend=-1) != 0
        number = count - np.maximum.accumulate(np.where(is_first, count, 0))
        few = number < num
        numbered = [np.full((num, *self.shape[1:]), NEVER) for _ in places]
        for each, place in zip(numbered, places, strict=True):
            each.reshape(num, -1)[number[few], of_sample[few]] = place[kept[few]]
        return numbered

    def place(self, table: pa.Table) -> Slots:
        """Where rows with the key of an answer belong."""
        place, (prompt, sample) = ints(table["budget"], null=self._null), self._samples(table)
        layer = pd.Index(self.budgets).get_indexer(place)
        layer = np.where(layer >= 0, layer + self.num_own, -1)
        layer[place == NATURAL] = 0
        is_within = (prompt >= 0) & (sample < self.shape[2])
        rows = np.flatnonzero(is_within) if self.num_own > 1 else np.empty(0, dtype=np.int64)
        for k in range(1, self.num_own):
            layer[rows[self._closes[k][prompt[rows], sample[rows]] == place[rows]]] = k
        rows = np.flatnonzero(is_within & (layer < 0)) if len(self._opens) else rows
        for c, opens in enumerate(self._opens):
            is_there = opens[prompt[rows], sample[rows]] == place[rows]
            layer[rows[is_there]] = self.num_own + len(self.budgets) + c
            rows = rows[~is_there]
        return Slots(layer, prompt, sample, self.shape)

    def _samples(self, table: pa.Table) -> tuple[Ints, Ints]:
        codes, names = dictionary(table["prompt_id"])
        prompt = self._prompt_ids.get_indexer(pd.Index(names, dtype=object))[codes] if len(names) else codes
        return prompt, ints(table["sample"])

    def settle(self, present: Bools, thinking_tokens: Ints, forced: Bools) -> None:
        """Find out what serves what; (K + B + C, P, S) each: whether an answer is there, what was thought before
        it, and whether it was forced.
        """
        own = slice(self.num_own)
        closes = np.minimum(self._closes, np.where(present[own], thinking_tokens[own], NEVER))
        places = answer_places(self.settings, Events(closes, forced[own], self._opens, self._whole))
        self._own = [places == (closes[k] if k else NATURAL) for k in range(self.num_own)]
        budgets = np.array([setting.budget for setting in self.settings])[:, None, None]
        chosen: list[tuple[int, Bools]] = []
        if len(self._opens):
            chosen += [(self.num_own + at, places == budget) for at, budget in enumerate(self.budgets)]
        # A call that begins at one of the budgets has the answer that was forced there.
        first = self.num_own + len(self.budgets)
        chosen += [
            (first + c, (places == opens) & ~np.isin(opens, self.budgets) & (opens < budgets))
            for c, opens in enumerate(self._opens)
        ]
        self._choose(chosen + [(k, self._own[k]) for k in reversed(range(self.num_own))])

    def _choose(self, chosen: Sequence[tuple[int, Bools]]) -> None:
        """Which of all answers in layers serves each setting and sample: its budget's, but where a layer is
        chosen; of several the last.
        """
        layer = np.empty((len(self.settings), *self.shape[1:]), dtype=np.int64)
        layer[:] = [[[self.num_own + self.budgets.index(setting.budget)]] for setting in self.settings]
        for number, at in chosen:
            layer[at] = number
        layer *= self.shape[1] * self.shape[2]
        layer += np.arange(self.shape[1] * self.shape[2]).reshape(self.shape[1:])
        self._serves = layer

    @property
    def ends_in_time(self) -> Bools:
        """Whether a trace came to an answer of its own; (N, P, S)."""
        return np.asarray(np.logical_or.reduce(self._own))

    def serve(self, layers: Array) -> Array:
        """Layers (K + B + C, P, S, ...) as what each setting yields; (N, P, S, ...)."""
        flat = layers.reshape(-1, *layers.shape[3:])
        return np.take(flat, self._serves, axis=0)
