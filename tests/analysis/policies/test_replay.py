"""The replay: what a policy sees, what it pays, and what its choices are worth on prompts that it has not seen."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from analysis.arrays import Floats
from analysis.costs import cost_models
from analysis.policies import features
from analysis.policies import menu as menus
from analysis.policies import policy as protocol
from analysis.policies.menu import Cell, Menu, join, nothing
from analysis.policies.policy import Known, Prompts, Train
from analysis.policies.replay import MAX_FOLDS, dataset_folds, prompt_folds, replay, resample
from analysis.reading import choices
from analysis.runs.outcomes import Outcomes
from analysis.runs.texts import whole_prompts
from analysis.stats import bootstrap, estimators

REFERENCE = Path("results/reference")
NUM_PROMPTS = 60


@dataclass(frozen=True)
class Always:
    """Chooses by fixed shares whatever the prompt."""

    shares: tuple[float, ...]
    name: str = "always"
    reads: tuple[str, ...] = ()

    def fit(self, train: Train, rng: np.random.Generator) -> "Always":
        return self

    def choose(self, prompts: Prompts) -> Floats:
        return np.tile(self.shares, (len(prompts.at), 1))


@dataclass
class Spy:
    """Keeps what it was shown."""

    name: str = "spy"
    reads: tuple[str, ...] = ("probe",)

    def fit(self, train: Train, rng: np.random.Generator) -> "Spy":
        self.trained_on = getattr(self, "trained_on", []) + [train.prompts.at]
        return self

    def choose(self, prompts: Prompts) -> Floats:
        self.asked = getattr(self, "asked", []) + [prompts]
        two = np.tile([1.0, 0.0], (len(prompts.at), 1))
        return np.stack([two, two[:, ::-1]])


@pytest.fixture
def menu() -> Menu:
    rng = np.random.default_rng(0)
    cells = (Cell("small", "small", 0, 1), Cell("large", "large", 0, 1))
    accuracy, cost = rng.random((NUM_PROMPTS, 2)), rng.random((NUM_PROMPTS, 2)) + [1.0, 3.0]
    return Menu(cells, accuracy, cost, 10 * cost)


def folds(num_folds: int = 3) -> np.ndarray:
    return prompt_folds(NUM_PROMPTS, num_folds=num_folds, rng=np.random.default_rng(1))


def run(menu: Menu, *policies: object, known: dict[str, Known] | None = None):
    return replay(menu, policies, folds=folds(), known=known or {}, rng=np.random.default_rng(2))


def test_random_mixing_yields_and_costs_the_mean_of_its_arms(menu: Menu) -> None:
    found = run(menu, Always((0.25, 0.75)))
    assert np.allclose(found.accuracy[:, 0], menu.accuracy @ [0.25, 0.75])
    assert np.allclose(found.cost[:, 0], menu.cost @ [0.25, 0.75])
    assert np.allclose(found.shares, [[0.25, 0.75]])


def test_a_policy_is_fitted_on_other_prompts_than_it_chooses_for_and_sees_each_once(menu: Menu) -> None:
    spy = Spy()
    run(menu, spy, known={"probe": Known(np.arange(NUM_PROMPTS)[:, None], np.ones(NUM_PROMPTS))})
    asked = [prompts.at for prompts in spy.asked]
    assert all(not set(fitted) & set(held_out) for fitted, held_out in zip(spy.trained_on, asked, strict=True))
    assert sorted(np.concatenate(asked)) == list(range(NUM_PROMPTS))
    assert all((prompts.features[:, 0] == prompts.at).all() for prompts in spy.asked)


def test_what_a_policy_reads_is_charged_to_it_and_to_no_other(menu: Menu) -> None:
    known = {"probe": Known(np.zeros((NUM_PROMPTS, 1)), np.full(NUM_PROMPTS, 7.0))}
    found = run(menu, Spy(), Always((1.0, 0.0)), known=known)
    assert np.allclose(found.cost[:, 0], found.cost[:, 2] + 7)
    assert found.columns("spy").tolist() == [0, 1]


def test_features_that_are_not_read_are_not_shown() -> None:
    known = {name: Known(np.full((3, 1), value), np.ones(3)) for name, value in (("a", 1.0), ("b", 2.0))}
    prompts, cost = protocol.shown(known, ["b"], np.zeros(3))
    assert prompts.features.tolist() == [[2.0]] * 3 and cost.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match=r"known of these prompts: \['a', 'b'\]"):
        protocol.shown(known, ["c"], np.zeros(3))


def test_a_choice_that_is_no_distribution_is_refused_by_name(menu: Menu) -> None:
    for shares in ((0.5, 0.6), (1.5, -0.5), (1.0,)):
        with pytest.raises(ValueError, match="'always' must"):
            run(menu, Always(shares))


def test_resampling_gives_the_means_under_each_weighting(menu: Menu) -> None:
    found = run(menu, Always((0.5, 0.5)), Always((1.0, 0.0), name="small"))
    weights = bootstrap.prompt_weights(NUM_PROMPTS, num_replicates=2000, rng=np.random.default_rng(3))
    means = resample(found, weights)
    assert np.allclose(means.accuracy[0], found.accuracy.mean(axis=0))
    assert np.allclose(means.cost[5], weights[5] @ found.cost / weights[5].sum())


def test_adding_a_policy_changes_no_other(menu: Menu) -> None:
    alone, beside = run(menu, Always((0.3, 0.7))), run(menu, Spy(reads=()), Always((0.3, 0.7)))
    assert np.array_equal(alone.accuracy[:, 0], beside.accuracy[:, 2])


def test_clusters_and_data_sets_stay_in_one_fold() -> None:
    clusters = np.repeat(np.arange(20), 3)
    drawn = prompt_folds(60, num_folds=4, rng=np.random.default_rng(0), clusters=clusters)
    assert all(len(set(drawn[clusters == cluster])) == 1 for cluster in range(20)) and set(drawn) == set(range(4))
    assert dataset_folds(["b", "a", "b"], rng=np.random.default_rng(0)).tolist() == [1, 0, 1]
    many = np.arange(500) % 57
    folds = dataset_folds(many, rng=np.random.default_rng(0))
    num_sets = [len(np.unique(many[folds == fold])) for fold in range(MAX_FOLDS)]
    assert sum(num_sets) == 57 and max(num_sets) - min(num_sets) <= 1
    with pytest.raises(ValueError, match="At least two data sets"):
        dataset_folds(["a", "a"], rng=np.random.default_rng(0))


def test_joined_menus_keep_every_arm_and_refuse_two_of_one_name(menu: Menu) -> None:
    both = join([nothing(NUM_PROMPTS), menu])
    assert both.names == ("nothing", "small", "large") and both.accuracy[:, 0].sum() == 0
    assert both.pick([2]).take([4]).cost == menu.cost[4, 1]
    with pytest.raises(ValueError, match="'large', 'small'"):
        join([menu, menu])


def test_a_menu_holds_the_estimators_accuracy_and_the_cost_of_each_cell_run_alone(loaded: Outcomes) -> None:
    cost, arms = choices.price(loaded.arms[:2], choices.Choices(cost="c2"))
    built = menus.build(
        arms, cost, rule="pass_at_k", widths=[1, 4], rng=np.random.default_rng(0), samples=range(8)
    )
    assert len(built.cells) == 2 * len(loaded.budgets) * 2
    at = built.names.index(f"{arms[1].rung.name} b=64 k=4")
    grid = arms[1].samples.pick(slice(8))
    budget = list(loaded.budgets).index(64)
    assert np.allclose(built.accuracy[:, at], estimators.pass_at_k(8, grid.correct[budget].sum(axis=1), 4))
    decoded = arms[1].decoded_tokens[budget, :, :8]
    alone = cost_models.cell_cost(
        cost, arms[1].rung.shape, prompt_tokens=arms[1].prompt_tokens, decoded_tokens=decoded, widths=[4]
    )
    assert np.allclose(built.cost[:, at], alone[:, 0])


def test_probe_samples_are_charged_as_a_cell_run_alone_and_dials_become_numbers(loaded: Outcomes) -> None:
    cost, arms = choices.price(loaded.arms[:1], choices.Choices(cost="tokens"))
    probe = features.of_probe(arms[0], 5, cost, samples=[0, 1], sees_reward=True)
    spent = arms[0].prompt_tokens + arms[0].decoded_tokens[5][:, :2].sum(axis=1)
    assert np.allclose(probe.cost, spent) and np.allclose(
        probe.values[:, -1], arms[0].samples.correct[5][:, :2].mean(axis=1)
    )
    words = features.of_dials({"kind": np.array(["a", "b", "a"], dtype=object), "size": np.array([1, 2, 3])})
    assert words.values.tolist() == [[1, 0, 1], [0, 1, 2], [1, 0, 3]]
    text = features.of_text(whole_prompts(REFERENCE, loaded.task, loaded.prompt_ids))
    assert text.values.shape == (120, 7) and (text.values[:, 4] > 2).all() and (text.cost == 0).all()
