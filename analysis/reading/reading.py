"""One run as a reader chose to see it, read once: what every question of it shares. Knows outcomes, no files."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from analysis.arrays import Array, Ints, Weights
from analysis.costs.cost_models import CostModel
from analysis.reading import bins, choices, curves
from analysis.reading.bins import Bin
from analysis.reading.choices import Choices, Setting
from analysis.reading.curves import Curve, Path, PathName, Rule
from analysis.reading.yields import Yields
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.runs.serial import Axis
from analysis.stats import bootstrap, frontier
from analysis.stats.estimators import Drawn


@dataclass(frozen=True, eq=False)
class Shared:
    """What the readings of one run and seed have in common, each part made when it is first asked for."""

    outcomes: Outcomes
    pools: tuple[Arm | None, ...]
    choices: Choices
    cost: CostModel
    seed: int
    yields: Yields = field(default_factory=Yields)

    @cached_property
    def clusters(self) -> Array | None:
        return bins.clusters(self.outcomes, self.choices.cluster)

    @cached_property
    def drawn(self) -> tuple[Weights, Ints | None]:
        """Weights of the one bootstrap, and halves of the prompts where there is more than one."""
        rng, num_prompts = np.random.default_rng(self.seed), len(self.outcomes.prompt_ids)
        num_replicates = self.choices.num_replicates
        weights = bootstrap.prompt_weights(
            num_prompts, num_replicates=num_replicates, rng=rng, clusters=self.clusters
        )
        has_halves = num_prompts > 1
        return weights, frontier.draw_folds(num_prompts, rng=rng, clusters=self.clusters) if has_halves else None

    @cached_property
    def groups(self) -> list[tuple[list[int], list[Bin]]]:
        return list(bins.groups(self.outcomes, self.pools, self.choices.binning, self.drawn[0]))

    @cached_property
    def bins(self) -> list[Bin]:
        is_own = self.choices.binning.difficulty == "own"
        return [Bin(bins.ALL_PROMPTS, self.drawn[0])] if is_own else self.groups[0][1]

    @cached_property
    def setting(self) -> Setting:
        return choices.describe(self.outcomes, self.pools[0], self.choices, self.cost, self.drawn[0])


@dataclass(frozen=True, eq=False)
class Reading:
    """The outcomes of a run under a reader's choices, with everything that is drawn for it once.

    asked and wanted: the outcomes as they were loaded, and what the reader chose. outcomes: what is evaluated, its
    arms priced by `cost`, smallest first; pools: what each arm's bins are read from. choices: those wanted, with a
    cost model; rule: how samples are read where models are matched. Two readings of the same outcomes and seed
    draw the same; those that `under` and `read_by` give share what was drawn.
    """

    asked: Outcomes
    wanted: Choices
    outcomes: Outcomes
    pools: tuple[Arm | None, ...]
    choices: Choices
    cost: CostModel
    rule: Rule
    seed: int
    shared: Shared = field(repr=False)

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.outcomes.arms

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Those that need no verifier, and beside them the one of this reading where that does."""
        return (*curves.rules(self.arms), *([self.rule] if self.reads_scores else []))

    @property
    def reads_scores(self) -> bool:
        """Whether a verifier chooses among the samples."""
        return self.rule in curves.CHOSEN_RULES

    @property
    def weights(self) -> Weights:
        """Multiplicities of the prompts, (1 + R, P), from the one bootstrap of this reading."""
        return self.shared.drawn[0]

    @property
    def folds(self) -> Ints:
        """Halves of the prompts, (P,), for what is chosen on one and read on the other.
        Raises ValueError of one.
        """
        folds = self.shared.drawn[1]
        if folds is None:
            raise ValueError("Too few prompts: a choice is made on one half of them and scored on the other half.")
        return folds

    @property
    def clusters(self) -> Array | None:
        """What prompts that belong together share, (P,); None where each stands alone."""
        return self.shared.clusters

    @property
    def groups(self) -> list[tuple[list[int], list[Bin]]]:
        """Positions of the arms that share their bins, and these:
        all arms at once, or each under own difficulty.
        """
        return self.shared.groups

    @property
    def has_own_bins(self) -> bool:
        """Whether each arm has bins of its own, so that no two share one."""
        return self.choices.binning.difficulty == "own"

    @property
    def bins(self) -> list[Bin]:
        """All prompts, then the bins that all arms share, easiest first; under own difficulty they share none."""
        return self.shared.bins

    @property
    def setting(self) -> Setting:
        """What a caption has to say."""
        return choices.counted_in(self.shared.setting, self.choices, self.cost)

    def num_drawn(self, part: Bin) -> int:
        """How many of a bin a resampling draws one by one: its prompts, or clusters of them."""
        return bins.num_drawn(part, self.clusters)

    def rng(self, purpose: str, *place: int) -> np.random.Generator:
        """A stream of randomness of this purpose and place alone, the same in every reading of one seed."""
        # Zeros at the end say nothing to a seed, so that the number of places does.
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode()), len(place), *place])

    @property
    def paths(self) -> tuple[PathName, ...]:
        """What a path of cells varies: width, and the serial axis that is read."""
        return ("width", self.words.name)

    @property
    def words(self) -> Axis:
        """What is said of the serial axis that is read."""
        return self.outcomes.along.words

    @property
    def reference(self) -> int:
        """The position of the budget, or other value of the axis, at which a larger
        model's one answer is matched.
        """
        budgets, match_at = self.outcomes.budgets, self.choices.match_at
        return len(budgets) - 1 if match_at is None else budgets.tolist().index(match_at[1])

    def with_reference(self, path: Path) -> tuple[Path, int]:
        """The path, with the cell that is matched behind it where it is none of its own;
        and where that cell is.
        """
        if path.axis != "width":
            return path, self.reference
        if self.reference == path.budget_index[0]:
            return path, 0
        longer = Path(path.axis, (*path.budget_index, self.reference), (*path.widths, 1))
        return longer, len(path.widths)

    def path(self, at: int, axis: PathName) -> Path:
        """The cells of an arm along its widths at the largest budget, or along the budgets at one sample."""
        if axis == "width":
            return curves.own_path(self.arms[at], self.rule)
        return curves.serial_path(self.words.name, len(self.outcomes.budgets))

    def accuracy(self, at: int, widths: Sequence[int], *, budgets: Sequence[int] | None = None) -> Drawn:
        """Expected accuracy of an arm at these widths and budgets (positions; all by default); (B, P, K) each."""
        every = range(len(self.outcomes.budgets)) if budgets is None else budgets
        return self.shared.yields.read(self.arms[at], (at, self.rule), widths, every, self.rng)

    def curve(self, at: int, path: Path) -> Curve:
        """What an arm costs and yields on each prompt along a path of J cells; fields (P, J)."""
        budgets, _, widths, _ = curves.crossing(path)
        return curves.prompt_curve(
            self.arms[at], path, self.cost, self.accuracy(at, widths, budgets=budgets.tolist()), rule=self.rule
        )

    def under(self, cost: str) -> "Reading":
        """The same run priced by another cost model. Raises ValueError that lists those that the run can tell."""
        known = {each.choices.cost: each for each in self.every_cost()}
        if cost not in known:
            raise ValueError(
                f"Cost model {cost!r} is not known in this run; choose from {', '.join(map(str, known))}."
            )
        return known[cost]

    def every_cost(self) -> "list[Reading]":
        """The run under every cost model that it can tell, this one first."""
        others = choices.each_cost(self.asked.arms, self.wanted)
        return [self, *(self._priced(other) for other in others if other.cost != self.choices.cost)]

    def _priced(self, settled: Choices) -> "Reading":
        """The same run under choices that differ in what a sample costs alone."""
        cost, outcomes, pools = _price(self.asked, settled)
        return replace(self, outcomes=outcomes, pools=pools, choices=settled, cost=cost)

    def of(self, outcomes: Outcomes) -> "Reading":
        """Other outcomes read under the same choices, rule and seed."""
        return read(outcomes, self.wanted, rule=self.rule, seed=self.seed)

    def read_by(self, rule: Rule) -> "Reading":
        """The same run with samples read by another rule."""
        return replace(self, rule=rule)


