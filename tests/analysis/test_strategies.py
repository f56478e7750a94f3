"""Rounds and graphs of calls against samples of the same compute, on planted ones: accuracy, cost and changes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.commands import figures
from analysis.commands import strategies as command
from analysis.questions import strategies as question
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.reading.untold import UntoldError
from analysis.runs import graphs, outcomes
from analysis.runs.graphs import Layer, Played
from analysis.runs.strategies import Call
from analysis.text import strategies as words
from harness.graphs import Graph
from isoquant.__main__ import main as isoquant
from results import schema, store
from tests.analysis.conftest import LADDER, write_run
from tests.analysis.planted_graphs import Wrote, by_chance, chain, play, subsets, vote
from tests.analysis.words import faults

NUM_PROMPTS, NUM_SAMPLES = 60, 8
THINK_TWICE, NOTHING, WRONG = "{prompt} {answer}", "{prompt}", "{prompt} {wrong}"
REFLEXION = Graph(
    "reflexion",
    {
        "reflect": {"prompt": "{prompt} {answer}", "text_tokens": 9},
        "aside": {"prompt": "{prompt} {answer}", "text_tokens": 9},
        "again": {"prompt": "{prompt} {reflect}"},
    },
)
DEBATE = Graph("debate", {"again": {"prompt": "{prompt} {others} {answer}"}}, agents=3)
# In the order of their names the nodes would stand the other way round.
MIXTURE = Graph(
    "mixture",
    {"propose": {"prompt": "{prompt} {all}"}, "aggregate": {"by": "one", "prompt": "{prompt} {propose}"}},
    agents=2,
)
TREE = Graph(
    "tree",
    {
        "propose": {"prompt": "{prompt} {thoughts}", "text_tokens": 9},
        "choose": {"prompt": "{propose}", "by": "one", "votes": 3, "chooses": "propose", "text_tokens": 9},
        "conclude": {"prompt": "{prompt} {thoughts}", "by": "one"},
    },
    agents=2,
)
WITHOUT_ROUND_ONE = Graph("deep", {"look": {"prompt": "{prompt}?", "text_tokens": 9}, "end": {"prompt": "{look}"}})


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plain") / "run"
    write_run(root, LADDER[1:2], num_prompts=NUM_PROMPTS, num_samples=NUM_SAMPLES)
    return root


@pytest.fixture
def run(plain: Path, tmp_path: Path) -> Path:
    """A run of samples alone, to write strategies into."""
    return Path(shutil.copytree(plain, tmp_path / "run"))


def reading_of(root: Path, **choices: Any) -> Reading:
    return read(outcomes.load(root), Choices(**choices), rule="maj_at_k")


def played(root: Path, reading: Reading, name: str = "") -> list[Played]:
    return graphs.read(root, reading.outcomes, name).played


def measured(root: Path, **choices: Any) -> question.Found:
    reading = reading_of(root, **choices)
    return question.measure([reading], played(root, reading))


def whole(table: pd.DataFrame, **at: Any) -> pd.DataFrame:
    """The rows of all prompts, of these values."""
    own = table[table["bin"] == "all prompts"]
    for name, value in at.items():
        own = own[own[name] == value]
    return own


def unlike(prompt: int, group: int, call: Call) -> Wrote:
    """Tokens that tell every call from every other, and votes that disagree."""
    number = 30 * call.round + 3 * len(call.node) + call.member
    rng = np.random.default_rng((prompt, group, number))
    vote = ["right", "wrong-1", "wrong-2", "other", None][rng.integers(5)]
    return Wrote(
        vote,
        read=30 + number + 7 * prompt,
        thinking=None if (prompt + number) % 3 == 0 else 11 + number + group,
        answer=3 + call.round,
    )


def test_rounds_that_are_right_more_often_win_and_those_that_read_nothing_do_not(run: Path) -> None:
    play(run, chain(THINK_TWICE, name="better"), by_chance({2: 0.95, 3: 1.0}), rounds=3)
    play(run, chain(THINK_TWICE, name="worse"), by_chance({2: 0.05, 3: 0.0}), rounds=3)
    found = measured(run)
    for number, accuracy in ((2, 0.95), (3, 1.0)):
        [better] = whole(found.strategies, strategy="better", round=number, groups=1).to_dict("records")
        assert better["accuracy"] == pytest.approx(accuracy, abs=0.04) and better["gain_low"] > 0
        [worse] = whole(found.strategies, strategy="worse", round=number, groups=1).to_dict("records")
        assert worse["accuracy"] == pytest.approx(1 - accuracy, abs=0.04) and worse["gain_high"] < 0
        assert better["samples"] == worse["samples"] > 1
    told = words.verdicts(found.strategies)
    assert "better in round 3: more often right" in told[0] and "worse in round 3: less often right" in told[1]
    changes = whole(found.rounds, strategy="better", round=2).iloc[0]
    assert changes["change_low"] > 0 and changes["fixed"] > 0.2 and changes["broken"] < 0.05


def test_a_round_that_reads_nothing_costs_one_answer_and_is_compared_with_one(run: Path) -> None:
    strategy = play(run, chain(NOTHING, name="nothing"), by_chance({2: 0.5, 3: 0.5}, read=14), rounds=3)
    reading = reading_of(run, cost="tokens")
    [each] = [each for each in played(run, reading) if each.at == len(reading.outcomes.budgets) - 1]
    assert strategy.needed(strategy.answers(3)) == (Call(3, "again", 0),)
    found = question.measure([reading], [each]).strategies
    costs = {row["groups"]: row["cost"] for row in whole(found, round=3).to_dict("records")}
    # The prompt is read once, as it is by samples.
    assert costs == {1: 14 + 25, 2: 14 + 2 * 25, 4: 14 + 4 * 25}
    assert whole(found, round=3, groups=1)["samples"].tolist() == [1.0]


@pytest.mark.parametrize("graph", [chain(THINK_TWICE), REFLEXION, DEBATE, MIXTURE, TREE, WITHOUT_ROUND_ONE])
def test_everything_that_answers_depend_on_is_paid_for_under_every_cost_model(run: Path, graph: Graph) -> None:
    play(run, graph, unlike, rounds=3, num_groups=2)
    for reading in reading_of(run).every_cost():
        arm, model = reading.arms[0], reading.cost
        shape, at = arm.rung.shape, len(reading.outcomes.budgets) - 1
        [each] = [each for each in played(run, reading) if each.at == at]
        assert each.num_groups == {1: NUM_SAMPLES // graph.agents, 2: 2, 3: 2}
        decoded = arm.decoded_tokens[at]
        expected = np.zeros((NUM_PROMPTS, 2))
        for prompt, group in np.ndindex(expected.shape):
            for text in TEXTS[graph.name]:
                first = text[0]
                told = unlike(prompt, group, first) if first.round > 1 else Wrote(None, read=14)
                read = np.array([[float(told.read)]])
                expected[prompt, group] += model.prefill(shape, read)[0, 0]
                for call in text:
                    told = unlike(prompt, group, call)
                    written = float(told.written)
                    if call.round == 1:
                        written = float(decoded[prompt, group * graph.agents + call.member])
                    expected[prompt, group] += model.decode(shape, read, np.array([[written]]))[0, 0]
        found = question.measure([reading], [each])
        [row] = whole(found.strategies, round=3, groups=1).to_dict("records")
        assert row["cost"] == pytest.approx(expected.mean()), reading.choices.cost
        if reading.choices.cost == "tokens":
            assert row["tokens"] == pytest.approx(row["cost"])


def calls(number: int, node: str, num: int) -> list[Call]:
    return [Call(number, node, member) for member in range(num)]


# Of two rounds behind the first: each text that is read, and the calls that go on from it.
TEXTS: dict[str, list[list[Call]]] = {
    "chain": [[Call(1, "", 0)], [Call(2, "again", 0)], [Call(3, "again", 0)]],
    "reflexion": [
        [Call(1, "", 0)],
        *([Call(number, node, 0)] for number in (2, 3) for node in ("reflect", "again")),
    ],
    "debate": [calls(1, "", 3), *([call] for number in (2, 3) for call in calls(number, "again", 3))],
    # Both agents read the same answers of all; what was put together in round 2 nobody reads in round 3.
    "mixture": [calls(1, "", 2), calls(2, "propose", 2), calls(3, "propose", 2), [Call(3, "aggregate", 0)]],
    # Nobody reads a sample as it comes, or what was concluded before.
    "tree": [
        *(text for number in (2, 3) for text in (calls(number, "propose", 2), calls(number, "choose", 3))),
        [Call(3, "conclude", 0)],
    ],
    "deep": [[Call(3, "look", 0)], [Call(3, "end", 0)]],
}


def test_what_all_groups_read_alike_is_paid_for_once(run: Path) -> None:
    play(run, WITHOUT_ROUND_ONE, by_chance({2: 0.5}, read=40), num_groups=4)
    found = whole(measured(run, cost="tokens").strategies, budget=256)
    each = 25 + 40 + 25
    assert found.set_index("groups")["cost"].to_dict() == {k: 40 + k * each for k in (1, 2, 4)}


def test_agents_vote_and_of_one_call_for_all_its_answer_counts(run: Path) -> None:
    play(run, DEBATE, unlike, num_groups=2)
    play(run, MIXTURE, unlike, num_groups=4)
    reading = reading_of(run)
    found = question.measure([reading], played(run, reading)).strategies
    for name, agents, node, num in (("debate", 3, "again", 2), ("mixture", 1, "aggregate", 4)):
        for k in (1, 2):
            expected = []
            for prompt in range(NUM_PROMPTS):
                for groups in subsets(num, k):
                    told = [
                        unlike(prompt, group, call).vote for group in groups for call in calls(2, node, agents)
                    ]
                    codes = [-1 if each is None else sorted({*told} - {None}).index(each) for each in told]
                    expected.append(vote(codes, [each == "right" for each in told]))
            [row] = whole(found, strategy=name, groups=k, budget=256).to_dict("records")
            assert row["accuracy"] == pytest.approx(np.mean(expected)), (name, k)


def test_every_split_of_chains_is_read_as_brute_force_reads_it(run: Path) -> None:
    play(run, chain(THINK_TWICE), unlike, rounds=4, num_groups=4)
    reading = reading_of(run, cost="tokens")
    [each] = played(run, reading)
    ratios = whole(question.measure([reading], [each]).ratios)
    assert set(zip(ratios["series"], ratios["parallel"], strict=True)) == {
        *((1, 2), (1, 4), (1, 8), (2, 1), (2, 2), (2, 4), (4, 1), (4, 2), (4, 4))
    }
    first = reading.arms[0].samples
    votes = np.concatenate([each.votes(each.strategy.answers(number), 4) for number in range(1, 5)], axis=-1)
    right = np.concatenate([each.worth(each.strategy.answers(number), 4) for number in range(1, 5)], axis=-1)
    np.testing.assert_array_equal(right[..., 0], first.correct[each.at][:, :4])
    for row in ratios[(ratios["parallel"] <= 4)].to_dict("records"):
        series, parallel = row["series"], row["parallel"]
        num = NUM_SAMPLES if series == 1 else 4
        if series == 1:
            of_all = of_last = first.votes[each.at][..., None], first.correct[each.at][..., None]
        else:
            of_all = votes[..., :series], right[..., :series]
            of_last = votes[..., [series - 1]], right[..., [series - 1]]
        for name, (of, worth) in (("", of_all), ("last_", of_last)):
            expected = [
                vote(of[prompt, chosen].ravel().tolist(), worth[prompt, chosen].ravel().tolist())
                for prompt in range(NUM_PROMPTS)
                for chosen in subsets(num, parallel)
            ]
            assert row[f"{name}accuracy"] == pytest.approx(np.mean(expected)), (series, parallel, name)
        if series > 1:
            beside = ratios[(ratios["series"] == 1) & (ratios["answers"] == row["answers"])]
            known = beside["accuracy"].iloc[0] if len(beside) else np.nan
            assert row["gain"] == pytest.approx(row["accuracy"] - known, nan_ok=True)
            assert row["last_gain"] == pytest.approx(row["last_accuracy"] - known, nan_ok=True)
            spent = [14 + parallel * reading.arms[0].decoded_tokens[each.at][:, :4].mean(axis=1)]
            spent += [
                parallel * np.mean([[told.read + told.written for told in row] for row in unlikes(number)], axis=1)
                for number in range(2, series + 1)
            ]
            assert row["cost"] == row["last_cost"] == pytest.approx(np.sum(spent, axis=0).mean())


def unlikes(number: int) -> list[list[Wrote]]:
    return [
        [unlike(prompt, group, Call(number, "again", 0)) for group in range(4)] for prompt in range(NUM_PROMPTS)
    ]


def test_what_rounds_change_is_counted_answer_by_answer(run: Path) -> None:
    def write(prompt: int, group: int, call: Call) -> Wrote:
        votes = ("right", "wrong-1", "wrong-2")
        return Wrote(votes[(prompt + group + (call.round == 3) * (prompt % 2)) % 3])

    play(run, chain(THINK_TWICE), write, rounds=3)
    play(run, chain(WRONG, name="shown"), by_chance({2: 0.2, 3: 0.2}), rounds=3)
    before, after = (
        [[write(p, g, Call(number, "", 0)).vote for g in range(4)] for p in range(NUM_PROMPTS)]
        for number in (2, 3)
    )
    pairs = list(zip(np.ravel(before), np.ravel(after), strict=True))
    found = measured(run).rounds
    [row] = whole(found, strategy="chain", round=3).to_dict("records")
    assert row["kept"] == pytest.approx(np.mean([one == other for one, other in pairs]))
    assert row["fixed"] == pytest.approx(np.mean([one != "right" == other for one, other in pairs]))
    assert row["broken"] == pytest.approx(np.mean([one == "right" != other for one, other in pairs]))
    assert row["change"] == pytest.approx(row["fixed"] - row["broken"]) and np.isnan(row["anchoring"])
    [shown] = whole(found, strategy="shown", round=3).to_dict("records")
    assert np.isnan(shown["kept"]) and shown["against"] == question.SAMPLES
    arm = reading_of(run).arms[0]
    assert shown["anchoring"] == pytest.approx(shown["accuracy"] - arm.samples.correct[-1].mean())
    play(run, chain(NOTHING, name="nothing"), by_chance({2: 0.7, 3: 0.7}, seed=1), rounds=3)
    [shown] = whole(measured(run).rounds, strategy="shown", round=3).to_dict("records")
    nothing = whole(measured(run).rounds, strategy="nothing", round=3).iloc[0]
    assert shown["against"] == "nothing" and np.isnan(nothing["kept"])
    assert (
        shown["anchoring"] == pytest.approx(shown["accuracy"] - nothing["accuracy"])
        and shown["anchoring_high"] < 0
    )


def test_votes_of_rounds_and_samples_are_told_apart_by_what_they_say(run: Path) -> None:
    """A round that repeats its sample keeps every answer that can be read."""
    grades = store.scan(run, schema.GRADES, identity="125k-identity").to_pylist()
    grades = [row for row in grades if row["pool"] == "evaluation" and row["budget"] in (None, 256)]
    told = {(row["prompt_id"], row["sample"]): row["vote_key"] for row in grades}
    assert len(told) == len(grades) == NUM_PROMPTS * NUM_SAMPLES

    def repeat(prompt: int, group: int, call: Call) -> Wrote:
        return Wrote(told[f"planted/{prompt:04d}", group])

    play(run, chain(THINK_TWICE), repeat, num_groups=NUM_SAMPLES)
    [row] = whole(measured(run).rounds, round=2).to_dict("records")
    assert row["kept"] == pytest.approx(np.mean([key is not None for key in told.values()]))
    assert row["alike"] < row["kept"] < 1


def test_a_strategy_that_costs_more_than_all_samples_is_compared_with_nothing(run: Path) -> None:
    play(run, chain(THINK_TWICE), by_chance({2: 0.9}, answer=5000))
    found = measured(run)
    assert found.strategies["gain"].isna().all() and found.strategies["samples"].isna().all()
    assert found.strategies["accuracy"].notna().all()
    assert "more than were drawn" in words.verdicts(found.strategies)[0]


def test_rounds_that_some_prompts_lack_are_left_out_with_the_reason(run: Path) -> None:
    play(
        run,
        chain(THINK_TWICE),
        by_chance({2: 0.5, 3: 0.5}),
        rounds=3,
        leave_out=lambda p, call: p == 3 and call.round == 3,
    )
    play(run, REFLEXION, by_chance({2: 0.5}), leave_out=lambda p, call: p in (1, 2) and call.node == "aside")
    reading = reading_of(run)
    found = graphs.read(run, reading.outcomes)
    assert [(each.name, each.rounds) for each in found.played] == [("chain", (2,))]
    assert (
        f"Round 3 of chain by 125k at 256 thinking tokens is left out: 1 of {NUM_PROMPTS} prompts"
        in found.notes[0]
    )
    assert (
        f"Round 2 of reflexion by 125k at 256 thinking tokens is left out: 2 of {NUM_PROMPTS} prompts"
        in found.notes[1]
    )


def test_strategies_change_nothing_that_is_read_of_samples(run: Path) -> None:
    before = outcomes.load(run)
    play(run, chain(THINK_TWICE), by_chance({2: 0.9}))
    after = outcomes.load(run)
    np.testing.assert_array_equal(after.arms[0].samples.correct, before.arms[0].samples.correct)
    np.testing.assert_array_equal(after.arms[0].prompt_tokens, before.arms[0].prompt_tokens)


def test_the_command_prints_a_screen_wide_and_stores_what_it_prints(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(run, chain(THINK_TWICE, name="think_twice"), by_chance({2: 0.6, 3: 0.7}), rounds=3)
    play(run, DEBATE, by_chance({2: 0.6}), num_groups=2)
    assert isoquant(["strategies", str(run), "--json", "--out", str(tmp_path / "tables")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"strategies", "rounds", "ratios", "notes", "cautions", "rule"} <= printed.keys()
    assert {"c1", "c2", "c3", "tokens", "samples"} <= {row["cost_model"] for row in printed["strategies"]}
    for name in ("strategies", "rounds", "ratios"):
        assert len(pd.read_csv(tmp_path / "tables" / f"{name}.csv")) == len(printed[name]) > 0
    assert isoquant(["strategies", str(run)]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 120
    assert "125k, debate: 2 rounds, 2 groups of 3 samples a prompt" in said and "2 x 4" in said
    assert isoquant(["strategies", str(run), "--strategy", "debate"]) == 0
    said = capsys.readouterr().out
    assert "debate" in said and "think_twice" not in said and "in series" not in said


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--difficulty", "own"], "no bins of its own"),
        (["--along", "rounds"], "not along rounds"),
        (["--at", "rounds=2"], "Every round is shown"),
        (["--strategy", "thrice"], "choose from chain"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str], asked: list[str], told: str
) -> None:
    play(run, chain(THINK_TWICE), by_chance({2: 0.6}))
    assert isoquant(["strategies", str(run), *asked]) == 2
    assert told in capsys.readouterr().err


def test_a_run_without_rounds_says_how_some_are_drawn(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert isoquant(["strategies", str(run)]) == 2
    assert "strategy=think_twice grid.rounds=[1,2,3]" in capsys.readouterr().err
    reading = reading_of(run)
    assert figures.of_rounds(run, reading) == [] and command.of_run(run, reading) is None


def test_figures_draw_it_and_the_report_has_a_section_where_rounds_were_drawn(run: Path, tmp_path: Path) -> None:
    for name in ("think_twice", "a_strategy_with_a_long_name"):
        play(run, chain(THINK_TWICE, name=name), by_chance({2: 0.6, 3: 0.7, 4: 0.8}), rounds=4)
    reading = reading_of(run)
    (wanted,) = figures.of_rounds(run, reading)
    frame = wanted.frame_of()
    assert wanted.name == "rounds" and faults(wanted.draw(frame)) == []
    assert set(frame["answers"]) == {8} and set(frame["series"]) == {1, 2, 4}
    assert "all prompts" not in set(frame["bin"])
    several = pd.concat([frame, frame.assign(model="a-model-with-a-long-name-instruct-32b")])
    assert faults(wanted.draw(several)) == []
    assert isoquant(["report", str(run), "--out", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "Do rounds beat samples?" in page and "125k, think_twice: 4 rounds, 4 chains a prompt" in page


def test_a_graph_that_is_no_chain_has_no_figure(run: Path) -> None:
    play(run, DEBATE, by_chance({2: 0.6}), num_groups=2)
    (wanted,) = figures.of_rounds(run, reading_of(run))
    with pytest.raises(UntoldError, match="No chain of this run"):
        wanted.frame_of()
    own = reading_of(run, binning=Binning(difficulty="own"))
    assert command.of_run(run, own) is None


@pytest.mark.long
def test_intervals_hold_a_gain_of_nothing_as_often_as_they_say(tmp_path: Path) -> None:
    """A round that reads nothing, drawn anew from what samples are drawn from, on many sets of prompts."""
    num_sets, size = 80, 60
    root, num = tmp_path / "run", num_sets * size
    write_run(root, LADDER[1:2], num_prompts=num, num_samples=4, bin_samples=0)
    hardness = np.random.default_rng(0).normal(size=num)
    chances = 0.98 / (1 + np.exp(-1.4 * (0.8 - hardness)))
    play(root, chain(NOTHING), by_chance({2: chances.tolist()}, read=14), num_groups=2)
    loaded = outcomes.load(root)
    [each] = graphs.read(root, loaded).played
    covered = 0
    for start in range(0, num, size):
        prompts = np.arange(start, start + size)
        part = loaded.take(budgets=np.arange(len(loaded.budgets)), prompts=prompts)
        layers = {at: Layer(*(values[prompts] for values in layer)) for at, layer in each.layers.items()}
        reading = read(part, Choices(cost="samples"), rule="maj_at_k")
        found = question.measure([reading], [replace(each, layers=layers)]).strategies
        row = whole(found, groups=1).iloc[0]
        assert row["samples"] == 1
        covered += row["gain_low"] <= 0 <= row["gain_high"]
    assert covered / num_sets > 0.88
