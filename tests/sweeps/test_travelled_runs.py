"""Runs that were merged or unpacked are carried on by sweeps; pooled ones and those without texts are not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.runs import outcomes
from results.closed import POOLED
from results.inspection import inspect
from results.travel.packing import pack
from results.travel.union import merge
from results.travel.unpacking import unpack
from sweeps.going_on import go_on
from tests import forked
from tests.faults.runs import MODEL, SCRIPTED, assert_kept, copy_run, rows

ENGINE = "engine._target_=tests.scripted_settings.Scripted"
WIDER, DEEPER, LARGER = ["grid.widths=[1,4,6]"], ["grid.budgets=[0,16,64,96]"], ["task.size=27"]


def draw(root: Path, *words: str, command: tuple[str, ...] = ()) -> forked.Ended:
    given = {word.partition("=")[0]: word for word in (*SCRIPTED[:-1], f"model={MODEL}", f"run={root}", *words)}
    if command:
        return forked.run("isoquant", *command, *given.values())
    return forked.run("sweeps", *given.values(), "hydra.mode=RUN")


def drawn(root: Path, *words: str) -> Path:
    for ended in (draw(root, *words), forked.run("isoquant", "grade", str(root))):
        assert ended.code == 0, ended.err
    return root


def pending(root: Path, *words: str) -> str:
    """Samples that the plan of a sweep lacks."""
    ended = draw(root, *words, command=("plan",))
    assert ended.code == 0, ended.err
    return next(line.split()[5] for line in ended.out.splitlines() if line.split()[:2] == ["in", "all"])


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield drawn(tmp_path_factory.mktemp("begun") / "begun")


def test_what_two_machines_drew_of_a_copy_is_one_run_that_either_sweep_goes_on_with(
    tmp_path: Path, begun: Path
) -> None:
    first = drawn(copy_run(begun, tmp_path / "first"), *WIDER)
    second = drawn(copy_run(begun, tmp_path / "second"), *DEEPER)
    root = merge(first, second, tmp_path / "merged").root
    assert inspect(root) == ([], [])
    for words in ((), WIDER, DEEPER):
        assert pending(root, *words) == "0"
    before = rows(root)
    # Of the two samples more the budget more, of two prompts more all; and nothing again.
    drawn(root, *WIDER, *DEEPER, *LARGER)
    assert_kept(before, root)
    assert pending(root, *WIDER, *DEEPER, *LARGER) == "0" and inspect(root) == ([], [])
    assert len(outcomes.load(root).prompt_ids) == 27 and outcomes.load(root).num_samples == 6


def test_merged_and_unpacked_runs_are_gone_on_with_by_their_names(tmp_path: Path, begun: Path) -> None:
    second = drawn(copy_run(begun, tmp_path / "second"), *DEEPER)
    merged = merge(begun, second, tmp_path / "merged").root
    pack(merged, tmp_path / "packed.tar")
    for root in (merged, unpack(tmp_path / "packed.tar", tmp_path / "unpacked").root):
        [words] = go_on([str(root), "+task.size=3", "+grid.budgets=[80]", ENGINE])
        assert {*LARGER, "grid.budgets=[0,16,64,80,96]", f"model={MODEL}", f"run={root}"} <= set(words)
        ended = forked.run("isoquant", "plan", str(root), ENGINE)
        assert ended.code == 0 and "as it was made" not in ended.out, ended.err
        assert f"going on with {root}: {ENGINE}" in ended.out


def test_an_unpacked_run_is_carried_on_and_one_without_texts_is_not(tmp_path: Path, begun: Path) -> None:
    for text in (True, False):
        pack(begun, tmp_path / f"{text}.tar", text=text)
    whole = unpack(tmp_path / "True.tar", tmp_path / "whole").root
    drawn(whole, *DEEPER)
    assert pending(whole, *DEEPER) == "0" and inspect(whole) == ([], [])
    bare = unpack(tmp_path / "False.tar", tmp_path / "bare").root
    before = rows(bare)
    for ended in (
        draw(bare, *WIDER),
        draw(bare, *WIDER, command=("plan",)),
        forked.run("isoquant", "grade", str(bare)),
    ):
        assert ended.code and "was packed without texts, so it cannot be graded" in ended.err + ended.out
    assert rows(bare) == before


def test_another_seed_is_pooled_and_its_run_is_drawn_where_it_was(tmp_path: Path, begun: Path) -> None:
    other = drawn(tmp_path / "other", "task.seed=2000000")
    root = merge(begun, other, tmp_path / "pooled").root
    assert inspect(root) == ([], []) and (root / POOLED).exists()
    loaded = outcomes.load(root)
    assert len(loaded.prompt_ids) == 48 and set(loaded.dials["task_seed"].tolist()) == {1000500, 2000000}
    for ended in (draw(root), forked.run("isoquant", "grade", str(root))):
        assert (
            ended.code
            and "was merged from several seeds of a task, and a sweep draws only one" in ended.err + ended.out
        )
