"""How many prompts and samples tell two arms apart. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from analysis.arrays import Floats
from analysis.stats.bootstrap import LEVEL
from analysis.stats.tallies import Tally

POWER = 0.8


class Variances(NamedTuple):
    """Of a paired comparison, per prompt: of the true difference,
    and of one sample of either arm around its chance.
    """

    difference: float
    within_a: float
    within_b: float


def variances(a: Tally, b: Tally) -> Variances:
    """Unbiased variance components of two arms on the same prompts.

    The variance of the difference of the prompts' shares holds each arm's sampling noise over its samples; less
    that, it is the difference's own (0 where the noise explains all of it). Raises ValueError below two prompts or
    two samples. Source: Miller 2024 (arXiv 2411.00640).
    """
    if len(a.num_samples) != len(b.num_samples) or len(a.num_samples) < 2 or _least(a, b) < 2:
        raise ValueError(
            f"Variances need two prompts or more, the same in both arms, and two samples or more of each; not "
            f"{len(a.num_samples)} and {len(b.num_samples)} prompts with {_least(a, b)} or more."
        )
    within_a, within_b = (arm.share * (1 - arm.share) * arm.num_samples / (arm.num_samples - 1) for arm in (a, b))
    noise = float((within_a / a.num_samples).mean() + (within_b / b.num_samples).mean())
    total = float((a.share - b.share).var(ddof=1))
    return Variances(max(total - noise, 0.0), float(within_a.mean()), float(within_b.mean()))


def _least(*arms: Tally) -> int:
    """The fewest samples that a prompt of any of these arms has."""
    return min(int(arm.num_samples.min()) for arm in arms)


def num_prompts_needed(
    effect: ArrayLike,
    given: Variances,
    *,
    num_samples_a: ArrayLike,
    num_samples_b: ArrayLike,
    power: float = POWER,
    level: float = LEVEL,
) -> Floats:
    """Prompts a paired comparison needs to find a difference of `effect`, rounded up to whole ones.

    n = (z_(1-level)/2 + z_power)^2 (omega_d^2 + sigma_a^2 / K_a + sigma_b^2 / K_b) / effect^2; effect in accuracy
    (.03 is three points), K samples a prompt, inf where an arm's chance is known; arguments broadcast. Raises
    ValueError where effect is outside (0, 1], K is not above 0, or a share is outside 0..1. Source: Miller 2024
    (arXiv 2411.00640).
    """
    effect = np.asarray(effect, dtype=float)
    if not np.all((effect > 0) & (effect <= 1)):
        raise ValueError(
            "effect must lie in (0, 1]: the smallest difference in accuracy worth finding, such as 0.03; got "
            f"{effect}."
        )
    spread = _spread(given, num_samples_a, num_samples_b)
    needed: Floats = np.ceil(_both_tails(power, level) ** 2 * spread / effect**2)
    return needed


def detectable_effect(
    num_prompts: ArrayLike,
    given: Variances,
    *,
    num_samples_a: ArrayLike,
    num_samples_b: ArrayLike,
    power: float = POWER,
    level: float = LEVEL,
) -> Floats:
    """The smallest difference in accuracy, 0 to 1, that this many prompts find:
    `num_prompts_needed` solved for it.

    Arguments, source and errors as there, of shapes that broadcast to the result's. Raises ValueError where
    num_prompts is not above 0.
    """
    num_prompts = np.asarray(num_prompts, dtype=float)
    if np.any(num_prompts <= 0):
        raise ValueError("num_prompts must be above 0.")
    effect: Floats = _both_tails(power, level) * np.sqrt(
        _spread(given, num_samples_a, num_samples_b) / num_prompts
    )
    return effect


def detectable_from_error(standard_error: ArrayLike, *, critical: ArrayLike, power: float = POWER) -> Floats:
    """The smallest difference that is found with this power, from the standard error of its estimate.

    critical: how many standard errors from 0 an estimate must lie to count as found; arguments broadcast. Source:
    Bloom 1995 (minimum detectable effects).
    """
    effect: Floats = (np.asarray(critical, dtype=float) + ndtri(power)) * np.asarray(standard_error, dtype=float)
    return effect


def prompts_from_error(
    num_prompts: ArrayLike,
    standard_error: ArrayLike,
    away: ArrayLike,
    *,
    power: float = POWER,
    level: float = LEVEL,
) -> Floats:
    """Prompts at which an estimate this far from a border is told from it, rounded up; inf of one that lies on it.

    n = N ((z_(1-level)/2 + z_power) SE / away)^2: the standard error of N prompts falls with their root. Arguments
    broadcast; where there is no error either, nothing more can be told. Source: Bloom 1995, solved for the sample.
    """
    num_prompts, error, away = (np.asarray(each, dtype=float) for each in (num_prompts, standard_error, away))
    with np.errstate(divide="ignore", invalid="ignore"):
        needed: Floats = np.ceil(num_prompts * (_both_tails(power, level) * error / away) ** 2)
    return np.where(away > 0, needed, np.inf)


def _spread(given: Variances, num_samples_a: ArrayLike, num_samples_b: ArrayLike) -> Floats:
    """Variance of one prompt's difference of means."""
    a, b = np.asarray(num_samples_a, dtype=float), np.asarray(num_samples_b, dtype=float)
    is_possible = np.all(a > 0) and np.all(b > 0) and all(0 <= variance < np.inf for variance in given)
    if not is_possible:
        raise ValueError(
            f"Samples a prompt must be above 0, variances at least 0 and finite; got {a}, {b}, {given}."
        )
    spread: Floats = given.difference + given.within_a / a + given.within_b / b
    return spread


def _both_tails(power: float, level: float) -> float:
    if not (0 < power < 1 and 0 < level < 1):
        raise ValueError(f"power and level are shares between 0 and 1, not {power} and {level}.")
    return float(ndtri(power) - ndtri((1 - level) / 2))
