"""What a job does around its drawing: prompts that have changed, rows on disk in time, records of what ran."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.engines.vllm import Vllm
from harness.samples import Pending, finish_sample
from harness.tasks.countdown import render_compact
from harness.tasks.reasoning_gym import ReasoningGym
from harness.types import Grid, Model, Prompt, Sampling, Thinking
from isoquant.__main__ import main
from results import store
from results.cuts import along_budgets
from results.schema import MODELS, PROMPTS, TRACES
from sweeps.declare import describe_model, store_prompt
from sweeps.forecast import chosen_settings, missing_anchor
from sweeps.job import Job
from sweeps.prepare import check_name, load_prompts, prepare
from sweeps.provenance import Device, describe_device, write_provenance
from sweeps.recorded import load_tasks
from sweeps.writer import Writer
from tests.bench.workload import COUNTDOWN
from tests.conftest import RUNG
from tests.harness.scripted_engine import ScriptedEngine
from tests.harness.test_samples import CONTEXT, sample_key


@dataclass(frozen=True)
class Sums:
    """A task whose texts another version of its library writes otherwise."""

    size: int
    library: str = ""
    name: str = "sums"

    def load(self) -> list[Prompt]:
        return [Prompt(f"sums/{index:05d}", f"{index}+1={self.library}", {}) for index in range(self.size)]


def prompts_of(root: Path, task: Sums) -> list[Prompt]:
    return load_prompts(cast(Job, SimpleNamespace(run=root, task=task)), "sums-1")


def test_more_prompts_of_a_task_whose_texts_have_changed_are_refused_before_anything_is_drawn(
    tmp_path: Path,
) -> None:
    rows = [store_prompt("sums-1", prompt) for prompt in Sums(4).load()]
    store.append(tmp_path, PROMPTS, rows, writer="sums-1")
    assert prompts_of(tmp_path, Sums(6)) == Sums(6).load()
    assert [prompt.text for prompt in prompts_of(tmp_path, Sums(3, "?"))] == ["0+1=", "1+1=", "2+1="]
    with pytest.raises(
        ValueError, match="of 4 stored prompts 0 are missing and 4 have another text, such as sums/00000"
    ):
        prompts_of(tmp_path, Sums(6, "?"))


def test_the_first_prompts_are_the_tasks_first_though_their_numbers_grow_longer(tmp_path: Path) -> None:
    rows = [
        store_prompt("sums-1", Prompt(f"sums/{index:05d}", "", {}))
        for index in (*range(3), *range(99_999, 100_003))
    ]
    store.append(tmp_path, PROMPTS, rows, writer="sums-1")
    found = [prompt.prompt_id for prompt in prompts_of(tmp_path, Sums(5))]
    assert found == ["sums/00000", "sums/00001", "sums/00002", "sums/99999", "sums/100000"]


def test_rows_that_are_stored_under_another_name_of_the_model_are_not_paid_for_again(tmp_path: Path) -> None:
    store.append(tmp_path, MODELS, [{"identity": "i", "model": "first"}], writer="first")
    job = {
        name: cast(Job, SimpleNamespace(run=tmp_path, model=Model("path", name=name)))
        for name in ("first", "other")
    }
    check_name(job["first"], "i")
    check_name(job["other"], "j")
    with pytest.raises(
        ValueError, match=r"already has these samples under the name first: .* Set model.name=first\."
    ):
        check_name(job["other"], "i")


def test_a_finished_sample_is_on_disk_in_time_although_no_other_ends(tmp_path: Path) -> None:
    async def wait_for_the_next() -> list[int]:
        flushing = asyncio.create_task(writer.keep_flushing())
        writer.add(await finish_sample(ScriptedEngine(), CONTEXT, Pending(sample_key(), along_budgets((0, 8)))))
        stored = [store.scan(tmp_path, TRACES).num_rows]
        await asyncio.sleep(1.5)
        flushing.cancel()
        return [*stored, store.scan(tmp_path, TRACES).num_rows]

    writer = Writer(tmp_path, "m", "i", device=Device("CPU", 1), samples_in_flight=1, flush_seconds=0.5)
    assert asyncio.run(wait_for_the_next()) == [0, 1]


def test_a_record_of_what_ran_never_takes_the_place_of_another(tmp_path: Path) -> None:
    first, second = (write_provenance(tmp_path, "m", {"number": number}) for number in range(2))
    write_provenance(tmp_path, "m-large", {})
    first.unlink()
    third = write_provenance(tmp_path, "m", {"number": 2})
    assert json.loads(second.read_text()) == {"number": 1} and json.loads(third.read_text()) == {"number": 2}


def test_a_server_elsewhere_is_no_device_of_this_machine() -> None:
    assert describe_device(num_devices=0) == Device("a server", 0)
    assert describe_device(num_devices=1).num_devices == 1


def test_a_job_gives_back_what_reading_a_shard_took() -> None:
    said = "import sweeps.start, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "system\n"


def test_a_task_is_graded_as_it_was_last_asked_for(tmp_path: Path) -> None:
    gym = {"_target_": "harness.tasks.reasoning_gym.ReasoningGym", "name": "countdown", "seed": 0, "size": 4}
    for hour, reader in ((2, "read_tagged"), (1, "read_whole")):
        extract = {"_target_": "hydra.utils.get_method", "path": f"harness.tasks.reasoning_gym.{reader}"}
        record = {"time": f"2026-01-01T0{hour}:00:00+00:00", "config": {"task": gym | {"extract": extract}}}
        write_provenance(tmp_path, f"model-{hour}", record)
    tasks: list[Any] = load_tasks(tmp_path)
    assert [task.extract.__name__ for task in tasks] == ["read_whole", "read_tagged"]


def test_an_anchor_that_nobody_draws_is_told(tmp_path: Path) -> None:
    def job(model: str, anchor: str | None) -> Job:
        grid = SimpleNamespace(anchor=anchor)
        return cast(Job, SimpleNamespace(run=tmp_path, grid=grid, model=SimpleNamespace(name=model)))

    assert missing_anchor([job("a", "b"), job("b", "b")]) == missing_anchor([job("a", None)]) == []
    [line] = missing_anchor([job("a", "A"), job("b", "A")])
    assert line.startswith("grid.anchor=A is not one of the models to draw (a, b)")


def test_a_stop_while_grading_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sweeps.commands.grade.find_folder", stop)
    monkeypatch.setattr("results.stopping.end_at_once_when_stopped", lambda: None)
    monkeypatch.setattr("sys.argv", ["isoquant", "grade", "pilot"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 128 + signal.SIGINT
    assert capsys.readouterr().err.startswith("Stopped. What was drawn and graded is kept")


@pytest.fixture
def by_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job whose engine is left to a machine without a GPU."""
    monkeypatch.setattr("shutil.which", lambda name: None)
    return Job(
        run=tmp_path,
        model=RUNG,
        thinking=Thinking(close="</think>", force="</think>"),
        task=ReasoningGym("countdown", seed=0, size=1, params=COUNTDOWN, render=render_compact),
        sampling=Sampling(),
        grid=Grid(widths=(1,), budgets=(0,)),
        engine=Vllm(),
    )


