"""Claim: spend per prompt, not uniformly (Snell et al. 2024; Damani et al. 2024, arXiv 2410.04707)."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.claims.claim import Claim, Measure, Regions, Weighed
from analysis.claims.held import Held
from analysis.policies import gains, replay
from analysis.policies.replay import Replayed
from analysis.policies.studies import allocation
from analysis.policies.studies.stage import Reference, rows
from analysis.reading import curves
from analysis.reading.untold import UntoldError
from analysis.stats.verdicts import Part

LINE, ORACLE, PLACEBO = allocation.UNIFORM, allocation.ORACLE, "shuffled "


class Shares(NamedTuple):
    """A policy's gain over uniform allocation at its own mean costs as a share of what the oracle gains there, and
    what of it a placebo of the same histogram leaves; (1 + R,) each. Means over the policy's settings.
    num_telling: prompts on which one uniform width is worth more than another.
    """

    over_uniform: Floats
    over_placebo: Floats
    num_telling: int


def shares(replayed: Replayed, policy: str, *, weights: Floats) -> Shares:
    """What of the oracle's gain a policy has. Each comparison is made at equal cost within every weighting.

    Source: the share is that of `gains.gains`, its sums taken over settings before the division.
    """
    means = replay.resample(replayed, weights)
    line, oracle = replayed.columns(LINE), replayed.columns(ORACLE)
    own, placebo = replayed.columns(policy), replayed.columns(PLACEBO + policy)
    mixed = gains.mixtures(means.cost[:, line], means.accuracy[:, line])
    gained, dealt = (gains.over_line(means, points, mixed).mean(axis=1) for points in (own, placebo))
    # The oracle may also mix with the cheapest arm, where a policy spends less than its least level.
    best = np.append(line[means.cost[0, line].argmin()], oracle)
    possible = gains.oracle_over_line(means, own, mixed, oracle=best).mean(axis=1)
    possible = np.where(possible > gains.LEAST_GAIN, possible, np.nan)
    widths = replayed.accuracy[:, line[means.cost[0, line] > 0]]
    return Shares(gained / possible, (gained - dealt) / possible, int((np.ptp(widths, axis=1) > 1e-12).sum()))


def parts(found: Shares, regions: Regions) -> tuple[Part, Part]:
    """Both shares."""
    return (
        Part("over uniform", found.over_uniform, regions["over_uniform"], found.num_telling),
        Part("over the placebo", found.over_placebo, regions["over_placebo"], found.num_telling),
    )


def weigh(held: Held, regions: Regions) -> Weighed:
    """The largest model's samples, split by what two of them say and what else is known of a prompt."""
    held.require_prompts()
    held.require_samples(2 * allocation.NUM_PROBE)
    reading = held.reading
    if reading.outcomes.holds_counts or reading.rule not in curves.rules(reading.arms):
        raise UntoldError("Samples that are read by the vote, or by any right one, are needed.")
    at = len(held.names) - 1
    replayed = allocation.replay(held.stage, at, reading.rule)
    policy = f"features and {allocation.NUM_PROBE} probe samples"
    found = shares(replayed, policy, weights=np.asarray(reading.weights))
    if np.isnan(found.over_uniform).any():
        raise UntoldError(
            "Even hindsight gains nothing over uniform allocation here, so there is nothing to share."
        )
    over_uniform, over_placebo = parts(found, regions)
    of_uniform = (
        f"Samples of {held.names[-1]} split by what {allocation.NUM_PROBE} of them say, of what hindsight gains "
        "over uniform ones at equal cost"
    )
    of_placebo = "More than the same numbers of samples dealt to prompts at random gain"
    measures = (Measure(over_uniform, "percent", of_uniform), Measure(over_placebo, "percent", of_placebo))
    return Weighed(measures, held.num_drawn, _rows(held, replayed, policy))


def _rows(held: Held, replayed: Replayed, policy: str) -> pd.DataFrame:
    """The policy and its placebo at every setting, as `isoquant replay` prints them."""
    place = {"model": held.names[-1], "rule": held.reading.rule}
    found = pd.DataFrame(rows(replayed, held.stage, Reference(LINE, ORACLE, (PLACEBO + policy,)), **place))
    return found[found["policy"].isin([policy, PLACEBO + policy])].reset_index(drop=True)


CLAIM = Claim(
    name="per_prompt",
    says="compute is better spent per prompt than uniformly",
    source="Snell et al. 2024, arXiv 2408.03314; Damani et al. 2024, arXiv 2410.04707",
    needs="four samples of each prompt",
    control="the same numbers of samples dealt to prompts at random; the probe is paid for",
    sweep="isoquant sweep experiment=embedded run=per_prompt grid.widths=[1,4,16]",
    parts=("over_uniform", "over_placebo"),
    weigh=weigh,
)
