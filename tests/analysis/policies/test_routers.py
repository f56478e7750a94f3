"""Routers: the score they choose by, what they learn, and whether a planted truth, and nothing else, is found."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge

from analysis.policies import hull, measures, metrics, routing, settings, space
from analysis.policies.groups import EMBEDDING, LENGTH, ClusterRouter, DatasetRouter, LengthRouter, profile
from analysis.policies.measures import BEST, COSTLIEST, HULL, VERTICES, Seed
from analysis.policies.menu import Cell, Menu
from analysis.policies.mixtures import BestSingle, CostliestSingle, HullMixtures, Shares, Vertices, corners
from analysis.policies.neighbours import NeighbourRouter
from analysis.policies.policy import Known, Prompts, Train
from analysis.policies.predictor import PredictedRouter, calibrate, ridges
from analysis.policies.replay import prompt_folds, replay, resample
from analysis.policies.routing import Routing
from analysis.policies.tuned import Tuned
from analysis.stats import bootstrap

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
    return routing.replay_routers(
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
    router = NeighbourRouter(alphas=(0.2,))
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
    fitted = DatasetRouter(alphas=(1.0,)).fit(
        train(menu, np.zeros((NUM_PROMPTS, 0)), kinds), np.random.default_rng(0)
    )
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


def test_predictions_for_prompts_never_seen_are_calibrated(
    menu: Menu, kinds: np.ndarray, vectors: np.ndarray
) -> None:
    half = np.arange(NUM_PROMPTS) < NUM_PROMPTS // 2
    seen = Train(Prompts(np.flatnonzero(half), vectors[half], np.zeros(half.sum())), menu.take(half))
    fitted = PredictedRouter().fit(seen, np.random.default_rng(0))
    accuracy, cost = fitted.predict(Prompts(np.flatnonzero(~half), vectors[~half], np.zeros((~half).sum())))
    truth = CHANCES[kinds[~half]]
    assert np.abs(accuracy - truth).mean() < 0.15 < np.abs(menu.accuracy.mean(axis=0) - truth).mean()
    np.testing.assert_allclose(accuracy.mean(axis=0), truth.mean(axis=0), atol=0.1)
    assert (cost > 0).all()


def test_clusters_are_no_more_than_prompts_without_texts_have_places(menu: Menu) -> None:
    alike = np.ones((NUM_PROMPTS, 3))
    fitted = ClusterRouter(alphas=(1.0,)).fit(train(menu, alike), np.random.default_rng(0))
    chosen = fitted.choose(Prompts(np.arange(5), np.ones((5, 3)), np.zeros(5)))
    assert (chosen[0].argmax(axis=1) == menu.accuracy.mean(axis=0).argmax()).all()


@pytest.mark.parametrize("penalty", [0.5, 10.0])
def test_ridge_regressions_that_share_a_decomposition_are_those_of_scikit_learn(penalty: float) -> None:
    rng = np.random.default_rng(0)
    features, values, at = rng.normal(size=(60, 8)) + 3, rng.random((60, 4)), rng.normal(size=(9, 8))
    found = ridges(features, values, [1e3, penalty], at=at)
    np.testing.assert_allclose(found[1], Ridge(penalty).fit(features, values).predict(at))
    few = ridges(features[:5], values[:5], [penalty], at=at)[0]
    np.testing.assert_allclose(few, Ridge(penalty).fit(features[:5], values[:5]).predict(at))


@pytest.mark.parametrize("num_train", [20, 200])
def test_term_counts_place_prompts_by_the_rarity_of_terms_among_training_prompts_alone(num_train: int) -> None:
    counts = np.random.default_rng(0).poisson(0.3, size=(num_train + 9, 50)).astype(float)
    other = np.vstack([counts[:-1], 100 * counts[-1:] + 7])
    folds = (np.arange(len(counts)) >= num_train).astype(int)
    placed, again = (space.by_fold("counts", table, folds) for table in (counts, other))
    np.testing.assert_array_equal(placed[1][:-1], again[1][:-1])
    assert not np.array_equal(placed[1][-1], again[1][-1]) and not np.allclose(placed[0][:-1], again[0][:-1])


def test_prompts_lie_beside_each_other_as_in_the_best_approximation_of_their_weighed_counts() -> None:
    """Latent semantic analysis: the leading right singular vectors of the training prompts' TF-IDF."""
    counts = np.random.default_rng(0).poisson(0.3, size=(120, 60)).astype(float)
    folds = np.arange(120) % 3
    for fold, placed in enumerate(space.by_fold("counts", counts, folds)):
        weighed = TfidfTransformer(sublinear_tf=True).fit(counts[folds != fold]).transform(counts).toarray()
        leading = np.linalg.svd(weighed[folds != fold])[2][: space.NUM_DIMENSIONS]
        reduced = weighed @ leading.T
        reduced /= np.linalg.norm(reduced, axis=1, keepdims=True)
        np.testing.assert_allclose(placed @ placed.T, reduced @ reduced.T, atol=1e-5)


