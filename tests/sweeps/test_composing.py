"""How often a command line is composed: reading conf/ is most of what a plan takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl

from isoquant.__main__ import main

RUNGS = ("countdown-33k", "countdown-125k")


@pytest.fixture(autouse=True)
def own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra reads the program's words, which are set for it."""
    monkeypatch.setattr("sys.argv", ["isoquant"])


def test_a_plan_composes_each_job_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composed: list[str] = []
    load = ConfigLoaderImpl.load_sweep_config

    def count(self: ConfigLoaderImpl, master_config: Any, sweep_overrides: Sequence[str]) -> Any:
        composed.extend(word for word in sweep_overrides if word.startswith("model="))
        return load(self, master_config, list(sweep_overrides))

    def count_all(self: ConfigLoaderImpl, **asked: Any) -> Any:
        everything.append(asked)
        return load_any(self, **asked)

    everything: list[dict[str, Any]] = []
    load_any = ConfigLoaderImpl.load_configuration
    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", count)
    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", count_all)
    words = ["experiment=embedded", f"model={','.join(RUNGS)}", "task.size=4", f"run={tmp_path}"]
    assert main(["plan", *words]) == 0
    assert composed == [f"model={rung}" for rung in RUNGS]
    # Beside them the words as they were typed, once to see whether they can be and once for what all jobs share.
    assert len(everything) == len(RUNGS) + 2


def test_a_choice_that_a_later_job_lacks_is_told_before_any_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"model={RUNGS[0]}", "experiment=embedded", "grid=embedded,huge", f"run={tmp_path / 'run'}"]
    with pytest.raises(SystemExit, match="2"):
        main(["sweep", *words])
    assert "Could not find 'grid/huge'" in capsys.readouterr().err and not (tmp_path / "run").exists()
