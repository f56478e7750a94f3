"""`isoquant sweep` in small, on the real engine: killed in the middle, carried on, and finished for good.

What finishes it here is the engine of the session; tests/faults finishes by the command that was killed.
"""

import os
from collections import Counter
from pathlib import Path

import psutil
import pytest
from hydra import compose, initialize_config_dir

from isoquant.__main__ import main as analyse
from results import store
from results.names import writer_of
from results.schema import ANSWERS, GRADES, TRACES
from sweeps.compose import build_job
from sweeps.grade import grade_run
from sweeps.job import run_job
from tests import forked
from tests.borrowed import lend
from tests.conftest import RUNG, Running
from tests.faults import runs
from tests.sweeps.launchers.conftest import wait_until

SMALL = [
    "experiment=embedded",
    f"model={RUNG.name}",
    "task.size=6",
    "grid.widths=[1,2,4]",
    "grid.budgets=[0,16,64]",
    "grid.bin_samples=4",
    f"grid.anchor={RUNG.name}",
    # The engine of the other tests holds its share of a GPU until the session ends.
    "engine.gpu_memory_utilization=0.3",
]
NUM_TRACES = 6 * 4 + 6 * 4


def options(root: Path, *overrides: str) -> list[str]:
    replaced = {override.split("=")[0] for override in overrides}
    kept = [word for word in SMALL if word.split("=")[0] not in replaced]
    return [*kept, f"run={root}", *overrides]


def shards(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.glob("*/*.parquet")}


def rows(root: Path, table: store.Table) -> list[tuple]:
    return [tuple(row.values()) for row in store.scan(root, table, columns=table.key).to_pylist()]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, running: Running) -> tuple[Path, dict[str, Counter[str]]]:
    """A run killed with SIGKILL while its model was drawing, then finished; what the kill had left."""
    root = tmp_path_factory.mktemp("runs") / "small"
    sweep = forked.start("sweeps", *options(root, "flush_seconds=0"), files=[Path(os.devnull)] * 2)
    wait_until(lambda: list(root.glob("answers/*.parquet")) or not sweep.is_alive(), seconds=900)
    started = psutil.Process(sweep.pid).children(recursive=True)
    sweep.kill()
    _, alive = psutil.wait_procs(started, timeout=20)
    assert started and not alive, "jobs and their engines end with the sweep that started them"
    left = runs.rows(root)
    with initialize_config_dir(str(Path("conf").resolve()), version_base="1.3"):
        job = build_job(compose("sweep", options(root)))
    run_job(lend(job, running))
    grade_run(root, [job.task])
    return root, left


def test_a_killed_sweep_left_whole_shards_and_less_than_everything(swept: tuple) -> None:
    _, left = swept
    assert 0 < left[TRACES.name].total() < NUM_TRACES


def test_a_finished_run_has_every_row_that_was_left_as_it_was(swept: tuple) -> None:
    root, left = swept
    runs.assert_kept(left, root)


def test_a_finished_run_is_a_shard_a_table_and_writer(swept: tuple) -> None:
    root, _ = swept
    writers = [(path.parent.name, writer_of(path)) for path in shards(root)]
    assert len(set(writers)) == len(writers)


def test_every_row_is_there_once(swept: tuple) -> None:
    root, _ = swept
    for table in (TRACES, ANSWERS, GRADES):
        found = rows(root, table)
        assert len(set(found)) == len(found)
    assert len(rows(root, TRACES)) == NUM_TRACES
    assert len(rows(root, GRADES)) == len(rows(root, ANSWERS))


def test_a_second_time_finds_everything_done_and_loads_no_model(swept: tuple) -> None:
    root, _ = swept
    before = shards(root)
    again = forked.run("sweeps", *options(root))
    assert again.code == 0 and shards(root) == before
    assert again.out.count("no samples to draw") == 1
    assert "samples/s" not in again.err


def test_a_wider_grid_draws_only_what_is_missing(swept: tuple) -> None:
    root, _ = swept
    wider = forked.run("isoquant", "plan", *options(root, "grid.widths=[1,2,4,5]"))
    [row] = [line.split() for line in wider.out.splitlines() if line.startswith(f"{RUNG.name} ")]
    assert row[1:5] == ["9", "of", "12", "6"], wider.out


def test_its_rows_become_a_table_of_what_every_cell_is_made_of(
    swept: tuple, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = swept
    assert analyse(["health", str(root)]) == 0
    cells = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert [cell for cell in cells if cell[-1:] == ["24"]] == [["0", "24"], ["16", "24"], ["64", "24"]]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["experiment=embeded", "model=countdown-33k"], "There is no experiment=embeded; did you mean embedded?"),
        (["model=hf", "model.path=./nowhere"], "No model at './nowhere'"),
        (["grid.budgets=[0,4096]"], "has a context of 320 tokens"),
        (["grid.widths=[0]"], "grid.widths start at 1"),
        (["task.name=countdwn"], "cannot make task 'countdwn'"),
    ],
)
def test_a_mistake_is_told_in_a_line_before_any_weight_is_loaded(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    done = forked.run("sweeps", *options(tmp_path / "run", *overrides))
    assert done.code != 0
    assert message in done.err
    assert "Traceback" not in done.err
