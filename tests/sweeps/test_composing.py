"""How often a command line is composed: reading conf/ is most of what a plan takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import OmegaConf, _utils

from isoquant.__main__ import main
from sweeps.configs import CONF, parse_in_c

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


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
def test_what_libyaml_parses_is_what_omegaconf_parses_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_in_c()
    loader = _utils.get_yaml_loader()
    in_c, in_python = loader.__mro__[1:3]
    assert in_c is yaml.cyaml.CParser and issubclass(in_python, yaml.SafeLoader)
    odd = ("a: [1e-3, 1_000, 0x1f, 010, 1:30, on, ~, .inf, 2024-01-02, '1']", "a: |\n  x\n\nb: >-\n  x\n  y", "")
    texts = [*odd, "a: &k\n  b: ${c}\nd: *k", 'é: "\\u00e9"', *(path.read_text() for path in CONF.rglob("*.yaml"))]
    parsed = [OmegaConf.to_yaml(OmegaConf.create(text)) for text in texts]
    monkeypatch.setattr(_utils, "get_yaml_loader", lambda: in_python)
    assert parsed == [OmegaConf.to_yaml(OmegaConf.create(text)) for text in texts]
    for broken in ("a: 1\na: 2", "a: [1", "? [1]\n: 2"):
        with pytest.raises(yaml.YAMLError):
            yaml.load(broken, Loader=loader)
