"""A run for notebooks: what the commands print, as tidy frames. docs/columns.md says what every column holds."""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from analysis.questions import answers, cell_rows, exchange_rates, rank_stability, verifier, vote_cells
from analysis.questions.exchange_rates import Findings
from analysis.reading.bins import Binning, Difficulty
from analysis.reading.choices import Choices
from analysis.reading.curves import CHOSEN_RULES, Rule
from analysis.reading.reading import Reading, read
from analysis.runs import calls, outcomes, verifiers
from analysis.runs.along import Along
from analysis.runs.scores import Steps
from analysis.runs.serial import AxisName
from analysis.runs.verifiers import Scoring
from analysis.stats.filtered import SHARE
from results.places import find_run


class Run:
    """A stored run under a reader's choices; frames are made when they are first asked for.

    reading: what the modules of analysis.questions take, for whatever has no method here.
    """

    def __init__(self, root: Path, reading: Reading) -> None:
        self.root, self.reading = root, reading

    def __repr__(self) -> str:
        outcomes = self.reading.outcomes
        names = ", ".join(arm.rung.name for arm in outcomes.arms)
        return f"<run of {outcomes.task}: {len(outcomes.prompt_ids)} prompts, models {names}>"

    @property
    def models(self) -> list[str]:
        """Names, smallest first."""
        return [arm.rung.name for arm in self.reading.arms]

    def answers(self) -> pd.DataFrame:
        """A row a model, prompt, budget and sample, natural answers at every budget that they serve.

        A plain `groupby("budget")` is therefore what each budget buys. Raises ValueError for success counts, which
        hold no single answers.
        """
        return self.reading.words.rename(answers.frame(self.reading))

    def calls(self) -> pd.DataFrame:
        """A row a model and call of a tool: where it stands, what was asked, what was found,
        and what went wrong.
        """
        made = [
            calls.read(self.root, arm.rung.identity).assign(model=arm.rung.name)
            for arm in self.reading.outcomes.arms
        ]
        return pd.concat(made, ignore_index=True)

    def cells(self) -> pd.DataFrame:
        """A row a model, bin, budget and width: accuracy with its 95% interval, cost and tokens a prompt."""
        return self.reading.words.rename(cell_rows.frame(self.reading))

    def curves(self) -> pd.DataFrame:
        """A row a model, bin, rule and cell of a path: all widths at the full budget,
        and all budgets at one sample.
        """
        return self.reading.words.rename(self._findings.curves.copy())

    def exchange_rates(self) -> pd.DataFrame:
        """A row a pair of models, bin, rule and path:
        what the smaller spends for each unit that the larger one spends.

        exchange_rate is infinite where the smaller never gets there within the measured grid, NaN where there is
        nothing to match.
        """
        return self._findings.exchange_rates.copy()

    def verifier(self) -> pd.DataFrame:
        """A row a model and bin: how the verifier tells right from wrong, and what choosing by its scores gains.

        Raises ValueError unless the run was loaded under a rule that reads scores, such as best_of_n.
        """
        return verifier.frame(self.reading)

    def votes(self) -> pd.DataFrame:
        """A row a model, bin and budget: how alike answers are, what they are worth together, where votes end."""
        return self.reading.words.rename(vote_cells.frame(self.reading))

    def ranks(self) -> pd.DataFrame:
        """A row a bin and number of samples: whether the models would come out in the same order again."""
        return rank_stability.frame(self.reading)

    def under(self, cost: str) -> "Run":
        """The same run priced by another cost model. Raises ValueError that lists those that it can tell."""
        return Run(self.root, self.reading.under(cost))

    @cached_property
    def _findings(self) -> Findings:
        return exchange_rates.measure(self.reading)


def load(
    run: str,
    *,
    task: str | None = None,
    anchor: str | None = None,
    rule: Rule | None = None,
    seed: int = 0,
    difficulty: Difficulty = "anchor",
    label: str | None = None,
    bins: int | None = None,
    thresholds: tuple[float, ...] = (),
    scorer: str | None = None,
    steps: Steps | None = None,
    verdicts: int | None = None,
    filter_share: float = SHARE,
    along: AxisName = "budget",
    at: Mapping[AxisName, int] | None = None,
    strategy: str = "",
    **choices: Any,
) -> Run:
    """The run of this name or folder; every option is that of `isoquant summary`, with the same default.

    choices: cost, gpu, batch, throughput, price, cluster, num_replicates. along, at: the serial axis that is read,
    whose name stands in place of `budget` in every frame, and values that others are held at; strategy: whose
    rounds, if the run has several. Scores of the scorer, or of the only one, stand in `answers()` whatever the
    rule. Raises ValueError where there is no such run, where a choice asks for what it lacks, and for a choice
    that is none.
    """
    known = [field.name for field in fields(Choices) if field.name != "binning"]
    if unknown := sorted(set(choices) - set(known)):
        named = ["task", "anchor", "rule", "seed", "difficulty", "label", "bins", "thresholds", "along", "at"]
        named += ["strategy", *(field.name for field in fields(Scoring))]
        raise ValueError(f"load has no option {', '.join(unknown)}; choose from {[*named, *known]}.")
    # Tables here are small: threads of a matrix product wait for each other longer than they multiply.
    threadpool_limits(1, user_api="blas")
    root = find_run(run)
    asked = Scoring(scorer, steps, verdicts, filter_share)
    scoring = asked if rule in CHOSEN_RULES or scorer is not None else _of_the_only_one(root, task, asked)
    held = {name: value for name, value in (at or {}).items() if name != along}
    read_along = Along(along, held, strategy=strategy)
    loaded = outcomes.load(root, task=task, anchor=anchor, scoring=scoring, along=read_along)
    binning = Binning(difficulty, label, bins, thresholds)
    return Run(root, read(loaded, Choices(binning=binning, **choices), rule=rule, seed=seed))


def _of_the_only_one(root: Path, task: str | None, asked: Scoring) -> Scoring | None:
    """How the only scorer's scores are read, None where there is none or several.

    Raises ValueError for a choice of how to read scores where nobody's are.
    """
    found = verifiers.only(root, task)
    if found is not None:
        return replace(asked, scorer=found.scorer)
    if given := [field.name for field in fields(Scoring) if getattr(asked, field.name) != field.default]:
        belong = "belongs" if len(given) == 1 else "belong"
        raise ValueError(
            f"{', '.join(given)} {belong} to a verifier's scores, and this run has no one scorer. Give "
            "scorer=NAME of a run that has scores, or leave it out."
        )
    return None
