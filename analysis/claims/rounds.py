"""Claim: rounds and graphs of calls beat samples of the same compute (arXiv 2402.16823, 2503.19855)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analysis import numerals
from analysis.arrays import Floats
from analysis.claims.claim import Claim, Measure, Regions, Weighed, differences
from analysis.claims.held import Held
from analysis.questions import strategies
from analysis.questions.equal_cost import Cell, at_cost, mean
from analysis.reading.bins import ALL_PROMPTS, Bin
from analysis.reading.untold import UntoldError
from analysis.runs import graphs
from analysis.runs.graphs import Played
from analysis.stats.bootstrap import weighted_means


class Rounds(NamedTuple):
    """One strategy's answers and the votes of samples beside them: accuracy and cost of each prompt.

    accuracy, cost (P,): of the last round; samples (P, K) at K widths, the first one sample, and what they cost.
    """

    accuracy: Floats
    cost: Floats
    widths: Sequence[int]
    samples: Floats
    samples_cost: Floats


class Beside(NamedTuple):
    """Accuracy of strategies less that of one sample, and of the vote of samples that cost the same; (1 + R,)
    each, and the same of each prompt (P,). The mean over strategies.
    """

    over_one: Floats
    over_vote: Floats
    of_prompts: tuple[Floats, Floats]


def beside(every: Sequence[Rounds], *, weights: Floats) -> Beside | None:
    """None where a strategy costs more than all samples that were drawn. Source: `equal_cost.at_cost`."""
    part = Bin(ALL_PROMPTS, weights)
    pairs = []
    for each in every:
        cells = [
            Cell(0, "", "", "maj_at_k", width, each.samples[:, k], each.samples_cost[:, k])
            for k, width in enumerate(each.widths)
        ]
        # Nobody can draw less than one sample, which is then the dearer of the two.
        mixed = at_cost(cells, max(mean(each.cost, part), mean(cells[0].cost, part)), part)
        if mixed is None:
            return None
        pairs.append((each.accuracy - cells[0].accuracy, each.accuracy - mixed.accuracy))
    over_one, over_vote = (np.mean(values, axis=0) for values in zip(*pairs, strict=True))
    means = weighted_means(weights, np.stack([over_one, over_vote], axis=1))
    return Beside(means[:, 0], means[:, 1], (over_one, over_vote))


def weigh(held: Held, regions: Regions) -> Weighed:
    """One group of calls of each strategy and model at its last round and largest budget, beside samples."""
    held.require_prompts()
    reading = held.reading
    if reading.has_own_bins or reading.outcomes.holds_counts or reading.words.name != "budget":
        raise UntoldError("Samples that vote along thinking budgets are needed.")
    if not graphs.are_drawn(held.root):
        raise UntoldError("No strategy was drawn in this run.")
    told = graphs.read(held.root, reading.outcomes)
    last = max((each.at for each in told.played), default=0)
    played = [each for each in told.played if each.at == last]
    if not played:
        raise UntoldError(" ".join(["No strategy can be read beside samples.", *told.notes]))
    found = beside([_rounds(held, each) for each in played], weights=reading.weights)
    if found is None:
        raise UntoldError("A strategy costs more than all samples that were drawn. Draw more samples.")
    of_one, of_vote = found.of_prompts
    who = numerals.listed(sorted({each.name for each in played}))
    measures = (
        Measure(
            differences("over one sample", found.over_one, of_one, regions["over_one"]),
            "points",
            f"The last round of {who} against one sample",
        ),
        Measure(
            differences("over the vote", found.over_vote, of_vote, regions["over_vote"]),
            "points",
            "Against the vote of samples of the same cost",
        ),
    )
    return Weighed(measures, held.num_drawn, strategies.measure([reading], played).strategies)


def _rounds(held: Held, played: Played) -> Rounds:
    """A strategy's last round as one group, and the samples of its model."""
    spent = strategies.last_round(held.reading, played)
    samples = strategies.sampled(held.reading, played)
    return Rounds(
        *spent,
        [cell.size for cell in samples],
        np.stack([cell.accuracy for cell in samples], axis=1),
        np.stack([cell.cost for cell in samples], axis=1),
    )


CLAIM = Claim(
    name="rounds",
    says="rounds and graphs of calls beat samples of the same compute",
    source="GPTSwarm, arXiv 2402.16823; Think Twice, arXiv 2503.19855",
    needs="a strategy, beside samples that vote",
    control="the vote of samples of the same cost",
    sweep="isoquant sweep experiment=embedded_rounds run=rounds",
    parts=("over_one", "over_vote"),
    weigh=weigh,
)
