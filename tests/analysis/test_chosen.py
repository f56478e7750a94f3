"""Samples that a verifier chooses among: what each rule yields by definition, and what its reading costs."""

import shutil
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.costs import cost_models
from analysis.costs.shapes import PerToken
from analysis.questions import exchange_rates, matches
from analysis.reading import curves
from analysis.reading.cells import measure
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.runs import outcomes
from analysis.runs.verifiers import Scoring
from isoquant.__main__ import main as isoquant
from tests.analysis.conftest import LADDER, write_run
from tests.analysis.planted_scores import score
from tests.results.made_runs import Made

RATES = {name: PerToken(100.0, 10.0) for name in ("33k", "125k", "rm")}


def reward(row: Any, rng: np.random.Generator) -> dict[str, Any]:
    if row.sample == 3 and row.prompt_id.endswith("1"):
        return {"refusal": "too long", "num_read_tokens": 0}
    return {"score": float(rng.normal() + 2 * row.correct), "num_read_tokens": int(20 + 3 * row.sample)}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scored") / "run"
    write_run(root, LADDER[:2], num_prompts=20, num_samples=6, bin_samples=2)
    return score(root, reward)


@pytest.fixture
def run(scored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(scored, tmp_path / "run"))


def reading(root: Path, rule: Any = "best_of_n", *, share: float = 0.5, **choices: Any) -> Reading:
    loaded = outcomes.load(root, scoring=Scoring(filter_share=share))
    return read(loaded, Choices(**choices), rule=rule)


def by_definition(arm: Any, b: int, p: int, k: int, rule: str, share: float) -> float:
    """Expected correctness over every subset, straight from the arrays."""
    votes, correct = arm.samples.votes[b, p], arm.samples.correct[b, p]
    ranked, weight = arm.scores.ranked[b, p], arm.scores.weight[b, p]
    found = []
    for subset in map(list, combinations(range(len(votes)), k)):
        if rule == "best_of_n":
            best = [i for i in subset if ranked[i] == ranked[subset].max()]
            found.append(correct[best].mean())
            continue
        if rule == "weighted_vote":
            cast = {vote: weight[[i for i in subset if votes[i] == vote]].sum() for vote in set(votes[subset])}
        else:
            kept = sorted(subset, key=lambda i: -ranked[i])[: max(k - int(share * k + 1e-9), 1)]
            cast = {vote: float(np.sum(votes[kept] == vote)) for vote in set(votes[kept])}
        cast.pop(-1, None)
        leaders = [vote for vote, total in cast.items() if total >= max(cast.values()) - 1e-12]
        found.append(np.mean([correct[votes == vote].mean() for vote in leaders]) if leaders else 0.0)
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("rule", "share"),
    [("best_of_n", 0.5), ("weighted_vote", 0.5), ("filtered_vote", 0.5), ("filtered_vote", 0.3)],
)
def test_every_width_and_budget_is_what_the_definition_says(run: Path, rule: str, share: float):
    seen = reading(run, rule, share=share)
    for at, arm in enumerate(seen.arms):
        widths = seen.path(at, "width").widths
        assert widths == tuple(range(1, 7))
        found = seen.accuracy(at, widths)
        assert not found.standard_error.any()
        for b in (0, 5):
            expected = [[by_definition(arm, b, p, k, rule, share) for k in widths] for p in range(20)]
            np.testing.assert_allclose(found.mean[b], expected, atol=1e-12)


def test_one_sample_leaves_nothing_to_choose(run: Path):
    plain = reading(run, "pass_at_k").accuracy(0, [1]).mean
    for rule in curves.CHOSEN_RULES:
        np.testing.assert_allclose(reading(run, rule).accuracy(0, [1]).mean, plain)


@pytest.mark.parametrize("cost", ["c1", "c2", "c3", "c4", "c5", "tokens"])
def test_every_sample_but_a_single_one_is_read_under_every_cost_model(run: Path, cost: str):
    more: dict[str, Any] = {"c3": {"gpu": "H100"}, "c4": {"throughput": RATES}, "c5": {"price": RATES}}.get(
        cost, {}
    )
    chosen = reading(run, "best_of_n", cost=cost, **more)
    for name in ("throughput", "price"):
        more = (
            {**more, name: {model: rate for model, rate in RATES.items() if model != "rm"}}
            if name in more
            else more
        )
    vote = reading(run, "pass_at_k", cost=cost, **more)
    path = chosen.path(0, "width")
    with_verifier, without = chosen.curve(0, path), vote.curve(0, path)
    arm = chosen.arms[0]
    read_tokens = arm.scores.read_tokens[-1]
    each = chosen.cost.prefill(arm.verifier.shape, read_tokens).mean(axis=1, keepdims=True)
    k = np.array(path.widths)
    np.testing.assert_allclose(
        with_verifier.cost - without.cost, each * np.where(k > 1, k, 0), rtol=1e-9, atol=1e-20
    )
    assert each.min() > 0
    for name in ("total_tokens", "serial_tokens"):
        np.testing.assert_array_equal(getattr(with_verifier, name), getattr(without, name))


