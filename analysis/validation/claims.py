"""Claims in worlds where they are true, false, just undecidable, and where only what their control is for is
there: how often the verdict is the right one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from analysis.arrays import Bools, Floats
from analysis.claims import diversity, per_prompt, rounds, routing, substitution, width
from analysis.claims.claim import Grid, differences
from analysis.policies import menu, orders, probed
from analysis.policies.allocation import Each, Once, Oracle, Planned, Shuffled, linear
from analysis.policies.groups import EMBEDDING, DatasetRouter
from analysis.policies.menu import Cell, Menu
from analysis.policies.policy import Known
from analysis.policies.replay import Replayed, join, replay
from analysis.policies.routing import replay_seeds
from analysis.stats import bootstrap, estimators
from analysis.stats.bootstrap import MIN_REPLICATES
from analysis.stats.frontier import draw_folds
from analysis.stats.verdicts import Part, Region, Verdict, judge
from analysis.validation import worlds
from analysis.validation.checks import Check
from analysis.validation.worlds import Model

# As conf/claims.yaml has it of accuracies.
POINT = Region(-0.01, 0.01)
NUM_SAMPLES = 16
# Replays of a router that are averaged; `isoquant route` takes five.
NUM_SEEDS = 3
WIDTHS = (1, 3, 5, 7, 15)
# The truth is read off so many prompts, without a resampling.
NUM_TRUE = 50_000
RIGHT, WRONG = 0.95, 0.05
# The verdict that is right in each kind of world, and those that are wrong.
ANSWERS: dict[str, tuple[tuple[Verdict, ...], tuple[Verdict, ...]]] = {
    "true": (("supported",), ("refuted",)),
    "false": (("refuted",), ("supported",)),
    "just undecidable": (("undetermined",), ("supported", "refuted")),
    "the artefact alone": (("refuted", "undetermined"), ("supported",)),
}
# Draws prompts and weighs a claim on them: its parts. None of replicates asks for the estimates alone.
Weigh = Callable[[int, int, np.random.Generator], list[Part]]


class Tested(NamedTuple):
    """A claim, and what it is weighed on in each kind of world.

    is_fitted: what is weighed learns from the prompts, so that its truth is that of so many of them.
    """

    name: str
    true: Weigh
    false: Weigh
    artefact: Weigh
    is_fitted: bool = False


def verdicts(num_datasets: int, tested: Tested, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """How often the verdict is right and wrong in each kind of world, a claim judged by itself."""
    checks = []
    for kind, weigh in _worlds(tested, num_prompts, rng).items():
        found: list[Verdict] = []
        for _ in range(num_datasets):
            parts = weigh(num_prompts, MIN_REPLICATES, rng)
            found.append(judge([parts], num_drawn=[num_prompts])[0].verdict)
        right, wrong = ANSWERS[kind]
        place = f"{tested.name}, {kind}; {num_prompts} prompts, {num_datasets} worlds"
        checks += [
            _at_least("The verdict is right", place, [each in right for each in found]),
            _at_most("The verdict is wrong", place, [each in wrong for each in found]),
        ]
    return checks


def _worlds(tested: Tested, num_prompts: int, rng: np.random.Generator) -> dict[str, Weigh]:
    """What is weighed by kind of world: just undecidable is the true one, with its border on the truth."""
    border = truth(tested, num_prompts, rng)

    def undecidable(num_prompts: int, num_replicates: int, rng: np.random.Generator) -> list[Part]:
        first, *controls = tested.true(num_prompts, num_replicates, rng)
        return [first._replace(region=Region(-np.inf, border)), *controls]

    return {
        "true": tested.true,
        "false": tested.false,
        "just undecidable": undecidable,
        "the artefact alone": tested.artefact,
    }


def truth(tested: Tested, num_prompts: int, rng: np.random.Generator) -> float:
    """The effect in the true world: of very many prompts, or the mean over many sets of so many."""
    if not tested.is_fitted:
        return float(tested.true(NUM_TRUE, 0, rng)[0].statistic[0])
    sets = NUM_TRUE // num_prompts
    return float(np.mean([tested.true(num_prompts, 0, rng)[0].statistic[0] for _ in range(sets)]))


def _slack(num: int) -> float:
    """Three standard errors of such a share: of 400 worlds .033."""
    return float(3 * np.sqrt(RIGHT * WRONG / num))


def _at_least(claim: str, case: str, hits: Sequence[bool]) -> Check:
    return Check(claim, case, float(np.mean(hits)), RIGHT - _slack(len(hits)), 1.0, len(hits))


def _at_most(claim: str, case: str, hits: Sequence[bool]) -> Check:
    return Check(claim, case, float(np.mean(hits)), 0.0, WRONG + _slack(len(hits)), len(hits))


def _weights(num_prompts: int, num_replicates: int, rng: np.random.Generator) -> Floats:
    if not num_replicates:
        return np.ones((1, num_prompts))
    return np.asarray(bootstrap.prompt_weights(num_prompts, num_replicates=num_replicates, rng=rng))


def _in_points(statistics: Sequence[Floats], of_prompts: Sequence[Floats]) -> list[Part]:
    """A claim in points of accuracy and its controls, from differences on each prompt."""
    return [differences(str(at), *each, POINT) for at, each in enumerate(zip(statistics, of_prompts, strict=True))]


def voted(model: Model, hardness: Floats, cost: float, rng: np.random.Generator) -> Grid:
    """Votes of a model's samples at each width, (P, K), wrong ones all agreeing, and what they cost."""
    drawn = worlds.draw(model, hardness, NUM_SAMPLES, rng)
    accuracy = estimators.maj_at_k(np.where(drawn.correct, 0, 1), drawn.correct, list(WIDTHS))
    return Grid(accuracy, cost * drawn.tokens.mean(axis=1)[:, None] / model.length * np.asarray(WIDTHS))


