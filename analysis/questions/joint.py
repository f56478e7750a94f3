"""The joint law of a run: coverage in size, training tokens and samples, its forecasts,
and how to split a budget.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Bools, Floats
from analysis.costs import allotment
from analysis.costs.allotment import Allotment, Extent
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.runs.arms import Arm
from analysis.stats import coverage, joint_coverage
from analysis.stats.bootstrap import Interval
from analysis.stats.estimators import pass_at_k
from analysis.stats.joint_coverage import AxisName, BetaFit, BetaLaw, Ladder

# Parameters whose intervals hold the truth less often than they say, so that they have none (docs/laws.md).
UNHELD = ("a_0", "b_0")
NUM_WIDTHS = 30
# Widths are forecast from this share of the samples, two at least, and a budget buys no more than so many times
# them.
DRAWN_SHARE, BEYOND = 10, 10
POINTS_A_DECADE, MOST_POINTS = 12, 40


class Forecast(NamedTuple):
    """What the law says of cells that it was not fitted to, and a plain power law of the same cells.

    left_out: a size, a training length or the largest widths, in words; is_beyond: it lies outside of what was
    fitted; num_cells. points: mean distance from the coverage that was observed, in shares; relative: the same
    over that coverage. of_power: both of the power law, NaN where it has none.
    """

    left_out: str
    value: str
    is_beyond: bool
    num_cells: int
    points: float
    relative: float
    power_points: float
    power_relative: float


@dataclass(frozen=True, eq=False)
class Joint:
    """The law with its intervals, its forecasts, and what it was fitted to.

    laws: parameters of the fit and its replicates (1 + R,). left_out: models that lack a part, with the reason.
    prompt_tokens and sample_tokens: means over models, NaN where not known; has_lengths: training tokens are known
    of every model.
    """

    fit: BetaFit
    parameters: dict[str, Interval]
    share_converged: float
    laws: BetaLaw
    names: tuple[str, ...]
    ladder: Ladder
    left_out: dict[str, str]
    forecasts: tuple[Forecast, ...]
    prompt_tokens: float
    sample_tokens: float
    has_lengths: bool

    @property
    def most_samples(self) -> int:
        """Samples that every model has on every prompt."""
        return int(self.ladder.num_samples.min())


def fit(reading: Reading, *, pretraining_tokens: Mapping[str, float] | None = None) -> Joint:
    """The joint law of a run's coverage at the full budget, and how it forecasts what it was not fitted to.

    pretraining_tokens gives, by model, what the run does not hold or overrides it. Models of unknown size are left
    out, and named; where one lacks its tokens the law has none. Raises UntoldError below two models, or two
    samples.
    """
    is_sized = [not np.isnan(arm.rung.shape.num_matmul_params) for arm in reading.arms]
    arms = [arm for arm, sized in zip(reading.arms, is_sized, strict=True) if sized]
    without = [arm.rung.name for arm, sized in zip(reading.arms, is_sized, strict=True) if not sized]
    left_out = dict.fromkeys(without, "its size is not known")
    if len(arms) < 2 or min(arm.num_samples for arm in arms) < 2:
        raise UntoldError(
            "A joint law needs two models of known size, or one at two training lengths, with two samples a "
            f"prompt or more; this run has {len(arms)} of "
            f"{numerals.samples(min((a.num_samples for a in arms), default=0))}."
        )
    given = _lengths(reading, arms, pretraining_tokens or {})
    ladder = _ladder(arms, given)
    found = _fit(ladder, given)
    replicates = joint_coverage.resample(found, ladder, reading.weights)
    names = tuple(arm.rung.name for arm in arms)
    decoded = [arm.decoded_tokens[-1].mean() if arm.rung.has_tokens else np.nan for arm in arms]
    prompted = [arm.prompt_tokens.mean() if arm.rung.has_prompt_tokens else np.nan for arm in arms]
    return Joint(
        fit=found,
        parameters=_read_parameters(replicates, list(found.dropped)),
        share_converged=replicates.share_converged,
        laws=BetaLaw(found.law.N_0, found.law.D_0, *replicates.parameters.T),
        names=names,
        ladder=ladder,
        left_out=left_out,
        forecasts=(*_models_left_out(ladder, found), *_widths_left_out(ladder, names, reading.rng("joint law"))),
        prompt_tokens=float(np.mean(prompted)),
        sample_tokens=float(np.mean(decoded)),
        has_lengths=None not in given,
    )


def _read_parameters(replicates: joint_coverage.Replicates, dropped: Sequence[AxisName]) -> dict[str, Interval]:
    """Each fitted parameter, with the interval of those that hold what they say, NaN for the others."""
    found = joint_coverage.intervals(replicates, dropped)
    return {
        name: ends._replace(low=np.array(np.nan), high=np.array(np.nan)) if name in UNHELD else ends
        for name, ends in found.items()
    }


def _lengths(reading: Reading, arms: Sequence[Arm], given: Mapping[str, float]) -> list[float | None]:
    names = [arm.rung.name for arm in reading.arms]
    if unknown := sorted(set(given) - set(names)):
        raise ValueError(f"No model {', '.join(unknown)} in this run; its models are {', '.join(names)}.")
    return [given.get(arm.rung.name, arm.rung.pretraining_tokens) for arm in arms]


def _ladder(arms: Sequence[Arm], lengths: Sequence[float | None]) -> Ladder:
    tallies = [arm.tally(-1) for arm in arms]
    is_known = None not in lengths
    return Ladder(
        num_params=np.array([float(arm.rung.shape.num_matmul_params) for arm in arms]),
        num_tokens=np.array([float(length or 1) if is_known else 1.0 for length in lengths]),
        num_correct=np.stack([tally.num_correct for tally in tallies]),
        num_samples=np.stack([tally.num_samples for tally in tallies]),
    )


def _fit(ladder: Ladder, lengths: Sequence[float | None]) -> BetaFit:
    try:
        found = joint_coverage.fit(ladder)
    except ValueError as error:
        raise UntoldError(f"No joint law can be told of this run. {error}") from None
    if None in lengths:
        reason: dict[AxisName, str] = {"training tokens": "they are not known of every model"}
        return found._replace(dropped=found.dropped | reason)
    return found


def _models_left_out(ladder: Ladder, found: BetaFit) -> Iterator[Forecast]:
    """Each size and each training length forecast from the others, where these still tell the axis."""
    widths = _widths(int(ladder.num_samples.min()))
    axes: tuple[tuple[AxisName, str, Floats], ...] = (
        ("size", "size", ladder.num_params),
        ("training tokens", "training length", ladder.num_tokens),
    )
    for axis, word, values in axes:
        distinct = np.unique(values)
        if axis in found.dropped or len(distinct) < 3:
            continue
        for value in distinct:
            rest = ladder.of(values != value)
            if any(name not in found.dropped for name in joint_coverage.untold_axes(rest)):
                continue
            law = joint_coverage.fit(rest).law
            one = ladder.of(values == value)
            power = _power(rest, _coverage(rest, widths), widths, list(found.dropped))
            yield _scored(
                (word, numerals.parameters(float(value)) + (" tokens" if word != "size" else "")),
                value in (distinct[0], distinct[-1]),
                _coverage(one, widths),
                law.coverage(one.num_params[:, None], one.num_tokens[:, None], widths),
                power.coverage(one.num_params[:, None], one.num_tokens[:, None], widths) if power else None,
            )


def _power(
    ladder: Ladder, covered: Floats, widths: Floats, dropped: Sequence[AxisName]
) -> joint_coverage.PowerLaws | None:
    try:
        return joint_coverage.fit_power_laws(ladder, covered, widths, dropped)
    except ValueError:
        return None


def _widths_left_out(ladder: Ladder, names: Sequence[str], rng: np.random.Generator) -> Iterator[Forecast]:
    """Coverage of all samples forecast from a tenth of them, drawn without replacement, model by model."""
    num_samples = int(ladder.num_samples.min())
    num_drawn = max(2, num_samples // DRAWN_SHARE)
    if num_drawn >= num_samples:
        return
    wrong = ladder.num_samples - ladder.num_correct
    few = rng.hypergeometric(ladder.num_correct, wrong, num_drawn)
    drawn = ladder._replace(num_correct=few, num_samples=np.full(few.shape, num_drawn))
    law, widths = joint_coverage.fit(drawn).law, _widths(num_drawn)
    last = np.array([float(num_samples)])
    observed, covered = _coverage(ladder, last), _coverage(drawn, widths)
    forecast = law.coverage(ladder.num_params[:, None], ladder.num_tokens[:, None], last)
    own = np.array([[_own_power(widths, row, num_samples)] for row in covered])
    value = f"k = {num_samples:,} from {num_drawn:,} samples"
    for at, name in enumerate(names):
        each = slice(at, at + 1)
        yield _scored(("widths", f"{value}, {name}"), True, observed[each], forecast[each], own[each])


def _own_power(widths: Floats, covered: Floats, k: int) -> float:
    """The power law of one model's coverage at k, NaN where it has none."""
    inside = (covered > 0) & (covered < 1)
    if inside.sum() < 2:
        return float("nan")
    return float(coverage.fit_power_law(widths[inside], covered[inside]).coverage(k))


