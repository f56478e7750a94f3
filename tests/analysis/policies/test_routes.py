"""Routing a stored run: several tasks as one menu, embeddings that are found and charged,
the table and the figure.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.policies import merged, routes, routing
from analysis.policies.groups import LENGTH
from analysis.policies.menu import Cell, Menu
from analysis.policies.policy import Known
from analysis.policies.replays import At
from analysis.reading import bins
from analysis.reading.choices import Choices
from analysis.runs import embeddings
from analysis.stats import bootstrap
from analysis.text import routes as routes_text
from isoquant.__main__ import main
from results import progress, schema, store
from results.embed.embedders import TFIDF, HashedTerms
from results.embed.write import embed_run
from tests.door import ingest

RATES = {"sums": {"small": 0.9, "large": 0.95}, "rivers": {"small": 0.1, "large": 0.9}}
MAP = ["model=model", "task=task", "prompt=item", "correct=right", "prompt_text=text"]
TOKENS = ["prompt_tokens=read", "decoded_tokens=wrote"]
NUM_PROMPTS = 60


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on two tasks, whose texts tell them apart; the small one is as good on one of them alone."""
    rng = np.random.default_rng(0)
    texts = {"sums": "add {} and {}", "rivers": "name river {} of land {}"}
    rows = [
        (task, model, f"p{item}", rng.random() < rate, texts[task].format(item, item % 7), 5, 20)
        for task, rates in RATES.items()
        for item in range(NUM_PROMPTS)
        for model, rate in rates.items()
    ]
    folder = tmp_path_factory.mktemp("outside")
    frame = pd.DataFrame(rows, columns=["task", "model", "item", "right", "text", "read", "wrote"])
    frame.to_csv(folder / "table.csv", index=False)
    sizes = ["--params", "small=1e6", "large=8e6"]
    assert ingest([str(folder / "table.csv"), str(folder / "run"), "--map", *MAP, *TOKENS, *sizes]) == 0
    embed_run(folder / "run", HashedTerms())
    return folder / "run"


@pytest.fixture
def few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MIN_REPLICATES", 200)
    monkeypatch.setattr("analysis.commands.arguments.choices", lambda options: Choices(num_replicates=200))


def test_tasks_of_a_run_are_stacked_into_one_menu_of_their_shared_arms(outside: Path) -> None:
    found = merged.load(outside, Choices(), rng=np.random.default_rng(0))
    assert found.menu.accuracy.shape == (2 * NUM_PROMPTS, 2) and found.models == ("small", "large")
    one = merged.load(outside, Choices(), task="rivers", rng=np.random.default_rng(0))
    assert np.array_equal(one.menu.accuracy, found.menu.accuracy[found.datasets == "rivers"])
    np.testing.assert_allclose(found.menu.cost.mean(axis=0), [2 * 1e6 * 25, 2 * 8e6 * 25])