class Ladder(NamedTuple):
    """A small model, a large one eight times as dear at its largest budget, and that one at half of it."""

    small: Model
    long: Model
    short: Model

    def weigh(self, num_prompts: int, num_replicates: int, rng: np.random.Generator) -> list[Part]:
        """The claim of substitution."""
        hardness = worlds.draw_hardness(num_prompts, rng)
        small = voted(self.small, hardness, 1.0, rng)
        halves = [voted(self.short, hardness, 3.9, rng), voted(self.long, hardness, 8.0, rng)]
        large = Grid(*(np.concatenate(arrays, axis=1) for arrays in zip(*halves, strict=True)))
        folds = draw_folds(num_prompts, rng=rng)
        weights = _weights(num_prompts, num_replicates, rng)
        found = substitution.gains(small, large, len(WIDTHS), weights=weights, folds=folds)
        return _in_points([found.over_answer, found.over_own], found.of_prompts)


SUBSTITUTION = Tested(
    "substitution",
    # Votes of seven samples of the small model beat the large one, at any budget of its own.
    true=Ladder(Model(1.2, 1), Model(0.6, 8), Model(0.2, 8)).weigh,
    # They lose to it.
    false=Ladder(Model(-0.4, 1), Model(1.2, 8), Model(0.2, 8)).weigh,
    # The large model thinks itself out of what it knows at half of the budget, where it beats the small one.
    artefact=Ladder(Model(0.6, 1), Model(-0.2, 8), Model(1.6, 8)).weigh,
)


class Split(NamedTuple):
    """A model that thinks long, and the same one at a quarter of the budget; read by the vote, or by any right one
    with the vote beside it.
    """

    long: Model
    short: Model
    by_any: bool = False

    def weigh(self, num_prompts: int, num_replicates: int, rng: np.random.Generator) -> list[Part]:
        """The claim of width, at the cost of three long samples."""
        hardness = worlds.draw_hardness(num_prompts, rng)
        folds, weights = draw_folds(num_prompts, rng=rng), _weights(num_prompts, num_replicates, rng)
        drawn = [worlds.draw(model, hardness, NUM_SAMPLES, rng) for model in (self.short, self.long)]
        cost = np.broadcast_to(np.multiply.outer((1.0, 4.0), WIDTHS), (num_prompts, 2, len(WIDTHS)))
        by_vote = [estimators.maj_at_k(np.where(of.correct, 0, 1), of.correct, list(WIDTHS)) for of in drawn]
        by_any = [
            estimators.pass_at_k(NUM_SAMPLES, of.correct.sum(axis=1)[:, None], np.asarray(WIDTHS)) for of in drawn
        ]
        read = [by_any, by_vote] if self.by_any else [by_vote]
        parts = []
        for at, each in enumerate(read):
            found = width.gain([Grid(np.stack(each, axis=1), cost)], 1, weights=weights, folds=folds)
            parts.append(differences(str(at), found.gain, found.of_prompts, POINT))
        return parts


WIDTH = Tested(
    "width",
    true=Split(Model(0.6, 1), Model(0.8, 1)).weigh,
    false=Split(Model(0.6, 1), Model(-0.6, 1)).weigh,
    # More tries are right more often once, and no vote finds out which.
    artefact=Split(Model(0.5, 1, slope=0.9), Model(-0.1, 1, slope=0.9), by_any=True).weigh,
)