def _scored(
    named: tuple[str, str], is_beyond: bool, observed: Floats, forecast: Floats, power: Floats | None
) -> Forecast:
    told = observed > 0
    plain = np.full(observed.shape, np.nan) if power is None else power
    misses = [np.abs(each - observed) for each in (forecast, plain)]
    shares = [float((miss[told] / observed[told]).mean()) if told.any() else float("nan") for miss in misses]
    return Forecast(
        *named,
        bool(is_beyond),
        observed.size,
        float(misses[0].mean()),
        shares[0],
        float(misses[1].mean()),
        shares[1],
    )


def _coverage(ladder: Ladder, widths: Floats) -> Floats:
    """Coverage of each model at the widths; (M, Q)."""
    return np.stack(
        [
            pass_at_k(num_samples[:, None], correct[:, None], widths).mean(axis=0)
            for num_samples, correct in zip(ladder.num_samples, ladder.num_correct, strict=True)
        ]
    )


def _widths(most: int) -> Floats:
    return np.unique(np.geomspace(1, most, NUM_WIDTHS).round())


class Split(NamedTuple):
    """The best splits of total budgets for one number of queries: those that were asked for,
    and a curve of them.
    """

    queries: float
    asked: Allotment
    curve: Allotment


def split(found: Joint, *, budgets: Sequence[float], queries: Sequence[float]) -> list[Split]:
    """How each total budget in FLOPs is best split, for each number of queries.

    Sizes and training lengths stay within those of the run, samples within BEYOND times them. Raises UntoldError
    where the cost of training or of a sample is not known.
    """
    if not found.has_lengths:
        raise UntoldError(
            "Training costs 6ND, and pretraining tokens D are not known of every model. Give them as "
            f"--pretraining-tokens {found.names[0]}=2e12."
        )
    if np.isnan(found.sample_tokens + found.prompt_tokens):
        raise UntoldError(
            "A query costs 2N(P + kT), and the tokens of prompts or samples are not known of every model. Ingest "
            "the outcomes again with --map prompt_tokens=COLUMN decoded_tokens=COLUMN."
        )
    extent = Extent(
        (float(found.ladder.num_params.min()), float(found.ladder.num_params.max())),
        _told_lengths(found),
        float(BEYOND * found.most_samples),
    )
    best = partial(
        allotment.allot,
        found.laws,
        prompt_tokens=found.prompt_tokens,
        sample_tokens=found.sample_tokens,
        extent=extent,
    )
    return [
        Split(q, best(sorted(budgets), queries=q), best(_between(budgets), queries=q)) for q in sorted(queries)
    ]


