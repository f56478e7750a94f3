"""A verifier's scores in arrays beside the grades: which answer each serves,
how many become one, what is missing.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.reading import curves
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.runs.outcomes import Outcomes
from analysis.runs.verifiers import Scoring
from isoquant.__main__ import main as isoquant
from results import schema, store
from tests.analysis.planted_scores import score


@pytest.fixture
def run(plant, ladder) -> Path:
    return plant(ladder[:2], num_prompts=12, num_samples=5, bin_samples=2)


def load(root: Path, **scoring: Any) -> Outcomes:
    return outcomes.load(root, scoring=Scoring(**scoring))


def hashed(row: Any, *_: Any) -> dict[str, Any]:
    """A score that follows from the key of the answer alone, so that where it belongs can be seen."""
    budget = 999 if np.isnan(row.budget) else int(row.budget)
    return {"score": int(row.prompt_id[-4:]) + row.sample / 10 + budget / 1e5 - 3}


def test_scores_serve_the_budgets_that_their_answers_serve(run: Path):
    loaded = load(score(run, hashed))
    answers = {
        (row["identity"], row["prompt_id"], row["sample"], row["budget"]): row["num_thinking_tokens"]
        for row in store.scan(run, schema.ANSWERS).to_pylist()
        if row["pool"] == "evaluation"
    }
    for arm in loaded.arms:
        assert arm.is_scored and not arm.scores.refused.any()
        for (b, p, s), found in np.ndenumerate(arm.scores.score):
            key = (arm.rung.identity, loaded.prompt_ids[p], s)
            natural = answers.get((*key, None))
            budget = int(loaded.budgets[b])
            served = 999 if natural is not None and natural <= budget else budget
            assert found == pytest.approx(int(loaded.prompt_ids[p][-4:]) + s / 10 + served / 1e5 - 3)


def test_taking_a_part_of_an_arm_takes_its_scores(run: Path):
    arm = load(score(run, hashed)).arms[0]
    budgets, prompts = np.array([1, 4]), np.array([7, 2, 3])
    part = arm.take(budgets=budgets, prompts=prompts, num_samples=3)
    for name in ("score", "weight", "read_tokens", "known"):
        whole = getattr(arm.scores, name)
        np.testing.assert_array_equal(getattr(part.scores, name), whole[np.ix_(budgets, prompts, np.arange(3))])
    assert part.scores.written_tokens.shape == (2, 3, 3, 1) and part.verifier is arm.verifier
    first, rest = arm.split(2)
    np.testing.assert_array_equal(
        np.concatenate([first.scores.score, rest.scores.score], axis=2), arm.scores.score
    )
    np.testing.assert_array_equal(arm.turned(2).scores.score[:, :, 0], arm.scores.score[:, :, 2])


STEPS = [[0.5, 0.25, 1.0], [0.75], [0.1, 0.9], [1.0, 0.0, 0.5, 0.5]]


def stepped(row: Any, *_: Any) -> dict[str, Any]:
    return {"step_scores": STEPS[row.sample % 4], "score": 7.0 if row.sample == 0 else None}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (None, [7.0, 0.75, 0.9, 0.5, 1.0]),
        ("last", [1.0, 0.75, 0.9, 0.5, 1.0]),
        ("min", [0.25, 0.75, 0.1, 0.0, 0.25]),
        ("product", [0.125, 0.75, 0.09, 0.0, 0.125]),
        ("mean", [1.75 / 3, 0.75, 0.5, 0.5, 1.75 / 3]),
    ],
)
def test_scores_of_steps_become_one_as_asked(run: Path, steps: Any, expected: list[float]):
    arm = load(score(run, stepped, kind="process"), steps=steps).arms[0]
    np.testing.assert_allclose(arm.scores.score, np.broadcast_to(expected, arm.scores.score.shape), rtol=1e-6)


def test_steps_that_were_not_scored_and_products_of_what_is_no_chance_are_refused(run: Path):
    score(run, hashed)
    with pytest.raises(ValueError, match="rm gave no scores of steps; leave out --steps"):
        load(run, steps="min")
    score(run, lambda row, rng: {"step_scores": [2.0, -1.0]}, scorer="prm", kind="process")
    with pytest.raises(ValueError, match="go from -1 to 2, and only chances from 0 to 1 have a product"):
        load(run, scorer="prm", steps="product")
    with pytest.raises(ValueError, match=r"become one by \['last', 'min', 'product', 'mean'\], not by 'first'"):
        load(run, scorer="prm", steps="first")
    assert load(run, scorer="prm", steps="mean").arms[0].scores.score.max() == 0.5


def verdicts(row: Any, rng: np.random.Generator) -> dict[str, Any]:
    return {"score": float(rng.integers(0, 2)), "num_written_tokens": int(rng.integers(5, 50))}


@pytest.mark.parametrize("wanted", [1, 2, 3, None])
def test_the_first_verdicts_are_averaged(run: Path, wanted: int | None):
    score(run, verdicts, kind="generative", num_verdicts=3)
    loaded = load(run, verdicts=wanted)
    rows = store.scan(run, schema.SCORES).to_pandas()
    rows = rows[(rows["identity"] == loaded.arms[0].rung.identity) & rows["verdict"].lt(wanted or 3)]
    at = {budget: place for place, budget in enumerate(loaded.budgets.tolist())}
    for (prompt, sample, budget), part in rows[rows["budget"].notna()].groupby(
        ["prompt_id", "sample", "budget"], observed=True
    ):
        place = at[int(budget)], loaded.prompt_ids.tolist().index(prompt), sample
        assert loaded.arms[0].scores.score[place] == pytest.approx(part["score"].mean())
        written = loaded.arms[0].scores.written_tokens[place]
        assert sorted(written) == sorted(part["num_written_tokens"])
    assert loaded.arms[0].scores.has_tokens


def test_more_verdicts_than_there_are_and_verdicts_of_who_gives_none_are_refused(run: Path):
    score(run, verdicts, kind="generative", num_verdicts=2)
    for wanted in (0, 3):
        with pytest.raises(ValueError, match=f"--verdicts must be 1 to 2, not {wanted}"):
            load(run, verdicts=wanted)
    score(run, hashed, scorer="one")
    with pytest.raises(ValueError, match="one gave one score an answer, not verdicts"):
        load(run, scorer="one", verdicts=1)


def test_as_many_verdicts_are_read_as_every_answer_has(run: Path):
    def some(row: Any, rng: np.random.Generator) -> dict[str, Any] | None:
        some.calls = getattr(some, "calls", 0) + 1
        return None if row.prompt_id.endswith("3") and row.sample == 1 and some.calls % 3 == 0 else {"score": 1.0}

    loaded = load(score(run, some, kind="generative", num_verdicts=3))
    assert loaded.arms[0].verifier.num_verdicts == 2 and all(arm.is_scored for arm in loaded.arms)


def test_a_refused_answer_is_known_and_lowest_and_weighs_nothing(run: Path):
    def give(row: Any, *_: Any) -> dict[str, Any]:
        if row.sample == 2:
            return {"refusal": "too long", "num_read_tokens": None}
        return {"score": float(row.sample) - 1}

    arm = load(score(run, give)).arms[0]
    assert arm.is_scored and arm.scores.has_tokens
    assert arm.scores.refused[:, :, 2].all() and arm.scores.refused.sum() == arm.scores.refused[:, :, 2].sum()
    assert np.all(arm.scores.ranked.argmin(axis=2) == 2) and not arm.scores.weight[:, :, 2].any()
    assert np.all(arm.scores.read_tokens[:, :, 2] == 0)
    everything = load(score(run, lambda row, rng: {"refusal": "no"}, scorer="none"), scorer="none").arms[0]
    assert everything.is_scored and len(np.unique(everything.scores.ranked)) == 1


def test_scores_from_0_to_1_weigh_what_they_are_and_others_the_share_they_are_above(run: Path):
    shares = load(score(run, lambda row, rng: {"score": row.sample / 4}))
    for arm in shares.arms:
        np.testing.assert_array_equal(arm.scores.weight, arm.scores.score)
    score(run, lambda row, rng: {"score": float(rng.normal())}, scorer="reward")
    rewards = load(run, scorer="reward")
    every = np.concatenate([arm.scores.score.ravel() for arm in rewards.arms])
    for arm in rewards.arms:
        below = (every < arm.scores.score[..., None]).mean(axis=-1)
        equal = (every == arm.scores.score[..., None]).mean(axis=-1)
        np.testing.assert_allclose(arm.scores.weight, below + equal / 2)
        assert 0 < arm.scores.weight.min() < arm.scores.weight.max() < 1


def test_a_sample_without_a_score_leaves_its_model_without_and_the_message_says_what_to_run(run: Path):
    score(run, hashed, leave_out=lambda row: row.identity.startswith("33k") and row.sample == 4)
    loaded = load(run)
    assert [arm.is_scored for arm in loaded.arms] == [False, True]
    with pytest.raises(ValueError, match=r"lack some: 33k \(288 of 360\). Run `isoquant score RUN`"):
        read(loaded, Choices(), rule="best_of_n")
    assert curves.rules(loaded.arms) == ("maj_at_k", "pass_at_k")


def test_scores_beyond_the_samples_that_are_read_are_not_needed(run: Path):
    score(run, hashed, leave_out=lambda row: row.sample == 4)
    loaded = load(run)
    part = loaded.arms[0].take(budgets=np.arange(6), prompts=np.arange(12), num_samples=4)
    assert part.is_scored and not loaded.arms[0].is_scored


def test_one_scorer_is_taken_and_several_are_listed(run: Path):
    with pytest.raises(ValueError, match="No verifier has scored answers in .* Run `isoquant score"):
        load(run)
    score(run, hashed, scorer="first")
    assert load(run).arms[0].verifier.name == "first"
    score(run, hashed, scorer="second")
    with pytest.raises(ValueError, match="scores of 2 verifiers; give --scorer with one of first and second"):
        load(run)
    with pytest.raises(ValueError, match="No scorer 'third'"):
        load(run, scorer="third")
    assert load(run, scorer="second").arms[1].verifier.name == "second"


def test_the_version_that_scored_most_is_read_and_of_several_the_last(run: Path):
    score(run, lambda row, rng: {"score": 1.0}, version="old")
    score(run, lambda row, rng: {"score": 2.0}, version="started", leave_out=lambda row: row.sample > 0)
    assert load(run).arms[0].verifier.version == "old"
    score(run, lambda row, rng: {"score": 3.0}, version="whole")
    loaded = load(run)
    assert {arm.verifier.version for arm in loaded.arms} == {"whole"} and np.all(loaded.arms[0].scores.score == 3)


def test_held_out_samples_need_no_scores_and_nothing_changes_where_none_are_asked_for(run: Path):
    plain = outcomes.load(run)
    scored = load(score(run, hashed))
    assert scored.bins.verifier is None and all(arm.verifier is None for arm in plain.arms)
    for one, other in zip(plain.arms, scored.arms, strict=True):
        np.testing.assert_array_equal(one.samples.correct, other.samples.correct)
        np.testing.assert_array_equal(one.samples.votes, other.samples.votes)
    assert read(scored, Choices()).rule == "maj_at_k" and read(scored, Choices()).rules == (
        "maj_at_k",
        "pass_at_k",
    )


def assert_alike(found: Any, expected: Any) -> None:
    """Two dataclasses of arrays are equal, number for number; arms one by one."""
    assert type(found) is type(expected)
    if dataclasses.is_dataclass(expected):
        for field in dataclasses.fields(expected):
            assert_alike(getattr(found, field.name), getattr(expected, field.name))
    elif isinstance(expected, tuple):
        assert len(found) == len(expected)
        for pair in zip(found, expected, strict=True):
            assert_alike(*pair)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("before", [None, "half", "rough"])
@pytest.mark.parametrize("name", ["half", "steps", "rough"])
def test_scores_read_beside_outcomes_are_those_that_are_read_with_them(run: Path, name: str, before: str | None):
    gone = store.scan(run, schema.MODELS)["identity"].to_pylist()[0]
    score(run, hashed, scorer="half", leave_out=lambda row: row.identity == gone)
    score(run, hashed, scorer="half", pool="bins")
    score(run, stepped, scorer="steps", leave_out=lambda row: row.sample == 3)
    score(run, lambda row, rng: {"score": rng.normal()}, scorer="rough", num_verdicts=3, kind="generative")
    loaded = outcomes.load(run, scoring=before and Scoring(before))
    scoring = Scoring(name, steps="min" if name == "steps" else None)
    assert_alike(outcomes.scored(run, loaded, scoring), outcomes.load(run, scoring=scoring))


def test_scores_that_came_with_outcomes_are_read_beside_them_as_well(tmp_path: Path):
    rows = [
        {"model": model, "prompt": f"q{prompt}", "correct": (prompt + sample) % 3 == 0, "r": sample - prompt / 10}
        for model in ("m", "n")
        for prompt in range(6)
        for sample in range(4)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "theirs.csv", index=False)
    mapped = ["--map", "model=model", "prompt=prompt", "correct=correct", "verifier=r"]
    assert isoquant(["ingest", str(tmp_path / "theirs.csv"), str(tmp_path / "run"), *mapped]) == 0
    plain, scored = outcomes.load(tmp_path / "run"), load(tmp_path / "run")
    assert scored.arms[0].is_scored
    assert_alike(outcomes.scored(tmp_path / "run", plain, Scoring()), scored)


def test_scores_that_a_run_has_not_are_missed_beside_its_outcomes(run: Path):
    loaded = outcomes.load(run)
    with pytest.raises(ValueError, match="No verifier has scored"):
        outcomes.scored(run, loaded, Scoring())


def test_a_share_to_drop_must_leave_something(run: Path):
    score(run, hashed)
    for share in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="--filter-share must be at least 0 and below 1"):
            load(run, filter_share=share)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("nothing", [(-np.inf, np.nan, np.inf), (1e308, -1e308, 3.5e38)])
def test_a_score_that_is_no_finite_number_is_a_refused_one(run: Path, nothing: tuple[float, ...]):
    score(run, lambda row, rng: {"score": (*nothing, 1.0, 2.0)[row.sample]}, kind="generator")
    arm = load(run).arms[0]
    assert arm.is_scored and arm.scores.refused[:, :, :3].all() and not arm.scores.refused[:, :, 3:].any()
    assert np.isfinite(arm.scores.ranked).all() and not arm.scores.weight[:, :, :3].any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("steps", ["last", "min", "mean"])
def test_steps_that_come_to_no_finite_number_are_a_refused_score(run: Path, steps: str):
    endless = [[np.inf, -np.inf], [-np.inf, -np.inf], [np.nan, np.nan]]
    score(run, lambda row, rng: {"step_scores": [*endless, [0.5, 1.0], [0.5]][row.sample]})
    arm = load(run, steps=steps).arms[0]
    assert arm.scores.refused[:, :, :3].all() and not arm.scores.refused[:, :, 3:].any()
