"""The rounds of strategies in a run: which cells they are, and what their samples answered and cost."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Ints
from analysis.runs.samples import Samples
from analysis.runs.strategies import Strategy, read_strategies
from analysis.runs.verifiers import EVALUATION
from results.cuts import Caps
from results.nodes import read_pool

# Reads settings of one pool: (B, P, S) each.
Reader = Callable[[str, Sequence[Caps]], Samples]


def choose(root: Path, cells: pd.DataFrame, wanted: str, *, is_asked: bool) -> Strategy | None:
    """The strategy whose rounds are read of these cells: the one of that name, or the only one there is.

    is_asked: whether rounds are asked for. Raises ValueError where it has to be named, or is none of a single
    sample.
    """
    drawn = {(pool.strategy, pool.version) for pool in map(read_pool, cells["pool"].unique()) if pool is not None}
    every = read_strategies(root) if drawn or wanted else {}
    chains = {name: each for name, each in every.items() if each.chained and (each.name, each.version) in drawn}
    if wanted:
        if wanted not in chains:
            known = f"choose from {', '.join(sorted(chains))}" if chains else "it has none"
            raise ValueError(f"{root} has no strategy {wanted!r} whose rounds are those of one sample; {known}.")
        return chains[wanted]
    if len(chains) == 1:
        return next(iter(chains.values()))
    if chains and is_asked:
        raise ValueError(f"Choose whose rounds are read with --strategy: {', '.join(sorted(chains))}.")
    return None


def as_cells(cells: pd.DataFrame, strategy: Strategy | None) -> pd.DataFrame:
    """The declared cells with `rounds`: those of later rounds stand among the evaluated ones."""
    pools = {name: read_pool(str(name)) for name in cells["pool"].unique()}
    rounds = pd.Series(1, index=cells.index)
    cells = cells.astype({"pool": object})
    if strategy is None:
        return cells.assign(rounds=rounds)
    for name, pool in pools.items():
        if pool is not None and pool[:2] == strategy[:2] and pool.node == strategy.chained:
            at = cells["pool"] == name
            rounds[at] = pool.round
            cells.loc[at, "pool"] = EVALUATION
    return cells.assign(rounds=rounds)


def read(strategy: Strategy, settings: Sequence[Caps], reader: Reader) -> Samples:
    """The samples of these settings, of which some are later rounds; (B, P, S).

    A sample is present in a round where it is in all before it, and costs what they cost.
    """
    assert strategy.chained is not None
    budgets = sorted({caps.budget for caps in settings if caps.rounds > 1})
    firsts = [Caps(budget, caps.extensions, caps.calls) for budget in budgets for caps in settings[:1]]
    plain = [*(caps for caps in settings if caps.rounds == 1), *firsts]
    read_plain = reader(EVALUATION, plain)
    closing = int(read_plain.closing_tokens.max(initial=0))
    parts = {caps: _at(read_plain, number) for number, caps in enumerate(plain)}
    for budget, first in zip(budgets, firsts, strict=True):
        before = parts[first]
        for number in range(2, 1 + max(caps.rounds for caps in settings if caps.budget == budget)):
            pool = strategy.pool(number, strategy.chained, budget)
            before = _behind(before, reader(pool, [first]), closing)
            parts[Caps(budget, rounds=number)] = before
    chosen = [parts[caps if caps.rounds == 1 else Caps(caps.budget, rounds=caps.rounds)] for caps in settings]
    return _stack(chosen)


def _behind(before: Samples, own: Samples, closing: int) -> Samples:
    """One round (1, P, S) behind those before it."""
    num = min(before.present.shape[2], own.present.shape[2])
    before, own = before.pick(slice(num)), own.pick(slice(num))
    read, written = count_spent(own, closing)
    given = [each.given_tokens for each in (before, own) if each.given_tokens is not None]
    return replace(
        own,
        present=own.present & before.present,
        thinking_tokens=before.thinking_tokens + own.thinking_tokens,
        closing_tokens=before.closing_tokens + np.where(own.forced & own.present, closing, 0),
        answer_tokens=before.answer_tokens + own.answer_tokens,
        given_tokens=np.sum(given, axis=0) if given else None,
        later_read=_append(before.later_read, read),
        later_written=_append(before.later_written, written),
        asked_tokens=None,
    )


def count_spent(own: Samples, closing: int) -> tuple[Ints, Ints]:
    """What each sample of a later round read before it thought, and what it wrote; as it is shaped.

    closing: the tokens of what closes thinking, which a request holds where the answer was forced.
    """
    assert own.asked_tokens is not None
    closed = np.where(own.forced & own.present, closing, 0)
    return own.asked_tokens - closed, own.thinking_tokens + closed + own.answer_tokens


def _append(before: Ints | None, values: Ints) -> Ints:
    own: Ints = values[..., np.newaxis]
    return own if before is None else np.concatenate([before, own], axis=-1)


def _at(samples: Samples, number: int) -> Samples:
    """The samples of one setting."""
    return replace(samples, asked_tokens=None)._each(lambda array: array[[number]])


def _stack(parts: Sequence[Samples]) -> Samples:
    """Settings one behind another, those of fewer samples or rounds filled with nothing."""
    num_samples = max(part.present.shape[2] for part in parts)
    stacked: dict[str, Any] = {}
    for field in fields(Samples):
        values = [getattr(part, field.name) for part in parts]
        if all(value is None for value in values):
            continue
        num_rounds = max((value.shape[3] for value in values if value is not None and value.ndim > 3), default=0)
        shape = (num_samples, num_rounds) if num_rounds else (num_samples,)
        kind = next(value.dtype for value in values if value is not None)
        wide = [np.zeros((1, *part.present.shape[1:2], *shape), dtype=kind) for part in parts]
        for into, value in zip(wide, values, strict=True):
            if value is not None:
                into[tuple(map(slice, value.shape))] = value
        stacked[field.name] = np.concatenate(wide)
    return Samples(**stacked)
