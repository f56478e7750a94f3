"""Rounds of strategies, drawn by a job on a scripted engine: what each node is asked, and what is paid for."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.forms import FORMS
from harness.graphs import Seen
from harness.rendering import Renderer
from harness.traces import Context
from harness.types import EngineFailedError, Grid, Prompt, Request, Sampling, Thinking
from results import store
from results.nodes import NodePool, is_free_text, read_pool
from results.schema import ANSWERS, CELLS, GRADES, STRATEGIES, TRACES
from sweeps.compose import build_graphs
from sweeps.going_on import count_whole, hold_prompts, read_pending
from sweeps.grade import grade_run
from sweeps.graphs import LINE, AskingNodes, free_context, layer_specs
from sweeps.job import run_job
from sweeps.made_with import is_plain, read_made
from sweeps.prepare import prepare
from sweeps.repair import repair
from tests.drawn_rounds import GROUP, REQUESTS, TOKENIZER, draw, make
from tests.faults.runs import flip_bit
from tests.harness.scripted_engine import ScriptedEngine


def rows(root: Path, table: Any = ANSWERS) -> pd.DataFrame:
    found = store.scan(root, table).to_pandas()
    return found.astype({name: object for name in ("prompt_id", "pool") if name in found})


def assert_same(one: Path, other: Path) -> None:
    """Two runs hold the same text, whenever it was drawn."""
    for table in (ANSWERS, TRACES):
        first, second = (
            rows(root, table).drop(columns=["seconds"]).sort_values([*table.key], ignore_index=True)
            for root in (one, other)
        )
        pd.testing.assert_frame_equal(first, second, check_categorical=False)


def written(root: Path) -> int:
    """Tokens of all stored rows."""
    return int(rows(root, TRACES)["num_thinking_tokens"].sum() + rows(root)["num_answer_tokens"].sum())


def paid(requests: list[Request]) -> int:
    """Tokens that a scripted engine wrote for these: every completion is a function of its request."""
    engine = ScriptedEngine(vocab=20, stop_chance=0.1)
    for request in requests:
        asyncio.run(engine.complete(request))
    return engine.num_tokens


class Texts:
    """What serves each budget, looked up row by row: in the first round of a trace that ended in time its own
    answer, else the one that was forced there.
    """

    def __init__(self, root: Path) -> None:
        self.rows = rows(root)

    def of(self, pool: str, prompt_id: str, sample: int, budget: int, most: int) -> str:
        own = self.rows[
            (self.rows["pool"] == pool) & (self.rows["prompt_id"] == prompt_id) & (self.rows["sample"] == sample)
        ]
        natural = own[own["budget"].isna() & (own["num_thinking_tokens"] <= budget)]
        [text] = (natural if len(natural) else own[own["budget"] == budget])["text"]
        return str(TOKENIZER.decode(TOKENIZER.encode(str(text).strip(), add_special_tokens=False)[:most]))


def asked(request: Request) -> str:
    return str(TOKENIZER.decode(list(request.prompt_ids)))


def test_every_round_reads_the_answers_before_it(tmp_path: Path) -> None:
    words = ('strategies=["embedded_revision strategy.remembers=2",embedded_think_twice]', "grid.rounds=[1,4]")
    requests = draw(tmp_path, *words)
    revision, think_twice = make(tmp_path, *words).graphs
    texts, prompts = Texts(tmp_path), {prompt.prompt_id: prompt for prompt in make(tmp_path).task.load()}
    begun = {asked(request) for request in requests}
    for graph, remembered in ((revision, 2), (think_twice, 1)):
        for prompt_id, prompt in prompts.items():
            for sample, budget in np.ndindex(4, 2):
                told: list[str] = []
                for number in range(1, 5):
                    pool = "evaluation"
                    if number > 1:
                        told = told[-remembered:]
                        text = f"{prompt.text}{''.join(f';{each}' for each in told)}<think>"
                        if budget:
                            assert text in begun
                        else:
                            assert any(each.startswith(f"{text}</think>") for each in begun)
                        pool = str(NodePool(graph.name, graph.version, number, "revise", 12 * budget))
                    told = [*told, texts.of(pool, prompt_id, sample, 12 * budget, graph.read_tokens)]


def test_growing_rounds_samples_or_strategies_pays_the_difference(tmp_path: Path) -> None:
    first = draw(tmp_path, "strategy=embedded_think_twice", "grid.rounds=[1,2]", "grid.widths=[2]")
    assert paid(first) == written(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*.parquet")}
    for words in (
        ("strategy=embedded_think_twice", "grid.rounds=[1,4]", "grid.widths=[2]"),
        ("strategy=embedded_think_twice", "grid.rounds=[1,4]", "grid.widths=[4]"),
        ("strategies=[embedded_think_twice,embedded_revision,without_answer]", "grid.rounds=[1,3]"),
    ):
        num_stored = written(tmp_path)
        requests = draw(tmp_path, *words)
        assert requests and paid(requests) == written(tmp_path) - num_stored
        for table in (ANSWERS, TRACES):
            assert not rows(tmp_path, table).duplicated([*table.key]).any()
    assert draw(tmp_path, *words) == []
    samples = rows(tmp_path)
    assert set(samples[samples["pool"] == "evaluation"].groupby("prompt_id")["sample"].nunique()) == {4}
    assert before.keys() - set(tmp_path.glob("*/*.parquet")) or all(
        path.read_bytes() == content for path, content in before.items()
    )


def test_rounds_that_were_stopped_anywhere_are_those_that_were_not(tmp_path: Path) -> None:
    words = ("strategies=[embedded_revision]", "grid.rounds=[1,3]")
    whole = len(draw(tmp_path / "whole", *words, group=True))
    rng = np.random.default_rng(0)
    num_stops = 0
    while True:
        try:
            draw(tmp_path / "often", *words, group=True, fail_after=int(rng.integers(1, whole // 4)))
        except EngineFailedError:
            num_stops += 1
            continue
        break
    assert num_stops > 2
    assert_same(tmp_path / "whole", tmp_path / "often")


def test_a_run_with_a_flipped_bit_in_any_table_of_rounds_is_made_whole(tmp_path: Path) -> None:
    words, rng = ("strategies=[embedded_revision]", "grid.rounds=[1,2]"), np.random.default_rng(0)
    draw(tmp_path / "whole", *words)
    shutil.copytree(tmp_path / "whole", tmp_path / "flipped")
    for table in (STRATEGIES, TRACES, ANSWERS, CELLS):
        shard = rng.choice(sorted(tmp_path.glob(f"flipped/{table.name}/*.parquet")))
        flip_bit(shard, rng)
        repair(tmp_path / "flipped")
        draw(tmp_path / "flipped", *words)
        assert shard.with_suffix(".damaged").exists(), table.name
        assert_same(tmp_path / "whole", tmp_path / "flipped")
        assert rows(tmp_path / "flipped", STRATEGIES).equals(rows(tmp_path / "whole", STRATEGIES))


def test_nodes_of_a_group_read_each_other(tmp_path: Path) -> None:
    requests, graph = draw(tmp_path, "grid.rounds=[1,3]", group=True), GROUP
    texts, begun = Texts(tmp_path), {asked(request) for request in requests}
    budget = 12

    def text(node: str, number: int, prompt: Prompt, sample: int) -> str:
        is_text = node in ("look", "vote")
        pool = str(NodePool("group", graph.version, number, node, budget, is_text)) if node else "evaluation"
        return texts.of(pool, prompt.prompt_id, sample, budget, graph.read_tokens)

    for prompt in make(tmp_path).task.load():
        for group, number in np.ndindex(2, 2):
            number, members, before = number + 2, (2 * group, 2 * group + 1), "again" if number else ""
            looks = [text("look", number, prompt, member) for member in members]
            votes = [text("vote", number, prompt, 3 * group + vote) for vote in range(3)]
            named = [
                [digits for digits in "".join(c if c.isdigit() else " " for c in vote).split()] for vote in votes
            ]
            counts = [sum(each[-1:] == [str(at + 1)] for each in named) for at in range(2)]
            chosen = looks[counts.index(max(counts))]
            agains = [text("again", number, prompt, member) for member in members]
            answers = [text(before, max(number - 1, 1), prompt, member) for member in members]
            for at in range(2):
                assert f"{prompt.text};{answers[at]}<think>" in begun
                assert f"{prompt.text};;{answers[1 - at]};{chosen}<think>" in begun
            assert f"{prompt.text};;{looks[0]};{looks[1]}<think>" in begun
            assert f"{prompt.text};;{agains[0]};{agains[1]}<think>" in begun
    answers = rows(tmp_path)
    assert max(answers[answers["pool"].map(is_free_text)]["num_answer_tokens"]) == 5
    sizes = answers.groupby("pool")["sample"].max()
    nodes = {read_pool(pool).node: size + 1 for pool, size in sizes.items() if read_pool(pool)}  # type: ignore[union-attr]
    assert nodes == {"look": 4, "vote": 6, "again": 4, "end": 2}


def test_free_text_is_not_graded_and_answers_are(tmp_path: Path) -> None:
    draw(tmp_path, "grid.rounds=[1,2]", group=True)
    grade_run(tmp_path, [make(tmp_path).task])
    answers, grades = rows(tmp_path), rows(tmp_path, GRADES)
    assert set(grades["pool"]) == {pool for pool in answers["pool"] if not is_free_text(pool)}
    assert len(grades) == (~answers["pool"].map(is_free_text)).sum()


def test_a_control_shows_answers_that_are_known_to_be_wrong(tmp_path: Path) -> None:
    requests = draw(
        tmp_path, "strategies=[embedded_wrong_answer]", "grid.rounds=[1,2]", "grid.widths=[8]", "task.size=6"
    )
    answers, grades = rows(tmp_path), rows(tmp_path, GRADES)
    assert len(grades)
    told = answers.merge(grades, on=["prompt_id", "pool", "sample", "budget"])
    told = told[told["pool"] == "evaluation"]
    shown = set()
    for prompt in make(tmp_path, "task.size=6").task.load():
        own = {str(text).strip() for text in told[(told["prompt_id"] == prompt.prompt_id)]["text"]}
        wrong = set(
            told[(told["prompt_id"] == prompt.prompt_id) & (told["outcome"] == "wrong")]["text"].str.strip()
        )
        for request in requests:
            text = asked(request).partition("<think>")[0]
            if text.startswith(f"{prompt.text};"):
                seen = text.removeprefix(f"{prompt.text};")
                shown.add(seen in wrong)
                assert seen in wrong or seen not in own
    assert True in shown


def test_which_wrong_answer_is_shown_does_not_hang_on_what_else_is_owed(tmp_path: Path) -> None:
    words = ("strategies=[embedded_wrong_answer]", "grid.rounds=[1,2]", "task.size=12")
    draw(tmp_path, *words)
    prepared = prepare(make(tmp_path, *words))
    [layer] = prepared.layers
    every = [prompt.prompt_id for prompt in prepared.prompts]
    whole, alone = AskingNodes(prepared, layer), AskingNodes(prepared, layer)
    whole.load(every)
    shown = set()
    for at, prompt_id in enumerate(every):
        alone.load([prompt_id])
        for state in layer.states:
            for sample in range(state.spec.num_samples):
                ids = alone.prompt_ids(at, state.spec.pool, sample)
                assert ids is not None and ids == whole.prompt_ids(at, state.spec.pool, sample)
                shown.add(tuple(ids))
    assert len(shown) > len(every)


def test_a_strategy_is_told_and_its_cells_are_declared(tmp_path: Path) -> None:
    words = ("strategies=[without_answer]", "grid.rounds=[1,3]")
    draw(tmp_path, *words, group=True)
    group, alone = make(tmp_path, *words, group=True).graphs
    told = rows(tmp_path, STRATEGIES).set_index("strategy")["strategy_version"].to_dict()
    assert told == {"group": group.version, "without_answer": alone.version}
    grid = make(tmp_path, *words).grid
    pools = {
        spec.pool
        for graph in (group, alone)
        for *_, specs in layer_specs(graph, grid, has_marker=True)
        for spec in specs
    }
    assert set(rows(tmp_path, CELLS)["pool"]) == pools | {"evaluation"}


def test_what_a_model_wrote_can_open_and_close_nothing_in_a_later_prompt(tmp_path: Path) -> None:
    """An answer that is an end of text, or a marker, is made harmless where it is read."""
    words = ("strategy=embedded_think_twice", "grid.rounds=[1,2]")
    draw(tmp_path, *words)
    for path in (tmp_path / "answers").glob("*.parquet"):
        path.unlink()
    job = make(tmp_path / "second", *words)
    REQUESTS.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "harness.budgets._read", lambda context, ids, **_: (ids, "2</think>3<|endoftext|><think>", True)
        )
        run_job(job)
    later = [request for request in REQUESTS if ";" in asked(request).partition("<think>")[0]]
    opened, closed, ended = (
        TOKENIZER.convert_tokens_to_ids(text) for text in ("<think>", "</think>", "<|endoftext|>")
    )
    assert later
    for request in later:
        ids = list(request.prompt_ids)
        assert ids.count(opened) == 1 and ids.count(closed) <= 1 and ended not in ids
        assert ids.index(opened) > ids.index(TOKENIZER.convert_tokens_to_ids(";"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("grid.rounds=[1,2]",), "grid.rounds counts the rounds of a strategy"),
        (("strategy=embedded_think_twice",), r"give grid.rounds=\[1,2\]"),
        (("strategies=[debate]", "grid.rounds=[1,2]", "grid.widths=[2]"), "needs 3 samples at a time"),
        (("strategies=[think_twice,embedded_think_twice]", "grid.rounds=[1,2]"), "the same name"),
        (("strategies=[embedded_dvts]", "grid.rounds=[1,2]"), "is a search"),
        (("strategies=[think_twice]", "grid.rounds=[1,2]"), "no tokens for"),
        (("strategy=embedded_think_twice", "strategy.read_tokens=500", "grid.rounds=[1,2]"), "a context of 320"),
        (("grid.rounds=[0,2]", "strategy=embedded_think_twice"), "grid.rounds start at 1"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_drawn(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        draw(tmp_path, *words)
    assert not REQUESTS and not rows(tmp_path).size


def test_free_text_behind_no_marker_and_in_no_form() -> None:
    [graph] = build_graphs(["reflexion"])
    assert [node.answers for node in graph.nodes] == [False, True]
    assert "{" not in graph.fill(graph.nodes[0], Prompt("p", "1+1", {}), Seen(own=["2"])).text


def test_a_prompt_is_whole_once_its_rounds_are(tmp_path: Path) -> None:
    """More prompts are counted from those of which every round is there."""
    words = ("strategies=[embedded_revision]", "grid.rounds=[1,3]")
    num_requests = len(draw(tmp_path, *words))
    with pytest.raises(EngineFailedError):
        draw(tmp_path, *words, "task.size=6", fail_after=num_requests - 4)
    made = read_made(tmp_path)
    assert set(count_whole(tmp_path, made, hold_prompts(tmp_path, made)).values()) == {6}
    draw(tmp_path, *words, "task.size=6")
    assert set(count_whole(tmp_path, made, hold_prompts(tmp_path, made)).values()) == {6}
    lost = next(path for path in (tmp_path / "answers").glob("*.parquet"))
    table = pd.read_parquet(lost)
    table[~table["pool"].str.contains(":3:")].to_parquet(lost)
    pending = read_pending(tmp_path, made[0], hold_prompts(tmp_path, made)[made[0].identity].prompts)
    assert pending.any()


def test_strategies_of_a_record_are_names_and_plain_settings() -> None:
    for told in ("[think_twice]", "[]", '["revision strategy.remembers=2",debate]'):
        assert is_plain(f"strategies={told}")
    for told in (
        "[none_such]",
        '["revision strategy.scorer=x"]',
        '["revision engine.options={}"]',
        "[../revision]",
    ):
        assert not is_plain(f"strategies={told}")
    assert is_plain("scorers=[]") and not is_plain('scorers=["outcome scorer.path=/x"]')


def test_without_a_marker_free_text_is_written_at_once() -> None:
    """A plain chain of thought has nothing that would set its thinking apart from the text."""
    grid = Grid((4,), (0, 12), rounds=(1, 2))
    for has_marker in (True, False):
        for _, node, specs in layer_specs(GROUP, grid, has_marker=has_marker):
            assert [read_pool(spec.pool).budget for spec in specs] == [0, 12]  # type: ignore[union-attr]
            assert [spec.deepest for spec in specs] == [0, 12 * (has_marker or node.answers)]
    renderer = Renderer(TOKENIZER, Thinking(close=None, force=""), (0,), FORMS["conclusion"])
    free = free_context(Context("i", renderer, Sampling(), until=("Q:",)), 7)
    assert list(free.renderer.force_ids) == TOKENIZER.encode(LINE, add_special_tokens=False)
    assert not free.ends_led
    assert free.sampling.max_answer_tokens == 7 and free.renderer.form.lead == ""