class Writers(NamedTuple):
    """Models of growing size, and how many answers each writes of that it knows: right ones, and wrong ones."""

    right: tuple[int, ...]
    wrong: tuple[int, ...]
    chance: float = 0.5

    def weigh(self, num_prompts: int, num_replicates: int, rng: np.random.Generator) -> list[Part]:
        """The claim of diversity, each model twice as large and dear as the one before."""
        hardness = worlds.draw_hardness(num_prompts, rng)
        models = []
        for at, (right, wrong) in enumerate(zip(self.right, self.wrong, strict=True)):
            drawn = worlds.draw(Model(float(logit(self.chance)), 1), hardness, NUM_SAMPLES, rng)
            which = rng.integers(np.where(drawn.correct, right, wrong))
            votes = np.where(drawn.correct, which, 1000 + which)
            cost = 2.0**at * drawn.tokens.mean(axis=1)[:, None] * np.arange(1, NUM_SAMPLES + 1)
            models.append(diversity.Answered(votes, drawn.correct, cost, 2.0**at))
        found = diversity.slopes(models, weights=_weights(num_prompts, num_replicates, rng))
        slope = Region(-0.05, 0.05)
        return list(diversity.parts(found, models, {"any": slope, "right": slope}))


DIVERSITY = Tested(
    "diversity",
    # Twice the samples of as many kinds.
    true=Writers((8, 8, 8), (8, 8, 8)).weigh,
    # Larger models know more kinds, by more than what their samples cost.
    false=Writers((1, 3, 60), (1, 3, 60)).weigh,
    # What small models write more kinds of is wrong.
    artefact=Writers((1, 2, 8), (200, 60, 8)).weigh,
)


