"""Accuracy against compute along a path of cells, per prompt and resampled. Arrays in, arrays out."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from analysis.arrays import Array, Floats, Ints, Weights
from analysis.costs import cost_models
from analysis.reading import chosen
from analysis.runs.arms import Arm
from analysis.runs.counts import Counted
from analysis.runs.serial import AxisName
from analysis.stats import estimators
from analysis.stats.bootstrap import weighted_means
from analysis.stats.parts import Part

Rule = Literal["maj_at_k", "pass_at_k", "best_of_n", "weighted_vote", "filtered_vote"]
RULES: tuple[Rule, ...] = get_args(Rule)
# Those that read a verifier's scores, and of all those that need answers to vote on.
CHOSEN_RULES: tuple[Rule, ...] = ("best_of_n", "weighted_vote", "filtered_vote")
VOTING_RULES: tuple[Rule, ...] = ("maj_at_k", "weighted_vote", "filtered_vote")
# Up to here a path of widths has every one; beyond, as many in even steps of log k.
MAX_WIDTHS = 64
# The axes of serial.AXES are the serial ones.
PathName = Literal["width", "budget", "extensions", "calls", "rounds"]


class Path(NamedTuple):
    """Cells in order of compute: J positions in the budgets and J widths, and the axis that varies."""

    axis: PathName
    budget_index: tuple[int, ...]
    widths: tuple[int, ...]


class Curve(NamedTuple):
    """Accuracy, cost in its model's unit, tokens in all and in series at each of the J cells of a path.

    Per prompt (P, J) as `prompt_curve` gives it; means under each weighting (1 + R, J) as `resample` does.
    draw_error: the standard error that random subsets add to the accuracy, 0 where all were counted; of each
    prompt (P, J), or of the estimate's mean (1, J).
    """

    accuracy: Floats
    cost: Floats
    total_tokens: Floats
    serial_tokens: Floats
    draw_error: Floats


def own_path(arm: Arm, rule: Rule) -> Path:
    """The widths that an arm's own samples reach, at its largest budget. Source: `width_path`."""
    return width_path(len(arm.budgets), arm.num_samples, rule)


def width_path(num_budgets: int, num_samples: int, rule: Rule) -> Path:
    """Every width at the largest budget; odd widths for maj@k, as maj@2 = maj@1 when all answer. Source: ours."""
    stride = 2 if rule == "maj_at_k" else 1
    widths = tuple(range(1, num_samples + 1, stride))
    if num_samples > MAX_WIDTHS:
        steps = np.geomspace(1, widths[-1], MAX_WIDTHS)
        widths = tuple(sorted({1 + stride * round((step - 1) / stride) for step in steps}))
    return Path("width", (num_budgets - 1,) * len(widths), widths)


def serial_path(axis: AxisName, num_budgets: int) -> Path:
    """Every budget, or value of the axis that is read, at width 1: `num_budgets` cells. Source: ours."""
    return Path(axis, tuple(range(num_budgets)), (1,) * num_budgets)


def rules(arms: Sequence[Arm]) -> tuple[Rule, ...]:
    """The rules that can be read from all of these arms without a verifier:
    success counts hold no votes, so maj@k cannot.

    No arrays. Source: ours.
    """
    return ("maj_at_k", "pass_at_k") if all(arm.rung.has_votes for arm in arms) else ("pass_at_k",)


def choose_rule(arms: Sequence[Arm], wanted: Rule | None) -> Rule:
    """The wanted rule, or the first that can be read. No arrays; source: ours.

    Raises ValueError, with the reason, where the wanted one is none or cannot be read. A verifier's rule is never
    the default.
    """
    if wanted is not None and wanted not in RULES:
        raise ValueError(f"Unknown rule {wanted!r}; choose from {list(RULES)}.")
    silent = ", ".join(arm.rung.name for arm in arms if not arm.rung.has_votes)
    if wanted in CHOSEN_RULES:
        _refuse_unscored(arms, wanted)
        if silent and wanted in VOTING_RULES:
            raise ValueError(f"A vote needs answers, and those of {silent} are not known; use --rule best_of_n.")
    elif wanted is not None and wanted not in rules(arms):
        raise ValueError(
            f"Majority votes need answers, and this run holds only counts of correct samples of {silent}; use "
            "--rule pass_at_k."
        )
    return wanted or rules(arms)[0]


def _refuse_unscored(arms: Sequence[Arm], rule: Rule) -> None:
    """Raise ValueError where a verifier did not read every answer of these arms."""
    lacking = []
    for arm in arms:
        if isinstance(arm.stored, Counted):
            lacking.append(f"{arm.rung.name} (only counts of correct samples)")
        elif not arm.is_scored:
            known = None if arm.stored.scores is None else arm.stored.scores.known
            told = "none" if known is None or not known.any() else f"{int(known.sum()):,} of {known.size:,}"
            lacking.append(f"{arm.rung.name} ({told})")
    if lacking:
        raise ValueError(
            f"--rule {rule} needs a score of every answer, and these models' answers lack some: "
            f"{', '.join(lacking)}. "
            "Run `isoquant score RUN`, or choose a rule that reads no scores."
        )


