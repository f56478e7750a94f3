"""What a plan says before anything was drawn: from neighbours, else from shapes and a peak, as a range."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analysis.costs import roofline
from harness.checkpoint import read_checkpoint
from results import store
from results.schema import MODELS, THROUGHPUT
from sweeps import devices, rough
from sweeps.devices import GPUS, Peak, find_peak
from sweeps.rough import decode_seconds, guess_rate, guess_startup, read_startups
from tests.conftest import RUNG

HERE = "CPU, 2 cores"


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A job of a rung in an empty run, with no runs beside it."""
    checkpoint = read_checkpoint(RUNG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rough, "HOME", tmp_path)
    monkeypatch.setattr(rough, "REFERENCE", "nowhere")
    monkeypatch.setattr(rough, "describe_device", lambda num_devices: SimpleNamespace(name=HERE))
    engine = SimpleNamespace(num_devices=1, dtype="float32", samples_in_flight=64, cpu_threads=1)
    job = SimpleNamespace(run=tmp_path / "run", engine=engine, is_here=True)
    return SimpleNamespace(job=job, identity="mine", checkpoint=checkpoint, max_model_len=300, num_pending=100)


def draw(root: Path, identity: str, *, rate: float, device: str | None = HERE, **model: Any) -> Path:
    """A run in which a model wrote so many tokens a second."""
    interval = {"identity": identity, "job": "2026-01-01T00:00:30+00:00", "elapsed_seconds": 10.0, "seconds": 10.0}
    store.append(root, THROUGHPUT, [interval | {"num_tokens": int(10 * rate), "device": device}], writer=identity)
    store.append(root, MODELS, [{"identity": identity, "model": identity, "task": "t"} | model], writer=identity)
    return root


def test_another_run_of_the_same_model_comes_first(prepared: Any) -> None:
    digest = prepared.checkpoint.weights_digest
    draw(Path("results/runs/other"), "theirs", rate=1000, weights_digest=digest)
    draw(prepared.job.run, "large", rate=10, num_matmul_params=10**9)
    rate = guess_rate(prepared)
    assert rate == (500, 2000, "the same model's tokens a second in results/runs/other")


def test_what_another_device_wrote_is_no_neighbour(prepared: Any) -> None:
    digest = prepared.checkpoint.weights_digest
    draw(Path("results/runs/other"), "theirs", rate=1000, device="NVIDIA H200", weights_digest=digest)
    rate = guess_rate(prepared)
    assert rate is not None and "peak of this processor" in rate.basis
    # Where a job will start is not known, so neither is what it has to be like.
    prepared.job.is_here = False
    assert guess_rate(prepared) == (500, 2000, "the same model's tokens a second in results/runs/other")


@pytest.mark.parametrize(("times", "low", "high"), [(4, 1000, 4000), (0.25, 250, 1000), (1, 1000, 1000)])
def test_another_model_of_the_run_is_scaled_by_size_at_most(
    prepared: Any, times: float, low: float, high: float
) -> None:
    mine = prepared.checkpoint.architecture.num_matmul_params
    draw(prepared.job.run, "theirs", rate=1000, num_matmul_params=int(mine * times))
    rate = guess_rate(prepared)
    assert rate is not None and "of theirs in this run" in rate.basis
    assert (rate.low * rough.ALIKE, rate.high / rough.ALIKE) == pytest.approx((low, high), rel=0.01)


def test_the_nearest_in_size_is_the_neighbour(prepared: Any) -> None:
    mine = prepared.checkpoint.architecture.num_matmul_params
    for name, times in (("far", 100), ("near", 2), ("tiny", 0.01)):
        draw(prepared.job.run, name, rate=1000, num_matmul_params=int(mine * times))
    assert "of near in this run" in guess_rate(prepared).basis  # type: ignore[union-attr]