def _told_lengths(found: Joint) -> tuple[float, float]:
    """The least and the most training tokens; their mean where the law has no say in them."""
    if "training tokens" in found.fit.dropped:
        return found.fit.law.D_0, found.fit.law.D_0
    return float(found.ladder.num_tokens.min()), float(found.ladder.num_tokens.max())


def _between(budgets: Sequence[float]) -> Floats:
    """Budgets from the least to the largest that was asked for, a decade to either side of a single one."""
    low, high = np.log10(min(budgets)), np.log10(max(budgets))
    low, high = (low - 1, high + 1) if low == high else (low, high)
    return np.logspace(low, high, min(MOST_POINTS, 1 + round((high - low) * POINTS_A_DECADE)))


def frame(splits: Sequence[Split], found: Joint) -> pd.DataFrame:
    """A row a number of queries, total budget and quantity of the best split, with its interval."""
    rows = []
    for each in splits:
        for name, ends in each.curve.best.items():
            columns = {"total_flops": each.curve.total_flops, "estimate": ends.estimate, "low": ends.low}
            edge: Bools = each.curve.at_edge.get(name, np.zeros(len(ends.estimate), dtype=bool))
            rows.append(
                pd.DataFrame(columns | {"high": ends.high}).assign(
                    queries=each.queries, quantity=name, at_edge=edge
                )
            )
    table = pd.concat(rows, ignore_index=True)
    order = ["queries", "quantity", "total_flops", "estimate", "low", "high", "at_edge"]
    beside = {
        "prompt_tokens": found.prompt_tokens,
        "sample_tokens": found.sample_tokens,
        "is_length_told": "training tokens" not in found.fit.dropped,
    }
    return table[order].assign(**beside)