def prompt_curve(
    arm: Arm, path: Path, cost: cost_models.CostModel, accuracy: estimators.Drawn, *, rule: Rule
) -> Curve:
    """What one arm costs and yields on each prompt along a path of J cells; fields (P, J).

    accuracy: by the rule at the budgets and widths of `crossing`, (B, P, K) each. Tokens are the model's own, NaN
    where they are not known; what a verifier reads and writes is in the cost alone. Raises ValueError where a
    width of the path is beyond the samples. Source: `costs.cost_models.cell_cost`.
    """
    budgets, at_budget, widths, at_width = crossing(path)
    spent = arm.decoded_tokens[budgets]
    if arm.later is not None:
        spent = spent + np.asarray(arm.later.read_tokens)[budgets].sum(axis=-1)
    unknown = np.nan if not arm.rung.has_tokens else 0.0
    tables = Curve(
        accuracy.mean,
        cell_cost(arm, cost, widths, rule=rule, budgets=budgets),
        cost_models.total_tokens(prompt_tokens=arm.prompt_tokens, decoded_tokens=spent, widths=widths) + unknown,
        serial_tokens(arm, widths, budgets=budgets) + unknown,
        accuracy.standard_error,
    )
    return Curve(*(table[at_budget, :, at_width].T for table in tables))


def prompt_cost(arm: Arm, path: Path, cost: cost_models.CostModel, *, rule: Rule) -> Floats:
    """What one arm costs on each prompt along a path of J cells, in the cost model's unit; (P, J).

    Raises ValueError as `prompt_curve`. Source: `cost_models.cell_cost`.
    """
    budgets, at_budget, widths, at_width = crossing(path)
    return cell_cost(arm, cost, widths, rule=rule, budgets=budgets)[at_budget, :, at_width].T


def crossing(path: Path) -> tuple[Ints, Ints, list[int], Ints]:
    """The budgets' positions and the widths of a path, each once, and where each of its cells has its own.

    (B,), (J,), K widths, (J,). Source: ours.
    """
    budgets, at_budget = np.unique(path.budget_index, return_inverse=True)
    widths, at_width = np.unique(path.widths, return_inverse=True)
    return budgets, at_budget, widths.tolist(), at_width


def cell_cost(
    arm: Arm, cost: cost_models.CostModel, widths: Sequence[int], *, rule: Rule, budgets: Ints | None = None
) -> Floats:
    """Expected cost of a rule at every width and these budgets, all by default; (B, P, K).

    A rule that reads scores pays for the verifier of the arm, the others do not. Source: `cost_models.cell_cost`.
    """
    at = slice(None) if budgets is None else budgets
    return arm.cell_cost(cost, widths, at, verdicts=chosen.verdicts(arm, at) if rule in CHOSEN_RULES else None)


def serial_tokens(arm: Arm, widths: Sequence[int], *, budgets: Ints | None = None) -> Floats:
    """Expected tokens in series at every width and these budgets, all by default; (B, P, K).

    Of counts those of one sample on average, whatever the width. Source: `cost_models.serial_tokens`.
    """
    decoded = arm.decoded_tokens if budgets is None else arm.decoded_tokens[budgets]
    if isinstance(arm.stored, Counted):
        return np.broadcast_to(decoded, (*decoded.shape[:2], len(widths)))
    return cost_models.serial_tokens(decoded, widths)


def rule_accuracy(
    arm: Arm, widths: Sequence[int], rule: Rule, *, rng: np.random.Generator, budgets: Ints | None = None
) -> Floats:
    """Expected accuracy of a selection rule at every width and these budgets, all by default; (B, P, K).

    Source: `estimators`.
    """
    return arm_accuracy(arm, widths, rule, rng=rng, budgets=budgets).mean


def arm_accuracy(
    arm: Arm, widths: Sequence[int], rule: Rule, *, rng: np.random.Generator, budgets: Ints | None = None
) -> estimators.Drawn:
    """The same with the standard error of random subsets, 0 where all were counted; (B, P, K) each.

    Of counts every prompt's own are read whole, however many samples it has. Source: `estimators`.
    """
    at = slice(None) if budgets is None else budgets
    if isinstance(arm.stored, Counted):
        assert rule == "pass_at_k", "counts have no votes"
        accuracy = estimators.pass_at_k(
            arm.stored.num_samples[at][..., None], arm.stored.num_correct[at][..., None], widths
        )
        return estimators.Drawn(accuracy, np.zeros(accuracy.shape))
    if rule in CHOSEN_RULES:
        return chosen.accuracy(arm, widths, rule, rng=rng, budgets=at)
    return estimated_accuracy(arm.stored.votes[at], arm.stored.worth[at], widths, rule, rng=rng)


def estimated_accuracy(
    votes: Ints, worth: Array, widths: Sequence[int], rule: Rule, *, rng: np.random.Generator
) -> estimators.Drawn:
    """As `arm_accuracy`, of samples that are right or not, or worth 0 to 1; (..., S) -> (..., K) each.

    What is worth something in between is voted on as it is worth, and any of k counts with the best. Of rules
    without a verifier. Source: `estimators`.
    """
    assert rule not in CHOSEN_RULES, "scores are needed"
    if rule == "maj_at_k":
        return estimators.estimated_maj_at_k(votes, worth, widths, rng=rng)
    if worth.dtype == bool:
        accuracy = estimators.pass_at_k(worth.shape[-1], worth.sum(axis=-1)[..., None], widths)
    else:
        accuracy = estimators.max_at_k(worth, widths)
    return estimators.Drawn(accuracy, np.zeros(accuracy.shape))


def resample(prompts: Curve, weights: Weights | Part) -> Curve:
    """The curve under each weighting of the prompts: (P, J) and (1 + R, P) -> (1 + R, J), the estimate first.

    weights come from `bootstrap.prompt_weights`, whole or a bin's part of them; an empty bin gives NaN. Source:
    `bootstrap.weighted_means`.
    """
    *tables, draw_error = prompts
    means = weighted_means(weights, np.concatenate(tables, axis=1))
    # Prompts are drawn from independently, so that their variances add up.
    error = np.sqrt(weighted_means(weights[:1], weights[:1].T * draw_error**2) / weights[:1].sum())
    return Curve(*[*np.split(means, len(tables), axis=1), error])