def test_a_dtype_of_auto_is_stored_as_what_it_means_on_this_processor(
    by_the_machine: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    monkeypatch.setattr("harness.engines.cpu.MIN_BFLOAT16_PARAMS", 0)
    for has_bfloat16, dtype in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr("harness.engines.machine.has_bfloat16", lambda has=has_bfloat16: has)
        prepared = prepare(by_the_machine)
        assert prepared.identity_parts["dtype"] == describe_model(prepared)["dtype"] == dtype
        named = replace(by_the_machine, engine=Vllm(dtype=dtype))
        assert prepare(named).identity == prepared.identity
        found[dtype] = prepared.identity
    assert found["bfloat16"] != found["float32"]


def test_what_the_machine_chose_is_told_and_what_was_given_is_not(
    by_the_machine: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engines.machine.count_cores", lambda: 2)
    assert chosen_settings(by_the_machine, prepare(by_the_machine)) == [
        "chosen for this machine: engine.dtype=float32, engine.max_num_seqs=32, engine.enforce_eager=True, "
        "engine.cpu_kv_cache_gib=1, engine.cpu_threads=2"
    ]
    given = Vllm(dtype="float32", max_num_seqs=8, cpu_kv_cache_gib=1, cpu_threads=1, enforce_eager=False)
    job = replace(by_the_machine, engine=given)
    assert chosen_settings(job, prepare(job)) == []
