"""Whether a search against a verifier beats samples of the same compute, by bin and by how much there is to spend.

Snell et al. 2024 (arXiv 2408.03314) found that search wins on hard prompts while compute is short, and loses on
easy ones, where it makes too much of the verifier's errors. Here it is asked of a run, and comes out or does not.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.costs.searches import path_cost, search_cost
from analysis.questions.equal_cost import Cell, at_cost, gain, mean, share
from analysis.questions.interval_rows import UNKNOWN, Row, columns, interval_at
from analysis.reading import curves
from analysis.reading.bins import Bin
from analysis.reading.curves import Rule
from analysis.reading.reading import Reading
from analysis.runs.searches import Searched
from analysis.stats import frontier, intervals
from analysis.stats.bootstrap import percentile_interval

SAMPLING, SEARCH = "sampling", "search"
# How samples are chosen among, and how the finished paths of a search are.
RULES: tuple[Rule, ...] = ("best_of_n", "maj_at_k", "weighted_vote")
OF_PATHS: tuple[Rule, ...] = ("best_of_n", "weighted_vote")
# What a search is compared with at the same cost.
BESIDE: tuple[Rule, ...] = ("best_of_n", "maj_at_k")
NUM_LEVELS = 4


class Found(NamedTuple):
    """settings: a row a search, rule and bin, with samples of its cost beside it. levels: a row a model, bin and
    level of compute, the best search against the best samples, each chosen on one half of the prompts and read on
    the other.
    """

    settings: pd.DataFrame
    levels: pd.DataFrame


class Asked(NamedTuple):
    """The searches that one verifier chose in, what they are worth, and why others cannot be read, a line each.

    reading: by a rule that reads the same verifier's scores.
    """

    reading: Reading
    searches: Sequence[Searched]
    found: Found
    notes: Sequence[str]


def measure(reading: Reading, searches: Sequence[Searched]) -> Found:
    """What the searches of a run are worth, in the reading's cost model.

    settings: each interval as NAME, NAME_low and NAME_high; cost is the mean of a prompt, times_one that over one
    answer's; by each rule of BESIDE the accuracy of as many samples as cost the same, between whole numbers in
    proportion, and the gain over them, NaN where so many were not drawn. levels: `level` from 1, the cost of the
    cheapest search in the bin, to NUM_LEVELS, the most that both search and samples can spend; gain is search less
    sampling; chosen is the search that both halves chose, None where they differ. Raises ValueError where no
    verifier scored the samples, and for bins of each model's own.
    """
    if reading.has_own_bins:
        raise ValueError("A search has no bins of its own; use --difficulty anchor, agreement or label.")
    if not reading.reads_scores:
        raise ValueError(f"--rule {reading.rule} reads no scores, and a search is compared by best_of_n.")
    rows: list[Row] = []
    levels: list[Row] = []
    for of in dict.fromkeys(search.of for search in searches):
        own = [search for search in searches if search.of == of]
        for at in dict.fromkeys(search.at for search in own):
            samples = list(sampling_cells(reading, of, at))
            paths = [cell for search in own if search.at == at for cell in search_cells(reading, search)]
            for part in reading.bins:
                if part.weights[0].any():
                    rows += [_setting(reading, cell, samples, part) for cell in paths]
                    levels += _levels(reading, samples, paths, part)
    beside = {"cost_model": reading.choices.cost, "cost_unit": reading.cost.unit}
    return Found(pd.DataFrame(rows).assign(**beside), pd.DataFrame(levels).assign(**beside))


def sampling_cells(reading: Reading, of: int, at: int) -> Iterator[Cell]:
    """Every width of a model's samples under each rule, at a budget."""
    arm, budgets = reading.arms[of], np.array([at])
    for number, rule in enumerate(RULES):
        if rule in curves.VOTING_RULES and not arm.rung.has_votes:
            continue
        widths = curves.width_path(1, arm.num_samples, rule).widths
        rng = reading.rng("samples of a search", of, number)
        accuracy = curves.rule_accuracy(arm, widths, rule, rng=rng, budgets=budgets)[0]
        cost = curves.cell_cost(arm, reading.cost, widths, rule=rule, budgets=budgets)[0]
        for k, width in enumerate(widths):
            yield Cell(of, SAMPLING, rule, rule, width, accuracy[:, k], cost[:, k])


