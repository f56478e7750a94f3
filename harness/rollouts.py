"""What one sample has written, and what was put between. Knows tokens, no engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from results.cuts import Caps, Events, answer_places

Ids = tuple[int, ...]
# What of a segment, as it is stored, says what stands behind the prompt.
ROLLOUT = ("token_ids", "ended", "extend_ids", "opened", "opened_by", "observed_ids")


@dataclass(frozen=True)
class Rollout:
    """A sample's thinking, and where in it, in written tokens, something else happened.

    written: what the model wrote, markers that were taken back included. closes: where it closed thinking;
    is_final: whether the last of these ended the text for good. extensions: what took the place of each close
    marker but perhaps the last. opens: where each tool call begins, and whole: where its marker is there;
    observations: where each that was carried out ended, and what came back.
    """

    written: Ids = ()
    closes: tuple[int, ...] = ()
    is_final: bool = False
    extensions: tuple[Ids, ...] = ()
    opens: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    observations: tuple[tuple[int, Ids], ...] = ()

    @property
    def boundary(self) -> int:
        """Where the last event stands: what is called behind it is read from there."""
        extended = self.closes[: len(self.extensions)]
        return max((0, *extended[-1:], *(at for at, _ in self.observations[-1:])))

    @property
    def since(self) -> Ids:
        """What was written since the last event, which a close that may be extended is as well."""
        return () if self.is_closed else self.written[self.boundary :]

    @property
    def is_calling(self) -> bool:
        """Whether a call has begun and is not carried out."""
        return bool(self.opens) and self.opens[-1] >= self.boundary and not self.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether it closed thinking and wrote nothing since."""
        return bool(self.closes) and self.closes[-1] == len(self.written)

    def places(self, cells: Sequence[Caps]) -> list[int]:
        """Where the answer that serves each cell stands, as results.cuts.answer_places says."""
        closes, opens, whole = (np.array(each, dtype=np.int64) for each in (self.closes, self.opens, self.whole))
        finals = np.zeros(len(closes), dtype=bool)
        finals[-1:] = self.is_final
        return [int(place) for place in answer_places(cells, Events(closes, finals, opens, whole))]

    def followed_by(
        self,
        token_ids: Sequence[int],
        *,
        ended: bool,
        is_final: bool,
        extend_ids: Sequence[int] | None = None,
        opened: int | None = None,
        opened_by: int | None = None,
        observed_ids: Sequence[int] | None = None,
    ) -> "Rollout":
        """With one more segment, as a Trace tells it; `is_final` has a meaning where it ended."""
        length = len(self.written) + len(token_ids)
        return replace(
            self,
            written=self.written + tuple(token_ids),
            closes=self.closes + (length,) * ended,
            is_final=ended and is_final,
            extensions=self.extensions + (() if extend_ids is None else (tuple(extend_ids),)),
            opens=self.opens + (() if opened is None else (opened,)),
            whole=self.whole + (() if opened_by is None else (opened_by,)),
            observations=self.observations + (() if observed_ids is None else ((length, tuple(observed_ids)),)),
        )

    def context(self, place: int) -> Ids:
        """What stands behind the prompt after so many written tokens.

        A close that stands exactly there is kept, and what a call that ended exactly there brought is read.
        """
        extended = zip(self.closes, self.extensions, strict=False)
        put = [(at, ids, True) for at, ids in extended if at < place]
        put += [(at, ids, False) for at, ids in self.observations if at <= place]
        ids: Ids = ()
        start = 0
        for at, given, takes_back in sorted(put):
            ids += self.written[start : at - takes_back] + given
            start = at
        return ids + self.written[start:place]

    def num_given(self, place: int) -> int:
        """By how much what stands behind the prompt there is longer than what the model wrote until there."""
        return len(self.context(place)) - min(place, len(self.written))
