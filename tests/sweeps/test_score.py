"""The scoring pass: every answer once a scorer's version, whatever is asked for later and whenever it stops."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.runs.scored import count_scored
from analysis.text.health import scored
from harness.rendering import load_tokenizer
from harness.scorers.generative import Generative
from harness.scorers.outcome import Outcome
from harness.scorers.pooled import PooledScorer
from harness.scorers.process import Process
from harness.types import EngineFailedError
from isoquant.__main__ import main
from results import store
from results.inspection import inspect
from results.schema import ANSWERS, MODELS, PROMPTS, SCORERS, SCORES, TRACES
from results.travel.packing import pack
from results.travel.union import merge
from results.travel.unpacking import unpack
from sweeps import score as scoring
from sweeps import unscored
from sweeps.identity import name_scores
from sweeps.repair import repair
from sweeps.score import Scored, measure, score_run, version_of
from sweeps.scored_with import prepare_scorers, score_sweep
from tests.harness.heads import write_asked, write_renamed
from tests.scripted_settings import Answering, Scripted, label_of

REFERENCE = Path("results/reference")
EVALUATION = ("evaluation",)
THINKING = {"reads_thinking": True, "open": "<think>", "close": "</think>"}
ENGINE = Scripted(dtype="float32")
KEY = list(ANSWERS.key)
NOTHING = Scored(0, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_renamed(tmp_path_factory.mktemp("scorers") / "reward"))


@pytest.fixture
def reward(checkpoint: str) -> PooledScorer:
    return Outcome(checkpoint, chat=False).prepare(ENGINE)


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    """The first prompts of the reference run."""
    prompt_ids = [f"countdown/{index:05d}" for index in range(6)]
    tables = (TRACES, ANSWERS)
    found = {table.name: store.scan(REFERENCE, table, prompt_ids=prompt_ids).to_pylist() for table in tables}
    return found | {table.name: store.scan(REFERENCE, table).to_pylist() for table in (MODELS, PROMPTS)}


@pytest.fixture
def draw(tmp_path: Path, rows: dict[str, list[dict[str, Any]]]) -> Callable[..., Path]:
    """draw(keep): a run with the reference's rows of these samples appended to it."""
    for table in (MODELS, PROMPTS):
        store.append(tmp_path / "run", table, rows[table.name], writer="m")

    def draw(keep: Callable[[dict[str, Any]], bool] = lambda row: True) -> Path:
        for table in (TRACES, ANSWERS):
            kept = [row for row in rows[table.name] if keep(row)]
            store.append(tmp_path / "run", table, kept, writer="m")
        return tmp_path / "run"

    return draw


def stored(root: Path) -> pd.DataFrame:
    return store.scan(root, SCORES).to_pandas()


def keys(frame: pd.DataFrame, pools: Iterable[str] = EVALUATION) -> Counter[tuple[Any, ...]]:
    budgets = frame["budget"].astype("float64").fillna(-1)
    return Counter(frame.assign(budget=budgets)[frame["pool"].isin(pools)][KEY].itertuples(index=False, name=None))


def answers(root: Path) -> pd.DataFrame:
    return store.scan(root, ANSWERS).to_pandas()


def test_every_answer_is_scored_once_a_natural_one_for_all_its_budgets(
    draw: Callable[..., Path], reward: PooledScorer
) -> None:
    root = draw()
    done = score_run(root, reward, pools=EVALUATION)
    scores = stored(root)
    assert keys(scores) == keys(answers(root)) and max(keys(scores).values()) == 1
    assert done.num_scored == len(scores) and not done.num_refused
    assert scores["score"].notna().all() and scores["budget"].isna().any()
    assert done.num_tokens <= done.num_needed == scores["num_read_tokens"].sum()
    assert inspect(root) == ([], [])


def test_a_score_is_of_what_was_answered(draw: Callable[..., Path], reward: PooledScorer) -> None:
    root = draw()
    score_run(root, reward, pools=EVALUATION)
    texts = {row["prompt_id"]: row["text"] for row in store.scan(root, PROMPTS).to_pylist()}
    tokenizer = load_tokenizer(reward.settings.layout.path)
    both = (
        stored(root)
        .astype({"budget": "float64"})
        .merge(answers(root).astype({"budget": "float64"}), on=KEY, suffixes=("", "_answered"))
    )
    assert len(both) == len(stored(root))
    for row in both.sample(40, random_state=0).to_dict("records"):
        ids = tokenizer.encode(texts[row["prompt_id"]] + row["text_answered"], add_special_tokens=False)
        assert row["score"] == label_of(tuple(ids), 0) and row["num_read_tokens"] == len(ids)


