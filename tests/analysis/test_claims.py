"""Claims on planted worlds and on the reference run: verdicts, controls, and the numbers of other commands."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.claims import diversity, per_prompt, regions, suite
from analysis.claims.held import Held
from analysis.commands.claims import STATED
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.report import claims as section_of_claims
from analysis.report.html import escape
from analysis.runs import outcomes
from analysis.stats import affordable, bootstrap
from analysis.stats.frontier import draw_folds
from analysis.stats.verdicts import Region, judge
from analysis.text import claims as words
from analysis.validation import claims as worlds
from isoquant.__main__ import main

REFERENCE = Path("results/reference")
REGIONS = regions.read(yaml.safe_load(STATED.read_text()), suite.CLAIMS)
# A world of these takes a fraction of a second.
QUICK = ("substitution", "width", "rounds")
# Of each kind and claim, in the test that takes hours.
NUM_WORLDS = int(os.environ.get("ISOQUANT_WORLDS", 0))


@pytest.fixture
def few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bootstrap, worlds):
        monkeypatch.setattr(module, "MIN_REPLICATES", 500)


@pytest.fixture(scope="module")
def reading() -> Reading:
    return read(outcomes.load(REFERENCE), Choices(), rule="maj_at_k")


@pytest.fixture(scope="module")
def found(reading: Reading) -> list[suite.Outcome]:
    return suite.test(Held(REFERENCE, reading), REGIONS, suite.choose([]))


@pytest.mark.usefixtures("few_replicates")
@pytest.mark.parametrize("name", QUICK)
def test_verdicts_are_right_in_worlds_where_the_truth_is_known(name: str) -> None:
    checks = worlds.prove(30, name, rng=np.random.default_rng(0))
    assert len(checks) == 8 and [check for check in checks if not check.holds] == []


@pytest.mark.long
@pytest.mark.skipif(not NUM_WORLDS, reason="takes hours: ISOQUANT_WORLDS=400 runs it")
@pytest.mark.parametrize("name", worlds.TESTED)
def test_verdicts_are_right_in_many_worlds_of_each_kind(name: str) -> None:
    checks = worlds.prove(NUM_WORLDS, name, rng=np.random.default_rng(1))
    assert [check for check in checks if not check.holds] == []


@pytest.mark.usefixtures("few_replicates")
@pytest.mark.parametrize("name", worlds.TESTED)
def test_without_its_control_the_artefact_would_be_called_the_claim(name: str) -> None:
    tested, rng = worlds.TESTED[name], np.random.default_rng(2)
    num_prompts = worlds.NUM_PROMPTS.get(name, 400)
    bare, controlled = [], []
    for _ in range(8):
        parts = tested.artefact(num_prompts, 500, rng)
        assert len(parts) > 1
        bare.append(judge([parts[:1]], num_drawn=[num_prompts])[0].verdict)
        controlled.append(judge([parts], num_drawn=[num_prompts])[0].verdict)
    assert bare.count("supported") >= 7 and "supported" not in controlled


def test_planted_regions_are_those_that_are_stated() -> None:
    points = ("substitution", "width", "rounds", "routing")
    assert {region for name in points for region in REGIONS[name].values()} == {worlds.POINT}
    assert set(REGIONS["per_prompt"].values()) == {worlds.SHARE}
    assert set(worlds.TESTED) == set(REGIONS) == {claim.name for claim in suite.WEIGHED}


def test_a_verdict_that_is_wrong_too_often_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of true and false worlds that are mixed up every verdict is wrong.
    tested = worlds.ROUNDS._replace(true=worlds.ROUNDS.false, false=worlds.ROUNDS.true)
    monkeypatch.setattr(bootstrap, "MIN_REPLICATES", 500)
    monkeypatch.setattr(worlds, "MIN_REPLICATES", 500)
    checks = worlds.verdicts(6, tested, num_prompts=400, rng=np.random.default_rng(0))
    assert [check.holds for check in checks[:4]] == [False] * 4


def test_the_best_affordable_cell_is_chosen_where_it_is_not_read() -> None:
    rng = np.random.default_rng(0)
    accuracy, cost = rng.random((400, 3)) * [0.2, 0.4, 1.0], np.tile([1.0, 2.0, 3.0], (400, 1))
    folds, weights = draw_folds(400, rng=rng), np.ones((1, 400))
    for level, best in ((1, 0), (2.5, 1), (3, 2)):
        told = affordable.best(accuracy, cost, level, weights=weights, folds=folds)
        np.testing.assert_allclose(told.of_prompts, accuracy[:, best])
        np.testing.assert_allclose(told.accuracy, accuracy[:, best].mean())
    with pytest.raises(ValueError, match="at most 0.5; the cheapest costs 1"):
        affordable.best(accuracy, cost, 0.5, weights=weights, folds=folds)
    # Of cells that are alike, choosing gains nothing: in the mean over draws it is no better than any of them.
    gains = []
    for _ in range(200):
        noise = rng.random((60, 16))
        told = affordable.best(
            noise, np.ones((60, 16)), 1, weights=np.ones((1, 60)), folds=draw_folds(60, rng=rng)
        )
        gains.append(told.accuracy[0] - 0.5)
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(200)


def test_distinct_answers_halve_where_samples_cost_twice() -> None:
    # Every sample of any model says something else, so that what is distinct is what is paid for.
    votes = np.tile(np.arange(16), (50, 1))
    models = [
        diversity.Answered(
            votes, np.ones(votes.shape, dtype=bool), 2.0**at * np.tile(np.arange(1, 17.0), (50, 1)), 4.0**at
        )
        for at in range(3)
    ]
    found = diversity.slopes(models, weights=np.ones((1, 50)))
    # Half a doubling of cost for each doubling of size, between whole samples too.
    np.testing.assert_allclose([found.any[0], found.right[0]], 0.5)


def test_a_model_that_is_hardly_ever_right_leaves_the_slope_open() -> None:
    votes, spent = np.tile(np.arange(16), (50, 1)), np.tile(np.arange(1, 17.0), (50, 1))
    never, ever = np.zeros(votes.shape, dtype=bool), np.ones(votes.shape, dtype=bool)
    models = [diversity.Answered(votes, each, spent, size) for each, size in ((never, 1.0), (ever, 2.0))]
    weights = bootstrap.prompt_weights(50, num_replicates=2000, rng=np.random.default_rng(0))
    parts = diversity.parts(diversity.slopes(models, weights=weights), models, REGIONS["diversity"])
    assert np.isfinite(parts[1].statistic).all() and parts[1].num_telling == 0
    assert (judge([parts[1:]], num_drawn=[50])[0].reason, parts[0].num_telling) == ("few", 50)


def test_claims_are_judged_together_and_each_has_its_row(found: list[suite.Outcome]) -> None:
    told = [each for each in found if each.judged is not None]
    assert [each.claim.name for each in told] == ["substitution", "width", "per_prompt", "diversity"]
    # Four claims were weighed, so the first step is at a quarter of the error.
    assert min(1 - each.judged.level for each in told if each.judged) == pytest.approx(0.05 / 4)
    table = suite.frame(found)
    assert set(table["claim"]) == set(suite.CLAIMS) and len(suite.CLAIMS) == 17
    weighed = table[table["verdict"] != "not run"]
    assert (weighed["low"] <= weighed["alone_low"]).all() and (weighed["alone_high"] <= weighed["high"]).all()
    assert table.loc[table["verdict"] == "not run", "lacks"].str.len().gt(20).all()


def test_details_are_what_other_commands_print(found: list[suite.Outcome], reading: Reading) -> None:
    from analysis.policies import replays
    from analysis.questions import diversity as of_answers
    from analysis.questions import exchange_rates
    from analysis.runs.texts import whole_prompts

    details = {each.claim.name: each.weighed.details for each in found if each.weighed is not None}
    rates = exchange_rates.measure(reading).exchange_rates
    rates = rates[(rates["rule"] == "maj_at_k") & (rates["large"] == "countdown-1.1m")].reset_index(drop=True)
    pd.testing.assert_frame_equal(details["substitution"], rates)
    pd.testing.assert_frame_equal(
        details["diversity"], of_answers.frame(reading.arms, reading.cost, reading.weights)
    )
    texts = whole_prompts(REFERENCE, reading.asked.task, reading.asked.prompt_ids)
    every = replays.replay(reading, replays.Asked(), texts=texts).policies
    own = every[
        (every["study"] == "allocation") & (every["rule"] == "maj_at_k")
        & every["policy"].isin(details["per_prompt"]["policy"].unique())
    ]  # fmt: skip
    columns = ["policy", "setting", "accuracy", "cost", "gain", "gain_low", "gain_high", "share"]
    pd.testing.assert_frame_equal(details["per_prompt"][columns], own[columns].reset_index(drop=True))
    # And the statistic is the sum of these gains over what the oracle gains there.
    policy = details["per_prompt"][~details["per_prompt"]["policy"].str.startswith(per_prompt.PLACEBO)]
    possible = policy["gain"] / policy["share"]
    [share] = [each.weighed.measures[0].part for each in found if each.weighed and each.claim.name == "per_prompt"]
    assert share.statistic[0] == pytest.approx(policy["gain"].sum() / possible.sum(), rel=0.02)


@pytest.mark.parametrize("options", [[], ["--rule", "pass_at_k", "--claim", "width", "substitution"]])
def test_the_command_prints_plain_sentences_and_json_alike(
    options: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["claims", str(REFERENCE), *options]
    assert main([*command, "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "{" not in text and "nan" not in text
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    for sentence in told["sentences"].values():
        assert " ".join(sentence.split()) in " ".join(text.split())
    rows = pd.read_csv(tmp_path / "claims.csv")
    assert rows["claim"].tolist() == [row["claim"] for row in told["claims"]]
    assert (tmp_path / "substitution.csv").is_file()
    assert ("need not hold for answers that are given" in " ".join(text.split())) == bool(options)


def test_the_report_has_a_section_of_what_the_command_says(found: list[suite.Outcome]) -> None:
    section = section_of_claims.section(found, "results/reference")
    for each in found:
        told = each.claim.name if each.claim.weigh is None else each.lacks or words.sentence(each)
        assert escape(told) in section.body
    assert section.body.count("<tr") == 5


def test_every_claim_is_listed_with_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "--list"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert not [claim.name for claim in suite.CLAIMS.values() if f"Needs {claim.needs}" not in text]


@pytest.fixture
def stated(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "regions.yaml"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": {"gain": [-0.01, 0.01]}}, "The regions of width are gain, by_vote; got gain."),
        (
            {"rounds": {"over_one": [0.1, -0.1], "over_vote": [0, 0]}},
            "rounds.over_one is .low, high., two numbers",
        ),
        ({"diversity": {"any": "x", "right": [0, 0]}}, "diversity.any is .low, high., two numbers"),
        ({"constraints": {"slope": [0, 1]}}, "No claim constraints; choose from"),
    ],
)
def test_a_file_of_regions_that_cannot_be_is_refused(change: dict, message: str) -> None:  # type: ignore[type-arg]
    given = yaml.safe_load(STATED.read_text()) | change
    with pytest.raises(ValueError, match=message):
        regions.read(given, suite.CLAIMS)


def test_other_regions_are_read_from_a_file(stated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = yaml.safe_load(STATED.read_text()) | {"width": {"gain": [-0.5, -0.4], "by_vote": [-0.5, -0.4]}}
    stated.write_text(yaml.safe_dump(given))
    command = ["claims", str(REFERENCE), "--claim", "width", "--json"]
    assert main([*command, "--regions", str(stated)]) == 0
    [row] = json.loads(capsys.readouterr().out)["claims"]
    assert (row["verdict"], row["region_high"]) == ("supported", -0.4)
    assert main(command) == 0
    [row] = json.loads(capsys.readouterr().out)["claims"]
    assert (row["verdict"], row["region_high"]) == ("refuted", 0.01)


@pytest.mark.parametrize(("options", "message"), [(["--claim", "depth"], "No claim 'depth'"), ([], "Name a run")])
def test_what_is_no_claim_or_no_run_is_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", *options]) == 2
    assert message in capsys.readouterr().err


def test_regions_are_ordered_pairs() -> None:
    assert all(
        isinstance(region, Region) and region.low < region.high
        for each in REGIONS.values()
        for region in each.values()
    )
