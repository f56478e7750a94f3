"""One run as all claims read it: what several of them ask of it is made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analysis.policies.studies.stage import Stage, prepare
from analysis.reading import cells
from analysis.reading.bins import ALL_PROMPTS, Bin
from analysis.reading.cells import Cells
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError, one_model
from analysis.runs.texts import whole_prompts

# Fewer resampled prompts are too alike to tell what chance does.
MIN_PROMPTS = 30


@dataclass(frozen=True, eq=False)
class Held:
    """A run under the reader's choices: where it lies, and its reading by the rule that is asked for."""

    root: Path
    reading: Reading

    @cached_property
    def cells(self) -> Cells:
        """Every cell of every model on each prompt."""
        return cells.measure(self.reading)

    @cached_property
    def stage(self) -> Stage:
        """What policies are replayed on."""
        outcomes = self.reading.outcomes
        return prepare(self.reading, texts=whole_prompts(self.root, self.reading.asked.task, outcomes.prompt_ids))

    @property
    def every(self) -> Bin:
        """All prompts, with the weights of the one bootstrap."""
        return Bin(ALL_PROMPTS, self.reading.weights)

    @property
    def num_drawn(self) -> int:
        """How many prompts, or clusters of them, a resampling draws."""
        return self.reading.num_drawn(self.every)

    @property
    def names(self) -> Sequence[str]:
        """The models, smallest first."""
        return [arm.rung.name for arm in self.reading.arms]

    def require_prompts(self) -> None:
        """Raise UntoldError where a resampling draws too few."""
        if self.num_drawn < MIN_PROMPTS:
            raise UntoldError(f"{MIN_PROMPTS} prompts are needed, and this run has {self.num_drawn}.")

    def require_models(self) -> None:
        """Raise UntoldError below two models."""
        if len(self.names) < 2:
            raise one_model(self.names[0])

    def require_budgets(self) -> None:
        """Raise UntoldError below two budgets."""
        if len(self.reading.outcomes.budgets) < 2:
            raise UntoldError("At least two thinking budgets are needed, and this run has one.")

    def require_samples(self, least: int) -> None:
        """Raise UntoldError below so many samples of each prompt."""
        if self.reading.outcomes.num_samples < least:
            raise UntoldError(
                f"At least {least} samples of each prompt are needed, and this run has "
                f"{self.reading.outcomes.num_samples}."
            )
