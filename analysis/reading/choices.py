"""What the reader of a run may choose, and what a caption has to say of it. Knows outcomes, no results."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np

from analysis.arrays import Floats
from analysis.costs import cost_models
from analysis.costs.cost_models import CostModel
from analysis.costs.shapes import PerToken, Shape
from analysis.reading import bins, cautions
from analysis.reading.bins import Binning
from analysis.runs import charges, serial
from analysis.runs.along import Everywhere
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.runs.serial import Axis, AxisName
from analysis.runs.throughput import in_words
from analysis.runs.verifiers import Verifier
from analysis.stats import bootstrap

# The default cost model is the first of these that the run can tell of every model.
AS_KNOWN = ("c2", "c1", "c5", "tokens", "samples")
# The GPU of c3 where the reader names none.
GPU = "H100"
# A frame's column that stands only where models are read at unlike numbers of samples.
MOST_SAMPLES = "most_samples"
# And one that stands where some bins have prompts in one half alone, so that no best cell is read there.
BINS_ASIDE = "bins_aside"


@dataclass(frozen=True)
class Choices:
    """What the reader of a run may choose.

    cost None is the first of AS_KNOWN that the run can tell. gpu and batch belong to cost model c3; throughput and
    price, by model name, to c4 and c5. cluster names a label of the prompts that are resampled together.
    match_at: the axis that is read and the value of it at which a larger model's answer is matched; None: the
    last.
    """

    binning: Binning = field(default_factory=Binning)
    cost: str | None = None
    gpu: str | None = None
    batch: int = cost_models.BATCH
    throughput: Mapping[str, PerToken] = field(default_factory=dict)
    price: Mapping[str, PerToken] = field(default_factory=dict)
    cluster: str | None = None
    num_replicates: int = bootstrap.MIN_REPLICATES
    match_at: tuple[AxisName, int] | None = None


@dataclass(frozen=True)
class Setting:
    """What a caption needs to say; constant over a run's frames.

    anchor, bin_samples and bin_budget are None where no pool of samples makes the bins; rank_agreement and its
    ends are those of the scores that make them with the anchor's fresh samples, at predictor_tokens a prompt, NaN
    where unknown. cautions: what a reader has to bear in mind, "" where there is nothing. most_samples: what the
    arm with most samples a prompt is read at, where that is more than num_samples; else 0. along: the serial axis
    that is read; held: what the others are held at, in words; among: what tells the settings apart, where all are
    read; matched: where a larger model's answer is matched, in words, if not at the last value of the axis.
    """

    task: str
    difficulty: str
    bins_are: str | None
    anchor: str | None
    bin_samples: int | None
    bin_budget: int | None
    rank_agreement: float
    rank_low: float
    rank_high: float
    predictor_tokens: float
    total_prompts: int
    num_dropped: int
    num_samples: int
    max_budget: int
    num_replicates: int
    cluster: str | None
    cost_model: str
    cost_label: str
    cost_unit: str
    cautions: str = ""
    most_samples: int = 0
    along: AxisName = "budget"
    held: str = ""
    among: str = ""
    matched: str = ""

    @property
    def words(self) -> Axis:
        """What is said of the axis that is read."""
        return serial.of({serial.ALONG: self.along, serial.HELD: self.held})

    def columns(self) -> dict[str, Any]:
        """The fields as a frame's columns have them; those with a default only where they say something else."""
        usual = {each.name: each.default for each in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def match_at(outcomes: Outcomes, choices: Choices) -> tuple[AxisName, int] | None:
    """Where a larger model's answer is matched, None at the last value of the axis, and where all settings are
    read.

    Raises ValueError for another axis than the one that is read, and for a value of it that is not.
    """
    along, wanted = outcomes.along, choices.match_at
    if wanted is None or isinstance(along, Everywhere):
        return None
    axis, value = wanted
    if axis != along.axis:
        way = "leave --along out" if axis == "budget" else f"add --along {axis}"
        raise ValueError(f"--match-at {axis}={value} names an axis that is not read. To read it, {way}.")
    if value not in (read := outcomes.budgets.tolist()):
        told = serial.BY_NAME[axis].counted(value)
        raise ValueError(f"No cell that is read has {told}; there are {', '.join(map(str, read))}.")
    return None if value == read[-1] else wanted


def settle(arms: tuple[Arm, ...], choices: Choices) -> Choices:
    """The choices with a cost model: the one that was asked for,
    else the first of AS_KNOWN that can be told of all.

    Raises ValueError where what was asked for cannot be told, with what is lacking.
    """
    told = [name for name in AS_KNOWN if not any(_lacks(arm, name, choices) for arm in arms)]
    if choices.cost is None:
        return replace(choices, cost=told[0])
    cost_models.choose(choices.cost, gpu=choices.gpu, batch=choices.batch)
    for arm in arms:
        if lack := _lacks(arm, choices.cost, choices):
            raise ValueError(
                f"Cost model {choices.cost} needs the {lack.what} of every model; {lack.who} has none. Known "
                f"in this run: {', '.join(told)}."
            )
    return choices


def each_cost(arms: tuple[Arm, ...], choices: Choices) -> list[Choices]:
    """The choices under every cost model that can be told of all arms:
    what was asked for, or the default, first.
    """
    first = settle(arms, choices if choices.cost == "c3" else replace(choices, gpu=None))
    gpu = choices.gpu or GPU
    others = [replace(choices, cost=name, gpu=gpu if name == "c3" else None) for name in cost_models.COST_NAMES]
    return [first, *(other for other in others if other.cost != first.cost and _can_tell(arms, other))]


def _can_tell(arms: tuple[Arm, ...], choices: Choices) -> bool:
    try:
        price(arms, settle(arms, choices))
    except ValueError:
        return False
    return True


class _Lack(NamedTuple):
    """What a cost model needs, and the model or verifier of which nobody tells it."""

    what: str
    who: str


def _lacks(arm: Arm, cost: str, choices: Choices) -> _Lack | None:
    """What a cost model needs that neither the outcomes nor the choices tell, None where nothing."""
    if cost == "samples":
        return None
    name, verifier = arm.rung.name, arm.verifier
    if not _is_charged(arm, cost, choices):
        if not arm.rung.has_tokens:
            return _Lack("tokens or dollars" if cost == "c5" and name not in choices.price else "tokens", name)
        if what := _of_shape(arm.rung.shape, cost, is_priced=name in choices.price):
            return _Lack(what, name)
    if verifier is None or not _is_counted(verifier):
        return None
    if arm.is_scored and not arm.scores.has_tokens:
        return _Lack("tokens", verifier.name)
    what = _of_shape(verifier.shape, cost, is_priced=verifier.name in choices.price)
    return _Lack(what, verifier.name) if what else None


def _of_shape(shape: Shape, cost: str, *, is_priced: bool) -> str:
    """What of a shape a cost model needs and is not known, "" where nothing."""
    if cost == "c5" and shape.price is None and not is_priced:
        return "price"
    if cost in ("c1", "c2", "c3") and np.isnan(shape.num_matmul_params):
        return "size"
    return "layers and heads" if cost in ("c2", "c3") and np.isnan(shape.attention_width) else ""


def _is_counted(verifier: Verifier) -> bool:
    """Whether what a verifier reads can be counted, and is more than what the model knew by itself."""
    return verifier.is_known and not verifier.is_free


def _is_charged(arm: Arm, cost: str | None, choices: Choices) -> bool:
    """Whether the cost of a sample is what it was charged: in dollars, where no tokens are there to be priced."""
    return cost == "c5" and arm.rung.name not in choices.price and charges.are_told(arm)


def price(arms: tuple[Arm, ...], choices: Choices) -> tuple[CostModel, tuple[Arm, ...]]:
    """The chosen cost model, and the arms with the throughput and price given for them by name.

    Samples of unknown length cost what was charged for one on average; where an arm does not know how long prompts
    are no arm's are counted, and a verifier of unknown size is not. The model's label says each. Raises ValueError
    where the cost model needs what is not given, and for the name of no model and no verifier.
    """
    names = [arm.rung.name for arm in arms]
    verifiers = sorted({arm.verifier.name for arm in arms if arm.verifier is not None})
    if unknown := sorted({*choices.throughput, *choices.price} - {*names, *verifiers}):
        raise ValueError(f"No model {unknown} in this run; its models: {[*names, *verifiers]}.")
    cost = cost_models.choose(choices.cost or AS_KNOWN[0], gpu=choices.gpu, batch=choices.batch)
    priced = tuple(_priced(arm, cost, choices) for arm in arms)
    charged = [arm.rung.name for arm in arms if _is_charged(arm, choices.cost, choices)]
    if charged:
        mean = "the mean charge of a sample"
        cost = cost._replace(label=mean if charged == names else f"{cost.label}, of {', '.join(charged)} {mean}")
    logged = [arm.rung.measured_on for arm in arms if arm.rung.name not in choices.throughput]
    if choices.cost == "c4" and logged:
        cost = cost._replace(label=f"{cost.label} of this run, prompts included, {in_words(logged)}")
    return _without_unknown_prompts(_with_verifiers(cost, priced), priced)


def _priced(arm: Arm, cost: CostModel, choices: Choices) -> Arm:
    """The arm with the throughput and price given for it; raises ValueError where the cost model needs more."""
    verifier = arm.verifier
    if verifier is not None:
        is_counted = _is_counted(verifier) and choices.cost != "samples"
        shape = _priced_shape(verifier.name, verifier.shape, cost, choices) if is_counted else verifier.shape
        arm = replace(arm, verifier=replace(verifier, shape=shape, is_counted=is_counted))
    if _is_charged(arm, choices.cost, choices):
        return charges.in_place_of_tokens(arm)
    shape = _priced_shape(arm.rung.name, arm.rung.shape, cost, choices)
    return replace(arm, rung=replace(arm.rung, shape=shape))


def _priced_shape(name: str, shape: Shape, cost: CostModel, choices: Choices) -> Shape:
    """The shape of a model or verifier with what is given for it by name."""
    shape = shape._replace(
        throughput=choices.throughput.get(name, shape.throughput), price=choices.price.get(name, shape.price)
    )
    if cost.needs and getattr(shape, cost.needs) is None:
        raise ValueError(
            f"Cost model {choices.cost} needs the {cost.needs} of every model; {name} has none. "
            f"Give it as --{cost.needs} {name}=IN:OUT."
        )
    if choices.cost == "c3" and np.isnan(shape.bytes_per_weight):
        raise ValueError(
            f"Cost model c3 needs the bytes a weight, and those of {name}'s quantization are not known; "
            "choose c1 or c2."
        )
    return shape


def _with_verifiers(cost: CostModel, arms: tuple[Arm, ...]) -> CostModel:
    """The cost model, whose label says whether what each verifier reads is counted."""
    every = {
        arm.verifier.name: arm.verifier for arm in arms if arm.verifier is not None and not arm.verifier.is_free
    }
    told = [cost.label]
    for name, verifier in every.items():
        if verifier.is_counted:
            told.append(f"what {name} reads included")
        else:
            told.append(
                f"what {name} reads is not counted{'' if verifier.is_known else ', because it is not known'}"
            )
    return cost._replace(label="; ".join(told))


def _without_unknown_prompts(cost: CostModel, arms: tuple[Arm, ...]) -> tuple[CostModel, tuple[Arm, ...]]:
    """The arms as they are where all that know tokens know those of prompts;
    else all with prompts of no length.
    """
    if all(arm.rung.has_prompt_tokens or not arm.rung.has_tokens for arm in arms):
        return cost, arms
    label = f"{cost.label}; prompts are not counted, because their lengths are not known"
    return cost._replace(label=label), tuple(
        replace(arm, prompt_tokens=np.zeros_like(arm.prompt_tokens)) for arm in arms
    )


def task_name(task: str) -> str:
    """A task's id without the hash of its parameters that it ends in, which tells a reader nothing."""
    return re.sub(r"-[0-9a-f]{8}$", "", task)


def describe(outcomes: Outcomes, pool: Arm | None, choices: Choices, cost: CostModel, weights: Floats) -> Setting:
    """The setting of what was found with these pool, choices, cost model and prompt weights."""
    found = bins.predictor(outcomes, pool, choices.binning, weights)
    ends = (np.nan,) * 3 if found is None else [float(end) for end in found.rank_agreement]
    held_out = None if choices.binning.difficulty == "label" else pool
    is_own, along = choices.binning.difficulty == "own", outcomes.along
    return Setting(
        task=task_name(outcomes.task),
        difficulty=choices.binning.difficulty,
        bins_are=bins.words(pool, choices.binning),
        anchor=None if held_out is None or is_own else held_out.rung.name,
        bin_samples=None if held_out is None else held_out.num_samples,
        bin_budget=None if held_out is None else int(held_out.budgets[-1]),
        rank_agreement=ends[0],
        rank_low=ends[1],
        rank_high=ends[2],
        predictor_tokens=np.nan if found is None else found.tokens,
        total_prompts=len(outcomes.prompt_ids),
        num_dropped=len(outcomes.dropped),
        num_samples=outcomes.num_samples,
        max_budget=along.most(outcomes.budgets.tolist()),
        num_replicates=choices.num_replicates,
        cluster=choices.cluster,
        cost_model=choices.cost or AS_KNOWN[0],
        cost_label=cost.label,
        cost_unit=cost.unit,
        cautions=cautions.text(outcomes),
        most_samples=outcomes.most_samples if outcomes.most_samples > outcomes.num_samples else 0,
        along=along.words.name,
        held=along.words.held,
        among=along.among if isinstance(along, Everywhere) else "",
        matched="" if choices.match_at is None else along.words.at(choices.match_at[1]),
    )


def counted_in(setting: Setting, choices: Choices, cost: CostModel) -> Setting:
    """The setting under another cost model."""
    return replace(setting, cost_model=choices.cost or AS_KNOWN[0], cost_label=cost.label, cost_unit=cost.unit)
