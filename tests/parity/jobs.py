"""A job as the command line composes it, for the tests on real models."""

from pathlib import Path

from hydra import compose, initialize_config_dir

from sweeps.compose import build_job
from sweeps.job import Job
from sweeps.words import complete

CONF = Path(__file__).parents[2] / "conf"


def compose_job(*words: str) -> Job:
    """What `python -m sweeps WORDS` would run; for one model."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return build_job(compose("sweep", complete(list(words))))
