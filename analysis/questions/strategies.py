"""Whether rounds, and graphs of calls, help at equal compute: beside each the vote of samples that cost the same.

Also what each round changes, and how chains are best split into series and parallel: Snell et al. 2024 (arXiv
2408.03314), section 6, by votes in place of a verifier.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Floats
from analysis.costs.cost_models import COST_MODELS
from analysis.costs.graphs import group_cost
from analysis.questions.equal_cost import Cell, at_cost, gain, mean, share
from analysis.questions.interval_rows import ENDS, UNKNOWN, Row, columns
from analysis.reading import curves
from analysis.reading.bins import Bin
from analysis.reading.reading import Reading
from analysis.runs.graphs import Played
from analysis.runs.strategies import Call
from analysis.stats.blocks import vote_of_blocks

# What a chain that is shown a wrong answer is compared with where no round was drawn that reads nothing.
SAMPLES = "samples as they come"


class Found(NamedTuple):
    """strategies: a row a strategy, round, budget, bin and number of groups. rounds: a row a chain, round, budget
    and bin. ratios: a row a chain, budget, bin, number of answers and split of it.
    """

    strategies: pd.DataFrame
    rounds: pd.DataFrame
    ratios: pd.DataFrame


class Spending(NamedTuple):
    """What something costs of each prompt, and in tokens; (P, K) each, of K numbers of groups."""

    cost: Floats
    tokens: Floats


class Voted(NamedTuple):
    """So many groups that vote: the answers of these calls of each, and each prompt's accuracy (P, K)."""

    calls: Sequence[Call]
    num_groups: int
    widths: Sequence[int]
    accuracy: Floats


def measure(readings: Sequence[Reading], played: Sequence[Played]) -> Found:
    """What the strategies of a run are worth, in the cost model of each of these readings of it.

    Each interval as NAME, NAME_low and NAME_high; cost is the mean of a prompt, times_one that over one answer's,
    and tokens are read and written; nothing that no answer depends on is charged. strategies: `groups` of `agents`
    samples whose answers vote together; self_consistency: the vote of as many samples as come to the same cost,
    `samples`, between whole numbers in proportion, and one where less is spent; gain: over it, NaN where so many
    were not drawn. rounds: shares of a round's answers that are `fixed`, wrong before and right, or `broken`;
    `change` in accuracy; `kept`, the same answer as before, for chains that read it, and `alike`, two samples as
    they come; `anchoring`, of chains that are shown a wrong answer, the accuracy less that `against` answers which
    are shown nothing. ratios: `parallel` chains of `series` rounds, accuracy of the vote over all of their answers
    and of that over the last ones (`last_`); gain over as many answers side by side, and over_samples, the vote of
    samples of the same cost. Raises ValueError for bins of each model's own.
    """
    if readings[0].has_own_bins:
        raise ValueError("A strategy has no bins of its own; use --difficulty anchor, agreement or label.")
    strategies, ratios = list[Row](), list[Row]()
    for each in played:
        groups = {number: _vote(readings[0], each, number) for number in each.rounds}
        splits = list(_splits(readings[0], each)) if each.strategy.chained else []
        for reading in readings:
            beside = {"cost_model": reading.choices.cost, "cost_unit": reading.cost.unit}
            samples, parts = sampled(reading, each), _parts(reading)
            for number, voted in groups.items():
                rows = _settings(reading, each, number, voted, samples, parts)
                strategies += [row | beside for row in rows]
            ratios += [row | beside for row in _ratios(reading, each, splits, samples, parts)]
    changes = chain.from_iterable(_changes(readings[0], each, played) for each in played)
    return Found(*(pd.DataFrame(rows) for rows in (strategies, changes, ratios)))


def _parts(reading: Reading) -> list[Bin]:
    return [part for part in reading.bins if part.weights[0].any()]


def _named(reading: Reading, played: Played, part: Bin) -> Row:
    row: Row = {"model": reading.arms[played.of].rung.name, "strategy": played.name}
    budget = int(reading.outcomes.budgets[played.at])
    return row | {"budget": budget, "bin": part.name, "num_prompts": int(part.weights[0].sum())}


def _powers(most: int) -> list[int]:
    """1, 2, 4, ... up to that."""
    return [2**power for power in range(most.bit_length())]


def _vote(reading: Reading, played: Played, number: int) -> Voted:
    """1, 2, 4, ... groups in one round."""
    calls, num_groups = played.strategy.answers(number), played.num_groups[number]
    return _vote_of(reading, played, calls, num_groups, _powers(num_groups))


