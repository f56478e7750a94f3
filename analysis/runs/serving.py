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
    answers: the stored rows of the key's columns with `extension`; traces: segments, with where they start and end and
    where a call begins in them, None where thinking goes on behind no close and no call; null: the budget that a row
    without one is of, NATURAL or one of the settings'.
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
            # Of an answer that is missing its trace still says that it closed: what was written behind that is none.
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
        serving._own, serving._at_calls, serving._at_budgets = [own], [], {}
        return serving

    def _number(self, traces: pa.Table, *places: Ints, num: int) -> list[Ints]:
        """What stands at these places of segments, as (num, P, S): the first of each sample, the second, ..."""
        prompt, sample = self._samples(traces)
        rows = pd.DataFrame({"prompt": prompt, "sample": sample})
        order = np.argsort(places[0], kind="stable")
        number = rows.iloc[order].groupby(["prompt", "sample"]).cumcount().to_numpy()
        number = np.where(number < num, number, -1)
        found = Slots(number, prompt[order], sample[order], self.shape)
        numbered = [np.full((num, *self.shape[1:]), NEVER) for _ in places]
        for each, place in zip(numbered, places, strict=True):
            each[found.at] = place[order][found.kept]
        return numbered

    def place(self, table: pa.Table) -> Slots:
        """Where rows with the key of an answer belong."""
        place, (prompt, sample) = ints(table["budget"], null=self._null), self._samples(table)
        layer = pd.Index(self.budgets).get_indexer(place)
        layer = np.where(layer >= 0, layer + self.num_own, -1)
        layer[place == NATURAL] = 0
        within = (prompt >= 0) & (sample < self.shape[2])
        at = prompt[within], sample[within]
        for k in range(1, self.num_own):
            layer[within] = np.where(self._closes[k][at] == place[within], k, layer[within])
        for c, opens in enumerate(self._opens):
            is_there = (opens[at] == place[within]) & (layer[within] < 0)
            layer[within] = np.where(is_there, self.num_own + len(self.budgets) + c, layer[within])
        return Slots(layer, prompt, sample, self.shape)

    def _samples(self, table: pa.Table) -> tuple[Ints, Ints]:
        codes, names = dictionary(table["prompt_id"])
        prompt = self._prompt_ids.get_indexer(pd.Index(names, dtype=object))[codes] if len(names) else codes
        return prompt, ints(table["sample"])

    def settle(self, present: Bools, thinking_tokens: Ints, forced: Bools) -> None:
        """Find out what serves what; (K + B + C, P, S) each: whether an answer is there, what was thought before it,
        and whether it was forced.
        """
        own = slice(self.num_own)
        closes = np.minimum(self._closes, np.where(present[own], thinking_tokens[own], NEVER))
        places = answer_places(self.settings, Events(closes, forced[own], self._opens, self._whole))
        self._own = [places == (closes[k] if k else NATURAL) for k in range(self.num_own)]
        budgets = np.array([setting.budget for setting in self.settings])[:, None, None]
        # A call that begins at one of the budgets has the answer that was forced there.
        self._at_calls = [
            (places == opens) & ~np.isin(opens, self.budgets) & (opens < budgets) for opens in self._opens
        ]
        self._at_budgets = {
            budget: at for budget in self.budgets if len(self._opens) and (at := places == budget).any()
        }

    @property
    def ends_in_time(self) -> Bools:
        """Whether a trace came to an answer of its own; (N, P, S)."""
        return np.asarray(np.logical_or.reduce(self._own))

    def serve(self, layers: Array) -> Array:
        """Layers (K + B + C, P, S, ...) as what each setting yields; (N, P, S, ...)."""
        served = layers[self.num_own : self.num_own + len(self.budgets)]
        if (order := [self.budgets.index(setting.budget) for setting in self.settings]) != list(
            range(len(served))
        ):
            served = served[order]
        first = self.num_own + len(self.budgets)
        chosen = [(self.num_own + self.budgets.index(budget), at) for budget, at in self._at_budgets.items()]
        chosen += [(first + c, at) for c, at in enumerate(self._at_calls)]
        chosen += [(k, self._own[k]) for k in reversed(range(self.num_own))]
        for layer, at in chosen:
            at = at.reshape(*at.shape, *[1] * (layers.ndim - at.ndim))
            served = np.where(at, layers[layer], served)
        return served
