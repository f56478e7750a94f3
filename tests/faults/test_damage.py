"""Every flipped bit is noticed, whatever it hits; runs of a scripted engine."""

from pathlib import Path

import numpy as np
import pytest

from results import store
from results.names import writer_of
from sweeps.repair import repair, set_damaged_aside
from tests.faults.runs import MODEL, WRITTEN, assert_complete, copy_run, flip_bit, redraw, shards

SEED = 20262488


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the scripted engine."""
    root = tmp_path_factory.mktemp("runs") / "drawn"
    redraw(root, flush_seconds=0.1)
    assert_complete(root, MODEL)
    return root


def test_a_flipped_bit_of_any_shard_is_noticed_set_aside_and_told(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(SEED)
    root = copy_run(drawn, tmp_path / "run")
    found = shards(root)
    assert {path.parts[0] for path in found} >= {"prompts", "models", "cells", "traces", "answers", "grades"}
    for shard, content in found.items():
        where = flip_bit(root / shard, rng)
        assert store.find_damaged(root) == [root / shard], where
        capsys.readouterr()
        set_damaged_aside(root, writer_of(shard))
        said, aside = capsys.readouterr().out, (root / shard).with_suffix(".damaged")
        assert f"{root / shard} is damaged: set aside as {aside.name}" in said, where
        assert shards(root) == {path: kept for path, kept in found.items() if path != shard}
        set_damaged_aside(root, writer_of(shard))
        assert capsys.readouterr().out == "", "what is set aside is told once"
        aside.unlink()
        (root / shard).write_bytes(content)
    for shard in found:
        flip_bit(root / shard, rng)
    capsys.readouterr()
    repair(root)
    said = capsys.readouterr().out
    assert all(f"{root / shard} is damaged: set aside as" in said for shard in found) and not shards(root)
    with capsys.disabled():
        print(f"\n  a bit flipped in each of {len(found)} shards: all noticed, set aside and told")


@pytest.mark.long
@pytest.mark.parametrize("table", WRITTEN)
def test_a_run_with_a_flipped_bit_is_made_whole_with_nothing_twice(
    drawn: Path, tmp_path: Path, table: str
) -> None:
    rng = np.random.default_rng(SEED)
    root = copy_run(drawn, tmp_path / "run")
    shard = rng.choice(sorted(root.glob(f"{table}/*.parquet")))
    flip_bit(shard, rng)
    said = redraw(root)
    assert f"{shard} is damaged: set aside as" in said
    assert_complete(root, MODEL)