def test_the_vote_and_coverage_beside_a_verifier_have_none_in_their_cost(run: Path):
    found = exchange_rates.measure(reading(run, "best_of_n")).curves
    plain = exchange_rates.measure(reading(run, "maj_at_k")).curves
    assert set(found["rule"]) == {"maj_at_k", "pass_at_k", "best_of_n"}
    columns = ["model", "bin", "rule", "path", "budget", "width", "accuracy", "cost", "low", "high"]
    beside = found.loc[found["rule"] != "best_of_n", columns].reset_index(drop=True)
    assert beside.equals(plain[columns].reset_index(drop=True))


def test_verdicts_are_decoded_after_what_was_read(plant, ladder):
    root = plant(ladder[:1], num_prompts=6, num_samples=3, bin_samples=0)

    def give(row, rng):
        return {"score": float(rng.integers(0, 2)), "num_written_tokens": int(rng.integers(5, 60))}

    score(root, give, kind="generative", num_verdicts=2)
    seen = reading(root, "best_of_n", cost="c2")
    arm, path = seen.arms[0], seen.path(0, "width")
    spent = seen.curve(0, path).cost - reading(root, "pass_at_k", cost="c2").curve(0, path).cost
    shape, written = arm.verifier.shape, arm.scores.written_tokens[-1]
    decoded = sum(cost_models.attention_decode(shape, np.array(20.0), written[..., v]) for v in range(2))
    each = (cost_models.attention_prefill(shape, np.array(20.0)) + decoded).mean(axis=1)
    np.testing.assert_allclose(spent, each[:, None] * [0, 2, 3])


@pytest.mark.parametrize(
    ("missing", "cost", "said"),
    [
        ({"num_layers": None}, "c2", "needs the layers and heads of every model; rm has none"),
        ({"num_matmul_params": None}, "c1", "needs the size of every model; rm has none"),
        ({}, "c4", r"needs the throughput of every model; rm has none. Give it as --throughput rm=IN:OUT"),
        ({}, "c5", "needs the price of every model; rm has none"),
    ],
)
def test_what_a_verifiers_cost_needs_is_refused_with_what_is_known(
    plant, ladder, missing: dict[str, Any], cost: str, said: str
):
    root = score(plant(ladder[:2], num_prompts=6, num_samples=3, bin_samples=0), reward, **missing)
    rates = {name: rate for name, rate in RATES.items() if name != "rm"}
    given = {"c4": {"throughput": rates}, "c5": {"price": rates}}.get(cost, {})
    with pytest.raises(ValueError, match=said):
        reading(root, "best_of_n", cost=cost, **given)
    assert reading(root, "maj_at_k", cost=cost, **given).cost.unit


def test_the_default_cost_is_one_that_counts_the_verifier(plant, ladder):
    root = score(plant(ladder[:2], num_prompts=6, num_samples=3, bin_samples=0), reward, num_layers=None)
    assert reading(root, "best_of_n").choices.cost == "c1" and reading(root, "maj_at_k").choices.cost == "c2"

    def unread(row, rng):
        return {"score": 1.0, "num_read_tokens": None}

    score(root, unread, scorer="silent")
    loaded = outcomes.load(root, scoring=Scoring("silent"))
    assert read(loaded, Choices(), rule="best_of_n").choices.cost == "samples"
    assert read(loaded, Choices(), rule="best_of_n").cost.label.endswith("what silent reads is not counted")
    with pytest.raises(ValueError, match="needs the tokens of every model; silent has none"):
        read(loaded, Choices(cost="c1"), rule="best_of_n")


def test_a_verifier_of_which_nothing_is_known_is_not_counted_and_the_label_says_so(plant, ladder):
    root = plant(ladder[:2], num_prompts=40, num_samples=8, bin_samples=0)
    score(root, lambda row, rng: {"score": row.correct - 0.5, "num_read_tokens": None}, kind="outside")
    chosen, vote = reading(root, "best_of_n"), reading(root, "maj_at_k")
    assert chosen.cost.label == f"{vote.cost.label}; what rm reads is not counted, because it is not known"
    path = chosen.path(0, "width")
    np.testing.assert_array_equal(chosen.curve(0, path).cost, reading(root, "pass_at_k").curve(0, path).cost)
    rows = matches.frame(matches.match(chosen))
    assert rows["workload"].isna().all() and matches.frame(matches.match(vote))["workload"].notna().any()


def test_what_the_model_knew_itself_costs_nothing(plant, ladder):
    root = plant(ladder[:2], num_prompts=6, num_samples=3, bin_samples=0)
    score(root, lambda row, rng: {"score": float(rng.normal()), "num_read_tokens": None}, kind="generator")
    chosen, vote = reading(root, "best_of_n"), reading(root, "pass_at_k")
    assert chosen.cost.label == vote.cost.label and chosen.choices.cost == "c2"
    path = chosen.path(0, "width")
    np.testing.assert_array_equal(chosen.curve(0, path).cost, vote.curve(0, path).cost)


