"""What a sweep may be asked to find out, and what it may spend on it. Plain settings;
conf/goal has one file each.
"""

from dataclasses import dataclass, fields
from typing import Any

from analysis.costs.cost_models import COST_NAMES
from analysis.reading.curves import RULES, PathName, Rule
from analysis.runs.serial import AXES

# What a goal may spend is not part of what it asks, so that a higher cap goes on where the lower one stopped.
CAPS = ("max_tokens", "max_device_hours", "max_usd", "max_rounds")


@dataclass(frozen=True)
class Goal:
    """What every goal has.

    pilot_prompts and pilot_samples: what is drawn of every model first; `task.size` and the largest of
    `grid.widths` are the most. bins: ask in each difficulty bin as well as over all prompts. rule and cost: how
    samples are read and what is counted, as `--rule` and `--cost` say. start_tokens: what starting an engine is
    worth, in tokens. max_tokens, max_device_hours, max_usd: hard caps over all models; max_rounds: how often is
    decided at most.
    """

    pilot_prompts: int = 50
    pilot_samples: int = 2
    bins: bool = False
    rule: Rule | None = None
    cost: str | None = None
    start_tokens: int = 20_000
    max_tokens: int | None = None
    max_device_hours: float | None = None
    max_usd: float | None = None
    max_rounds: int = 30

    def __post_init__(self) -> None:
        for name in ("pilot_prompts", "pilot_samples", "max_rounds", *CAPS):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"goal.{name} must be above 0; got {value}.")
        if self.pilot_prompts < 10:
            raise ValueError(f"goal.pilot_prompts must be at least 10; got {self.pilot_prompts}.")
        if self.start_tokens < 0:
            raise ValueError(f"goal.start_tokens must not be negative; got {self.start_tokens}.")
        if self.rule is not None and self.rule not in RULES:
            raise ValueError(f"goal.rule must be one of {', '.join(RULES)}; got {self.rule}.")
        if self.cost is not None and self.cost not in COST_NAMES:
            raise ValueError(f"goal.cost must be one of {', '.join(COST_NAMES)}; got {self.cost}.")

    @property
    def caps(self) -> dict[str, float]:
        """The caps that there are, by their names among those of a job."""
        most = {"tokens": self.max_tokens, "device_hours": self.max_device_hours, "usd": self.max_usd}
        return {name: cap for name, cap in most.items() if cap is not None}

    @property
    def asked(self) -> dict[str, Any]:
        """The settings that say what is asked, by name; caps left out."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in CAPS}
        return {"goal": type(self).__name__} | own


@dataclass(frozen=True)
class _Pairs(Goal):
    """pairs: SMALL:LARGE by model names; by default every smaller model against the largest.

    along: what the smaller model spends to match the larger one's single answer: more samples (width), or more
    along a serial axis with one sample.
    """

    pairs: tuple[str, ...] = ()
    along: PathName = "width"

    def __post_init__(self) -> None:
        super().__post_init__()
        # A yaml has lists.
        object.__setattr__(self, "pairs", tuple(self.pairs))
        for pair in self.pairs:
            small, colon, large = pair.partition(":")
            if not (small and colon and large) or small == large:
                raise ValueError(f"goal.pairs are written SMALL:LARGE, by model names; got {pair}.")
        if self.along not in (known := ("width", *AXES)):
            raise ValueError(f"goal.along must be one of {', '.join(known)}; got {self.along}.")


@dataclass(frozen=True)
class ExchangeRates(_Pairs):
    """Exchange rates to within `half_width` in log10 (0.1 is a fourth more or a fifth less), or *never*."""

    half_width: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_size("half_width", self.half_width, most=10)


@dataclass(frozen=True)
class Decide(_Pairs):
    """Whether each rate is below 1, above 1 or never; wrong in at most `alpha` of runs,
    over all pairs and looks.
    """

    alpha: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_alpha(self.alpha)


@dataclass(frozen=True)
class Accuracy(Goal):
    """Every model's accuracy with one answer at the largest budget, to within `points` percentage points."""

    points: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_size("points", self.points, most=100)


@dataclass(frozen=True)
class Compare(Goal):
    """Whether the model `new` is better than `base` by at least `effect` points; wrong in at most `alpha` of runs.

    By default the largest model is new, and the one before it base.
    """

    effect: float = 2.0
    base: str | None = None
    new: str | None = None
    alpha: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_alpha(self.alpha)
        if not -100 < self.effect < 100:
            raise ValueError(f"goal.effect is in percentage points, between -100 and 100; got {self.effect}.")


def _check_size(name: str, value: float, *, most: float) -> None:
    if not 0 < value <= most:
        raise ValueError(f"goal.{name} must be above 0 and at most {most}; got {value}.")


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 0.5:
        raise ValueError(f"goal.alpha must lie between 0 and 0.5; got {alpha}.")