def test_the_thinking_that_is_read_is_what_was_cut(draw: Callable[..., Path], checkpoint: str) -> None:
    root = draw()
    scorer = Outcome(checkpoint, chat=False, **THINKING).prepare(ENGINE)
    score_run(root, scorer, pools=EVALUATION)
    traces = {
        tuple(row[name] for name in TRACES.key[:-1]): row["token_ids"]
        for row in store.scan(root, TRACES).to_pylist()
    }
    prompts = {row["prompt_id"]: row["text"] for row in store.scan(root, PROMPTS).to_pylist()}
    scores = {
        tuple(row[name] for name in KEY): (row["score"], row["num_read_tokens"])
        for row in store.scan(root, SCORES).to_pylist()
    }
    tokenizer = load_tokenizer(checkpoint)
    opened, closed = (tuple(tokenizer.encode(text)) for text in ("<think>", "</think>"))
    num_cut = 0
    for row in store.scan(root, ANSWERS).to_pylist():
        if row["pool"] not in EVALUATION:
            continue
        thought = traces[tuple(row[name] for name in TRACES.key[:-1])][: row["num_thinking_tokens"]]
        thought = thought[:-1] if row["budget"] is None else thought
        num_cut += row["budget"] is not None and len(thought) > 0
        before = (*opened, *thought, *closed) if thought else ()
        ids = (*tokenizer.encode(prompts[row["prompt_id"]]), *before, *tokenizer.encode(row["text"]))
        assert scores[tuple(row[name] for name in KEY)] == (label_of(ids, 0), len(ids))
    assert num_cut > 50


def test_steps_are_stored_with_their_places(draw: Callable[..., Path], tmp_path: Path) -> None:
    path = str(write_renamed(tmp_path / "steps", "Qwen3ForTokenClassification"))
    root = draw(lambda row: row["sample"] == 0)
    score_run(root, Process(path, chat=False, step="+", **THINKING).prepare(ENGINE), pools=EVALUATION)
    for row in store.scan(root, SCORES).to_pylist():
        assert len(row["step_scores"]) == len(row["step_ends"]) >= 1
        assert row["score"] == pytest.approx(row["step_scores"][-1])
        assert row["step_ends"] == sorted(set(row["step_ends"])) and row["step_ends"][-1] <= row["num_read_tokens"]
    assert max(map(len, stored(root)["step_ends"])) > 2


def test_a_second_pass_reads_nothing_and_another_version_reads_all(
    draw: Callable[..., Path], reward: PooledScorer, checkpoint: str
) -> None:
    root = draw(lambda row: row["sample"] < 2)
    first = score_run(root, reward, pools=EVALUATION)
    assert score_run(root, reward, pools=EVALUATION) == NOTHING
    other = Outcome(checkpoint, chat=False, between="=").prepare(ENGINE)
    assert version_of(other) != version_of(reward)
    assert score_run(root, other, pools=EVALUATION).num_scored == first.num_scored
    assert len(stored(root)) == 2 * first.num_scored
    told = store.scan(root, SCORERS).to_pylist()
    assert {row["scorer_version"] for row in told} == {version_of(reward), version_of(other)}
    assert {row["kind"] for row in told} == {"outcome"} and all(row["num_matmul_params"] for row in told)


def test_samples_for_bins_are_read_only_if_asked_for(draw: Callable[..., Path], reward: PooledScorer) -> None:
    root = draw()
    score_run(root, reward, pools=EVALUATION)
    assert set(stored(root)["pool"]) == {"evaluation"}
    score_run(root, reward, pools=("evaluation", "bins"))
    assert keys(stored(root), ("evaluation", "bins")) == keys(answers(root), ("evaluation", "bins"))


GROWN = {
    "more samples": lambda row: row["sample"] < 4,
    "more budgets": lambda row: row.get("budget", 0) in (None, 0, 16),
    "more prompts": lambda row: row["prompt_id"] < "countdown/00003",
    "another model": lambda row: row["identity"] < "7",
}