def test_prompts_of_one_cluster_are_held_out_and_resampled_together(
    outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, np.ndarray] = {}

    class StopError(Exception):
        """Nothing need be replayed."""

    def find(*arguments: object, **options: object) -> None:
        seen.update(weights=options["weights"], clusters=options["clusters"])
        replayed(*arguments, **options)

    def replay(*arguments: object, folds: np.ndarray, **options: object) -> None:
        seen["folds"] = folds
        raise StopError

    replayed = routing.replay_routers
    monkeypatch.setattr(bins, "label", lambda part, name: np.arange(NUM_PROMPTS) // 5)
    monkeypatch.setattr(routing, "replay_routers", find)
    monkeypatch.setattr(routing, "replay", replay)
    with pytest.raises(StopError):
        routes.route(outside, Choices(cluster="river"))
    labels = np.unique(seen["clusters"])
    assert len(labels) == 2 * NUM_PROMPTS // 5
    for label in labels:
        inside = seen["clusters"] == label
        assert len(set(seen["folds"][inside])) == 1 and np.ptp(seen["weights"][:, inside], axis=1).max() == 0


def test_accuracies_of_few_prompts_or_clusters_that_are_all_right_leave_room() -> None:
    rng = np.random.default_rng(0)
    cost = rng.uniform(1, 2, (24, 2)) * [1, 9]
    sure = Menu((Cell("a", "a", 0, 1), Cell("b", "b", 0, 1)), np.ones((24, 2)), cost, cost)
    known = {LENGTH: Known(rng.uniform(size=(24, 1)), np.zeros(24))}
    for clusters, num_drawn in ((None, 24), (np.arange(24) // 2, 12)):
        weights = bootstrap.prompt_weights(24, num_replicates=2000, rng=rng, clusters=clusters)
        found = routing.replay_routers(
            sure,
            known,
            space="vectors",
            datasets=np.zeros(24),
            clusters=clusters,
            num_seeds=2,
            weights=weights,
            rng=rng,
        )
        low = pytest.approx(0.025 ** (1 / num_drawn), abs=0.02)
        measured = found.measures[found.measures["measure"] == "accuracy"]
        for lows in (measured["low"], found.arms["low"], found.settings["low"].dropna()):
            assert len(lows) > 1 and all(end == low for end in lows)


@pytest.mark.usefixtures("few_replicates")
def test_what_is_told_of_progress_are_as_many_steps_as_were_expected(outside: Path) -> None:
    expected: list[int] = []
    told: list[str] = []
    routes.route(outside, Choices(num_replicates=200), num_seeds=2, expect=expected.append, tell=told.append)
    assert expected == [len(told)]
    assert told[0] == "seed 1, embeddings" and told[-1] == "intervals" and "seed 2, clusters, tuned" in told


def test_off_a_terminal_a_long_command_says_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 1.0, 31.0, 40.0, 70.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    with progress.Progress("route") as shown:
        shown.expect(8)
        for step in "abcd":
            shown.tell(step)
    assert capsys.readouterr().err.splitlines() == [
        "route  1 of 8 steps, b, 0:31 so far",
        "route  3 of 8 steps, d, 1:10 so far",
    ]


def test_a_cluster_that_no_prompt_has_is_refused(outside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", str(outside), "--cluster", "nosuch"]) == 2
    assert "These prompts have no label 'nosuch'" in capsys.readouterr().err


def test_embeddings_are_found_by_task_and_prompt_and_charged_in_flops_alone(outside: Path) -> None:
    keys = {"tasks": ["sums", "rivers", "sums"], "prompt_ids": ["sums/p3", "rivers/p3", "sums/absent"]}
    found = embeddings.read(outside, **keys)
    assert found is not None and (found.embedder, found.are_counts) == (TFIDF, True)
    expected = HashedTerms().embed(["add 3 and 3", "name river 3 of land 3"])
    in_flops, in_dollars = (routes.charge(found, unit) for unit in ("FLOPs", "dollars"))
    np.testing.assert_allclose(in_flops.values, [*expected.vectors, np.zeros(1024)])
    np.testing.assert_allclose(in_flops.cost, [*expected.flops, 0])
    assert (in_dollars.cost == 0).all()
    assert routes.is_charged(found, "FLOPs") and not routes.is_charged(found, "dollars")
    with pytest.raises(ValueError, match=r"Choose one embedder of \['tfidf'\], not 'other'"):
        embeddings.read(outside, **keys, embedder="other")
    assert embeddings.read(outside.parent / "none", **keys) is None


@pytest.mark.parametrize(
    ("vectors", "fault"),
    [
        ({"p1": [1.0], "p2": [1.0, 2.0]}, "vectors of 1 and of 2 numbers"),
        ({"p1": [1.0, np.nan], "p2": [1.0, 2.0]}, "vectors with numbers that are infinite or none"),
        ({"p1": [1.0, np.inf], "p2": [1.0, 2.0]}, "vectors with numbers that are infinite or none"),
        ({"p1": None, "p2": [1.0, 2.0]}, "rows without a vector"),
        ({"p1": [1.0, 0.0], "p1 ": [1.0, 2.0]}, "two vectors for one prompt"),
    ],
)
def test_vectors_that_are_none_are_told(
    tmp_path: Path, vectors: dict[str, list[float] | None], fault: str
) -> None:
    for number, (name, vector) in enumerate(vectors.items()):
        row = {
            "task": "sums",
            "prompt_id": name.strip(),
            "embedder": "e",
            "version": "1",
            "flops": 1.0,
            "vector": vector,
        }
        store.append(tmp_path, schema.EMBEDDINGS, [row], writer=f"embed-{number}")
    with pytest.raises(ValueError, match=f"embeddings has {fault}"):
        embeddings.read(tmp_path, tasks=["sums"], prompt_ids=["p1"])


@pytest.mark.usefixtures("pictures", "few_replicates")
def test_the_command_routes_both_splits_prints_its_verdict_and_draws_what_is_in_the_csv(
    outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["route", str(outside), "--seeds", "2"]) == 0
    said = capsys.readouterr().out
    assert "Routing 120 prompts of 2 data sets over 2 settings" in said and "Embedding: tfidf" in said
    # Which task a prompt is of tells where the small model will do, and nothing is told of a task never seen.
    beaten, unseen = (part.split(".")[0] for part in " ".join(said.split()).split("Beats the hull:")[1:])
    assert all(name in beaten for name in ("best of data set", "clusters", "neighbours", "predictor"))
    assert unseen.strip().startswith("no router")
    for name in ("routing", "routing_data_sets"):
        rows = pd.read_csv(outside / "figures" / f"{name}.csv")
        assert set(rows["kind"]) == {"arm", "mixtures", "hindsight", "single", "router", "tuned"}
        assert (outside / "figures" / f"{name}.png").stat().st_size > 10_000
        measured = pd.read_csv(outside / "figures" / f"{name}_measures.csv")
        gain = measured[measured["measure"] == "gain over hull"].set_index("router")["estimate"]
        drawn = rows[rows["kind"] == "tuned"].set_index("policy")["gain"]
        np.testing.assert_allclose(drawn["clusters, tuned"], gain["clusters"])


def test_routers_are_compared_at_the_point_that_is_asked_for(
    outside: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "MIN_REPLICATES", 200)
    monkeypatch.setattr("analysis.commands.arguments.choices", lambda options: Choices(num_replicates=200))
    words = ["route", str(outside), "--task", "rivers", "--seeds", "2"]
    assert main([*words, "--at-accuracy", "0.95"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Routers on held-out prompts. At 95% of the mix's best accuracy (")
    assert "the cheapest setting that reaches it on held-out prompts" in said
    assert main([*words, "--at-cost", "2"]) == 2
    assert "--at-cost must be above 0 and at most 1; got 2" in capsys.readouterr().err


def test_what_a_router_saves_is_what_mixtures_pay_for_its_accuracy() -> None:
    """Of the prompts that the small arm gets right a feature tells: mixtures pay for the same accuracy what lies
    on the line between both arms.
    """
    rng, num_prompts = np.random.default_rng(4), 200
    feature = np.arange(num_prompts) % 2
    accuracy = np.column_stack([feature, np.ones(num_prompts)]).astype(float)
    cost = np.tile([1.0, 9.0], (num_prompts, 1))
    menu = Menu((Cell("a", "a", 0, 1), Cell("b", "b", 0, 1)), accuracy, cost, cost)
    known = {LENGTH: Known(feature[:, None].astype(float), np.zeros(num_prompts))}
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=2000, rng=rng)
    found = routing.replay_routers(
        menu, known, space="vectors", datasets=np.zeros(num_prompts), num_seeds=2, weights=weights, rng=rng
    )
    rows, line = routes_text._routers(found)
    assert len(rows) and set(rows["policy"]) == {"prompt length"}
    finite = rows[np.isfinite(rows["times"])]
    # The line from (1, 1/2) to (9, 1): an accuracy of a costs 1 + 16 (a - 1/2).
    paid = 1 + 16 * (finite["accuracy"] - 0.5).clip(lower=0)
    assert (finite["times"] * finite["cost"]).to_numpy() == pytest.approx(paid.to_numpy(), rel=0.05)
    best = routes_text.at_point(found, At("accuracy", 1.0)).iloc[0]
    assert best["cost"] == pytest.approx(5, rel=0.05) and best["times"] == pytest.approx(9 / 5, rel=0.05)
    assert best["times_low"] <= best["times"] <= best["times_high"]
    assert re.search(
        r"'prompt length' costs least, 5(\.0\d)? dollars: .* it saves 4\d% \[\d+, \d+\] of what the mix",
        (routes_text.first_line(found, At("accuracy", 1.0), "dollars")),
    )
    assert line["accuracy"].max() == pytest.approx(1)