def _vote_of(
    reading: Reading, played: Played, calls: Sequence[Call], num_groups: int, widths: Sequence[int]
) -> Voted:
    rng = reading.rng(f"votes of {played.name}", played.of, played.at, calls[-1].round, len(calls))
    votes, worth = played.votes(calls, num_groups), played.worth(calls, num_groups)
    return Voted(calls, num_groups, widths, vote_of_blocks(votes, worth, widths, rng=rng).mean)


def _spend(reading: Reading, played: Played, voted: Voted) -> Spending:
    asked, shape = played.asked(voted.calls, voted.num_groups), reading.arms[played.of].rung.shape
    return Spending(
        *(group_cost(model, shape, asked, voted.widths) for model in (reading.cost, COST_MODELS["tokens"]))
    )


def last_round(reading: Reading, played: Played) -> tuple[Floats, Floats]:
    """Accuracy and cost of one group's answers in the last round, on each prompt; (P,) each."""
    voted = _vote(reading, played, max(played.rounds))
    return voted.accuracy[:, 0], _spend(reading, played, voted).cost[:, 0]


def sampled(reading: Reading, played: Played) -> list[Cell]:
    """The vote of samples as they come, at every width that is read of them."""
    arm, at = reading.arms[played.of], played.at
    widths = sorted({*curves.width_path(1, arm.num_samples, "maj_at_k").widths, arm.num_samples})
    accuracy = reading.read_by("maj_at_k").accuracy(played.of, widths, budgets=[at]).mean[0]
    cost = curves.cell_cost(arm, reading.cost, widths, rule="maj_at_k", budgets=np.array([at]))[0]
    return [
        Cell(played.of, "sampling", "maj_at_k", "maj_at_k", width, accuracy[:, k], cost[:, k])
        for k, width in enumerate(widths)
    ]


def _settings(
    reading: Reading, played: Played, number: int, voted: Voted, samples: Sequence[Cell], parts: Sequence[Bin]
) -> Iterator[Row]:
    spending = _spend(reading, played, voted)
    for part in parts:
        for k, groups in enumerate(voted.widths):
            row = _named(reading, played, part) | {"round": number, "agents": played.strategy.agents}
            row |= {"groups": groups} | _beside(reading, voted.accuracy[:, k], spending.cost[:, k], samples, part)
            yield row | {"tokens": mean(spending.tokens[:, k], part)}


def _beside(reading: Reading, accuracy: Floats, cost: Floats, samples: Sequence[Cell], part: Bin) -> Row:
    """What something is worth and costs, (P,) each, beside samples of its cost."""
    drawn, spent, one = reading.num_drawn(part), mean(cost, part), mean(samples[0].cost, part)
    row: Row = columns("accuracy", share(accuracy, part, drawn)) | {"cost": spent, "times_one": spent / one}
    # Nobody can draw less than one sample, which is then the dearer of the two.
    mixed = at_cost(samples, max(spent, one), part)
    if mixed is None:
        return row | {"samples": np.nan} | columns("self_consistency", UNKNOWN) | columns("gain", UNKNOWN)
    row |= {"samples": mixed.size} | columns("self_consistency", share(mixed.accuracy, part, drawn))
    return row | columns("gain", gain(accuracy - mixed.accuracy, part))


def _changes(reading: Reading, played: Played, every: Sequence[Played]) -> Iterator[Row]:
    """What each round of a chain changes."""
    strategy = played.strategy
    if not strategy.chained:
        return
    alike = _alike(played)
    for number, groups in played.num_groups.items():
        if number == 1:
            continue
        calls = [strategy.answer(number - 1, 0), *strategy.answers(number)]
        worth, votes = played.worth(calls, groups).astype(float), played.votes(calls, groups)
        before, after = worth[..., 0], worth[..., 1]
        same: Bools = (votes[..., 0] == votes[..., 1]) & (votes[..., 1] >= 0)
        is_read = calls[0] in strategy.needed(calls[1:])
        control = _control(played, every, number) if strategy.reads_wrong else None
        for part in _parts(reading):
            drawn = reading.num_drawn(part)
            row = _named(reading, played, part) | {"round": number, "chains": groups}
            row |= columns("accuracy", share(after.mean(axis=1), part, drawn))
            row |= columns("change", gain((after - before).mean(axis=1), part))
            row |= columns("fixed", share((after * (1 - before)).mean(axis=1), part, drawn))
            row |= columns("broken", share((before * (1 - after)).mean(axis=1), part, drawn))
            row |= columns("kept", share(same.mean(axis=1), part, drawn) if is_read else UNKNOWN)
            row |= {"alike": mean(alike, part), "against": None if control is None else control[0]}
            less = UNKNOWN if control is None else gain(after.mean(axis=1) - control[1], part)
            yield row | columns("anchoring", less)