@pytest.mark.parametrize("asked", GROWN)
def test_asking_for_more_reads_only_what_is_missing(
    asked: str, draw: Callable[..., Path], reward: PooledScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unscored, "BATCH_ROWS", 100)
    is_first = GROWN[asked]
    root = draw(is_first)
    first = score_run(root, reward, pools=EVALUATION)
    shutil.copytree(draw(lambda row: not is_first(row)), anew := tmp_path / "anew")
    for name in (SCORES.name, SCORERS.name, "manifest"):
        shutil.rmtree(anew / name)
    rest = score_run(root, reward, pools=EVALUATION)
    at_once = score_run(anew, reward, pools=EVALUATION)
    assert first.num_scored and rest.num_scored and keys(stored(root)) == keys(stored(anew))
    assert first.num_needed + rest.num_needed == at_once.num_needed
    assert first.num_tokens + rest.num_tokens <= 1.02 * at_once.num_needed


def test_equal_answers_side_by_side_are_read_once_and_charged_each(
    draw: Callable[..., Path], reward: PooledScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unscored, "BATCH_ROWS", 10**6)
    root = draw()
    done = score_run(root, reward, pools=EVALUATION)
    own = answers(root)
    texts = own[own["pool"] == "evaluation"][["prompt_id", "text"]].drop_duplicates()
    once = stored(root).drop_duplicates(["prompt_id", "score"])
    assert len(once) == len(texts) and done.num_tokens == once["num_read_tokens"].sum() < done.num_needed


def hostile(root: Path, texts: Iterable[str | None]) -> None:
    """Append answers of these texts to a run."""
    first = next(row for row in store.scan(root, ANSWERS).to_pylist() if row["pool"] == "evaluation")
    more = [first | {"sample": 1000 + number, "budget": 0, "text": text} for number, text in enumerate(texts)]
    store.append(root, ANSWERS, more, writer="m")


def test_what_is_refused_is_a_row_with_a_reason(draw: Callable[..., Path], reward: PooledScorer) -> None:
    root = draw(lambda row: row["sample"] < 1)
    texts = (None, " ", "1+1" * 400_000, "<|endoftext|>", "Ünïcode", "(1+1)")
    hostile(root, texts)
    done = score_run(root, reward, pools=EVALUATION)
    own = stored(root)
    refused = own[own["sample"] >= 1000].sort_values("sample")
    assert refused["score"].isna().tolist() == [True] * 5 + [False]
    reasons = ["no text", "no text", "tokens with its prompt", "<|endoftext|>", "no token for", None]
    for reason, told in zip(reasons, refused["refusal"], strict=True):
        assert reason in told if reason else pd.isna(told)
    assert done.num_refused == 5 and (refused["num_read_tokens"][:5] == 0).all()
    assert score_run(root, reward, pools=EVALUATION) == NOTHING


def test_refusals_alone_load_no_weights(draw: Callable[..., Path], checkpoint: str) -> None:
    root = draw(lambda row: row["sample"] < 1)
    shutil.rmtree(root / ANSWERS.name)
    answer = dict.fromkeys(ANSWERS.schema.names) | {
        "prompt_id": "countdown/00000",
        "pool": "evaluation",
        "sample": 0,
    }
    identity = store.scan(root, MODELS)["identity"][0].as_py()
    told = {"identity": identity, "num_thinking_tokens": 0, "num_answer_tokens": 1, "forced": True}
    store.append(root, ANSWERS, [answer | told], writer="m")
    scorer = Outcome(checkpoint, chat=False).prepare(replace(ENGINE, seconds_to_start=1e9))
    assert score_run(root, scorer, pools=EVALUATION)[:2] == (0, 1)


def test_answers_that_fail_are_read_by_the_next_pass(draw: Callable[..., Path], checkpoint: str) -> None:
    root = draw(lambda row: row["sample"] < 2)
    frail = Outcome(checkpoint, chat=False).prepare(replace(ENGINE, victim="any", num_sound=20))
    with pytest.raises(EngineFailedError, match="failed; the last reason: scripted refusal"):
        score_run(root, frail, pools=EVALUATION)
    first = stored(root)
    assert 0 < len(first) < len(answers(root))
    score_run(root, Outcome(checkpoint, chat=False).prepare(ENGINE), pools=EVALUATION)
    assert keys(stored(root)) == keys(answers(root)) and max(keys(stored(root)).values()) == 1