def test_what_is_fitted_once_a_fold_is_shown_in_that_fold_alone(menu: Menu) -> None:
    """Each fold's table says which fold it is of; a policy that sees another's would choose another arm."""
    folds = np.arange(NUM_PROMPTS) % 3

    class Told:
        name, reads = "told", ("fold",)

        def fit(self, train: Train, rng: np.random.Generator) -> "Told":
            self.fold = train.prompts.features[0, 0]
            return self

        def choose(self, prompts: Prompts) -> np.ndarray:
            assert (prompts.features == self.fold).all() and (folds[prompts.at] == self.fold).all()
            return np.eye(3)[folds[prompts.at]]

    tables = tuple(np.full((NUM_PROMPTS, 1), float(fold)) for fold in range(3))
    known = {"fold": Known(tables, np.full(NUM_PROMPTS, 0.5))}
    found = replay(menu, [Told()], folds=folds, known=known, rng=np.random.default_rng(0))
    np.testing.assert_allclose(found.cost[:, 0], menu.cost[np.arange(NUM_PROMPTS), folds] + 0.5)


def test_settings_of_the_hull_are_its_corners_and_mixtures_of_them(menu: Menu) -> None:
    nobody = train(menu, np.zeros((NUM_PROMPTS, 0)))
    places = (0.0, 0.1, 0.35, 0.8, 1.0)
    fitted = HullMixtures(places).fit(nobody, np.random.default_rng(0))
    assert np.allclose(fitted.shares.sum(axis=1), 1)
    cost, accuracy = menu.cost.mean(axis=0), menu.accuracy.mean(axis=0)
    at = hull.vertices(cost, accuracy)
    np.testing.assert_allclose(fitted.shares @ accuracy, hull.mix(cost[at], accuracy[at], fitted.shares @ cost))
    np.testing.assert_allclose((fitted.shares @ cost - cost[at[0]]) / np.ptp(cost[at]), places)
    vertices = Vertices().fit(nobody, np.random.default_rng(0)).shares
    assert vertices.argmax(axis=1)[: len(at)].tolist() == at.tolist()
    assert BestSingle().fit(nobody, np.random.default_rng(0)).shares[0, at[-1]] == 1


def many_armed(seed: int) -> Menu:
    """Twelve arms of 90 prompts, of which several lie on the hull."""
    rng = np.random.default_rng(seed)
    cost = np.geomspace(1, 50, 12) * rng.uniform(0.7, 1.3, (90, 12))
    accuracy = rng.binomial(6, np.linspace(0.2, 0.9, 12) ** 0.5 * rng.uniform(0.5, 1, (90, 1))) / 6
    return Menu(tuple(Cell(f"arm {at}", "m", 0, at + 1) for at in range(12)), accuracy, cost, cost)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.8, 0.95, 0.99])
