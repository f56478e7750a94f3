"""Device-seconds a token from a planted log: what cost model c4 charges, and what it says of it."""

from pathlib import Path

import numpy as np
import pytest

from analysis.costs.shapes import PerToken
from analysis.questions import exchange_rates
from analysis.questions.exchange_rates import ALL_PROMPTS
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes, throughput
from results import store
from results.schema import THROUGHPUT
from tests.analysis.conftest import LADDER, identity, write_run

Row = dict[str, object]


def logged(name: str, **columns: object) -> Row:
    row = {
        "identity": name,
        "job": "1",
        "elapsed_seconds": 1.0,
        "seconds": 2.0,
        "num_samples": 1,
        "num_tokens": 100,
    }
    return row | {"device": "H100", "num_devices": 2, "samples_in_flight": 64} | columns


def test_a_log_of_several_jobs_gives_tokens_over_device_seconds(tmp_path: Path) -> None:
    rows = [logged("a"), logged("a", elapsed_seconds=3.0, num_tokens=500, device="L4", num_devices=1)]
    rows += [logged("elsewhere", num_devices=0), logged("old", samples_in_flight=None)]
    store.append(tmp_path, THROUGHPUT, rows, writer="w")
    found = throughput.read(tmp_path)
    assert found["a"].per_token == PerToken(np.inf, 600 / (2 * 2 + 2 * 1))
    assert found["a"].where == "64 samples in flight on H100 or L4"
    assert "unknown number" in found["old"].where
    assert "elsewhere" not in found


def test_a_run_without_a_log_has_no_throughput(tmp_path: Path) -> None:
    assert throughput.read(tmp_path) == {}


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("timed")
    write_run(root, LADDER[:2], num_prompts=40, num_samples=4)
    rows = [logged(identity(rung), num_tokens=400 * (2 - number)) for number, rung in enumerate(LADDER[:2])]
    store.append(root, THROUGHPUT, rows, writer="log")
    return root


def cells(root: Path, **choices: object) -> tuple[exchange_rates.Findings, dict[str, np.ndarray]]:
    found = exchange_rates.measure(read(outcomes.load(root), Choices(cost="c4", **choices)))  # type: ignore[arg-type]
    part = found.curves[(found.curves["path"] == "budget") & (found.curves["bin"] == ALL_PROMPTS)]
    ratio = part["cost"] / (part["total_tokens"] - 14)
    return found, {str(model): rows.to_numpy() for model, rows in ratio.groupby(part["model"])}


def test_measured_seconds_come_from_the_runs_own_log_and_say_so(timed: Path) -> None:
    found, ratio = cells(timed)
    small, large = (rung.name for rung in LADDER[:2])
    np.testing.assert_allclose(ratio[small], 4 / 800)
    np.testing.assert_allclose(ratio[large], 4 / 400)
    assert found.setting.cost_unit == "device-seconds"
    assert "prompts included, 64 samples in flight on H100" in found.setting.cost_label


def test_a_throughput_that_is_given_overrides_the_log(timed: Path) -> None:
    given = {rung.name: PerToken(np.inf, 50.0) for rung in LADDER[:2]}
    found, ratio = cells(timed, throughput=given)
    np.testing.assert_allclose(np.concatenate(list(ratio.values())), 1 / 50)
    assert found.setting.cost_label == "measured throughput"
