"""Routers: the score they choose by, what they learn, and whether a planted truth, and nothing else, is found."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from analysis import bootstrap
from analysis.policies import hull, measures, routing, settings
from analysis.policies.groups import EMBEDDING, LENGTH, ClusterRouter, DatasetRouter, LengthRouter, profile
from analysis.policies.measures import BEST, DEAREST, VERTICES, Seed
from analysis.policies.menu import Cell, Menu
from analysis.policies.mixtures import BestSingle, DearestSingle, HullMixtures, Shares, Vertices
from analysis.policies.neighbours import NeighbourRouter
from analysis.policies.policy import Known, Prompts, Train
from analysis.policies.predictor import PredictedRouter, calibrate
from analysis.policies.replay import prompt_folds, replay
from analysis.policies.routing import Routing
from analysis.policies.tuned import Tuned

NUM_PROMPTS, NUM_DIMENSIONS, NUM_KINDS = 240, 8, 4
CELLS = tuple(Cell(name, name, 0, 1) for name in ("cheap", "other", "dear"))
# Chance of each arm on each kind of prompt: the two cheap ones suit different kinds.
CHANCES = np.array([[0.9, 0.1, 0.95], [0.1, 0.9, 0.9], [0.9, 0.1, 0.9], [0.1, 0.2, 0.6]])
EMBEDDING_COST = 0.01


@pytest.fixture(scope="session")
def kinds() -> np.ndarray:
    return np.random.default_rng(0).integers(NUM_KINDS, size=NUM_PROMPTS)


@pytest.fixture(scope="session")
def menu(kinds: np.ndarray) -> Menu:
    rng = np.random.default_rng(1)
    cost = np.array([1.0, 1.2, 6.0]) * rng.uniform(0.8, 1.2, (NUM_PROMPTS, 3))
    return Menu(CELLS, rng.binomial(4, CHANCES[kinds]) / 4, cost, cost)


@pytest.fixture(scope="session")
def vectors(kinds: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(2)
    return 3 * np.eye(NUM_DIMENSIONS)[kinds] + rng.normal(size=(NUM_PROMPTS, NUM_DIMENSIONS))


@pytest.fixture(scope="session")
def routed(menu: Menu, vectors: np.ndarray, kinds: np.ndarray) -> Routing:
    """Every router on embeddings that tell the kinds, lengths and data sets that tell nothing."""
    rng = np.random.default_rng(3)
    known = {
        EMBEDDING: Known(vectors, np.full(NUM_PROMPTS, EMBEDDING_COST)),
        LENGTH: Known(rng.normal(size=(NUM_PROMPTS, 1)), np.zeros(NUM_PROMPTS)),
    }
    weights = bootstrap.prompt_weights(NUM_PROMPTS, num_replicates=2000, rng=rng)[:501]
    datasets = rng.permutation(np.arange(NUM_PROMPTS) % 2)
    return routing.find(
        menu, known, space="vectors", datasets=datasets, num_seeds=2, weights=weights, rng=np.random.default_rng(4)
    )


def gains(found: Routing) -> dict[str, tuple[float, float, float]]:
    rows = found.measures[found.measures["measure"] == "gain over hull"]
    return {row.router: (row.estimate, row.low, row.high) for row in rows.itertuples()}


def train(menu: Menu, features: np.ndarray, datasets: np.ndarray | None = None) -> Train:
    at = np.arange(NUM_PROMPTS)
    return Train(Prompts(at, features, np.zeros(NUM_PROMPTS) if datasets is None else datasets), menu)


def test_routers_that_see_the_planted_kinds_beat_the_hull_and_those_that_do_not_do_not(routed: Routing) -> None:
    found = gains(routed)
    assert all(found[name][1] > 0.1 for name in ("clusters", "neighbours", "predictor"))
    assert all(found[name][1] < 0.01 for name in ("prompt length", "best of data set"))


def test_the_best_single_arm_gains_nothing_over_the_hull_that_ends_in_it(routed: Routing) -> None:
    assert gains(routed)[BEST] == (0, 0, 0)


def test_no_router_passes_hindsight_at_its_own_cost(routed: Routing) -> None:
    rows = routed.settings[routed.settings["policy"].isin(["clusters", "neighbours", "predictor"])]
    assert (rows["accuracy"] <= rows["oracle"] + 1e-9).all() and (rows["mixture"] <= rows["oracle"] + 1e-9).all()


def test_reading_an_embedding_is_charged(menu: Menu, vectors: np.ndarray) -> None:
    known = {EMBEDDING: Known(vectors, np.full(NUM_PROMPTS, EMBEDDING_COST))}
    folds = prompt_folds(NUM_PROMPTS, num_folds=3, rng=np.random.default_rng(0))
    router = NeighbourRouter("vectors", alphas=(0.2,))
    paid, free = (
        replay(menu, [router], folds=folds, known=shown, rng=np.random.default_rng(0)).cost
        for shown in (known, {EMBEDDING: Known(vectors, np.zeros(NUM_PROMPTS))})
    )
    assert np.allclose(paid, free + EMBEDDING_COST)


def test_a_score_is_the_weighted_sum_of_accuracy_and_what_is_not_spent() -> None:
    accuracy, cost = np.array([[0.5, 0.9]]), np.array([[2.0, 6.0]])
    found = settings.scores(accuracy, cost, alphas=[1.0, 0.25], between=(2.0, 10.0))
    np.testing.assert_allclose(found[:, 0], [[0.5, 0.9], [0.25 * 0.5 + 0.75, 0.25 * 0.9 + 0.75 * 0.5]], atol=1e-8)
    assert settings.choose_best(found)[:, 0].tolist() == [[0, 1], [1, 0]]


def test_of_equally_accurate_arms_the_cheaper_is_chosen() -> None:
    found = settings.scores([[0.5, 0.5]], [[6.0, 2.0]], alphas=[1.0], between=(2.0, 6.0))
    assert settings.choose_best(found)[0, 0].tolist() == [0, 1]


def test_a_group_is_profiled_by_its_own_prompts_and_an_empty_one_by_all(menu: Menu, kinds: np.ndarray) -> None:
    found = profile(kinds, menu, num_groups=NUM_KINDS + 1, alphas=[1.0])
    for group in range(NUM_KINDS):
        np.testing.assert_allclose(found.scores[0, group], menu.accuracy[kinds == group].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.scores[0, NUM_KINDS], menu.accuracy.mean(axis=0), atol=1e-6)


def test_a_data_set_never_seen_gets_the_arm_that_is_best_of_all(menu: Menu, kinds: np.ndarray) -> None:
    fitted = DatasetRouter(alphas=(1.0,)).fit(train(menu, np.zeros((NUM_PROMPTS, 0)), kinds), np.random.default_rng(0))
    chosen = fitted.choose(Prompts(np.arange(2), np.zeros((2, 0)), np.array([1, 99])))[0]
    of_kind = menu.accuracy[kinds == 1].mean(axis=0).argmax()
    assert chosen.argmax(axis=1).tolist() == [of_kind, menu.accuracy.mean(axis=0).argmax()]


def test_longer_prompts_get_the_dearer_arm_where_only_it_solves_them() -> None:
    lengths = np.arange(100.0)
    accuracy = np.column_stack([np.ones(100) * (lengths < 60), np.ones(100)])
    cost = np.tile([1.0, 5.0], (100, 1))
    two = Menu(CELLS[:2], accuracy, cost, cost)
    prompts = Prompts(np.arange(100), lengths[:, None], np.zeros(100))
    fitted = LengthRouter(alphas=(0.9,)).fit(Train(prompts, two), np.random.default_rng(0))
    assert fitted.choose(prompts)[0, :, 1].tolist() == (lengths >= 60).tolist()


def test_calibration_is_isotonic_regression_and_makes_an_overconfident_prediction_true() -> None:
    rng = np.random.default_rng(0)
    chance = rng.uniform(size=4000).round(2)
    right = (rng.random(4000) < chance).astype(float)
    sure = np.clip(0.5 + 2 * (chance - 0.5), -0.3, 1.3)
    step = calibrate(sure, right)
    peer = IsotonicRegression(out_of_bounds="clip").fit(sure, right)
    np.testing.assert_allclose(np.interp(sure, *step), peer.predict(sure), atol=1e-9)
    off = [np.abs(values - chance).mean() for values in (np.clip(sure, 0, 1), np.interp(sure, *step))]
    assert off[1] < 0.03 < 0.1 < off[0]


def test_predictions_for_prompts_never_seen_are_calibrated(menu: Menu, kinds: np.ndarray, vectors: np.ndarray) -> None:
    half = np.arange(NUM_PROMPTS) < NUM_PROMPTS // 2
    seen = Train(Prompts(np.flatnonzero(half), vectors[half], np.zeros(half.sum())), menu.take(half))
    fitted = PredictedRouter("vectors").fit(seen, np.random.default_rng(0))
    accuracy, cost = fitted.predict(Prompts(np.flatnonzero(~half), vectors[~half], np.zeros((~half).sum())))
    truth = CHANCES[kinds[~half]]
    assert np.abs(accuracy - truth).mean() < 0.15 < np.abs(menu.accuracy.mean(axis=0) - truth).mean()
    np.testing.assert_allclose(accuracy.mean(axis=0), truth.mean(axis=0), atol=0.1)
    assert (cost > 0).all()


def test_clusters_are_no_more_than_prompts_without_texts_have_places(menu: Menu) -> None:
    alike = np.ones((NUM_PROMPTS, 3))
    fitted = ClusterRouter("vectors", alphas=(1.0,)).fit(train(menu, alike), np.random.default_rng(0))
    chosen = fitted.choose(Prompts(np.arange(5), np.ones((5, 3)), np.zeros(5)))
    assert (chosen[0].argmax(axis=1) == menu.accuracy.mean(axis=0).argmax()).all()


def test_term_counts_place_prompts_by_the_rarity_of_terms_among_training_prompts_alone(menu: Menu) -> None:
    counts = np.random.default_rng(0).poisson(0.3, size=(NUM_PROMPTS, 50)).astype(float)
    router = ClusterRouter("counts", num_clusters=4)
    chosen = [
        router.fit(train(menu, counts), np.random.default_rng(0)).choose(Prompts(np.arange(9), shown, np.zeros(9)))
        for shown in (counts[:9], np.vstack([counts[:8], 100 * counts[8:9] + 7]))
    ]
    assert np.array_equal(chosen[0][:, :8], chosen[1][:, :8])


def test_levels_of_the_hull_cost_what_they_say_and_reach_its_accuracy(menu: Menu) -> None:
    nobody = train(menu, np.zeros((NUM_PROMPTS, 0)))
    fitted = HullMixtures().fit(nobody, np.random.default_rng(0))
    assert np.allclose(fitted.shares.sum(axis=1), 1)
    cost, accuracy = menu.cost.mean(axis=0), menu.accuracy.mean(axis=0)
    at = hull.vertices(cost, accuracy)
    np.testing.assert_allclose(fitted.shares @ accuracy, hull.mix(cost[at], accuracy[at], fitted.shares @ cost))
    vertices = Vertices().fit(nobody, np.random.default_rng(0)).shares
    assert vertices.argmax(axis=1)[: len(at)].tolist() == at.tolist()
    assert BestSingle().fit(nobody, np.random.default_rng(0)).shares[0, at[-1]] == 1


class Halves:
    """Spends everything in one fold and nothing in the other."""

    name, reads = "halves", ()

    def fit(self, train: Train, rng: np.random.Generator) -> Shares:
        return Shares(np.eye(3)[[0 if 0 in train.prompts.at else 2]])


def test_a_policy_is_held_to_the_mixtures_of_what_it_spent_in_each_fold(menu: Menu) -> None:
    """An arm of the hull in each fold gains nothing, though at the mean cost of both the hull lies above."""
    folds = np.arange(NUM_PROMPTS) % 2
    found = replay(
        menu,
        [Vertices(VERTICES), DearestSingle(DEAREST), Halves()],
        folds=folds,
        known={},
        rng=np.random.default_rng(0),
    )
    columns = found.columns("halves")
    read = measures.matched([Seed(found, folds)], np.ones((1, NUM_PROMPTS)), columns, menu=menu)
    assert read.accuracy[0, 0] == pytest.approx(read.mixture[0, 0], abs=1e-9)
    assert read.oracle[0, 0] > read.mixture[0, 0]
    assert read.cost[0, 0] == pytest.approx(found.cost[:, columns[0]].mean())


def test_a_setting_is_chosen_within_the_training_prompts(menu: Menu, vectors: np.ndarray, kinds: np.ndarray) -> None:
    """Chosen by what it gains there: accuracy alone sends all to the dear arm and gains little."""
    tuned = Tuned(NeighbourRouter("vectors")).fit(train(menu, vectors), np.random.default_rng(0))
    assert tuned.setting > 0
    chosen = tuned.choose(Prompts(np.arange(NUM_PROMPTS), vectors, np.zeros(NUM_PROMPTS)))
    assert chosen.shape == (NUM_PROMPTS, 3)
    suited = (kinds == 0) | (kinds == 1)
    assert (chosen[suited, 2].mean()) < 0.3
    assert replace(tuned, setting=0).choose(Prompts(np.arange(9), vectors[:9], np.zeros(9))).shape == (9, 3)


def test_without_anything_to_route_by_there_is_no_routing(menu: Menu) -> None:
    with pytest.raises(ValueError, match="Nothing is known"):
        routing.find(
            menu, {}, space="vectors", datasets=np.zeros(NUM_PROMPTS), weights=np.ones((1, NUM_PROMPTS)),
            rng=np.random.default_rng(0),
        )  # fmt: skip
