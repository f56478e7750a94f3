from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures import plan_compute
from analysis.questions import serve
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.text import serve as serve_text
from isoquant.__main__ import main
from tests.analysis import words

TOKENS = {"33k": 1e7, "125k": 2e7, "0.4m": 2e7, "1.1m": 2e7}


@pytest.fixture(scope="module")
def found(ladder_run: Path) -> serve.Workloads:
    return serve.serve(
        read(outcomes.load(ladder_run), Choices(), rule="maj_at_k"),
        target=0.6,
        queries=[1e6, 1e2, 1e9],
        pretraining_tokens=TOKENS,
    )


def test_the_plan_is_the_least_of_the_models_totals(found: serve.Workloads):
    assert found.asked.queries.tolist() == [1e2, 1e6, 1e9]
    for at, q in enumerate(found.asked.queries):
        totals = [
            6 * c.num_params * c.pretraining_tokens + 2 * c.num_params * q * c.serving.by_query[0]
            for c in found.candidates
        ]
        assert found.asked.total_flops.estimate[at] == pytest.approx(min(totals))
        assert found.asked.total_flops.low[at] <= min(totals) <= found.asked.total_flops.high[at]
        assert found.asked.model[at] == int(np.argmin(totals))


def test_more_queries_never_want_a_model_that_is_cheaper_to_train(found: serve.Workloads):
    training = [6 * c.num_params * c.pretraining_tokens for c in found.candidates]
    wanted = [training[model] for model in found.curve.model]
    assert np.all(np.diff(wanted) >= 0) and len(set(wanted)) > 1


def test_the_text_says_what_is_cheapest_with_which_setting_and_where_it_changes(found: serve.Workloads):
    text = serve_text.render(found)
    assert "at 60% accuracy by majority vote: 6ND + 2Nq(P + kT)." in text
    assert len(found.switches) == text.count("Beyond ") > 0
    assert "k = " in text and "for training" in text
    assert "Left out" not in text


def test_a_model_without_pretraining_tokens_is_left_out_and_named(ladder_run: Path):
    some = serve.serve(
        read(outcomes.load(ladder_run), Choices(), rule="pass_at_k"),
        target=0.5,
        queries=[1e3],
        pretraining_tokens={"33k": 1e7, "1.1m": 1e7},
    )
    assert [each.name for each in some.candidates] == ["33k", "1.1m"]
    assert "Left out, because size, tokens or pretraining tokens are not known: 125k, 0.4m." in serve_text.render(
        some
    )


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (
            {"has_prompt_tokens": False},
            "every model lacks a part: 33k the tokens of prompts P; 125k the tokens of",
        ),
        (
            {"has_tokens": False, "has_prompt_tokens": False},
            "33k the tokens of prompts P and the tokens of samples T; .* Ingest them again with what is lacking",
        ),
        ({}, r"pretraining tokens D are not known of any model. Give them as --pretraining-tokens 33k=2e12"),
    ],
)
def test_what_is_lacking_is_named_and_nothing_else(ladder_run: Path, lacking: dict[str, bool], said: str):
    loaded = outcomes.load(ladder_run)
    arms = tuple(replace(arm, rung=replace(arm.rung, **lacking)) for arm in loaded.arms)
    reading = read(replace(loaded, arms=arms), Choices(cost="samples"), rule="maj_at_k")
    given = TOKENS if lacking else {}
    with pytest.raises(ValueError, match=said) as refused:
        serve.serve(reading, target=0.6, queries=[1e3], pretraining_tokens=given)
    assert ("--pretraining-tokens" in str(refused.value)) == (not lacking), "what was given is not asked for"


def test_copies_of_a_prompt_are_no_more_evidence_where_they_are_clustered(copied: outcomes.Outcomes):
    widths = []
    for cluster in (None, "original"):
        found = serve.serve(
            read(copied, Choices(cluster=cluster), rule="pass_at_k"),
            target=0.6,
            queries=[1e6],
            pretraining_tokens=TOKENS,
        )
        _, low, high = found.asked.total_flops
        widths.append(float(high[0] - low[0]))
        assert ("Prompts of one original are resampled together." in serve_text.render(found)) == (
            cluster is not None
        )
    assert widths[1] > 1.4 * widths[0]


def test_the_figure_has_room_for_its_words_and_says_who_never_gets_there(found: serve.Workloads):
    rows = serve.frame(found)
    assert not words.faults(plan_compute.draw(rows))
    hopeless = rows.assign(
        **{name: rows[name].where(rows["model"] != "33k", np.inf) for name in ("total_flops", "low", "high")}
    )
    figure = plan_compute.draw(hopeless)
    assert any("Never: 33k." in text.get_text() for text in figure.texts)


def test_the_command_prints_the_plan_and_draws_it(plant, ladder, capsys: pytest.CaptureFixture[str]):
    root = plant(ladder[:2], num_prompts=20, num_samples=4)
    command = ["serve", str(root), "--target", "0.4", "--queries", "1e4"]
    assert main(command) == 2
    assert "Give them as --pretraining-tokens 33k=2e12" in capsys.readouterr().err
    assert main([*command, "--pretraining-tokens", "33k=1e7", "125k=1e7"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == str(root / "figures" / "plan_compute.png")
    assert main([*command, "--pretraining-tokens", "33k=1e7", "--cluster", "nosuch"]) == 2
    assert "These prompts have no label 'nosuch'" in capsys.readouterr().err
    assert set(pd.read_csv(root / "figures" / "plan_compute.csv")["model"]) == {"33k", "125k"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--target", "60", "--pretraining-tokens", "33k=1e7"], "Write 60% as 0.6"),
        (
            ["--target", "0.6", "--pretraining-tokens", "8b=1e7"],
            "No model 8b in this run; its models are 33k, 125k",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(
    plant, ladder, capsys: pytest.CaptureFixture[str], options: list[str], said: str
):
    root = plant(ladder[:2], num_prompts=6, num_samples=2)
    assert main(["serve", str(root), "--queries", "1e4", *options]) == 2
    assert said in capsys.readouterr().err