def test_what_the_hull_saves_is_that_of_the_cheapest_of_very_many_mixtures(seed: int, share: float) -> None:
    """Against a search over 200,001 mixtures of the arms that each fold's training prompts put on the hull."""
    menu, rng = many_armed(seed), np.random.default_rng(seed)
    every = [prompt_folds(90, rng=rng) for _ in range(2)]
    weights = bootstrap.prompt_weights(90, num_replicates=2000, rng=rng)[:4]
    seeds = [
        Seed(
            replay(
                menu, [BestSingle(BEST), HullMixtures(corners(menu, every), HULL)], folds=folds, known={}, rng=rng
            ),
            folds,
        )
        for folds in every
    ]
    replayed = routing.average(seeds)
    means = resample(replayed, weights)
    curve = metrics.Points(*(table[:, replayed.columns(HULL)] for table in (means.cost, means.accuracy)))
    best = metrics.Point(*(table[:, replayed.columns(BEST)[0]] for table in (means.cost, means.accuracy)))
    cost, accuracy = direct_mixtures(menu, every, weights)
    saved = metrics.cost_save(curve, best, share=share, is_mixed=True)
    area = metrics.hypervolume(curve, most=np.full(4, 99.0), is_mixed=True)
    for row in range(4):
        enough = accuracy[row] >= share * best.accuracy[row]
        assert saved[row] == pytest.approx(1 - cost[row][enough].min() / best.cost[row], abs=1e-4)
        best_so_far = np.maximum.accumulate(accuracy[row])
        direct = np.trapezoid(best_so_far, cost[row]) + best_so_far[-1] * (99 - cost[row][-1])
        assert area[row] == pytest.approx(direct / 99, abs=1e-6)
    assert (metrics.cost_save(curve, best, is_mixed=True) >= 0).all()


def direct_mixtures(menu: Menu, every: list[np.ndarray], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean cost and accuracy where every fold spends the same share
    of the way to its best arm; (R, 200,001) each.
    """
    places = np.linspace(0, 1, 200_001)
    sums = np.zeros((2, len(weights), len(places)))
    for folds in every:
        for fold in np.unique(folds):
            cost, accuracy = (table[folds != fold].mean(axis=0) for table in (menu.cost, menu.accuracy))
            at = hull.vertices(cost, accuracy)
            spent = cost[at[0]] + places * (cost[at[-1]] - cost[at[0]])
            for row, weight in enumerate(weights * (folds == fold)):
                for table, into in zip((menu.cost, menu.accuracy), sums, strict=True):
                    into[row] += np.interp(spent, cost[at], weight @ table[:, at])
    cost, accuracy = sums / (len(every) * weights.sum(axis=1)[:, None])
    return cost, accuracy


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
        [Vertices(VERTICES), CostliestSingle(COSTLIEST), Halves()],
        folds=folds,
        known={},
        rng=np.random.default_rng(0),
    )
    columns = found.columns("halves")
    read = measures.matched([Seed(found, folds)], np.ones((1, NUM_PROMPTS)), columns, menu=menu)
    assert read.accuracy[0, 0] == pytest.approx(read.mixture[0, 0], abs=1e-9)
    assert read.oracle[0, 0] > read.mixture[0, 0]
    assert read.cost[0, 0] == pytest.approx(found.cost[:, columns[0]].mean())


def test_a_setting_is_chosen_within_the_training_prompts(
    menu: Menu, vectors: np.ndarray, kinds: np.ndarray
) -> None:
    """Chosen by what it gains there: accuracy alone sends all to the dear arm and gains little."""
    tuned = Tuned(NeighbourRouter()).fit(train(menu, vectors), np.random.default_rng(0))
    assert tuned.setting > 0
    chosen = tuned.choose(Prompts(np.arange(NUM_PROMPTS), vectors, np.zeros(NUM_PROMPTS)))
    assert chosen.shape == (NUM_PROMPTS, 3)
    suited = (kinds == 0) | (kinds == 1)
    assert (chosen[suited, 2].mean()) < 0.3
    assert replace(tuned, setting=0).choose(Prompts(np.arange(9), vectors[:9], np.zeros(9))).shape == (9, 3)


def test_without_anything_to_route_by_there_is_no_routing(menu: Menu) -> None:
    with pytest.raises(ValueError, match="nothing to route by"):
        routing.replay_routers(
            menu, {}, space="vectors", datasets=np.zeros(NUM_PROMPTS), weights=np.ones((1, NUM_PROMPTS)),
            rng=np.random.default_rng(0),
        )  # fmt: skip