class Revised(NamedTuple):
    """A model, and the last of four rounds of a chain, which cost four samples."""

    model: Model
    last: Model

    def weigh(self, num_prompts: int, num_replicates: int, rng: np.random.Generator) -> list[Part]:
        """The claim of rounds."""
        hardness = worlds.draw_hardness(num_prompts, rng)
        samples = voted(self.model, hardness, 1.0, rng)
        last = worlds.draw(self.last, hardness, NUM_SAMPLES // 4, rng)
        told = rounds.Rounds(
            last.correct.mean(axis=1), 4 * last.tokens.mean(axis=1) / self.last.length, WIDTHS, *samples
        )
        found = rounds.beside([told], weights=_weights(num_prompts, num_replicates, rng))
        assert found is not None
        return _in_points([found.over_one, found.over_vote], found.of_prompts)


ROUNDS = Tested(
    "rounds",
    true=Revised(Model(0.3, 1), Model(1.8, 1)).weigh,
    false=Revised(Model(0.3, 1), Model(-0.4, 1)).weigh,
    # Better than one sample, and no better than the vote of as many.
    artefact=Revised(Model(0.7, 1, slope=0.3), Model(1.12, 1, slope=0.3)).weigh,
)


class Crowd(NamedTuple):
    """Prompts of two kinds, by the chance of a sample: on the first no vote is won, on the second by a vote of
    many. A policy sees the kind and whether two samples agree, or just noise. widths: of uniform allocation; a
    policy has all.
    """

    lost: float
    won: float
    sees: bool
    widths: tuple[int, ...] = WIDTHS

    def weigh(self, num_prompts: int, num_replicates: int, rng: np.random.Generator) -> list[Part]:
        """The claim of spending per prompt."""
        is_lost = rng.random(num_prompts) < 0.5
        correct = rng.random((num_prompts, NUM_SAMPLES)) < np.where(is_lost, self.lost, self.won)[:, None]
        seen = np.stack([is_lost, correct[:, 0] == correct[:, 1]], axis=1).astype(float)
        seen = seen if self.sees else rng.standard_normal(seen.shape)
        replayed = _allocate(correct, seen, self.widths, rng)
        weights = _weights(num_prompts, num_replicates, rng)
        found = per_prompt.shares(replayed, POLICY, weights=weights)
        return list(per_prompt.parts(found, {"over_uniform": SHARE, "over_placebo": SHARE}))


POLICY, SHARE = "probed", Region(-0.05, 0.05)


def _allocate(correct: Bools, seen: Floats, widths: tuple[int, ...], rng: np.random.Generator) -> Replayed:
    """Uniform allocation, the oracle, and a policy that draws two samples and reads what is seen (P, F), with its
    placebo.
    """
    num_prompts, votes = len(correct), np.where(correct, 0, 1)
    ones = np.ones(votes.shape)
    pool = orders.priced(votes, correct, ones, ones, np.zeros(num_prompts))
    cells = tuple(Cell(f"k={width}", "one", 0, width) for width in widths)
    spent = np.broadcast_to(np.asarray(widths, dtype=float), (num_prompts, len(widths)))
    plain = menu.join(
        [menu.nothing(num_prompts), Menu(cells, estimators.maj_at_k(votes, correct, list(widths)), spent, spent)]
    )
    more = [2, *WIDTHS[1:]]
    arms = probed.menu(pool, num_probe=2, widths=more, rule="maj_at_k", named=Cell("one", "one", 0, 0), rng=rng)
    levels = tuple(float(width) for width in more)
    policy = Once(Planned(POLICY, levels, linear(), reads=("probe",)))
    folds = draw_folds(num_prompts, num_folds=5, rng=rng)
    known = {"probe": Known(seen, np.zeros(num_prompts))}
    oracle = Oracle(plain, levels, name=per_prompt.ORACLE)
    return join(
        [
            replay(plain, [Each(per_prompt.LINE), oracle], folds=folds, known={}, rng=rng),
            replay(arms, [policy, Shuffled(policy, prefix=per_prompt.PLACEBO)], folds=folds, known=known, rng=rng),
        ]
    )


PER_PROMPT = Tested(
    "per_prompt",
    true=Crowd(0.1, 0.75, sees=True).weigh,
    # All prompts are alike, and what is seen is noise.
    false=Crowd(0.7, 0.7, sees=False).weigh,
    # Uniform allocation is kept from the widths that pay, so that whoever may take them beats it.
    artefact=Crowd(0.7, 0.7, sees=False, widths=(1, 15)).weigh,
    is_fitted=True,
)


class Experts(NamedTuple):
    """Two models on prompts of two topics and two data sets: chances of each model by topic, then by data set."""

    by_topic: tuple[tuple[float, float], tuple[float, float]]
    topic_is_dataset: bool = False

    def weigh(self, num_prompts: int, num_replicates: int, rng: np.random.Generator) -> list[Part]:
        """The claim of routing: an embedding shows the topic."""
        topic = rng.integers(2, size=num_prompts)
        datasets = topic if self.topic_is_dataset else rng.integers(2, size=num_prompts)
        correct = rng.random((num_prompts, 2)) < np.asarray(self.by_topic)[topic]
        cost = np.broadcast_to(np.ones(2), (num_prompts, 2))
        cells = (Cell("a", "a", 0, 1), Cell("b", "b", 0, 1))
        away = np.eye(4)[topic] * 3 + rng.standard_normal((num_prompts, 4))
        known = {EMBEDDING: Known(away, np.zeros(num_prompts))}
        arms = Menu(cells, correct.astype(float), cost, cost)
        control = DatasetRouter.name
        seeds = replay_seeds(
            arms,
            known,
            space="vectors",
            datasets=datasets,
            num_seeds=NUM_SEEDS,
            rng=rng,
            only=[routing.ROUTER, control],
        )
        found = routing.routed(seeds, [control], weights=_weights(num_prompts, num_replicates, rng))
        return routing.parts(found, arms, {"over_hull": POINT, "over_controls": POINT})


ROUTING = Tested(
    "routing",
    true=Experts(((0.9, 0.5), (0.5, 0.9))).weigh,
    # One model is better at both topics.
    false=Experts(((0.9, 0.6), (0.9, 0.6))).weigh,
    # The topic is the data set's, which needs no embedding.
    artefact=Experts(((0.9, 0.5), (0.5, 0.9)), topic_is_dataset=True).weigh,
    is_fitted=True,
)


TESTED = {each.name: each for each in (SUBSTITUTION, WIDTH, PER_PROMPT, ROUTING, DIVERSITY, ROUNDS)}
# Shares of what hindsight gains have wide intervals.
NUM_PROMPTS = {"per_prompt": 800}
# A world is a whole replay of policies, and there are four kinds.
MAX_WORLDS = 400


def prove(num_datasets: int, name: str, *, rng: np.random.Generator) -> list[Check]:
    """The checks of one claim, at the number of prompts that decides its clear worlds; of MAX_WORLDS at most."""
    return verdicts(min(num_datasets, MAX_WORLDS), TESTED[name], num_prompts=NUM_PROMPTS.get(name, 400), rng=rng)