def _alike(played: Played) -> Floats:
    """Share of pairs of samples as they come that answer the same; (P,), NaN of one sample."""
    votes = played.votes([Call(1, "", 0)], played.num_groups[1])[..., 0]
    num = votes.shape[1]
    if num < 2:
        return np.full(len(votes), np.nan)
    same = (votes[:, :, None] == votes[:, None, :]) & (votes >= 0)[:, None, :]
    own = np.einsum("pss->ps", same).sum(axis=1)
    return np.asarray((same.sum(axis=(1, 2)) - own) / (num * (num - 1)))


def _control(played: Played, every: Sequence[Played], number: int) -> tuple[str, Floats]:
    """The accuracy of answers in this round that were shown nothing, (P,), and whose they are."""
    for other in every:
        is_beside = (other.of, other.at) == (played.of, played.at) and number in other.num_groups
        if is_beside and other.strategy.chained and other.strategy.reads_nothing:
            worth = other.worth(other.strategy.answers(number), other.num_groups[number])
            return other.name, np.asarray(worth.mean(axis=(1, 2)))
    worth = played.worth([Call(1, "", 0)], played.num_groups[1])
    return SAMPLES, np.asarray(worth.mean(axis=(1, 2)))


class Split(NamedTuple):
    """So many answers of chains of so many rounds: the vote over all of them, and over the last of each chain."""

    answers: int
    series: int
    every: Voted
    last: Voted

    @property
    def parallel(self) -> int:
        return self.answers // self.series


def _splits(reading: Reading, played: Played) -> Iterator[Split]:
    """Every split of 2, 4, 8, ... answers that the chains hold, one round first; rounds are powers of two."""
    for series in _powers(max(played.num_groups)):
        num = played.num_groups[series]
        widths = [width for width in _powers(num) if series * width > 1]
        rounds = [played.strategy.answers(number)[0] for number in range(1, series + 1)]
        every, last = (_vote_of(reading, played, calls, num, widths) for calls in (rounds, rounds[-1:]))
        for k, width in enumerate(widths):
            one = (each._replace(widths=[width], accuracy=each.accuracy[:, [k]]) for each in (every, last))
            yield Split(series * width, series, *one)


def _ratios(
    reading: Reading, played: Played, splits: Sequence[Split], samples: Sequence[Cell], parts: Sequence[Bin]
) -> Iterator[Row]:
    side_by_side = {split.answers: split.every for split in splits if split.series == 1}
    for split in splits:
        spent = {"": _spend(reading, played, split.every), "last_": _spend(reading, played, split.last)}
        beside = side_by_side.get(split.answers)
        for part in parts:
            row = _named(reading, played, part)
            row |= {"answers": split.answers, "series": split.series, "parallel": split.parallel}
            row["share"] = float(np.log2(split.series) / np.log2(split.answers))
            for name, voted in (("", split.every), ("last_", split.last)):
                accuracy = voted.accuracy[:, 0]
                row |= columns(f"{name}accuracy", share(accuracy, part, reading.num_drawn(part)))
                over = gain(accuracy - beside.accuracy[:, 0], part) if beside is not None else UNKNOWN
                row |= columns(f"{name}gain", over)
                told = _beside(reading, accuracy, spent[name].cost[:, 0], samples, part)
                row |= {f"{name}{column}": told[column] for column in ("cost", "times_one", "samples")}
                row |= {f"{name}over_samples{end}": told[f"gain{end}"] for end in ENDS}
                row[f"{name}tokens"] = mean(spent[name].tokens[:, 0], part)
            yield row


def splits_of(ratios: pd.DataFrame) -> pd.DataFrame:
    """The splits of the most answers that samples side by side hold too, at the largest budget of each chain."""
    if ratios.empty:
        return ratios
    chosen = []
    for _, own in ratios.groupby(["model", "strategy"], sort=False):
        own = own[own["budget"] == own["budget"].max()]
        both = set(own.loc[own["series"] == 1, "answers"]) & set(own.loc[own["series"] > 1, "answers"])
        chosen.append(own[own["answers"] == max(both, default=0)])
    return pd.concat(chosen)
