"""A run's answer to "train or serve": the cheapest model and setting for a target accuracy at every workload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Floats
from analysis.costs import cost_models, lifetime
from analysis.costs.lifetime import Plan, Serving, Switch
from analysis.questions.offers import refuse_target
from analysis.reading import chosen
from analysis.reading.curves import Rule
from analysis.reading.reading import Reading
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.runs.rungs import Rung
from analysis.stats import bootstrap

POINTS_A_DECADE = 8
DECADES_AROUND = 2


class Candidate(NamedTuple):
    """One model that could be trained and served: N, D, FLOPs spent once before any query, what it needs a query,
    and with which samples and budgets.
    """

    name: str
    num_params: int
    pretraining_tokens: float
    offline_flops: float
    serving: Serving
    settings: str

    @property
    def training_flops(self) -> float:
        """6ND, and what is spent once beside it."""
        return 6.0 * self.num_params * self.pretraining_tokens + self.offline_flops


@dataclass(frozen=True, eq=False)
class Workloads:
    """What serving q queries at the target costs:
    the plan at `asked` workloads and along a fine `curve` of them.
    """

    target: float
    rule: Rule
    cluster: str | None
    candidates: tuple[Candidate, ...]
    left_out: tuple[str, ...]
    asked: Plan
    curve: Plan
    switches: list[Switch]


def serve(
    reading: Reading,
    *,
    target: float,
    queries: Sequence[float],
    pretraining_tokens: Mapping[str, float],
    offline_flops: Mapping[str, float] | None = None,
) -> Workloads:
    """The cheapest model and setting of the run for each number of queries, with intervals over prompts.

    target is an accuracy in 0..1; pretraining_tokens gives, by model, what the run does not hold or overrides it;
    offline_flops what is spent once before any query, 0 by default, as by a model that prepares answers offline.
    A model without tokens, or of unknown size, is left out and named. Raises ValueError where none is left, where
    a name is not in the run, and for an impossible target or workload.
    """
    refuse_target(target)
    offline = offline_flops or {}
    _refuse_unknown(reading.outcomes, offline)
    given = _pretraining_tokens(reading.outcomes, pretraining_tokens)
    candidates = []
    for at, arm in enumerate(reading.arms):
        if arm.rung.name not in given:
            continue
        cells, halves = _cells(reading, at), {"weights": reading.weights, "folds": reading.folds}
        serving = lifetime.serve(cells.accuracy, cells.tokens, target, **halves)
        settings = _in_words([cells.names[cell] for cell in serving.cells if cell >= 0])
        size = arm.rung.shape.num_matmul_params
        candidates.append(
            Candidate(
                arm.rung.name, size, given[arm.rung.name], offline.get(arm.rung.name, 0.0), serving, settings
            )
        )
    ladder = (
        np.array([float(each.num_params) for each in candidates]),
        np.array([each.pretraining_tokens for each in candidates]),
        np.stack([each.serving.by_query for each in candidates]),
    )
    once = [each.offline_flops for each in candidates]
    return Workloads(
        target=target,
        rule=reading.rule,
        cluster=reading.choices.cluster,
        candidates=tuple(candidates),
        left_out=tuple(arm.rung.name for arm in reading.arms if arm.rung.name not in given),
        asked=lifetime.plan(*ladder, sorted(queries), offline_flops=once),
        curve=lifetime.plan(*ladder, _around(queries), offline_flops=once),
        switches=lifetime.switches(*ladder, offline_flops=once),
    )


def frame(found: Workloads) -> pd.DataFrame:
    """A row a model and workload along the curve: its total FLOPs and interval,
    and which model is the cheapest.
    """
    rows = []
    for number, each in enumerate(found.candidates):
        totals = each.training_flops + 2.0 * each.num_params * found.curve.queries * each.serving.by_query[:, None]
        estimate, low, high = bootstrap.percentile_interval(totals)
        columns = {"queries": found.curve.queries, "total_flops": estimate, "low": low, "high": high}
        rows.append(
            pd.DataFrame(columns).assign(
                model=each.name,
                num_params=each.num_params,
                training_flops=each.training_flops,
                cheapest=found.curve.model == number,
                share_chosen=found.curve.share_chosen[:, number],
            )
        )
    return pd.concat(rows, ignore_index=True).assign(target=found.target, rule=found.rule)


class _Cells(NamedTuple):
    """Every cell of one model's grid on each prompt (P, J), and what each is called (J,)."""

    accuracy: Floats
    tokens: Floats
    names: list[tuple[int, int]]