def search_cells(reading: Reading, search: Searched) -> Iterator[Cell]:
    """A search with each number of paths that it answers for, under each rule: of a beam that of all alone."""
    arm = reading.arms[search.of]
    assert arm.verifier is not None
    sizes = np.arange(search.num_paths if search.together else 1, search.num_paths + 1)
    each = path_cost(
        reading.cost, arm.rung.shape, arm.verifier.shape, prompt_tokens=arm.prompt_tokens, spent=search.spent
    )
    cost = search_cost(reading.cost, arm.rung.shape, each, prompt_tokens=arm.prompt_tokens, num_paths=sizes)
    for number, rule in enumerate(OF_PATHS):
        if rule in curves.VOTING_RULES and not arm.rung.has_votes:
            continue
        rng = reading.rng("paths of a search", search.of, number, search.num_paths, int(search.together))
        accuracy = curves.rule_accuracy(search.arm, sizes.tolist(), rule, rng=rng)[0]
        for k, size in enumerate(sizes.tolist()):
            if size == 1 and rule != OF_PATHS[0]:
                # One path leaves nothing to choose.
                continue
            yield Cell(search.of, SEARCH, search.name.split()[0], rule, size, accuracy[:, k], cost[:, k])


def _setting(reading: Reading, cell: Cell, samples: Sequence[Cell], part: Bin) -> Row:
    arm, drawn = reading.arms[cell.of], reading.num_drawn(part)
    row: Row = {"model": arm.rung.name, "bin": part.name, "num_prompts": int(part.weights[0].sum())}
    row |= {"search": cell.method, "paths": cell.size, "rule": cell.rule}
    row |= columns("accuracy", share(cell.accuracy, part, drawn))
    cost, one = (mean(of.cost, part) for of in (cell, _one(samples)))
    row |= {"cost": cost, "times_one": cost / one}
    for rule in BESIDE:
        beside = [each for each in samples if each.rule == rule]
        mixed = at_cost(beside, cost, part)
        row |= {f"{rule}_size": np.nan} | columns(rule, UNKNOWN) | columns(f"over_{rule}", UNKNOWN)
        if mixed is not None:
            row[f"{rule}_size"] = mixed.size
            row |= columns(rule, share(mixed.accuracy, part, drawn))
            row |= columns(f"over_{rule}", gain(cell.accuracy - mixed.accuracy, part))
    return row


def _levels(reading: Reading, samples: Sequence[Cell], paths: Sequence[Cell], part: Bin) -> list[Row]:
    """The levels of a bin; none of a bin that lies in one half, or where samples and
    searches cost nothing alike.
    """
    if len(reading.outcomes.prompt_ids) < 2 or len(np.unique(reading.folds[part.weights[0] > 0])) < 2:
        return []
    costs = [[mean(cell.cost, part) for cell in cells] for cells in (samples, paths)]
    least, most = min(costs[1]), min(map(max, costs))
    if not least < most:
        return []
    spends = np.geomspace(least, most, NUM_LEVELS) * (1 + 1e-9)
    found = [_frontier(reading, cells, spends, part) for cells in (samples, paths)]
    drawn, one = reading.num_drawn(part), mean(_one(samples).cost, part)
    rows = []
    for level in range(NUM_LEVELS):
        row: Row = {"model": reading.arms[paths[0].of].rung.name, "bin": part.name}
        row |= {"num_prompts": int(part.weights[0].sum()), "level": level + 1}
        row |= {"cost": float(spends[level]), "times_one": float(spends[level] / one)}
        for name, cells, best in zip((SAMPLING, SEARCH), (samples, paths), found, strict=True):
            row |= columns(name, interval_at(intervals.accuracy_interval(best.accuracy, drawn), level))
            row |= {f"{name}_spent": float(best.cost[0, level]), f"{name}_chosen": _chosen(best, cells, level)}
        gained = percentile_interval(found[1].accuracy - found[0].accuracy)
        rows.append(row | columns("gain", interval_at(gained, level)))
    return rows


def _frontier(reading: Reading, cells: Sequence[Cell], spends: Floats, part: Bin) -> frontier.Frontier:
    accuracy, cost = (np.stack([getattr(cell, name) for cell in cells], axis=1) for name in ("accuracy", "cost"))
    return frontier.cross_fit(accuracy, cost, spends, weights=part.weights, folds=reading.folds)


def _chosen(best: frontier.Frontier, cells: Sequence[Cell], level: int) -> str | None:
    """The cell that every half chose, None where they differ."""
    chosen = {cells[int(at)] for at in best.cell[0, :, level]}
    if len(chosen) > 1:
        return None
    [cell] = chosen
    return f"{cell.name} {cell.rule}" if cell.kind == SEARCH else cell.name


def _one(samples: Sequence[Cell]) -> Cell:
    """One answer, which nobody reads."""
    return next(cell for cell in samples if cell.size == 1)
