"""How well an accuracy is known, and whether a difference is surely above an effect. Arrays in, questions out."""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from analysis.arrays import Floats, Weights
from analysis.goals.question import Drawn, Question, State, mean_error, noise_of, spread
from analysis.stats import anytime, intervals
from analysis.stats.bootstrap import weighted_means
from analysis.stats.parts import Part


def ask_accuracy(
    model: str,
    part: str,
    accuracy: Floats,
    weights: Weights | Part,
    *,
    num_drawn: int,
    drawn: Drawn,
    points: float,
) -> Question:
    """Whether the accuracy of one answer is known to so many points.

    accuracy (P,); weights (1 + R, P) from `bootstrap.prompt_weights`, a bin's part of them; num_drawn: prompts of
    the bin, or clusters of them. Source: `intervals.accuracy_interval`.
    """
    replicates = weighted_means(weights, accuracy[:, None])
    estimate, low, high = (float(end[0]) for end in intervals.accuracy_interval(replicates, num_drawn))
    ratio = 100 * (high - low) / 2 / points
    between, within = spread(accuracy, weights[0], {model: (_noise(accuracy, weights[0], drawn), drawn.samples)})
    state: State = "known" if ratio <= 1 else "open"
    found = {"accuracy": estimate, "low": low, "high": high}
    return Question(f"{model}, {part}", (model,), ratio, state, found, between, within)


def ask_difference(
    base: str,
    new: str,
    accuracy: tuple[ArrayLike, ArrayLike],
    weights: ArrayLike,
    *,
    drawn: Mapping[str, Drawn],
    effect: float,
    alpha: float,
    tuned_at: float,
    part: str,
) -> Question:
    """Whether new less base is surely above `effect` points or surely below; wrong with a chance of alpha at most.

    accuracy: of base and of new on the same prompts, (P,) each; weights (P,). A confidence sequence of the mean
    difference holds at every look. Source: `anytime.radius`.
    """
    of_base, of_new = accuracy
    difference = of_new - of_base  # type: ignore[operator]
    mean, variance = mean_error(difference, weights)
    radius = float(anytime.radius(variance, alpha=alpha, tuned_at=tuned_at))
    away = abs(mean - effect / 100)
    noise = {
        name: (_noise(values, weights, drawn[name]), drawn[name].samples)
        for name, values in ((base, of_base), (new, of_new))
    }
    between, within = spread(difference, weights, noise)
    is_sure = away > radius
    return Question(
        name=f"{new} against {base}, {part}",
        models=(base, new),
        ratio=1.0 if is_sure else max(radius / max(away, 1e-9), 1 + 1e-6),
        state="known" if is_sure else "open",
        found={"gain": mean, "low": mean - radius, "high": mean + radius, "effect": effect / 100},
        between=between,
        within=within,
    )


def _noise(accuracy: ArrayLike, weights: ArrayLike, drawn: Drawn) -> float:
    """Of one answer."""
    return float(noise_of(accuracy[:, None], [1.0], drawn.samples, weights)[0])  # type: ignore[call-overload, index]