def _cells(reading: Reading, at: int) -> _Cells:
    arm, widths = reading.arms[at], reading.path(at, "width").widths
    accuracy = reading.accuracy(at, widths).mean
    tokens = cost_models.total_tokens(
        prompt_tokens=arm.prompt_tokens, decoded_tokens=arm.decoded_tokens, widths=widths
    )
    if reading.reads_scores:
        tokens = tokens + _read_tokens(arm)[..., None] * np.where(np.asarray(widths) > 1, widths, 0)
    names = [(int(budget), width) for budget in reading.outcomes.budgets for width in widths]
    flat = [np.moveaxis(table, 1, 0).reshape(len(arm.prompt_tokens), -1) for table in (accuracy, tokens)]
    return _Cells(flat[0], flat[1], names)


def _read_tokens(arm: Arm) -> Floats:
    """What the verifier's tokens of a sample count for in the model's own;
    (B, P). Raises ValueError if not known.
    """
    tokens = chosen.equivalent_tokens(arm)
    if np.isnan(tokens).any():
        assert arm.verifier is not None
        raise ValueError(
            f"What {arm.verifier.name} costs is not known: its size or what it read is not. Use --rule maj_at_k."
        )
    return tokens


def _pretraining_tokens(outcomes: Outcomes, given: Mapping[str, float]) -> dict[str, float]:
    """By model, for those whose size is known as well."""
    _refuse_unknown(outcomes, given)
    rungs = {arm.rung.name: arm.rung for arm in outcomes.arms}
    tokens = {name: given.get(name, rung.pretraining_tokens) for name, rung in rungs.items()}
    lacks = {name: _lacking(rung) for name, rung in rungs.items()}
    known = {name: float(D) for name, D in tokens.items() if D is not None and not lacks[name]}
    if known:
        return known
    if whole := [name for name in rungs if not lacks[name]]:
        raise ValueError(
            "Training costs 6ND, and pretraining tokens D are not known of any model. Give them as "
            f"--pretraining-tokens {whole[0]}=2e12, for one or more of {', '.join(whole)}."
        )
    lacking = "; ".join(f"{name} {numerals.listed(parts)}" for name, parts in lacks.items())
    raise ValueError(
        "Training and serving cost 6ND + 2Nq(P + kT), and every model lacks a part: "
        f"{lacking}. Ingest them again with what is lacking (--params; --map prompt_tokens=COLUMN "
        "decoded_tokens=COLUMN)."
    )


def _refuse_unknown(outcomes: Outcomes, given: Mapping[str, float]) -> None:
    """Raise ValueError where a name is not in the run."""
    names = [arm.rung.name for arm in outcomes.arms]
    if unknown := sorted(set(given) - set(names)):
        raise ValueError(f"No model {', '.join(unknown)} in this run; its models are {', '.join(names)}.")


def _lacking(rung: Rung) -> list[str]:
    """What the cost of serving a model needs and its run does not tell."""
    told = {
        "its size N": not np.isnan(rung.shape.num_matmul_params),
        "the tokens of prompts P": rung.has_prompt_tokens,
        "the tokens of samples T": rung.has_tokens,
    }
    return [part for part, is_told in told.items() if not is_told]


def _around(queries: Sequence[float]) -> Floats:
    """Workloads from some decades below the least that was asked for to some above the largest."""
    low, high = np.log10(min(queries)) - DECADES_AROUND, np.log10(max(queries)) + DECADES_AROUND
    return np.logspace(low, high, 1 + round((high - low) * POINTS_A_DECADE))


def _in_words(cells: Sequence[tuple[int, int]]) -> str:
    """'k 5 at 64 tokens', and the other fold's choice where it differs."""
    return " or ".join(dict.fromkeys(f"k = {width}, {budget} tokens" for budget, width in cells)) or "-"
