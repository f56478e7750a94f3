"""The files of conf/, composed as a command line asks for them. Builds nothing of what they describe."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, _utils

from results.places import HOME
from results.stopping import idle
from sweeps.words import adapt

CONF = HOME / "conf"
# The root config of a sweep.
SWEEP = "sweep"


def admit_launchers() -> None:
    """Have Hydra find our launchers, before its first word: it looks for them once.

    hydra_plugins is a namespace package: ours lies beside the launchers it opens the door to.
    """
    if (launchers := str(Path(__file__).parent / "launchers")) not in sys.path:
        sys.path.append(launchers)


def parse_in_c() -> None:
    """Have OmegaConf parse by libyaml, where PyYAML has it: in Python, files take a third of what composing does."""
    loader: Any = _utils.get_yaml_loader()
    if not yaml.__with_libyaml__ or issubclass(loader, yaml.cyaml.CParser):
        return

    class Loader(yaml.cyaml.CParser, loader):  # type: ignore[misc]
        def __init__(self, stream: str | IO[Any]) -> None:
            yaml.cyaml.CParser.__init__(self, stream)
            yaml.constructor.SafeConstructor.__init__(self)
            yaml.resolver.Resolver.__init__(self)

    _utils.get_yaml_loader = lambda: Loader


def compose(lines: Sequence[str], *, with_hydra: bool = False, root: str = SWEEP) -> DictConfig:
    """The config of these overrides; with what it says of Hydra itself, which `${hydra:...}` is then read from.

    root: the file in conf/ that it begins with.
    """
    admit_launchers()
    parse_in_c()
    with idle(), set_aside(), hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose(root, list(lines), return_hydra_config=with_hydra)
    if with_hydra:
        HydraConfig.instance().set_config(config)
    return config


def compose_words(words: Sequence[str], *, root: str = SWEEP) -> DictConfig:
    """The config of words as a user typed them; raises ValueError where they cannot be composed."""
    try:
        return compose(list(map(adapt, words)), root=root)
    except HydraException as error:
        raise ValueError(str(error)) from error


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Let another config be composed where Hydra runs a job of one: it composes one at a time."""
    running = GlobalHydra.instance()
    held, running.hydra = running.hydra, None
    try:
        yield
    finally:
        running.hydra = held
