"""Every claim of a run weighed and judged together."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.claims import diversity, per_prompt, rounds, routing, substitution, width
from analysis.claims.claim import Claim, Regions, Weighed
from analysis.claims.held import Held
from analysis.claims.listed import LISTED
from analysis.reading.untold import UntoldError
from analysis.stats.verdicts import Judged, judge

WEIGHED = tuple(module.CLAIM for module in (substitution, width, per_prompt, routing, diversity, rounds))
CLAIMS: Mapping[str, Claim] = {claim.name: claim for claim in (*WEIGHED, *LISTED)}


class Outcome(NamedTuple):
    """What became of a claim: weighed and judged, or `lacks`, why it could not be."""

    claim: Claim
    weighed: Weighed | None
    judged: Judged | None
    lacks: str


def choose(names: Sequence[str]) -> list[Claim]:
    """The claims of these names, all without any. Raises ValueError that lists them for a name that is none."""
    if unknown := [name for name in names if name not in CLAIMS]:
        raise ValueError(f"No claim {unknown[0]!r}; choose from {', '.join(CLAIMS)}.")
    return [claim for claim in CLAIMS.values() if not names or claim.name in names]


def test(held: Held, regions: Mapping[str, Regions], claims: Sequence[Claim]) -> list[Outcome]:
    """The verdict on each of these claims, Holm's correction being over those that this run can be weighed on."""
    found = [_weigh(held, regions, claim) for claim in claims]
    told = [(at, each.weighed) for at, each in enumerate(found) if each.weighed is not None]
    judged = judge(
        [[measure.part for measure in weighed.measures] for _, weighed in told],
        num_drawn=[weighed.num_drawn for _, weighed in told],
    )
    for (at, _), verdict in zip(told, judged, strict=True):
        found[at] = found[at]._replace(judged=verdict)
    return found


def _weigh(held: Held, regions: Mapping[str, Regions], claim: Claim) -> Outcome:
    if claim.weigh is None:
        return Outcome(claim, None, None, "No run is weighed on this claim yet.")
    try:
        return Outcome(claim, claim.weigh(held, regions[claim.name]), None, "")
    except UntoldError as error:
        return Outcome(claim, None, None, str(error))


def frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row a part of each claim that was weighed, and one of each that was not.

    estimate, low, high: at `level`, that of the verdict; alone_low, alone_high: at 95%, each by itself;
    region_low, region_high; needed: prompts that would decide it.
    """
    rows: list[dict[str, Any]] = []
    for each in outcomes:
        named = {"claim": each.claim.name, "verdict": "not run" if each.judged is None else each.judged.verdict}
        if each.weighed is None or each.judged is None:
            rows.append(named | {"lacks": each.lacks, "sweep": each.claim.sweep})
            continue
        told = {"reason": each.judged.reason, "level": each.judged.level, "needed": each.judged.needed}
        for at, measure in enumerate(each.weighed.measures):
            part, interval, alone = measure.part, each.judged.intervals[at], each.judged.alone[at]
            row = named | told | {"part": part.name, "is_control": at > 0, "unit": measure.unit}
            row |= {end: float(value) for end, value in interval._asdict().items()}
            row |= {"alone_low": float(alone.low), "alone_high": float(alone.high)}
            row |= {"region_low": part.region.low, "region_high": part.region.high}
            rows.append(row | {"num_telling": part.num_telling, "num_prompts": each.weighed.num_drawn})
    return pd.DataFrame(rows)