def test_what_is_read_counts_in_the_workload_that_breaks_even(plant, ladder):
    root = plant(ladder[:2], num_prompts=40, num_samples=8, bin_samples=0)
    score(root, lambda row, rng: {"score": float(row.correct), "num_read_tokens": 0}, scorer="free")
    score(root, lambda row, rng: {"score": float(row.correct), "num_read_tokens": 60}, scorer="dear")
    found = {}
    for name in ("free", "dear"):
        loaded = outcomes.load(root, scoring=Scoring(name))
        (match,) = matches.match(read(loaded, Choices(), rule="best_of_n"))
        found[name] = match
    assert found["dear"].needs.step == found["free"].needs.step
    assert found["dear"].needs.cost.estimate > found["free"].needs.cost.estimate
    assert found["dear"].workload.estimate < found["free"].workload.estimate


def test_bins_of_each_models_own_and_frontiers_read_scores_too(run: Path):
    from analysis.reading.bins import Binning

    own = reading(run, "filtered_vote", binning=Binning(difficulty="own"))
    assert len(exchange_rates.measure(own).curves)
    cells = measure(reading(run, "weighted_vote"))
    assert len(cells.frontiers) and cells.tables[0].cost.shape == (20, 6, 6)


COMMANDS = (
    ("summary", "--diversity"),
    ("match",),
    ("laws", "--bins", "1"),
    ("figures",),
    ("report",),
    ("serve", "--target", "0.5", "--queries", "1e6", "--pretraining-tokens", "33k=1e9", "125k=1e9"),
)


@pytest.mark.parametrize(
    ("words", "rule"),
    zip(COMMANDS, (*curves.CHOSEN_RULES, *curves.CHOSEN_RULES), strict=True),
    ids=lambda given: given if isinstance(given, str) else given[0],
)
def test_every_command_that_reads_by_a_rule_reads_by_a_verifiers(
    run: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    rule: str,
    capsys: pytest.CaptureFixture[str],
):
    out = tmp_path / ("page.html" if words[0] == "report" else "out")
    assert isoquant([words[0], str(run), *words[1:], "--rule", rule, "--out", str(out)]) == 0
    assert not capsys.readouterr().err


def test_two_models_compare_by_a_verifier_and_policies_read_by_it(run: Path, capsys: pytest.CaptureFixture[str]):
    assert isoquant(["compare", f"{run}:33k", f"{run}:125k", "--rule", "best_of_n"]) == 0
    assert "best of k by score" in capsys.readouterr().out
    for command, said in (("replay", "what rm reads included"), ("route", "best of k by score")):
        assert isoquant([command, str(run), "--rule", "best_of_n"]) == 0
        assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--scorer", "rm"],
            "Only best_of_n or weighted_vote or filtered_vote uses --scorer. Add --rule best_of_n",
        ),
        (["--rule", "maj_at_k", "--steps", "min"], "uses --steps"),
        (["--rule", "best_of_n", "--filter-share", "0.2"], "Only filtered_vote uses --filter-share"),
        (
            ["--rule", "filtered_vote", "--filter-share", "1"],
            "--filter-share must be at least 0 and below 1; got 1",
        ),
        (["--rule", "best_of_n", "--verdicts", "2"], "rm gave one score an answer, not verdicts"),
        (["--rule", "best_of_n", "--scorer", "other"], "No scorer 'other'"),
    ],
)
def test_options_that_a_rule_does_not_use_are_refused(
    run: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert isoquant(["summary", str(run), *options]) == 2
    assert said in capsys.readouterr().err


def test_runs_that_two_verifiers_scored_do_not_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, scorer, version in (("a", "rm", "1"), ("b", "rm", "2"), ("c", "other", "1"), ("d", "rm", "1")):
        score(
            Made(models=("small",), size=12, is_scored=False).write(tmp_path / name),
            reward,
            scorer=scorer,
            version=version,
        )
    for other in ("b", "c"):
        both = [str(tmp_path / "a"), str(tmp_path / other)]
        assert isoquant(["compare", *both, "--rule", "best_of_n"]) == 2
        assert "scores of two verifiers do not compare" in capsys.readouterr().err
        assert isoquant(["compare", *both]) == 0
    assert isoquant(["compare", str(tmp_path / "a"), str(tmp_path / "d"), "--rule", "best_of_n"]) == 0


def test_the_report_has_a_section_of_the_verifier_where_one_chooses(run: Path, tmp_path: Path):
    for rule, is_there in (("best_of_n", True), ("maj_at_k", False)):
        page = tmp_path / f"{rule}.html"
        assert isoquant(["report", str(run), "--rule", rule, "--out", str(page)]) == 0
        assert ("What is the verifier worth?" in page.read_text()) == is_there


def test_routers_choose_among_cells_that_a_verifier_reads(tmp_path: Path):
    root = score(Made(size=40, is_scored=False).write(tmp_path / "run"), reward)
    assert isoquant(["embed", str(root)]) == 0
    assert isoquant(["route", str(root), "--rule", "best_of_n", "--seeds", "2", "--out", str(tmp_path)]) == 0