def test_a_plan_is_what_is_then_read(draw: Callable[..., Path], reward: PooledScorer) -> None:
    root = draw()
    hostile(root, ["Ünïcode"])
    needed = measure(root, reward, pools=EVALUATION)
    assert not (root / SCORES.name).exists()
    done = score_run(root, reward, pools=EVALUATION)
    assert (done.num_scored + done.num_refused, done.num_refused) == needed[:2]
    assert needed.num_tokens == done.num_needed and needed.longest == stored(root)["num_read_tokens"].max()
    assert measure(root, reward, pools=EVALUATION) == (0, 0, 0, 0)


def test_scores_are_stored_while_others_are_read(
    draw: Callable[..., Path], checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = draw(lambda row: row["sample"] < 2)
    sizes = []
    append = store.append
    monkeypatch.setattr(
        scoring.store, "append", lambda *given, **more: sizes.append(len(given[2])) or append(*given, **more)
    )
    slow = Outcome(checkpoint, chat=False).prepare(replace(ENGINE, max_num_seqs=4, seconds_a_request=0.001))
    score_run(root, slow, pools=EVALUATION, flush_seconds=0)
    assert len(sizes) > 20 and sum(sizes) == len(stored(root)) + 1
    assert len(list((root / SCORES.name).glob("*.parquet"))) == 1, "they are merged at the end"


def test_a_stop_keeps_what_was_scored(draw: Callable[..., Path], checkpoint: str) -> None:
    root = draw(lambda row: row["sample"] < 2)
    slow = Outcome(checkpoint, chat=False).prepare(replace(ENGINE, max_num_seqs=1, seconds_a_request=0.01))
    unread = unscored.Unscored(
        root, scorer=slow.name, version=version_of(slow), pools=EVALUATION, num_verdicts=1, reads_thinking=False
    )
    needed = measure(root, slow, pools=EVALUATION)
    done = scoring._Pass(root, slow, version_of(slow), needed, flush_seconds=60)

    async def stop() -> None:
        working = asyncio.create_task(scoring._score(done, unread))
        await asyncio.sleep(0.3)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(stop())
    assert 0 < len(stored(root)) == done.num_scored < needed.num_scores


def test_two_passes_of_one_scorer_do_not_write_at_once(draw: Callable[..., Path], reward: PooledScorer) -> None:
    root = draw(lambda row: row["sample"] < 1)
    with (
        store.lock(root, name_scores(reward.name, version_of(reward))),
        pytest.raises(store.BusyError, match="Another process"),
    ):
        score_run(root, reward, pools=EVALUATION)


def test_a_trace_that_is_gone_is_told(draw: Callable[..., Path], checkpoint: str) -> None:
    root = draw(lambda row: row["sample"] < 1)
    shutil.rmtree(root / TRACES.name)
    with pytest.raises(ValueError, match="without their traces"):
        score_run(root, Outcome(checkpoint, chat=False, **THINKING).prepare(ENGINE), pools=EVALUATION)


SCRIPTED = ["engine=embedded", "engine._target_=tests.scripted_settings.Scripted"]


def test_the_command_plans_and_scores_and_says_what_it_did(
    draw: Callable[..., Path], checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = draw(lambda row: row["sample"] < 1)
    words = ["score", str(root), "scorer=outcome", f"scorer.path={checkpoint}", "scorer.chat=false", *SCRIPTED]
    assert main([*words, "--plan"]) == 0
    planned = capsys.readouterr().out
    num = sum(keys(answers(root)).values())
    assert f"reward would read {num:,} answers" in planned and "refuse 0" in planned
    assert main(words) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith(f"{num:,} answers scored and 0 refused by reward in {root}; ")
    assert main([*words, "--json"]) == 0
    assert '"num_scored": 0' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Give scorer=NAME"),
        (["scorer=none"], "There is no scorer=none"),
        (["scorer=outcome"], "scorer.path must be given"),
        (["scorer=outcome", "scorer.pth=x"], "scorer.path"),
        (["scorer=generative"], "model.path must be given"),
        (["scorer=generative", "model=qwen3-8b", "scorer.ask=x"], "scorer.ask must hold"),
        (["--cfg"], "There is no option --cfg"),
        (["scorer=outcome", "scorer.path=x", "engine.max_seqs=3"], "engine.max_seqs"),
        (["scorer=outcome", "scorer.path=x", "model=none"], "There is no model=none"),
        (["scorer=outcome", "scorer.path=no/where/at/all"], "No model at"),
        (["scorer=outcome", "scorer.path=x", "pools=[probe]"], "pools must be some of evaluation, bins"),
        (["scorer=outcome", "scorer.path"], "has no value"),
        (["scorer=outcome", "scorer.path=ladder/checkpoints/countdown-33k"], "Qwen3ForCausalLM"),
        (["scorer=outcome", "scorer.path=x", "engine=server", "engine.url=x"], "engine.url must look like"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_words_that_are_wrong_are_told_in_a_line(
    words: list[str], told: str, draw: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = draw(lambda row: row["sample"] < 1)
    assert main(["score", str(root), *words]) == 2
    said = capsys.readouterr().err
    assert told in said and len(said.splitlines()) == 1


def test_scores_of_lost_answers_are_withdrawn_and_made_again(
    draw: Callable[..., Path], reward: PooledScorer, capsys: pytest.CaptureFixture[str]
) -> None:
    root = draw(lambda row: row["sample"] < 2)
    draw(lambda row: row["sample"] == 2)
    score_run(root, reward, pools=EVALUATION)
    before = keys(stored(root))
    lost = sorted((root / ANSWERS.name).glob("*.parquet"))[-1]
    own = store.scan(root, ANSWERS, shards=[lost]).to_pandas()
    lost.write_bytes(b"half of it")
    repair(root)
    assert "scores depend on lost rows" in capsys.readouterr().out
    assert keys(stored(root)) == before - keys(own) == keys(answers(root))
    draw(lambda row: row["sample"] == 2)
    score_run(root, reward, pools=EVALUATION)
    assert keys(stored(root)) == before == keys(answers(root))


def test_a_scored_run_packs_unpacks_and_merges_with_every_score(
    draw: Callable[..., Path], reward: PooledScorer, tmp_path: Path
) -> None:
    root = draw(lambda row: row["sample"] < 2)
    hostile(root, [None])
    score_run(root, reward, pools=EVALUATION)
    pack(root, tmp_path / "a.tar")
    other = unpack(tmp_path / "a.tar", tmp_path / "other").root
    assert keys(stored(other)) == keys(stored(root)) and inspect(other) == ([], [])
    # Its own folder is no part of what a scorer is.
    assert store.scan(other, SCORERS)["scorer_version"].to_pylist() == [version_of(reward)]
    assert score_run(other, reward, pools=EVALUATION) == NOTHING
    draw(lambda row: row["sample"] in (2, 3))
    score_run(root, reward, pools=EVALUATION)
    both = merge(root, other, tmp_path / "both").root
    assert keys(stored(both)) == keys(stored(root)) and store.scan(both, SCORERS).num_rows == 1


def test_health_counts_what_each_scorer_read(draw: Callable[..., Path], reward: PooledScorer) -> None:
    root = draw(lambda row: row["sample"] < 2)
    hostile(root, ["Ünïcode", None])
    score_run(root, reward, pools=EVALUATION)
    scores = stored(root)
    for identity, own in scores.groupby("identity", observed=True):
        counted = count_scored(root, identity).to_dict("records")
        refused = int(own["score"].isna().sum())
        told = {"scorer": "reward", "scorer_version": version_of(reward)}
        assert counted == [told | {"scored": len(own) - refused, "refused": refused}]
        assert scored(count_scored(root, identity))[0].endswith(f"answers and refused {refused}.")
    assert scores["score"].isna().sum() == 2
    embedded = count_scored(REFERENCE, scores["identity"][0])
    assert embedded["scorer"].tolist() == ["verifier-125k", "verifier-33k"] and (embedded["scored"] > 8_000).all()
    assert not len(count_scored(Path("results/real/chain_sum"), scores["identity"][0]))


def sweep_words(root: Path, checkpoint: str, *words: str) -> list[str]:
    told = f"scorers=['outcome scorer.path={checkpoint} scorer.chat=false']"
    return ["experiment=embedded", f"run={root}", told, SCRIPTED[1], *words]


def test_a_sweep_is_scored_by_what_its_config_names(
    draw: Callable[..., Path], checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = draw(lambda row: row["sample"] < 1)
    score_sweep(prepare_scorers([*sweep_words(root, checkpoint)[:2], "scorers=[]"]))
    assert not capsys.readouterr().out and not stored(root).size
    score_sweep(prepare_scorers(sweep_words(root, checkpoint, "hydra/launcher=slurm")))
    told = f"isoquant score {root} scorer=outcome scorer.path={checkpoint} scorer.chat=false"
    assert told in capsys.readouterr().out and not stored(root).size
    score_sweep(prepare_scorers(sweep_words(root, checkpoint)))
    assert "answers scored and 0 refused by reward" in capsys.readouterr().out
    assert keys(stored(root)) == keys(answers(root))


def test_a_scorer_of_other_tasks_reads_none_and_says_so(
    draw: Callable[..., Path], checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = draw(lambda row: row["sample"] < 1)
    told = f"scorers=['outcome scorer.path={checkpoint} scorer.chat=false scorer.tasks=[sums]']"
    score_sweep(prepare_scorers([*sweep_words(root, checkpoint)[:2], told, SCRIPTED[1]]))
    assert not capsys.readouterr().out and not stored(root).size
    for name in ("sums", "count", "countdown-ce810ef5"):
        words = ["scorer=outcome", f"scorer.path={checkpoint}", "scorer.chat=false", f"scorer.tasks=[{name}]"]
        assert main(["score", str(root), *words]) == 2
        assert f"reward knows answers to {name}, and {root} holds countdown-" in capsys.readouterr().err

    def score(*tasks: str) -> Scored:
        return score_run(root, Outcome(checkpoint, chat=False, tasks=tasks).prepare(ENGINE), pools=EVALUATION)

    assert score("sums", "countdown").num_scored == sum(keys(answers(root)).values())
    # The same scores, whatever it was allowed.
    assert score("countdown-ce810ef4") == score() == NOTHING


def test_asking_for_more_verdicts_draws_only_the_rest(draw: Callable[..., Path], tmp_path: Path) -> None:
    path = str(write_asked(tmp_path / "judge"))
    root = draw(lambda row: row["sample"] < 1)

    def score(root: Path, verdicts: int) -> Scored:
        return score_run(
            root, Generative(path, verdicts=verdicts).prepare(Answering(dtype="float32")), pools=EVALUATION
        )

    def drawn(root: Path) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        rows = store.scan(root, SCORES).to_pylist()
        return {
            tuple(row[name] for name in SCORES.key): (row["score"], row["text"], row["refusal"]) for row in rows
        }

    shutil.copytree(root, anew := tmp_path / "anew")
    two, rest = score(root, 2), score(root, 5)
    first = drawn(root)
    five = score(anew, 5)
    num = sum(keys(answers(root)).values())
    assert len(first) == len(stored(root)) == 5 * num and drawn(anew) == first
    assert two.num_needed + rest.num_needed == five.num_needed and score(root, 5) == NOTHING
    assert two.num_tokens + rest.num_tokens == five.num_tokens == five.num_needed
    assert two.num_written + rest.num_written == five.num_written == stored(root)["num_written_tokens"].sum()
    # Verdicts of one answer differ, since each has a seed of its own.
    spread = stored(root).groupby(["prompt_id", "identity", "sample", "budget"], dropna=False, observed=True)[
        "score"
    ]
    assert spread.nunique().max() == 2 and store.scan(root, SCORERS).num_rows == 1
    assert stored(root)["num_written_tokens"].min() > 0


def test_a_scorer_that_cannot_be_used_is_told_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = sweep_words(tmp_path / "run", "no/where/at/all")
    assert main(["sweep", *words]) == 2
    assert "No model at 'no/where/at/all'" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_run_without_texts_is_not_scored(
    draw: Callable[..., Path], checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(draw(lambda row: row["sample"] < 1), tmp_path / "a.tar", text=False)
    bare = unpack(tmp_path / "a.tar", tmp_path / "bare").root
    for more in ([], ["--plan"]):
        words = ["score", str(bare), "scorer=outcome", f"scorer.path={checkpoint}", "scorer.chat=false", *SCRIPTED]
        assert main([*words, *more]) == 2
        assert "packed without texts" in capsys.readouterr().err