def test_a_server_and_another_machine_have_no_peak(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guess_rate(prepared) is not None
    prepared.job.engine.num_devices = 0
    assert guess_rate(prepared) is None
    prepared.job.engine.num_devices, prepared.job.is_here = 1, False
    assert guess_rate(prepared) is None


def test_a_gpu_without_a_known_peak_is_not_guessed(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (devices, rough):
        monkeypatch.setattr(module, "list_gpus", lambda: ["NVIDIA Unheard-of 9000"])
    assert guess_rate(prepared) is None


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA A10", "A10"),
    ],
)
def test_gpus_are_known_by_their_names(name: str, known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_gpus", lambda: [name])
    assert find_peak(num_threads=None) == GPUS[known]


def test_peaks_are_those_of_the_analysis() -> None:
    theirs = {name.removesuffix("-80GB"): gpu for name, gpu in roofline.GPUS.items()}
    assert {name: tuple(peak) for name, peak in GPUS.items()} == {name: tuple(gpu) for name, gpu in theirs.items()}


def test_a_processors_peak_goes_by_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_gpus", list)
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    one, four, many = (find_peak(num_threads=number) for number in (1, 4, 99))
    assert one is not None and four is not None and four.flops == pytest.approx(4 * one.flops) and many == four


def test_a_token_takes_two_operations_a_weight_and_its_share_of_reading_them(prepared: Any) -> None:
    shape = prepared.checkpoint.architecture
    attended = shape.num_layers * 150
    flops = 2 * shape.num_matmul_params + 4 * shape.num_heads * shape.head_dim * attended
    assert decode_seconds(prepared, Peak(1e9, 1e30, "")) == pytest.approx(flops / 1e9)
    num_bytes = 4 * shape.num_params / 64 + 4 * attended * shape.cached_width
    assert decode_seconds(prepared, Peak(1e30, 1e9, "")) == pytest.approx(num_bytes / 1e9)
    prepared.checkpoint = replace(
        prepared.checkpoint, architecture=replace(shape, num_window_layers=shape.num_layers, window=10)
    )
    assert decode_seconds(prepared, Peak(1e30, 1e9, "")) < num_bytes / 1e9


def start(root: Path, identity: str, *times: str) -> None:
    (root / "provenance").mkdir(parents=True, exist_ok=True)
    for number, time in enumerate(times):
        (root / f"provenance/{identity}-{number:03d}.json").write_text(
            json.dumps({"identity": identity, "time": time})
        )


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2026-01-01T00:00:00+00:00"], [30.0]),
        # The last record before a job's first drawing is that job's.
        (["2025-12-31T00:00:00+00:00", "2026-01-01T00:00:10+00:00", "2026-01-01T00:05:00+00:00"], [20.0]),
        (["2025-12-31T00:00:00+00:00"], None),
        (["soon"], None),
        ([], None),
    ],
    ids=str,
)
def test_start_up_is_from_a_jobs_record_to_its_first_drawing(
    tmp_path: Path, times: Sequence[str], expected: list[float] | None
) -> None:
    draw(tmp_path, "mine", rate=1)
    start(tmp_path, "mine", *times)
    assert read_startups(tmp_path).get("mine") == expected


def test_start_up_is_a_neighbours_where_it_is_not_measured_and_else_called_a_guess(prepared: Any) -> None:
    assert guess_startup(prepared).basis.startswith("a guess") and guess_startup(prepared).seconds == 60
    other = draw(Path("results/runs/other"), "theirs", rate=1, weights_digest=prepared.checkpoint.weights_digest)
    start(other, "theirs", "2026-01-01T00:00:05+00:00")
    assert guess_startup(prepared) == (25.0, "that of the same model in results/runs/other")
    draw(prepared.job.run, "large", rate=1)
    start(prepared.job.run, "large", "2026-01-01T00:00:10+00:00")
    assert guess_startup(prepared) == (20.0, "that of other models of this run")
    draw(prepared.job.run, "mine", rate=1)
    start(prepared.job.run, "mine", "2026-01-01T00:00:15+00:00")
    assert guess_startup(prepared) == (15.0, "")
