import numpy as np
import pytest

from analysis.costs.lifetime import plan, serve, switches
from analysis.stats.bootstrap import prompt_weights

N, D = np.array([1e8, 1e9, 1e10]), np.array([2e10, 2e10, 2e10])
QUERIES = np.geomspace(1e3, 1e14, 23)


def same(*tokens: float) -> np.ndarray:
    """Serving tokens (M, 1 + R) without any spread."""
    return np.repeat(np.array(tokens)[:, None], 2001, axis=1)


def test_the_plan_is_the_cheapest_of_all_models_by_brute_force():
    serving = same(5000.0, 300.0, 40.0)
    found = plan(N, D, serving, QUERIES)
    for at, q in enumerate(QUERIES):
        totals = [6 * n * d + 2 * n * q * s for n, d, s in zip(N, D, serving[:, 0], strict=True)]
        assert found.total_flops.estimate[at] == pytest.approx(min(totals))
        assert found.model[at] == int(np.argmin(totals))
        assert found.training_share.estimate[at] == pytest.approx(6 * N[found.model[at]] * 2e10 / min(totals))


def test_the_model_changes_where_two_totals_meet():
    serving = same(5000.0, 300.0, 20.0)
    for switch in switches(N, D, serving):
        q = float(switch.queries.estimate)
        below, above = (6 * N[m] * D[m] + 2 * N[m] * q * serving[m, 0] for m in switch[:2])
        assert below == pytest.approx(above)
        before, after = plan(N, D, serving, [0.99 * q, 1.01 * q]).model
        assert (before, after) == switch[:2]
    assert [switch[:2] for switch in switches(N, D, serving)] == [(0, 1), (1, 2)]


def test_a_model_that_no_workload_wants_is_skipped():
    assert [switch[:2] for switch in switches(N, D, same(5000.0, 4000.0, 20.0))] == [(0, 2)]
    assert switches(N, D, same(10.0, 9.0, 8.0)) == []


def test_the_share_of_training_falls_while_one_model_stays():
    found = plan(N[:1], D[:1], same(50.0), QUERIES)
    assert np.all(np.diff(found.training_share.estimate) < 0)


def test_a_model_that_never_gets_there_is_never_chosen_and_none_is_marked():
    found = plan(N, D, same(np.inf, 300.0, 40.0), [1.0, 1e9])
    assert found.model.tolist() == [1, 1]
    assert found.share_chosen[:, 0].tolist() == [0, 0]
    nobody = plan(N, D, same(np.inf, np.inf, np.inf), [1.0])
    assert (nobody.model[0], nobody.total_flops.estimate[0]) == (-1, np.inf)
    assert np.isnan(nobody.training_share.estimate[0]) and nobody.share_chosen.sum() == 0
    assert switches(N, D, same(np.inf, np.inf, np.inf)) == []


def test_replicates_in_which_a_model_never_gets_there_carry_into_every_interval():
    serving = same(2000.0, 150.0, 20.0)
    serving[0, 1:201] = np.inf
    serving[1, 1:101] = np.inf
    found = plan(N[:2], D[:2], serving[:2], [1.0])
    assert found.total_flops.high[0] == np.inf
    assert found.share_chosen[0].tolist() == [0.9, 0.05]
    (switch,) = switches(N[:2], D[:2], serving[:2])
    # The larger model never gets there in 5% of replicates: no workload wants it then.
    assert switch.queries.high == np.inf


def test_serving_tokens_are_those_of_the_least_cell_that_reaches_the_target():
    accuracy = np.broadcast_to([0.2, 0.5, 0.3, 0.8], (30, 4))
    tokens = np.broadcast_to([100.0, 200.0, 300.0, 800.0], (30, 4))
    weights = prompt_weights(30, num_replicates=2000, rng=np.random.default_rng(0))
    reach = serve(accuracy, tokens, 0.5, weights=weights, folds=np.arange(30) % 2)
    assert reach.by_query[0] == pytest.approx(200)
    assert reach.cells.tolist() == [1, 1]
    most = serve(accuracy, tokens, 0.8, weights=weights, folds=np.arange(30) % 2)
    assert most.by_query[0] == pytest.approx(800) and most.cells.tolist() == [3, 3]
    beyond = serve(accuracy, tokens, 0.81, weights=weights, folds=np.arange(30) % 2)
    assert np.isinf(beyond.by_query).all() and beyond.cells.tolist() == [-1, -1]
    assert serve(accuracy, tokens, 0.1, weights=weights, folds=np.arange(30) % 2).at_or_below
    assert not (reach.at_or_below or beyond.at_or_below)


def test_what_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="pretraining_tokens must be positive"):
        plan(N, [1e9, 0, 1e9], same(1.0, 1.0, 1.0), [1.0])