def read(outcomes: Outcomes, wanted: Choices, *, rule: Rule | None = None, seed: int = 0) -> Reading:
    """The reading of a run under a reader's choices, under the first rule that it can tell where none is wanted.

    Raises ValueError where a choice asks for what the run or the choices lack.
    """
    rule = curves.choose_rule(outcomes.arms, rule)
    outcomes = outcomes if rule in curves.CHOSEN_RULES else outcomes.unverified()
    wanted = replace(wanted, match_at=choices.match_at(outcomes, wanted))
    # A GPU is that of c3, should the run be read under it as well.
    settled = choices.settle(outcomes.arms, wanted if wanted.cost == "c3" else replace(wanted, gpu=None))
    cost, evaluated, pools = _price(outcomes, settled)
    return Reading(
        asked=outcomes,
        wanted=wanted,
        outcomes=evaluated,
        pools=pools,
        choices=settled,
        cost=cost,
        rule=rule,
        seed=seed,
        shared=Shared(evaluated, pools, settled, cost, seed),
    )


def _price(asked: Outcomes, settled: Choices) -> tuple[CostModel, Outcomes, tuple[Arm | None, ...]]:
    """The cost model, what is evaluated under it, and what each arm's bins are read from."""
    cost, arms = choices.price(asked.arms, settled)
    return cost, *bins.hold_out(replace(asked, arms=arms), settled.binning)
